//! Clients that open connections and say little, or ask and do not listen, hold nothing for long; and there are only so many places.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::by_key::{by_key, ring};
use crate::http::{address, count, get, read_answer};
use crate::service::{Plan, Service};

fn hurried() -> Plan {
    by_key().with("SERVER__LIMITS__HEAD_SECONDS", "1").with("SERVER__LIMITS__REQUEST_SECONDS", "2")
}

async fn connect(service: &Service, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address(service)).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Waits until the server has closed the connection; gives what it said.
async fn closed(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "the server still holds the connection");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_request_that_does_not_come_to_its_end_is_given_up() {
    let service = hurried().start();
    let unfinished = ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\n"];
    for text in unfinished {
        closed(connect(&service, text).await).await;
    }
    // A header at a time, for ever.
    let mut drip = connect(&service, "GET / HTTP/1.1\r\nHost: localhost\r\n").await;
    let begun = Instant::now();
    while drip.write_all(b"X-More: 1\r\n").await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it may go on for ever");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // A body that does not come.
    let body = "POST /twilio/voice HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 20\r\n\r\nCall";
    let answer = tokio::time::timeout(Duration::from_secs(20), read_answer(connect(&service, body).await)).await;
    assert_eq!(answer.unwrap().status, 408);
    // A connection that is kept open and not used.
    let idle = connect(&service, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(closed(idle).await.ends_with("ok\n"));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let service = hurried().start();
    let answer = get("/").with("X-Large", &"x".repeat(40_000)).send(&service).await;
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn who_asks_and_does_not_listen_loses_the_connection() {
    let service = hurried().start();
    let mut stream = connect(&service, "").await;
    // Answers fill the sockets of both ends until the server can write no more.
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    let begun = Instant::now();
    let lost = loop {
        let wrote = tokio::time::timeout(Duration::from_secs(10), stream.write_all(request.as_bytes())).await;
        match wrote {
            Ok(Ok(())) => assert!(begun.elapsed() < Duration::from_secs(60), "it reads on although nobody listens"),
            Ok(Err(_)) => break true,
            Err(_) => break false,
        }
    };
    assert!(lost, "the server waits for ever");
}

#[tokio::test]
async fn there_are_so_many_places_and_they_are_given_back() {
    let plan = by_key().with("SESSION__MAX_CALLS", "1").with("SERVER__LIMITS__CONNECTIONS", "34");
    let service = plan.with("SERVER__LIMITS__CONNECTIONS_PER_ADDRESS", "20").start();
    let asking = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..20 {
        let mut stream = connect(&service, asking).await;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        open.push(stream);
    }
    let refused = async |address: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(asking.as_bytes()).await;
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said).await;
        said.is_empty()
    };
    assert!(refused(&address(&service)).await, "a place too many for one address");
    drop(open.split_off(10));
    let deadline = Instant::now() + Duration::from_secs(20);
    while count_if_answered(&service).await.is_none() {
        assert!(Instant::now() < deadline, "the places are not given back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(count_if_answered(&service).await.unwrap() >= 1.0);
}

/// The refused connections, if a connection is to be had.
async fn count_if_answered(service: &Service) -> Option<f64> {
    let mut stream = TcpStream::connect(address(service)).await.unwrap();
    let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    if said.is_empty() { None } else { Some(count(service, "candor_http_connections_refused_total").await) }
}

#[tokio::test]
async fn a_call_holds_its_place_as_long_as_it_lasts() {
    let plan = by_key().with("SESSION__MAX_CALLS", "1").with("SERVER__LIMITS__CONNECTIONS_PER_ADDRESS", "2");
    let service = plan.with("SERVER__LIMITS__HEAD_SECONDS", "1").start();
    let (call, _) = ring(&service, service.caller()).await;
    call.wait_until_agent_speaks().await.unwrap();
    // Longer than a head may take: a stream is no request any more.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let held = connect(&service, "").await;
    let asked = connect(&service, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    let said = closed(asked).await;
    assert!(said.is_empty(), "the stream and one more are two: {said}");
    drop(held);
    call.hang_up().await.unwrap();
    call.outcome().await;
}
