//! What a connection from Asterisk may cost, and that a slow session or peer holds nobody up.

use std::time::Duration;

use bytes::Bytes;
use candor::transport::asterisk::leg::{Ended, Violation};
use candor::transport::{CHANNEL, Inbound, Limits, Mark, Outbound, PeerEnd};
use serde_json::json;

use crate::asterisk_peer::Server;
use crate::twilio_peer::{LONG, heard, heard_to_the_end};

/// The longest message that is read.
const LONGEST: usize = 64 * 1024;

#[tokio::test]
async fn a_message_of_the_longest_length_is_read_and_a_longer_one_ends_the_leg() {
    let mut server = Server::start(Limits::default()).await;
    let filled = |length: usize| {
        let bare = json!({"event": "NOVELTY", "filler": ""}).to_string();
        json!({"event": "NOVELTY", "filler": "x".repeat(length - bare.len())}).to_string()
    };
    let (mut peer, mut leg) = server.call(true, "ulaw", 160).await;
    peer.text(filled(LONGEST)).await;
    peer.sound(&vec![0xff; LONGEST]).await;
    let Inbound::Audio(sound) = heard(&mut leg).await else { panic!("not sound") };
    assert_eq!(sound.len(), LONGEST);
    peer.text(filled(LONGEST + 1)).await;
    assert_eq!(peer.close_code().await, Some(1009));
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Violation));
    assert_eq!(server.ended().await, Ended::Violation(Violation::TooLong));
    let (mut peer, mut leg) = server.call(true, "ulaw", 160).await;
    peer.sound(&vec![0xff; LONGEST + 1]).await;
    assert_eq!(peer.close_code().await, Some(1009));
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Violation));
}

#[tokio::test]
async fn as_many_messages_as_are_allowed_pass_and_more_end_the_leg() {
    let mut server = Server::start(Limits { burst: 20, messages_per_second: 1, ..Limits::default() }).await;
    let (mut peer, mut leg) = server.call(true, "ulaw", 160).await;
    // The start was the first.
    for _ in 1..20 {
        peer.sound(&[0xff; 160]).await;
        assert!(matches!(heard(&mut leg).await, Inbound::Audio(_)));
    }
    for _ in 0..10 {
        peer.sound(&[0xff; 160]).await;
    }
    assert_eq!(peer.close_code().await, Some(1008));
    assert_eq!(heard_to_the_end(&mut leg).await.pop_back(), Some(Inbound::Ended(PeerEnd::Violation)));
    assert_eq!(server.ended().await, Ended::Violation(Violation::TooMany));
}

#[tokio::test]
async fn a_connection_that_never_starts_is_closed() {
    let mut server = Server::start(Limits { start: Duration::from_millis(100), ..Limits::default() }).await;
    let mut peer = server.connect(true).await;
    assert_eq!(peer.close_code().await, Some(1008));
    assert_eq!(server.ended().await, Ended::Violation(Violation::NotStarted));
}

#[tokio::test]
async fn a_caller_without_sound_is_not_idle_while_the_peer_answers_pings() {
    let mut server = Server::start(Limits { idle: Duration::from_millis(600), ..Limits::default() }).await;
    let (mut peer, mut leg) = server.call(false, "ulaw", 160).await;
    // Reading answers pings, as Asterisk does: it is there for three times the idle limit, and sends nothing of its own.
    let reading = tokio::time::timeout(Duration::from_millis(1800), peer.hear()).await;
    assert!(reading.is_err(), "nothing was said");
    peer.press("1").await;
    assert_eq!(heard(&mut leg).await, Inbound::Key('1'));
}

#[tokio::test]
async fn a_peer_that_answers_nothing_is_lost() {
    let mut server = Server::start(Limits { idle: Duration::from_millis(300), ..Limits::default() }).await;
    let (silent, mut leg) = server.call(true, "ulaw", 160).await;
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Lost));
    drop(silent);
    assert_eq!(server.ended().await, Ended::Peer(PeerEnd::Lost));
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_lost_and_never_holds_up_what_comes_from_it() {
    let mut server = Server::start(Limits { write: Duration::from_millis(500), ..Limits::default() }).await;
    let (mut deaf, mut leg) = server.call(true, "ulaw", 160).await;
    let outbound = leg.outbound.clone();
    let talking = tokio::spawn(async move {
        // More than the buffers of both sockets hold.
        while outbound.send(Outbound::Audio(Bytes::from(vec![0xff; 160_000]))).await.is_ok() {}
    });
    deaf.press("4").await;
    assert_eq!(heard(&mut leg).await, Inbound::Key('4'));
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Lost));
    drop(deaf);
    assert_eq!(server.ended().await, Ended::Peer(PeerEnd::Lost));
    tokio::time::timeout(LONG, talking).await.expect("the channel closes").unwrap();
}

#[tokio::test]
async fn a_session_that_takes_nothing_loses_sound_but_no_key_no_mark_and_not_the_end() {
    let mut server = Server::start(Limits { burst: 5000, ..Limits::default() }).await;
    let (mut peer, mut leg) = server.call(true, "ulaw", 160).await;
    leg.outbound.send(Outbound::Mark(Mark(1))).await.unwrap();
    let (_, name) = peer.command().await;
    for _ in 0..CHANNEL + 100 {
        peer.sound(&[0xff; 160]).await;
    }
    for key in ["1", "2", "3"] {
        peer.press(key).await;
        peer.sound(&[0xff; 160]).await;
    }
    peer.completed(&name).await;
    // A second connection has its say while the first session still takes nothing.
    let (mut other, mut other_leg) = server.call(false, "ulaw", 160).await;
    other.press("9").await;
    assert_eq!(heard(&mut other_leg).await, Inbound::Key('9'));
    peer.socket.close(None).await.unwrap();
    let heard = heard_to_the_end(&mut leg).await;
    let (sound, rest): (Vec<_>, Vec<_>) = heard.into_iter().partition(|inbound| matches!(inbound, Inbound::Audio(_)));
    assert!(sound.len() < CHANNEL + 103, "{} frames", sound.len());
    let keys = ['1', '2', '3'].map(Inbound::Key);
    let expected: Vec<_> = keys.into_iter().chain([Inbound::Played(Mark(1)), Inbound::Ended(PeerEnd::HungUp)]).collect();
    assert_eq!(rest, expected);
}
