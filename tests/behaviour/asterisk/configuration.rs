//! The files of a test's Asterisk: those of deploy/asterisk, and in `etc/` what every Asterisk has before.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;

use crate::service::project;

/// What Candor and Asterisk know each other by.
pub const PASSWORD: &str = "a-password-of-the-tests";
/// What stands in its place in deploy/asterisk.
const PASSWORD_TO_CHANGE: &str = "change-me-to-16-or-more";

/// Where Candor is, as `host:port`.
pub struct Places {
    pub http: String,
    pub audio_socket: String,
    /// Empty: Candor takes whoever is on this machine.
    pub password: &'static str,
    /// Where Asterisk takes orders by AMI and ARI; any ports that are free, if left out.
    pub orders: Option<(u16, u16)>,
}

/// The ports of a test's Asterisk.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub manager: u16,
    pub manager_tls: u16,
    pub http: u16,
    pub https: u16,
    pub sip: u16,
}

/// Writes the folder of an Asterisk.
pub(super) fn write(folder: &Path, installed: &Path, candor: &Places, telephones: &str) -> Ports {
    for name in ["etc", "lib", "spool/monitor", "spool/recording", "run", "log", "heard"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    let ports = Ports {
        manager: candor.orders.map_or_else(free_tcp, |(manager, _)| manager),
        manager_tls: free_tcp(),
        http: candor.orders.map_or_else(free_tcp, |(_, http)| http),
        https: free_tcp(),
        sip: free_udp(),
    };
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("etc/certificate.pem"), signed.cert.pem()).unwrap();
    std::fs::write(folder.join("etc/key.pem"), signed.signing_key.serialize_pem()).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let replaced = [
        ("FOLDER/", format!("{}/", text(folder))),
        ("ASTERISK/", format!("{}/", text(installed))),
        ("${HEARD_FOLDER}", text(&folder.join("heard"))),
        ("${TELEPHONES}", telephones.to_owned()),
        ("MANAGER_TLS_PORT", ports.manager_tls.to_string()),
        ("MANAGER_PORT", ports.manager.to_string()),
        ("HTTPS_PORT", ports.https.to_string()),
        ("SIP_PORT", ports.sip.to_string()),
    ];
    copy(&project("tests/behaviour/asterisk/etc"), folder, &replaced);
    let replaced = [
        ("127.0.0.1:8080", candor.http.clone()),
        ("127.0.0.1:9092", candor.audio_socket.clone()),
        ("bindport = 8088", format!("bindport = {}", ports.http)),
        (PASSWORD_TO_CHANGE, candor.password.to_owned()),
    ];
    copy(&project("deploy/asterisk"), folder, &replaced);
    ports
}

/// Copies the configuration files of a folder.
fn copy(from: &Path, folder: &Path, replaced: &[(&str, String)]) {
    for entry in std::fs::read_dir(from).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "conf") {
            let text = std::fs::read_to_string(&file).unwrap();
            let text = replaced.iter().fold(text, |text, (from, to)| text.replace(from, to));
            std::fs::write(folder.join("etc").join(file.file_name().unwrap()), text).unwrap();
        }
    }
}

fn free_tcp() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn free_udp() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
