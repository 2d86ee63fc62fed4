//! Peers that never answer a mark, send garbage as fast as they can, or come in by the thousand and say nothing: other calls do not notice.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::by_key::{Prompts, answer, next_prompt_sounds, opening_hours_and_goodbye, ring};
use crate::faults_disk::{hears, patient};
use crate::http::{address, count};
use crate::phone::{Desk, EndedBy, MarkAnswers};
use crate::service::{Service, of_type};

const TALKS: Desk = Desk::Answers { after: Duration::from_millis(300), talks: Duration::from_millis(100) };

/// Somebody calls in the middle of it, and notices nothing.
async fn a_caller_notices_nothing(service: &Service) {
    let (call, session) = ring(service, service.caller()).await;
    answer(&call, "1").await;
    opening_hours_and_goodbye(&call).await;
    let outcome = call.outcome().await;
    assert_eq!((outcome.violations, outcome.ended_by), (vec![], EndedBy::Server));
    let events = service.closed_of(&session).await;
    assert_eq!(of_type(&events, "turn.sealed").len(), 3);
}

fn resident_kb(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// A connection from this address of the machine.
async fn connect_from(service: &Service, from: Ipv4Addr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    socket.connect(address(service).parse().unwrap()).await.ok()
}

async fn stream_from(service: &Service, from: Ipv4Addr) -> Option<WebSocketStream<TcpStream>> {
    let socket = connect_from(service, from).await?;
    client_async(format!("ws://{}/twilio", address(service)), socket).await.ok().map(|(socket, _)| socket)
}

#[tokio::test]
async fn who_never_answers_a_mark_is_not_recorded_and_served_all_the_same() {
    let service = patient().with("SESSION__EVIDENCE_MS", "1000").start();
    let prompts = Prompts::of_the_webshop().await;
    for _ in 0..2 {
        let (call, session) = ring(&service, service.caller().mark_answers(MarkAnswers::Never).desk(TALKS)).await;
        hears(&call, &prompts, "not-informed").await;
        hears(&call, &prompts, "how-can-i-help").await;
        call.press("3").await.unwrap();
        hears(&call, &prompts, "we-are-open").await;
        call.press("0").await.unwrap();
        let outcome = call.outcome().await;
        assert_eq!(outcome.verbs_named("Enqueue").len(), 1, "{:?}", outcome.verbs);
        let events = service.closed_of(&session).await;
        assert!(of_type(&events, "recorder.started").is_empty() && of_type(&events, "question").is_empty());
    }
    assert!(service.sealed_turns().is_empty());
    assert!(count(&service, "candor_marks_missing_total").await >= 4.0);
    let told = service.complaints("the phone system does not report what it has played");
    assert_eq!(told.len(), 1, "{told:#?}");
}

/// Sends as fast as it can until the other side has had enough of it; then again, for so long.
async fn garbage(service: &Service, message: impl Fn(u64) -> Message, until: Instant) -> u64 {
    let mut closed = 0;
    while Instant::now() < until {
        let Some(mut socket) = stream_from(service, Ipv4Addr::new(127, 0, 0, 2)).await else { continue };
        let mut number = 0;
        while socket.feed(message(number)).await.is_ok() && Instant::now() < until {
            number += 1;
        }
        closed += 1;
    }
    closed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_at_full_speed_is_cut_off_and_nobody_else_notices() {
    let service = patient().start();
    a_caller_notices_nothing(&service).await;
    let before = resident_kb(&service);
    let until = Instant::now() + Duration::from_secs(12);
    let connected = json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}).to_string();
    // Text that is no message, bytes, messages without an end, and what begins well and goes on for ever.
    let well =
        move |number: u64| Message::text(if number == 0 { connected.clone() } else { "{\"event\":\"novelty\"}".to_owned() });
    let port =
        service.log().lines().find_map(|line| line.split("browsers' calls: UDP and TCP address=").nth(1).map(str::to_owned));
    let media: SocketAddr = port.expect("the media port is in the log").trim().parse().unwrap();
    let datagrams = async {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        while Instant::now() < until {
            let _ = socket.send_to(&[0x81; 600], media).await;
            tokio::task::yield_now().await;
        }
    };
    let raw = async {
        while Instant::now() < until {
            let Some(mut socket) = connect_from(&service, Ipv4Addr::new(127, 0, 0, 3)).await else { continue };
            while socket.write_all(&[0xc3; 4096]).await.is_ok() && Instant::now() < until {}
        }
    };
    let (text, bytes, long, endless, (), (), ()) = tokio::join!(
        garbage(&service, |_| Message::text("}{"), until),
        garbage(&service, |_| Message::binary(vec![7; 1000]), until),
        garbage(&service, |_| Message::text("x".repeat(100_000)), until),
        garbage(&service, well, until),
        datagrams,
        raw,
        a_caller_notices_nothing(&service),
    );
    assert!([text, bytes, long, endless].iter().all(|closed| *closed > 0));
    assert!(count(&service, "candor_twilio_legs_total{ended=\"malformed\"}").await > 0.0);
    assert!(count(&service, "candor_twilio_legs_total{ended=\"too-many\"}").await > 0.0);
    let grown = resident_kb(&service).saturating_sub(before);
    assert!(grown < 100_000, "memory has grown by {grown} kB");
    let told = service.complaints("a stream of a phone system was closed");
    assert!(!told.is_empty() && told.len() <= 5, "one line for each kind of it: {told:#?}");
    assert!(service.complaints("").len() <= 10, "{:#?}", service.complaints(""));
}

#[tokio::test]
async fn after_its_end_a_connection_is_not_read_for_long() {
    let service = patient().start();
    let mut socket = stream_from(&service, Ipv4Addr::LOCALHOST).await.unwrap();
    let mut sent = 0;
    // The first is one too many; more than the buffers of both ends and what is still read is never taken.
    while socket.send(Message::text("}".repeat(30_000))).await.is_ok() {
        sent += 30_000;
        assert!(sent < 60_000_000, "it is read on for ever");
    }
    while let Some(Ok(_)) = socket.next().await {}
}

/// Holds so many connections open that say `text` and nothing more, from four addresses of this machine, none of them that of callers.
async fn strangers(service: &Service, number: usize, text: &str) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for stranger in 0..number {
        let from = Ipv4Addr::new(127, 0, 1, 1 + (stranger % 8) as u8);
        if let Some(mut socket) = connect_from(service, from).await {
            let _ = socket.write_all(text.as_bytes()).await;
            open.push(socket);
        }
    }
    open
}

#[tokio::test]
async fn a_thousand_connections_that_never_start_keep_no_caller_out() {
    let plan = patient().with("SERVER__LIMITS__HEAD_SECONDS", "60").with("TWILIO__LIMITS__START", "60s");
    // As small as it may be for so many calls: a thousand are many times more.
    let service = plan.with("SESSION__MAX_CALLS", "4").with("SERVER__LIMITS__CONNECTIONS", "200").start();
    let silent = strangers(&service, 600, "").await;
    let half = strangers(&service, 600, "POST /twilio/voice HTTP/1.1\r\nHost: localhost\r\nContent-Le").await;
    a_caller_notices_nothing(&service).await;
    assert!(count(&service, "candor_connections_evicted_total").await > 500.0);
    assert_eq!(service.complaints("connections that ask nothing fill their room").len(), 1);

    // Streams that were opened and never start, more than there are places for them.
    let mut streams = Vec::new();
    for stranger in 0..150 {
        streams.extend(stream_from(&service, Ipv4Addr::new(127, 0, 2, 1 + (stranger % 8) as u8)).await);
    }
    assert!(streams.len() > 100, "{}", streams.len());
    a_caller_notices_nothing(&service).await;
    assert_eq!(service.complaints("streams that do not start fill their room").len(), 1);
    drop((silent, half, streams));
}

#[tokio::test]
async fn offers_that_never_connect_keep_no_telephone_out() {
    let service = patient().with("SESSION__MAX_CALLS", "4").with("SERVER__LIMITS__CALLS_PER_MINUTE", "1000").start();
    let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=fingerprint:sha-256 0F:74:31:25:CB:A2:13:EC:28:6F:6D:2C:61:FF:5D:C2:BC:B9:DB:3D:98:14:8D:1A:BB:EA:33:0C:A4:60:A8:8E\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n";
    let mut statuses = Vec::new();
    for _ in 0..30 {
        let answer = crate::http::post("/webrtc", offer).with("Content-Type", "application/sdp").send(&service).await;
        statuses.push(answer.status);
    }
    assert!(
        statuses.contains(&201) && statuses.contains(&429),
        "some are taken, one address has no more than its share: {statuses:?}"
    );
    assert_eq!(count(&service, "candor_calls").await, 0.0, "a call that is not connected takes no place of a call");
    a_caller_notices_nothing(&service).await;
    let mut said = Vec::new();
    let _ = tokio::time::timeout(
        Duration::from_millis(10),
        connect_from(&service, Ipv4Addr::LOCALHOST).await.unwrap().read_to_end(&mut said),
    )
    .await;
    let (call, _) = ring(&service, service.caller()).await;
    next_prompt_sounds(&call).await;
    call.hang_up().await.unwrap();
    call.outcome().await;
}
