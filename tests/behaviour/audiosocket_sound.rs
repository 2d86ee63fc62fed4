//! What is heard and said over AudioSocket: at every rate, in pieces of any size, on a clock of our own.

use std::time::{Duration, Instant};

use audio_codec_algorithms::{decode_ulaw, encode_ulaw};
use bytes::Bytes;
use candor::transport::{CHANNEL, Inbound, Leg, Limits, Mark, Outbound, PeerEnd};

use crate::audiosocket_peer::{HANG_UP, Peer, SLIN, SOUNDS, Server, heard, heard_but_sound, share_of, tone};

/// One second of a tone for the session to say, frame by frame.
fn ulaw_tone(hertz: f64) -> Vec<Bytes> {
    let samples = tone(hertz, 8000, 8000);
    samples.chunks(160).map(|frame| frame.iter().map(|&sample| encode_ulaw(sample)).collect()).collect()
}

/// Says frames as a session does: one in each 20 ms.
fn say(leg: &Leg, frames: Vec<Bytes>, then: Vec<Outbound>) -> tokio::task::JoinHandle<()> {
    let outbound = leg.outbound.clone();
    tokio::spawn(async move {
        let mut clock = candor::transport::ticks();
        for frame in frames {
            clock.tick().await;
            outbound.send(Outbound::Audio(frame)).await.unwrap();
        }
        for said in then {
            outbound.send(said).await.unwrap();
        }
    })
}

/// What the session has heard so far, as samples.
async fn heard_samples(leg: &mut Leg, least: usize) -> Vec<i16> {
    let mut samples = Vec::new();
    while samples.len() < least {
        if let Inbound::Audio(ulaw) = heard(leg).await {
            samples.extend(ulaw.iter().map(|&byte| decode_ulaw(byte)));
        }
    }
    samples
}

#[tokio::test]
async fn a_caller_is_heard_at_every_rate_and_hears_the_agent_at_the_same() {
    let mut server = Server::start(Limits::default()).await;
    for (kind, rate) in SOUNDS {
        let (mut peer, mut leg) = server.call().await;
        let frame = rate as usize / 50;
        for samples in tone(700.0, rate, frame * 50).chunks(frame) {
            peer.sound(kind, samples).await;
        }
        let samples = heard_samples(&mut leg, 8000).await;
        assert_eq!(samples.len(), 8000, "a second at {rate} Hz");
        let share = share_of(700.0, 8000, &samples[800..]);
        assert!(share > 0.995, "{share} of what was heard at {rate} Hz");

        let saying = say(&leg, ulaw_tone(440.0), Vec::new());
        let mut said = peer.hear_something().await.samples();
        while said.len() < rate as usize * 8 / 10 {
            let packet = peer.hear().await.unwrap();
            assert_eq!((packet.kind, packet.held.len()), (kind, frame * 2), "at {rate} Hz");
            said.extend(packet.samples());
        }
        let share = share_of(440.0, rate, &said[frame..]);
        assert!(share > 0.99, "{share} of what was said at {rate} Hz");
        saying.await.unwrap();
        drop(leg);
        peer.until_the_end().await;
    }
}

#[tokio::test]
async fn before_the_caller_can_be_heard_the_agent_speaks_as_every_asterisk_understands() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, leg) = server.call().await;
    let saying = say(&leg, ulaw_tone(440.0), Vec::new());
    let packet = peer.hear_something().await;
    assert_eq!((packet.kind, packet.held.len()), (SLIN, 320));
    saying.await.unwrap();
}

#[tokio::test]
async fn packets_of_any_size_are_one_stream() {
    let mut server = Server::start(Limits { burst: 5000, ..Limits::default() }).await;
    for (kind, rate) in [(0x10, 8000), (0x12, 16_000), (0x15, 44_100)] {
        let (mut peer, mut leg) = server.call().await;
        let sound: Vec<u8> = tone(700.0, rate, rate as usize).iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut rest = &sound[..];
        for size in [0, 1, 320, 3, 138, 640, 77, 1001].into_iter().cycle() {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            peer.send(kind, piece).await;
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        let samples = heard_samples(&mut leg, 8000).await;
        let share = share_of(700.0, 8000, &samples[800..]);
        assert!(share > 0.995, "{share} of what was heard at {rate} Hz");
    }
}

#[tokio::test]
async fn a_packet_is_understood_however_the_network_cuts_it() {
    let mut server = Server::start(Limits::default()).await;
    let mut peer = server.connect().await;
    let mut bytes = vec![0x01, 0x00, 0x10];
    bytes.extend_from_slice(server.announce().as_bytes());
    bytes.extend_from_slice(&[0x03, 0x00, 0x01, b'5', 0x03, 0x00, 0x01, b'#', 0x00, 0x00, 0x00]);
    for byte in bytes {
        peer.raw(&[byte]).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut leg = server.leg().await;
    let told = [heard(&mut leg).await, heard(&mut leg).await, heard(&mut leg).await];
    assert_eq!(told, [Inbound::Key('5'), Inbound::Key('#'), Inbound::Ended(PeerEnd::HungUp)]);
}

#[tokio::test]
async fn keys_are_those_of_a_telephone() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    for key in *b"0A19*d# \xff\x00" {
        peer.press(key).await;
    }
    for key in ['0', '1', '9', '*', '#'] {
        assert_eq!(heard(&mut leg).await, Inbound::Key(key));
    }
    peer.hang_up().await;
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::HungUp));
}

#[tokio::test]
async fn packets_of_a_kind_that_is_not_known_are_passed_over() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    for (kind, held) in [(0x02, &b"later"[..]), (0x19, &[0; 1000]), (0x42, &[]), (0xff, &[2]), (0xff, &[])] {
        peer.send(kind, held).await;
    }
    peer.press(b'7').await;
    assert_eq!(heard(&mut leg).await, Inbound::Key('7'));
}

/// How many packets come in this time, and whether all of them were silent.
async fn packets_in(peer: &mut Peer, time: Duration) -> (f64, bool) {
    let (began, mut count, mut silent) = (Instant::now(), 0, true);
    while began.elapsed() < time {
        let packet = peer.hear().await.expect("an open connection");
        silent &= packet.samples().iter().all(|sample| *sample == 0);
        count += 1;
    }
    (f64::from(count) / (began.elapsed().as_secs_f64() * 50.0), silent)
}

#[tokio::test]
async fn while_nothing_is_said_silence_goes_out_fifty_times_a_second() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    // What was sent before we listened is not counted.
    packets_in(&mut peer, Duration::from_millis(200)).await;
    let (rate, silent) = packets_in(&mut peer, Duration::from_secs(3)).await;
    assert!(silent && (0.8..1.1).contains(&rate), "{rate} of what there should be");
    assert!(leg.inbound.try_recv().is_err(), "the session hears nothing of it");
}

#[tokio::test]
async fn what_comes_at_once_is_said_at_the_pace_of_a_telephone_and_in_its_order() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, leg) = server.call().await;
    let frames = (1..=8u8).map(|number| Bytes::from(vec![0x80 | (number << 2); 160]));
    let expected: Vec<i16> = frames.clone().map(|frame| decode_ulaw(frame[0])).collect();
    let began = Instant::now();
    for frame in frames {
        leg.outbound.send(Outbound::Audio(frame)).await.unwrap();
    }
    let mut said = vec![peer.hear_something().await.samples()[0]];
    while said.len() < 8 {
        said.push(peer.hear().await.unwrap().samples()[0]);
    }
    assert_eq!(said, expected);
    // Two in a tick at most, and only while more waits than evens out the clocks.
    assert!(began.elapsed() > Duration::from_millis(4 * 20), "not in a burst");
}

#[tokio::test]
async fn a_mark_is_played_when_the_sound_before_it_has_been_heard() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    let began = Instant::now();
    let saying = say(&leg, ulaw_tone(440.0), vec![Outbound::Mark(Mark(1)), Outbound::Mark(Mark(2))]);
    let listening = async {
        loop {
            peer.hear().await;
        }
    };
    let told = async { [heard_but_sound(&mut leg).await, heard_but_sound(&mut leg).await] };
    tokio::select! {
        () = listening => {}
        told = told => assert_eq!(told, [Inbound::Played(Mark(1)), Inbound::Played(Mark(2))]),
    }
    assert!(began.elapsed() >= Duration::from_millis(980), "a second of sound takes a second");
    saying.await.unwrap();
}

#[tokio::test]
async fn what_is_cleared_is_not_said_and_its_mark_comes_back_as_cleared() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    for _ in 0..8 {
        leg.outbound.send(Outbound::Audio(Bytes::from_static(&[0x10; 160]))).await.unwrap();
    }
    leg.outbound.send(Outbound::Mark(Mark(1))).await.unwrap();
    leg.outbound.send(Outbound::Clear).await.unwrap();
    assert_eq!(heard(&mut leg).await, Inbound::Cleared(Mark(1)));
    leg.outbound.send(Outbound::Mark(Mark(2))).await.unwrap();
    assert_eq!(heard(&mut leg).await, Inbound::Played(Mark(2)));
    leg.outbound.send(Outbound::End).await.unwrap();
    let loud = peer.until_the_end().await.iter().filter(|packet| packet.samples()[0] != 0).count();
    assert!(loud <= 2, "{loud} frames went out after they were cleared");
}

#[tokio::test]
async fn a_caller_who_sends_nothing_is_talked_with_all_the_same() {
    let mut server = Server::start(Limits { idle: Duration::from_millis(300), ..Limits::default() }).await;
    let (mut peer, mut leg) = server.call().await;
    packets_in(&mut peer, Duration::from_secs(1)).await;
    peer.press(b'1').await;
    assert_eq!(heard(&mut leg).await, Inbound::Key('1'));
}

#[tokio::test]
async fn a_session_that_takes_nothing_loses_sound_but_no_key_and_not_the_end() {
    let mut server = Server::start(Limits { burst: 5000, ..Limits::default() }).await;
    let (mut peer, mut leg) = server.call().await;
    for _ in 0..CHANNEL + 100 {
        peer.sound(SLIN, &[0; 160]).await;
    }
    for key in *b"123" {
        peer.press(key).await;
        peer.sound(SLIN, &[0; 160]).await;
    }
    // The agent is still paced.
    let (rate, _) = packets_in(&mut peer, Duration::from_secs(1)).await;
    assert!(rate > 0.7, "{rate} of what there should be");
    peer.send(HANG_UP, &[]).await;
    // A second connection has its say while the first session still takes nothing.
    let (mut other, mut other_leg) = server.call().await;
    other.press(b'9').await;
    assert_eq!(heard(&mut other_leg).await, Inbound::Key('9'));
    let (mut sounds, mut rest) = (0, Vec::new());
    while let Some(inbound) = tokio::time::timeout(Duration::from_secs(10), leg.inbound.recv()).await.expect("an end in time") {
        match inbound {
            Inbound::Audio(_) => sounds += 1,
            other => rest.push(other),
        }
    }
    assert!(sounds <= CHANNEL, "{sounds} frames");
    let keys = ['1', '2', '3'].map(Inbound::Key);
    assert_eq!(rest, keys.into_iter().chain([Inbound::Ended(PeerEnd::HungUp)]).collect::<Vec<_>>());
}
