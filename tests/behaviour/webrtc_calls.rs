//! Calls over WebRTC, with a peer of the same library: sound both ways, keys, the page's channel, evidence, absence and every way to end.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use candor::transport::webrtc::{AnswerError, Endpoint, Kind, PatchError, Patched, Settings};
use candor::transport::{Button, Inbound, Mark, Notice, Outbound, PeerEnd};
use tokio::time::timeout;

use crate::webrtc_peer::{LONG, Making, Peer, emptied, endpoint, play, told, tone};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_goes_both_ways_packet_by_packet() {
    let endpoint = endpoint(Settings::default()).await;
    let (mut peer, mut call) = Peer::call(&endpoint, Making::default()).await;
    let frames = tone(60);
    let received = {
        let sent = frames.clone();
        tokio::spawn(async move {
            peer.speak(&sent).await;
            peer
        })
    };
    let mut heard = Vec::new();
    while heard.len() < frames.len() {
        match timeout(LONG, call.leg.inbound.recv()).await.expect("sound in time").unwrap() {
            Inbound::Audio(packet) => heard.push(packet),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(heard, frames, "in order, whole, also where the counters wrap");
    let mut peer = received.await.unwrap();

    play(&call.leg, &frames).await;
    let first = peer.heard().await;
    assert!(first.header.marker, "a spurt begins");
    assert_eq!(first.payload, frames[0]);
    for (n, frame) in frames.iter().enumerate().skip(1) {
        let packet = peer.heard().await;
        assert_eq!(packet.payload, *frame);
        assert!(!packet.header.marker);
        assert_eq!(packet.header.timestamp.wrapping_sub(first.header.timestamp), n as u32 * 960);
        assert_eq!(packet.header.sequence_number.wrapping_sub(first.header.sequence_number), n as u16);
    }
    call.leg.outbound.send(Outbound::End).await.unwrap();
    peer.is_closed().await;
    emptied(&endpoint).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prompt_is_heard_when_the_peer_has_reported_its_last_packet() {
    let endpoint = endpoint(Settings::default()).await;
    let (mut peer, mut call) = Peer::call(&endpoint, Making::default()).await;
    play(&call.leg, &tone(50)).await;
    call.leg.outbound.send(Outbound::Mark(Mark(1))).await.unwrap();
    assert_eq!(told(&mut call.leg).await, Inbound::Played(Mark(1)));
    // Lost in part: one packet in five.
    peer.network.lose_one_in.store(5, Ordering::Relaxed);
    play(&call.leg, &tone(50)).await;
    call.leg.outbound.send(Outbound::Mark(Mark(2))).await.unwrap();
    assert_eq!(told(&mut call.leg).await, Inbound::Garbled(Mark(2)));
    // Said again on a good line.
    peer.network.lose_one_in.store(0, Ordering::Relaxed);
    play(&call.leg, &tone(50)).await;
    call.leg.outbound.send(Outbound::Mark(Mark(3))).await.unwrap();
    assert_eq!(told(&mut call.leg).await, Inbound::Played(Mark(3)));
    // Cut.
    play(&call.leg, &tone(10)).await;
    call.leg.outbound.send(Outbound::Mark(Mark(4))).await.unwrap();
    call.leg.outbound.send(Outbound::Clear).await.unwrap();
    assert_eq!(told(&mut call.leg).await, Inbound::Cleared(Mark(4)));
    assert!(peer.heard().await.payload.len() > 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receiver_reports_are_evidence_where_there_is_no_other() {
    let endpoint = endpoint(Settings::default()).await;
    let (_peer, mut call) = Peer::call(&endpoint, Making { feedback: false, ..Making::default() }).await;
    play(&call.leg, &tone(50)).await;
    call.leg.outbound.send(Outbound::Mark(Mark(1))).await.unwrap();
    assert_eq!(told(&mut call.leg).await, Inbound::Played(Mark(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_come_in_sound_and_on_the_channel() {
    let endpoint = endpoint(Settings::default()).await;
    let (mut peer, mut call) = Peer::call(&endpoint, Making::default()).await;
    peer.speak(&tone(5)).await;
    peer.press(5).await;
    peer.press(5).await;
    peer.press(11).await;
    peer.speak(&tone(5)).await;
    for key in ['5', '5', '#'] {
        assert_eq!(told(&mut call.leg).await, Inbound::Key(key));
    }
    peer.say(r#"{"type":"key","key":"*"}"#).await;
    peer.say(r#"{"type":"button","button":"person"}"#).await;
    peer.say(r#"{"type":"language","language":"en"}"#).await;
    assert_eq!(told(&mut call.leg).await, Inbound::Key('*'));
    assert_eq!(told(&mut call.leg).await, Inbound::Button(Button::Person));
    assert_eq!(told(&mut call.leg).await, Inbound::Language("en".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_between_packets_are_no_loss() {
    let endpoint = endpoint(Settings::default()).await;
    let (mut peer, mut call) = Peer::call(&endpoint, Making::default()).await;
    assert!(call.sdp.contains("a=rtpmap:101 telephone-event/48000"), "{}", call.sdp);
    peer.speak(&tone(10)).await;
    peer.press(1).await;
    peer.speak(&tone(10)).await;
    let (mut packets, mut keys) = (0, 0);
    while packets < 20 || keys < 1 {
        match timeout(LONG, call.leg.inbound.recv()).await.expect("sound in time").unwrap() {
            Inbound::Audio(_) => packets += 1,
            Inbound::Key('1') => keys += 1,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_is_shown_notices_and_told_what_it_sends_wrongly() {
    let endpoint = endpoint(Settings::default()).await;
    let mut peer = Peer::new(Making::default()).await;
    let offer = peer.offer().await;
    let answer = endpoint.answer(&offer, Kind::Caller).await.unwrap();
    // Before the channel is there: they wait.
    let phase = || Outbound::Tell(Box::new(Notice::Phase { phase: candor::dialog::flow::Stage::Disclosing }));
    answer.leg.outbound.send(phase()).await.unwrap();
    peer.take(&answer.sdp).await;
    assert!(answer.connected.wait().await);
    assert_eq!(peer.shown().await, serde_json::json!({"type": "phase", "phase": "disclosing"}));
    peer.is_open().await;
    peer.say("what?").await;
    let error = peer.shown().await;
    assert_eq!(error["type"], "error");
    assert!(!error.to_string().contains("what?"), "never its own words");
    drop(answer.leg);
    peer.is_closed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_messages_ends_the_call() {
    let endpoint = endpoint(Settings::default()).await;
    let (peer, mut call) = Peer::call(&endpoint, Making::default()).await;
    for _ in 0..400 {
        if peer.channel.as_ref().unwrap().send_text("nonsense").await.is_err() {
            break;
        }
    }
    assert_eq!(told(&mut call.leg).await, Inbound::Ended(PeerEnd::Violation));
    emptied(&endpoint).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_falls_silent_is_there_and_one_who_is_gone_is_missed_and_comes_back() {
    let endpoint = endpoint(Settings::default()).await;
    let (mut peer, mut call) = Peer::call(&endpoint, Making::default()).await;
    peer.speak(&tone(10)).await;
    // No sound for four seconds: still there.
    let silent = timeout(Duration::from_secs(4), told(&mut call.leg)).await;
    assert!(silent.is_err(), "{silent:?}");
    peer.network.down.store(true, Ordering::Relaxed);
    let since = Instant::now();
    assert_eq!(told(&mut call.leg).await, Inbound::Lapsed);
    // 2.2 s: the bound of two, and room for a machine that is busy with other tests.
    assert!(since.elapsed() < Duration::from_millis(2200), "{:?}", since.elapsed());
    peer.network.down.store(false, Ordering::Relaxed);
    assert_eq!(told(&mut call.leg).await, Inbound::Resumed);
    peer.say(r#"{"type":"key","key":"7"}"#).await;
    assert_eq!(told(&mut call.leg).await, Inbound::Key('7'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_does_not_come_back_is_given_up() {
    let endpoint = endpoint(Settings { return_seconds: 1, ..Settings::default() }).await;
    let (peer, mut call) = Peer::call(&endpoint, Making::default()).await;
    peer.network.down.store(true, Ordering::Relaxed);
    assert_eq!(told(&mut call.leg).await, Inbound::Lapsed);
    assert_eq!(told(&mut call.leg).await, Inbound::Ended(PeerEnd::Lost));
    emptied(&endpoint).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_hang_up_ends_the_call_at_once() {
    let endpoint = endpoint(Settings::default()).await;
    for way in ["channel", "connection", "request"] {
        let (mut peer, mut call) = Peer::call(&endpoint, Making::default()).await;
        peer.speak(&tone(3)).await;
        match way {
            "channel" => peer.channel.as_ref().unwrap().close().await.unwrap(),
            "request" => assert!(endpoint.close(&call.id)),
            _ => peer.connection.close().await.unwrap(),
        }
        let since = Instant::now();
        assert_eq!(told(&mut call.leg).await, Inbound::Ended(PeerEnd::HungUp), "by {way}");
        assert!(since.elapsed() < Duration::from_millis(1400), "by {way}: {:?}", since.elapsed());
        assert!(!endpoint.close(&call.id), "it is over");
        emptied(&endpoint).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_says_that_they_hang_up_is_waited_for_a_moment_with_the_last_word() {
    let endpoint = endpoint(Settings::default()).await;
    for answered in [true, false] {
        let (mut peer, mut call) = Peer::call(&endpoint, Making::default()).await;
        peer.say(r#"{"type":"hang-up"}"#).await;
        assert_eq!(told(&mut call.leg).await, Inbound::HangUp);
        if answered {
            call.leg.outbound.send(Outbound::Tell(Box::new(Notice::Ended { outcome: "caller-hung-up" }))).await.unwrap();
            call.leg.outbound.send(Outbound::End).await.unwrap();
            assert_eq!(peer.shown().await["outcome"], "caller-hung-up");
        } else {
            assert_eq!(
                told(&mut call.leg).await,
                Inbound::Ended(PeerEnd::HungUp),
                "a session that says nothing does not keep the line"
            );
        }
        emptied(&endpoint).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_whose_address_changes_keeps_the_call() {
    let endpoint = endpoint(Settings::default()).await;
    let (mut peer, mut call) = Peer::call(&endpoint, Making::default()).await;
    peer.speak(&tone(5)).await;
    peer.network.move_away();
    peer.say(r#"{"type":"key","key":"3"}"#).await;
    loop {
        match told(&mut call.leg).await {
            Inbound::Lapsed | Inbound::Resumed => {}
            Inbound::Key('3') => break,
            other => panic!("{other:?}"),
        }
    }
    let frames = tone(20);
    play(&call.leg, &frames).await;
    while peer.heard().await.payload != frames[19] {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ice_begins_anew_when_the_caller_asks() {
    let endpoint = endpoint(Settings::default()).await;
    let (mut peer, mut call) = Peer::call(&endpoint, Making::default()).await;
    peer.speak(&tone(5)).await;
    peer.network.move_away();
    peer.connection.restart_ice().await.unwrap();
    let offer = peer.offer().await;
    assert_eq!(endpoint.patch(&call.id, None, &offer).await, Err(PatchError::NoCondition));
    assert_eq!(endpoint.patch(&call.id, Some("\"another\""), &offer).await, Err(PatchError::OtherTag));
    assert_eq!(endpoint.patch("nobody", Some("*"), &offer).await, Err(PatchError::Unknown));
    let Ok(Patched::Restarted { fragment, etag }) = endpoint.patch(&call.id, Some("*"), &offer).await else {
        panic!("a restart")
    };
    assert_ne!(etag, call.etag);
    // The answer of before, with what the fragment changes.
    let value = |key: &str| fragment.lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned();
    let (ufrag, password) = (value("a=ice-ufrag:"), value("a=ice-pwd:"));
    assert!(!call.sdp.contains(&ufrag));
    let answer = call.sdp.lines().map(|line| match line.split_once(':') {
        Some(("a=ice-ufrag", _)) => format!("a=ice-ufrag:{ufrag}\r\n"),
        Some(("a=ice-pwd", _)) => format!("a=ice-pwd:{password}\r\n"),
        _ => format!("{line}\r\n"),
    });
    peer.take(&answer.collect::<String>()).await;
    let frames = tone(30);
    tokio::time::sleep(Duration::from_millis(500)).await;
    play(&call.leg, &frames).await;
    while peer.heard().await.payload != frames[29] {}
    peer.say(r#"{"type":"key","key":"4"}"#).await;
    loop {
        match told(&mut call.leg).await {
            Inbound::Lapsed | Inbound::Resumed => {}
            Inbound::Key('4') => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(endpoint.patch(&call.id, Some(&etag), &offer).await, Ok(Patched::Added));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_without_udp_is_served_over_tcp() {
    let endpoint = endpoint(Settings::default()).await;
    let (mut peer, mut call) = Peer::call(&endpoint, Making { tcp: true, ..Making::default() }).await;
    let frames = tone(25);
    peer.speak(&frames).await;
    assert!(matches!(timeout(LONG, call.leg.inbound.recv()).await.unwrap(), Some(Inbound::Audio(_))));
    play(&call.leg, &frames).await;
    while peer.heard().await.payload != frames[24] {}
    call.leg.outbound.send(Outbound::Mark(Mark(1))).await.unwrap();
    assert_eq!(told(&mut call.leg).await, Inbound::Played(Mark(1)));
    drop(call.leg);
    drop(peer);
    emptied(&endpoint).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ice_lite_serves_as_well() {
    let mut settings = Settings::default();
    settings.ice.lite = true;
    let endpoint = endpoint(settings).await;
    let (mut peer, mut call) = Peer::call(&endpoint, Making::default()).await;
    peer.speak(&tone(20)).await;
    assert!(matches!(timeout(LONG, call.leg.inbound.recv()).await.unwrap(), Some(Inbound::Audio(_))));
    play(&call.leg, &tone(20)).await;
    call.leg.outbound.send(Outbound::Mark(Mark(1))).await.unwrap();
    assert_eq!(told(&mut call.leg).await, Inbound::Played(Mark(1)));
    let silent = Peer::new(Making::default()).await.offer().await.replace("a=sendrecv", "a=recvonly");
    let refused = endpoint.answer(&silent, Kind::Caller).await.err().unwrap();
    assert!(refused.to_string().contains("webrtc.ice.lite"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_the_port_disturbs_nobody() {
    let endpoint = endpoint(Settings::default()).await;
    let (mut peer, mut call) = Peer::call(&endpoint, Making::default()).await;
    let stranger = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for n in 0..2000u32 {
        let mut datagram = vec![(n % 256) as u8; (n % 400) as usize];
        if n % 3 == 0 && datagram.len() >= 20 {
            datagram[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
        }
        stranger.send_to(&datagram, endpoint.address()).await.unwrap();
    }
    for _ in 0..20 {
        use tokio::io::AsyncWriteExt;
        let mut stream = tokio::net::TcpStream::connect(endpoint.address()).await.unwrap();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
    }
    peer.speak(&tone(10)).await;
    assert!(matches!(timeout(LONG, call.leg.inbound.recv()).await.unwrap(), Some(Inbound::Audio(_))));
    peer.say(r#"{"type":"hang-up"}"#).await;
    assert_eq!(told(&mut call.leg).await, Inbound::HangUp);
    assert_eq!(told(&mut call.leg).await, Inbound::Ended(PeerEnd::HungUp));
    emptied(&endpoint).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_no_longer_waits_for_the_answer_leaves_nothing_behind() {
    let endpoint = endpoint(Settings::default()).await;
    let mut peer = Peer::new(Making::default()).await;
    let offer = peer.offer().await;
    for patience in [0, 200, 1_000, 5_000] {
        let given_up = timeout(Duration::from_micros(patience), endpoint.answer(&offer, Kind::Caller)).await;
        drop(given_up);
    }
    emptied(&endpoint).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_leave_room_for_colleagues() {
    let settings = Settings { listen: ([127, 0, 0, 1], 0).into(), ..Settings::default() };
    let endpoint = Endpoint::bind(&settings, 1, 1).await.unwrap();
    let mut peer = Peer::new(Making::default()).await;
    let offer = peer.offer().await;
    let _caller = endpoint.answer(&offer, Kind::Caller).await.unwrap();
    assert!(matches!(endpoint.answer(&offer, Kind::Caller).await.err(), Some(AnswerError::Full)));
    assert!(endpoint.answer(&offer, Kind::Desk).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_answered_leaves_nothing_behind() {
    let endpoint = endpoint(Settings::default()).await;
    let mut peer = Peer::new(Making::default()).await;
    let offer = peer.offer().await;
    let broken = [
        "hello".to_owned(),
        offer.replace("opus/48000", "PCMU/8000"),
        offer.replace("a=fingerprint:sha-256", "a=finger:"),
        offer.replace("a=sendrecv", "a=sendonly"),
        offer.replace("a=setup:actpass", "a=setup:perhaps").replace("m=audio 9", "m=audio nine"),
    ];
    for (n, text) in broken.iter().enumerate() {
        let refused = endpoint.answer(text, Kind::Caller).await.err();
        assert!(matches!(refused, Some(AnswerError::Sdp(_))), "{n}: {refused:?}");
    }
    emptied(&endpoint).await;
    // Answered, and never connected: gone with its leg.
    let answer = endpoint.answer(&offer, Kind::Desk).await.unwrap();
    assert!(!answer.leg.profile.shows);
    assert_eq!(endpoint.census().connections, 1);
    drop(answer);
    emptied(&endpoint).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_calls_one_after_the_other_leave_nothing_behind() {
    let endpoint = endpoint(Settings::default()).await;
    for n in 0..50 {
        let (mut peer, mut call) = Peer::call(&endpoint, Making::default()).await;
        peer.speak(&tone(2)).await;
        assert!(matches!(timeout(LONG, call.leg.inbound.recv()).await.unwrap(), Some(Inbound::Audio(_))), "call {n}");
        if n % 2 == 0 {
            drop(call.leg);
        } else {
            peer.connection.close().await.unwrap();
            assert_eq!(told(&mut call.leg).await, Inbound::Ended(PeerEnd::HungUp));
        }
        peer.connection.close().await.unwrap();
    }
    emptied(&endpoint).await;
}
