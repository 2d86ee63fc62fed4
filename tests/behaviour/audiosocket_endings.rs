//! However an AudioSocket connection ends on our side, Asterisk is told and not reset: it goes on with the caller in its dialplan. And what a
//! connection may cost.

use std::time::Duration;

use bytes::Bytes;
use candor::transport::audiosocket::leg::{Ended, Violation};
use candor::transport::{Inbound, Leg, Limits, Mark, Outbound, PeerEnd};
use tokio::io::AsyncWriteExt;

use crate::audiosocket_peer::{LONG, Peer, SLIN, Server, UUID, heard, heard_but_sound};
use uuid::Uuid;

/// A caller who speaks all the time: what lies unread in a buffer is what makes a system reset a connection.
async fn speaks(peer: &mut Peer) {
    for _ in 0..60 {
        peer.sound(SLIN, &[1000; 160]).await;
    }
}

#[tokio::test]
async fn whatever_ends_a_session_gives_the_caller_back() {
    type End = fn(Leg);
    let says_so: End = |leg| leg.outbound.try_send(Outbound::End).unwrap();
    let is_gone: End = drop;
    let panics: End = |leg| {
        let session = std::thread::spawn(move || {
            let _leg = leg;
            panic!("a session breaks");
        });
        assert!(session.join().is_err());
    };
    for end in [says_so, is_gone, panics] {
        let mut server = Server::start(Limits::default()).await;
        let (mut peer, leg) = server.call().await;
        speaks(&mut peer).await;
        end(leg);
        speaks(&mut peer).await;
        peer.until_the_end().await;
        drop(peer);
        assert_eq!(server.ended().await, Ended::Asked);
    }
}

#[tokio::test]
async fn a_call_that_breaks_as_it_begins_is_given_back() {
    let mut server = Server::start_with(Limits::default(), true).await;
    let mut peer = server.connect().await;
    peer.begin(server.announce()).await;
    speaks(&mut peer).await;
    assert_eq!(peer.until_the_end().await, []);
    drop(peer);
    assert_eq!(server.ended().await, Ended::Failed);
}

#[tokio::test]
async fn a_peer_that_goes_on_sending_is_read_until_it_has_closed() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, leg) = server.call().await;
    drop(leg);
    peer.until_the_end().await;
    // Asterisk may take a moment to notice.
    for _ in 0..20 {
        peer.sound(SLIN, &[0; 160]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    peer.socket.shutdown().await.unwrap();
    assert_eq!(peer.hear().await, None, "closed, and not reset");
    assert_eq!(server.ended().await, Ended::Asked);
}

#[tokio::test]
async fn a_uuid_is_good_once() {
    let mut server = Server::start(Limits::default()).await;
    let uuid = server.announce();
    let mut first = server.connect().await;
    first.begin(uuid).await;
    let mut leg = server.leg().await;
    let mut second = server.connect().await;
    second.begin(uuid).await;
    speaks(&mut second).await;
    assert_eq!(second.until_the_end().await, []);
    drop(second);
    assert!(matches!(server.ended().await, Ended::Violation(Violation::Unknown(_))));
    first.press(b'1').await;
    assert_eq!(heard(&mut leg).await, Inbound::Key('1'), "the first knows nothing of it");
    assert!(!server.has_leg());
}

#[tokio::test]
async fn a_uuid_that_was_never_given_goes_back_to_the_dialplan() {
    let mut server = Server::start(Limits::default()).await;
    for uuid in [Uuid::nil(), Uuid::new_v4()] {
        let mut peer = server.connect().await;
        peer.begin(uuid).await;
        speaks(&mut peer).await;
        assert_eq!(peer.until_the_end().await, []);
        drop(peer);
        assert!(matches!(server.ended().await, Ended::Violation(Violation::Unknown(_))));
    }
    assert!(!server.has_leg());
}

#[tokio::test]
async fn who_says_no_uuid_in_time_is_closed() {
    let mut server = Server::start(Limits { start: Duration::from_millis(200), ..Limits::default() }).await;
    for begun in [&[][..], &[0x01], &[0x01, 0x00, 0x10, 7, 7, 7]] {
        let mut peer = server.connect().await;
        peer.raw(begun).await;
        assert_eq!(peer.until_the_end().await, []);
        drop(peer);
        assert_eq!(server.ended().await, Ended::Violation(Violation::NotStarted));
    }
}

#[tokio::test]
async fn the_uuid_comes_first_and_once() {
    let mut server = Server::start(Limits::default()).await;
    let mut peer = server.connect().await;
    peer.sound(SLIN, &[0; 160]).await;
    assert_eq!(peer.until_the_end().await, []);
    drop(peer);
    assert_eq!(server.ended().await, Ended::Violation(Violation::OutOfPlace("sound")));

    let (mut peer, mut leg) = server.call().await;
    peer.begin(server.announce()).await;
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Violation));
    peer.until_the_end().await;
    drop(peer);
    assert_eq!(server.ended().await, Ended::Violation(Violation::OutOfPlace("uuid")));
}

#[tokio::test]
async fn what_is_no_audiosocket_is_closed_by_its_first_bytes() {
    let mut server = Server::start(Limits::default()).await;
    // HTTP, a handshake of TLS, and things that are nothing.
    let mut handshake = b"\x16\x03\x01\x06\x00\x01\x00\x05\xfc\x03\x03".to_vec();
    handshake.resize(1500, 7);
    let strangers: [&[u8]; 5] =
        [b"GET / HTTP/1.1\r\nHost: candor\r\n\r\n", &handshake, &[0xff; 4000], b"\r\n\r\n", &[0x10, 0xff, 0xff]];
    for stranger in strangers {
        let mut peer = server.connect().await;
        peer.raw(stranger).await;
        assert_eq!(peer.until_the_end().await, []);
        drop(peer);
        assert!(matches!(server.ended().await, Ended::Violation(_)), "{stranger:?}");
    }
    assert!(!server.has_leg());
}

#[tokio::test]
async fn a_packet_that_is_too_long_for_its_kind_ends_the_call() {
    let mut server = Server::start(Limits::default()).await;
    for (kind, length) in [(SLIN, 3202u16), (UUID, 17), (0x03, 2), (0x77, 1025), (0x00, 60_000)] {
        let (mut peer, mut leg) = server.call().await;
        let [high, low] = length.to_be_bytes();
        peer.raw(&[kind, high, low]).await;
        assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Violation), "{kind:#04x}");
        peer.until_the_end().await;
        drop(peer);
        assert!(matches!(server.ended().await, Ended::Violation(Violation::Packet(_))));
    }
    // As long as any packet can be.
    let (mut peer, mut leg) = server.call().await;
    peer.sound(0x18, &[0; 32_767]).await;
    assert!(matches!(heard(&mut leg).await, Inbound::Audio(_)));
}

#[tokio::test]
async fn more_packets_than_allowed_end_the_call() {
    let mut server = Server::start(Limits { burst: 20, messages_per_second: 1, ..Limits::default() }).await;
    let (mut peer, mut leg) = server.call().await;
    speaks(&mut peer).await;
    assert_eq!(heard_but_sound(&mut leg).await, Inbound::Ended(PeerEnd::Violation));
    peer.until_the_end().await;
    drop(peer);
    assert_eq!(server.ended().await, Ended::Violation(Violation::TooMany));
}

#[tokio::test]
async fn a_rate_that_changes_with_every_packet_ends_the_call_and_one_that_changes_once_does_not() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    for kind in [0x10, 0x12, 0x10] {
        peer.sound(kind, &[0; 640]).await;
        assert!(matches!(heard(&mut leg).await, Inbound::Audio(_)));
    }
    for round in 0..60 {
        peer.sound(0x11 + round % 4, &[0; 640]).await;
    }
    assert_eq!(heard_but_sound(&mut leg).await, Inbound::Ended(PeerEnd::Violation));
    peer.until_the_end().await;
    drop(peer);
    assert_eq!(server.ended().await, Ended::Violation(Violation::Restless));
}

#[tokio::test]
async fn how_the_caller_goes_is_told() {
    let mut server = Server::start(Limits::default()).await;
    // In so many words, by closing, by closing in the middle of a packet, and by a reset.
    for (way, end) in [PeerEnd::HungUp, PeerEnd::HungUp, PeerEnd::Lost, PeerEnd::Lost].into_iter().enumerate() {
        let (mut peer, mut leg) = server.call().await;
        match way {
            0 => peer.hang_up().await,
            1 => {}
            2 => peer.raw(&[SLIN, 0x01, 0x40, 1, 2, 3]).await,
            _ => peer.socket.set_zero_linger().unwrap(),
        }
        if way == 3 {
            // Received first, so that the reset does not overtake it.
            peer.press(b'1').await;
            assert_eq!(heard(&mut leg).await, Inbound::Key('1'));
        }
        drop(peer);
        assert_eq!(heard(&mut leg).await, Inbound::Ended(end), "way {way}");
        assert_eq!(server.ended().await, Ended::Peer(end), "way {way}");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_lost_never_holds_up_what_comes_from_it_and_proves_nothing() {
    let mut server = Server::start(Limits { write: Duration::from_millis(700), ..Limits::default() }).await;
    let (mut deaf, mut leg) = server.call().await;
    // As much as the buffers of both sockets hold.
    let outbound = leg.outbound.clone();
    let talking = tokio::spawn(async move {
        let mut clock = candor::transport::ticks();
        for mark in 1.. {
            clock.tick().await;
            let sound = Outbound::Audio(Bytes::from_static(&[0x10; 160]));
            if outbound.send(sound).await.is_err() || outbound.send(Outbound::Mark(Mark(mark))).await.is_err() {
                return;
            }
        }
    });
    // At the highest rate they are full within some seconds.
    deaf.sound(0x18, &[0; 3840]).await;
    deaf.press(b'4').await;
    assert_eq!(heard_but_marks(&mut leg).await, Inbound::Key('4'));
    assert_eq!(heard_but_marks(&mut leg).await, Inbound::Ended(PeerEnd::Lost));
    drop(deaf);
    assert_eq!(server.ended().await, Ended::Peer(PeerEnd::Lost));
    tokio::time::timeout(LONG, talking).await.expect("the channel closes").unwrap();
}

/// What the session hears next that is neither sound nor what became of a mark.
async fn heard_but_marks(leg: &mut Leg) -> Inbound {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        match tokio::time::timeout_at(deadline, leg.inbound.recv()).await.expect("something in time").expect("an open leg") {
            Inbound::Audio(_) | Inbound::Played(_) | Inbound::Garbled(_) => {}
            other => return other,
        }
    }
}
