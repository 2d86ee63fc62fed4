//! A caller whose network lets nothing through but a TURN server: coturn, with the time-limited credentials that the server gives out.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::by_webrtc::{free_udp, line};
use crate::independent_peer::Peer;

const SECRET: &str = "what the two servers share";

/// A running coturn. It is killed when this is dropped.
struct Turn {
    process: Child,
    port: u16,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts coturn on this machine alone; nothing, and why, where there is none.
async fn coturn(folder: &Path) -> Option<Turn> {
    let port = free_udp().port();
    let mut command = Command::new("turnserver");
    command.current_dir(folder).args(["-n", "--use-auth-secret", "--static-auth-secret", SECRET, "--realm", "test"]);
    command.args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--listening-port", &port.to_string()]);
    command.args(["--no-tls", "--no-dtls", "--no-cli", "--allow-loopback-peers", "--log-file", "stdout"]);
    command.args(["--pidfile", folder.join("turn.pid").to_str().unwrap(), "--userdb", folder.join("turn.db").to_str().unwrap()]);
    let Ok(process) = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        eprintln!("skipped: there is no turnserver (Debian: coturn)");
        return None;
    };
    let mut turn = Turn { process, port };
    let deadline = Instant::now() + Duration::from_secs(20);
    while !answers(port) {
        let ended = turn.process.try_wait().unwrap();
        assert!(ended.is_none() && Instant::now() < deadline, "coturn does not start: {ended:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Some(turn)
}

/// Whether a binding request (RFC 8489) is answered over UDP, which coturn opens after TCP.
fn answers(port: u16) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], b"is it there?"].concat();
    socket.send_to(&request, ("127.0.0.1", port)).unwrap();
    let mut answer = [0; 512];
    socket.recv_from(&mut answer).is_ok() && answer[..2] == [1, 1]
}

/// The ICE servers of an answer's `Link` headers (RFC 9725, section 4.6).
fn ice_servers(answered: &Value) -> Vec<Value> {
    let links = answered["links"].as_array().unwrap().iter().map(|link| link.as_str().unwrap());
    let servers = links.filter(|link| link.contains("rel=\"ice-server\"")).map(|link| {
        let (url, parameters) = link.strip_prefix('<').and_then(|link| link.split_once('>')).expect("a link");
        let parameter = |name: &str| {
            let begin = parameters.find(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in {link}")) + name.len() + 2;
            parameters[begin..].split('"').next().unwrap().to_owned()
        };
        assert_eq!(parameter("credential-type"), "password");
        json!({"urls": url, "username": parameter("username"), "credential": parameter("credential")})
    });
    servers.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_behind_a_turn_server_hears_and_is_heard_and_needs_the_credentials_of_the_day() {
    let folder = tempfile::tempdir().unwrap();
    let Some(turn) = coturn(folder.path()).await else { return };
    let url = format!("turn:127.0.0.1:{}?transport=udp", turn.port);
    let setting = format!("[{{urls=[\"{url}\"],shared_secret=\"{SECRET}\"}}]");
    let service = line().with("WEBRTC__TURN", &setting).start();
    let Some(peer) = Peer::of(&service.base).await else { return };

    let direct = peer.call("direct").await;
    let servers = ice_servers(&direct.event("answered", |_| true).await);
    assert_eq!(servers.len(), 1, "{servers:?}");
    assert_eq!(servers[0]["urls"], url);
    direct.hang_up("close").await;

    let relayed = peer.call_with("relayed", json!({"ice-servers": servers, "relay-only": true})).await;
    let offered = relayed.event("offered", |_| true).await;
    assert_eq!(offered["candidates"], json!(["relay"]), "{offered}");
    relayed.asked().await;
    relayed.button("no").await;
    relayed.heard_line("consent-refused").await;
    let heard = relayed.measure(None, &[]).await;
    assert!(heard["sounding"].as_f64() > Some(3.0), "{heard:#}");
    relayed.hang_up("delete").await;
    let events = service.closed_of(&relayed.session().await).await;
    assert_eq!(events.last().unwrap()["outcome"], "caller-hung-up");

    // Credentials that nobody gave out open nothing.
    let mut forged = servers.clone();
    forged[0]["credential"] = "of my own making".into();
    let stranger = peer.try_call("stranger", json!({"ice-servers": forged, "relay-only": true})).await;
    let refused = |events: &[&Value]| events.iter().any(|event| event["event"] == "offered").then_some(());
    stranger.until("offer", refused).await;
    assert_eq!(stranger.event("offered", |_| true).await["candidates"], json!([]));
}
