//! Asterisk's events become the contract's, in both of their forms, and what the session says becomes commands and sound that Asterisk takes.

use std::time::Duration;

use bytes::Bytes;
use candor::transport::asterisk::leg::{Ended, Violation};
use candor::transport::asterisk::{Event, Form, MarkCommand, MediaStart, Message};
use candor::transport::wire_sound::WireCodec;
use candor::transport::{Evidence, Inbound, Leg, Limits, Mark, Outbound, Pacing, PeerEnd};
use futures_util::SinkExt;
use proptest::prelude::*;
use serde_json::json;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::asterisk_peer::{CHANNEL, Peer, Said, Server, media_start};
use crate::twilio_peer::{heard, heard_to_the_end};

const FRAME: [u8; 160] = [0x7f; 160];

fn said(command: &str, id: &str) -> Said {
    Said::Command(command.into(), id.into())
}

fn audio(sound: &[u8]) -> Outbound {
    Outbound::Audio(Bytes::copy_from_slice(sound))
}

#[test]
fn events_are_read_in_both_forms() {
    let start = MediaStart { format: "slin16".into(), optimal_frame_size: 640, ptime: Some(20) };
    let pairs = [
        (
            media_start("slin16", 640).to_string(),
            format!(
                "MEDIA_START connection_id:bot channel:WebSocket/bot/0x7f29 channel_id:{CHANNEL} format:slin16 optimal_frame_size:640 ptime:20"
            ),
            Event::Start(start),
        ),
        (
            json!({"event": "DTMF_END", "channel_id": CHANNEL, "digit": "#"}).to_string(),
            format!("DTMF_END digit:# channel_id:{CHANNEL}"),
            Event::Key(Some('#')),
        ),
        (
            json!({"event": "DTMF_END", "channel_id": CHANNEL, "digit": "A"}).to_string(),
            format!("DTMF_END digit:A channel_id:{CHANNEL}"),
            Event::Key(None),
        ),
        (
            json!({"event": "MEDIA_MARK_PROCESSED", "correlation_id": "0.1"}).to_string(),
            "MEDIA_MARK_PROCESSED 0.1".into(),
            Event::MarkProcessed("0.1".into()),
        ),
        (
            json!({"event": "MEDIA_BUFFERING_COMPLETED", "correlation_id": "0.1"}).to_string(),
            "MEDIA_BUFFERING_COMPLETED 0.1".into(),
            Event::BufferingCompleted("0.1".into()),
        ),
        (
            json!({"event": "MEDIA_BUFFERING_COMPLETED"}).to_string(),
            "MEDIA_BUFFERING_COMPLETED".into(),
            Event::BufferingCompleted(String::new()),
        ),
        (json!({"event": "MEDIA_XOFF"}).to_string(), "MEDIA_XOFF".into(), Event::Xoff),
        (json!({"event": "MEDIA_XON"}).to_string(), "MEDIA_XON ".into(), Event::Xon),
        (json!({"event": "QUEUE_DRAINED"}).to_string(), "QUEUE_DRAINED".into(), Event::QueueDrained),
        (
            json!({"event": "STATUS", "queue_length": 100, "queue_full": false}).to_string(),
            format!("STATUS channel_id:{CHANNEL} queue_length:100 xon_level:800"),
            Event::Status,
        ),
        (
            json!({"event": "ERROR", "error_text": "MARK_MEDIA not supported in passthrough mode"}).to_string(),
            format!("ERROR channel_id:{CHANNEL} error_text:MARK_MEDIA not supported in passthrough mode"),
            Event::Error { passthrough: true },
        ),
        (
            json!({"event": "ERROR", "error_text": "Unable to parse JSON command"}).to_string(),
            "ERROR".into(),
            Event::Error { passthrough: false },
        ),
        (json!({"event": "NOVELTY", "digit": 7}).to_string(), "NOVELTY digit:7".into(), Event::Unknown),
    ];
    for (json, plain, event) in pairs {
        for (text, form) in [(json, Form::Json), (plain, Form::PlainText)] {
            let message = Message::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((message.event, message.form), (event.clone(), form), "{text}");
            assert!(message.channel_id.is_none_or(|id| id == CHANNEL), "{text}");
        }
    }
}

#[test]
fn a_malformed_message_is_named_and_never_quoted() {
    let wrong = [
        ("", "neither a JSON object"),
        ("canary 4711", "neither a JSON object"),
        ("{canary 4711", "neither a JSON object"),
        (r#"["canary 4711"]"#, "neither a JSON object"),
        (r#"{"event":4711}"#, "neither a JSON object"),
        ("MEDIA_START format:ulaw", "`MEDIA_START` event has no `optimal_frame_size`"),
        ("MEDIA_START format:ulaw optimal_frame_size:canary4711", "wrong type"),
        (r#"{"event":"MEDIA_START","format":"ulaw","optimal_frame_size":"canary4711"}"#, "wrong type"),
        (r#"{"event":"MEDIA_START","optimal_frame_size":160}"#, "no `format`"),
        (r#"{"event":"DTMF_END","digit":["canary 4711"]}"#, "`DTMF_END` event has a part of the wrong type"),
        ("DTMF_END channel_id:4711", "no `digit`"),
        (r#"{"event":"MEDIA_MARK_PROCESSED"}"#, "no `correlation_id`"),
    ];
    for (text, expected) in wrong {
        let error = Message::parse(text).unwrap_err();
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains("canary") && !shown.contains("4711"), "{shown}");
        }
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
}

#[test]
fn debug_output_holds_no_key_and_no_id() {
    let pressed = Message::parse(&format!("DTMF_END digit:7 channel_id:{CHANNEL}")).unwrap();
    assert_eq!(format!("{pressed:?} {:?}", pressed.event), "Message(dtmf-end, PlainText) dtmf-end");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,300}") {
        let _ = Message::parse(&text);
    }

    #[test]
    fn anything_near_an_event_is_read_or_refused(
        event in "MEDIA_START|DTMF_END|MEDIA_MARK_PROCESSED|MEDIA_BUFFERING_COMPLETED|ERROR|STATUS|OTHER",
        key in "format|optimal_frame_size|ptime|digit|correlation_id|channel_id|error_text",
        value in prop_oneof![".{0,40}".prop_map(|text| json!(text)), any::<i64>().prop_map(|n| json!(n)), Just(json!(null)), Just(json!([]))],
    ) {
        let _ = Message::parse(&json!({"event": event, &key: value}).to_string());
        let _ = Message::parse(&format!("{event} {key}:{value}"));
    }
}

#[tokio::test]
async fn sound_keys_and_the_end_reach_the_session_in_order() {
    for json in [true, false] {
        let mut server = Server::start(Limits::default()).await;
        let (mut peer, mut leg) = server.call(json, "ulaw", 160).await;
        assert_eq!((leg.profile.name, leg.profile.pacing, leg.profile.evidence), ("asterisk", Pacing::Peer, Evidence::Peer));
        peer.sound(&FRAME).await;
        for key in ["1", "*", "#", "A", "12"] {
            peer.press(key).await;
        }
        peer.sound(&FRAME[..138]).await; // Asterisk sends short frames now and then
        peer.sound(&[]).await;
        peer.socket.close(None).await.unwrap();
        assert_eq!(
            heard_to_the_end(&mut leg).await,
            [
                Inbound::Audio(Bytes::copy_from_slice(&FRAME)),
                Inbound::Key('1'),
                Inbound::Key('*'),
                Inbound::Key('#'),
                Inbound::Audio(Bytes::copy_from_slice(&FRAME[..138])),
                Inbound::Ended(PeerEnd::HungUp),
            ]
        );
        assert_eq!(server.ended().await, Ended::Peer(PeerEnd::HungUp));
    }
}

#[tokio::test]
async fn a_leg_is_answered_and_asked_for_marks_before_anything_is_said() {
    let mut server = Server::start(Limits::default()).await;
    let mut peer = server.connect(true).await;
    peer.start("ulaw", 160).await;
    let (accepted, leg) = server.leg().await;
    assert_eq!((accepted.form, accepted.codec, accepted.frame_bytes), (Form::Json, WireCodec::Ulaw, 160));
    assert_eq!(accepted.channel_id.as_deref(), Some(CHANNEL));
    leg.outbound.send(audio(&FRAME)).await.unwrap();
    assert_eq!(peer.hear().await, said("ANSWER", ""));
    assert_eq!(peer.hear().await, said("MARK_MEDIA", "probe"));
    assert_eq!(peer.hear().await, said("STOP_MEDIA_BUFFERING", "probe"));
    assert_eq!(peer.hear().await, said("START_MEDIA_BUFFERING", ""));
    assert_eq!(peer.hear().await, Said::Sound(FRAME.to_vec()));
    for (marks, first) in
        [(MarkCommand::Mark, ["ANSWER", "START_MEDIA_BUFFERING"]), (MarkCommand::Buffering, ["ANSWER", "START_MEDIA_BUFFERING"])]
    {
        let mut server = Server::with(Limits::default(), marks, false).await;
        let mut peer = server.connect(false).await;
        peer.start("ulaw", 160).await;
        assert_eq!(peer.commands(2).await, first, "what is configured need not be found out");
        drop(server.leg().await);
    }
}

/// Waits until the leg has taken what was sent before.
async fn settled(peer: &mut Peer, leg: &mut Leg) {
    peer.press("9").await;
    assert_eq!(heard(leg).await, Inbound::Key('9'));
}

/// Says a frame and a mark, and gives the mark's name and the commands that asked for it.
async fn marked(peer: &mut Peer, leg: &Leg, mark: u64, commands: usize) -> (String, Vec<String>) {
    leg.outbound.send(audio(&FRAME)).await.unwrap();
    leg.outbound.send(Outbound::Mark(Mark(mark))).await.unwrap();
    assert_eq!(peer.hear().await, Said::Sound(FRAME.to_vec()));
    let (mut name, mut asked) = (String::new(), Vec::new());
    for _ in 0..commands {
        let (command, id) = peer.command().await;
        if !id.is_empty() {
            name = id;
        }
        asked.push(command);
    }
    (name, asked)
}

#[tokio::test]
async fn a_version_with_marks_is_asked_by_marks() {
    for json in [true, false] {
        let mut server = Server::start(Limits::default()).await;
        let (mut peer, mut leg) = server.call(json, "ulaw", 160).await;
        peer.mark("probe").await;
        peer.completed("probe").await;
        settled(&mut peer, &mut leg).await;
        let (name, asked) = marked(&mut peer, &leg, 1, 1).await;
        assert_eq!(asked, ["MARK_MEDIA"]);
        peer.mark(&name).await;
        assert_eq!(heard(&mut leg).await, Inbound::Played(Mark(1)));
    }
}

#[tokio::test]
async fn a_version_without_marks_is_asked_by_the_end_of_a_buffer() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call(false, "ulaw", 160).await;
    peer.completed("probe").await;
    settled(&mut peer, &mut leg).await;
    for mark in 1..=2 {
        let (name, asked) = marked(&mut peer, &leg, mark, 2).await;
        assert_eq!(asked, ["STOP_MEDIA_BUFFERING", "START_MEDIA_BUFFERING"], "what follows is buffered again");
        peer.completed(&name).await;
        assert_eq!(heard(&mut leg).await, Inbound::Played(Mark(mark)));
    }
}

#[tokio::test]
async fn marks_that_were_refused_are_asked_for_once_more_by_the_end_of_a_buffer() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call(true, "ulaw", 160).await;
    peer.mark("probe").await;
    settled(&mut peer, &mut leg).await;
    let (first, _) = marked(&mut peer, &leg, 1, 1).await;
    peer.error("MARK_MEDIA is unknown").await;
    assert_eq!(peer.hear().await, said("STOP_MEDIA_BUFFERING", &first));
    assert_eq!(peer.hear().await, said("START_MEDIA_BUFFERING", ""));
    peer.completed(&first).await;
    assert_eq!(heard(&mut leg).await, Inbound::Played(Mark(1)));
    let (second, asked) = marked(&mut peer, &leg, 2, 2).await;
    assert_eq!(asked[0], "STOP_MEDIA_BUFFERING");
    peer.completed(&second).await;
    assert_eq!(heard(&mut leg).await, Inbound::Played(Mark(2)));
}

#[tokio::test]
async fn a_clear_flushes_and_what_it_threw_away_was_not_played() {
    for json in [true, false] {
        let mut server = Server::with(Limits::default(), MarkCommand::Mark, false).await;
        let (mut peer, mut leg) = server.call(json, "ulaw", 160).await;
        let (first, _) = marked(&mut peer, &leg, 1, 1).await;
        let (second, _) = marked(&mut peer, &leg, 2, 1).await;
        peer.mark(&first).await;
        assert_eq!(heard(&mut leg).await, Inbound::Played(Mark(1)));
        leg.outbound.send(Outbound::Clear).await.unwrap();
        assert_eq!(peer.commands(3).await, ["FLUSH_MEDIA", "CONTINUE_MEDIA", "START_MEDIA_BUFFERING"]);
        // Asterisk never reports a mark that it has flushed.
        assert_eq!(heard(&mut leg).await, Inbound::Cleared(Mark(2)));
        // One that comes back all the same proves nothing.
        for name in [&second, &first, "not ours", ""] {
            peer.mark(name).await;
            peer.completed(name).await;
        }
        let (third, _) = marked(&mut peer, &leg, 3, 1).await;
        assert_ne!(third.split_once('.').unwrap().0, second.split_once('.').unwrap().0);
        peer.mark(&third).await;
        assert_eq!(heard(&mut leg).await, Inbound::Played(Mark(3)));
    }
}

#[tokio::test]
async fn a_mark_comes_behind_all_of_its_sound_also_where_it_is_no_whole_frame() {
    let mut server = Server::with(Limits::default(), MarkCommand::Mark, false).await;
    let (mut peer, mut leg) = server.call(true, "ulaw", 160).await;
    leg.outbound.send(audio(&FRAME[..100])).await.unwrap();
    leg.outbound.send(Outbound::Mark(Mark(1))).await.unwrap();
    assert_eq!(peer.hear().await, Said::Sound(FRAME[..100].to_vec()));
    assert_eq!(peer.hear().await, said("STOP_MEDIA_BUFFERING", ""));
    assert_eq!(peer.hear().await, said("START_MEDIA_BUFFERING", ""));
    assert_eq!(peer.hear().await, said("MARK_MEDIA", "0.1"));
    peer.completed("").await;
    peer.mark("0.1").await;
    assert_eq!(heard(&mut leg).await, Inbound::Played(Mark(1)));
}

#[tokio::test]
async fn sound_is_translated_to_and_from_the_wires_codec() {
    let level = |ulaw: u8| audio_codec_algorithms::decode_ulaw(ulaw);
    for (format, frame) in
        [("alaw", 160), ("slin", 320), ("slin12", 480), ("slin16", 640), ("slin24", 960), ("slin48", 1920), ("slin192", 7680)]
    {
        let mut server = Server::start(Limits::default()).await;
        let (mut peer, mut leg) = server.call(true, format, frame).await;
        // A steady level: whatever a resampler does to it, it stays.
        let wire = |ulaw: u8| match format {
            "alaw" => vec![audio_codec_algorithms::encode_alaw(level(ulaw)); frame],
            _ => level(ulaw).to_le_bytes().repeat(frame / 2),
        };
        for _ in 0..20 {
            peer.sound(&wire(0x20)).await;
        }
        let mut sound = Vec::new();
        while sound.len() < 160 * 18 {
            let Inbound::Audio(more) = heard(&mut leg).await else { panic!("not sound") };
            sound.extend_from_slice(&more);
        }
        let near = |wanted: i16, found: i16| (i32::from(wanted) - i32::from(found)).abs() < i32::from(wanted).abs() / 10 + 50;
        assert!(near(level(0x20), level(sound[160 * 12])), "{format} to the session: {}", level(sound[160 * 12]));
        for _ in 0..20 {
            leg.outbound.send(audio(&[0x20; 160])).await.unwrap();
        }
        let mut back = Vec::new();
        while back.len() < frame * 18 {
            let Said::Sound(more) = peer.hear().await else { continue };
            back.extend(more);
        }
        let middle = frame * 12;
        let found = match format {
            "alaw" => audio_codec_algorithms::decode_alaw(back[middle]),
            _ => i16::from_le_bytes([back[middle], back[middle + 1]]),
        };
        assert!(near(level(0x20), found), "{format} to the wire: {found}");
    }
}

#[tokio::test]
async fn while_the_queue_is_full_sound_waits_and_then_goes_out_in_its_order() {
    let mut server = Server::with(Limits::default(), MarkCommand::Mark, false).await;
    let (mut peer, mut leg) = server.call(true, "ulaw", 160).await;
    peer.simple("MEDIA_XOFF").await;
    settled(&mut peer, &mut leg).await;
    for mark in 1..=3u64 {
        leg.outbound.send(audio(&[mark as u8; 160])).await.unwrap();
        leg.outbound.send(Outbound::Mark(Mark(mark))).await.unwrap();
    }
    let nothing = tokio::time::timeout(Duration::from_millis(300), peer.hear()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    peer.simple("MEDIA_XON").await;
    for mark in 1..=3u64 {
        assert_eq!(peer.hear().await, Said::Sound(vec![mark as u8; 160]));
        assert_eq!(peer.hear().await, said("MARK_MEDIA", &format!("0.{mark}")));
    }
    // What waits is thrown away by a clear like the rest.
    peer.simple("MEDIA_XOFF").await;
    settled(&mut peer, &mut leg).await;
    leg.outbound.send(audio(&[9; 160])).await.unwrap();
    leg.outbound.send(Outbound::Mark(Mark(4))).await.unwrap();
    leg.outbound.send(Outbound::Clear).await.unwrap();
    assert_eq!(peer.commands(3).await[0], "FLUSH_MEDIA");
    for mark in 1..=4 {
        assert_eq!(heard(&mut leg).await, Inbound::Cleared(Mark(mark)));
    }
    peer.simple("MEDIA_XON").await;
    leg.outbound.send(audio(&[8; 160])).await.unwrap();
    assert_eq!(peer.hear().await, Said::Sound(vec![8; 160]));
}

#[tokio::test]
async fn more_than_ten_seconds_of_sound_do_not_wait() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call(true, "ulaw", 160).await;
    peer.simple("MEDIA_XOFF").await;
    settled(&mut peer, &mut leg).await;
    for _ in 0..500 {
        leg.outbound.send(audio(&FRAME)).await.unwrap();
    }
    settled(&mut peer, &mut leg).await;
    leg.outbound.send(audio(&FRAME)).await.unwrap();
    assert_eq!(peer.close_code().await, Some(1008));
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Violation));
    assert_eq!(server.ended().await, Ended::Violation(Violation::NotPlaying));
}

#[tokio::test]
async fn no_message_of_sound_is_longer_than_the_connection_survives() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, leg) = server.call(true, "slin16", 640).await;
    leg.outbound.send(audio(&vec![0xff; 40_000])).await.unwrap();
    let mut bytes = 0;
    while bytes < 160_000 - 2 * 640 {
        let Said::Sound(sound) = peer.hear().await else { continue };
        bytes += sound.len();
    }
}

#[tokio::test]
async fn the_end_hangs_up_when_everything_is_done_that_comes_before_it() {
    let mut server = Server::with(Limits::default(), MarkCommand::Auto, true).await;
    let (mut peer, mut leg) = server.call(true, "ulaw", 160).await;
    leg.outbound.send(audio(&FRAME)).await.unwrap();
    leg.outbound.send(Outbound::End).await.unwrap();
    assert_eq!(peer.hear().await, Said::Sound(FRAME.to_vec()));
    let early = tokio::time::timeout(Duration::from_millis(300), peer.hear()).await;
    assert!(early.is_err(), "{early:?}");
    server.leaves.notify_one();
    assert_eq!(peer.hear().await, said("HANGUP", ""));
    assert_eq!(peer.close_code().await, Some(1000));
    assert_eq!(heard_to_the_end(&mut leg).await, [], "an end that we asked for is not reported");
    assert_eq!(server.ended().await, Ended::Asked);
}

#[tokio::test]
async fn a_peer_that_is_taken_away_meanwhile_does_not_hold_the_end_up() {
    let mut server = Server::with(Limits::default(), MarkCommand::Auto, true).await;
    let (mut peer, leg) = server.call(true, "ulaw", 160).await;
    drop(leg);
    peer.socket.close(None).await.unwrap();
    server.leaves.notify_one();
    assert_eq!(server.ended().await, Ended::Asked);
}

#[tokio::test]
async fn a_broken_connection_is_lost() {
    let mut server = Server::start(Limits::default()).await;
    let (peer, mut leg) = server.call(true, "ulaw", 160).await;
    drop(peer);
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Lost));
    assert_eq!(server.ended().await, Ended::Peer(PeerEnd::Lost));
}

#[tokio::test]
async fn what_asterisk_does_not_do_ends_a_leg_that_has_started() {
    let cases = [
        ("{garbage", 1007, "neither a JSON object"),
        ("garbage", 1007, "neither a JSON object"),
        (r#"{"event":"DTMF_END","channel_id":"1.1","digit":"1"}"#, 1008, "another channel"),
        ("MEDIA_START format:ulaw optimal_frame_size:160", 1008, "where it cannot be"),
        (r#"{"event":"ERROR","error_text":"START_MEDIA_BUFFERING not supported in passthrough mode"}"#, 1003, "dial option p"),
    ];
    let mut server = Server::start(Limits::default()).await;
    for (text, code, reason) in cases {
        let (mut peer, mut leg) = server.call(true, "ulaw", 160).await;
        peer.text(text).await;
        assert_eq!(peer.close_code().await, Some(code), "{text}");
        assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Violation), "{text}");
        let Ended::Violation(violation) = server.ended().await else { panic!("{text}") };
        assert!(violation.to_string().contains(reason), "{violation}");
    }
    let (mut peer, mut leg) = server.call(true, "ulaw", 160).await;
    let wrong = Frame::message(vec![b'{', 0xff, 0xfe], OpCode::Data(Data::Text), true);
    peer.socket.send(tungstenite::Message::Frame(wrong)).await.unwrap();
    assert_eq!(peer.close_code().await, Some(1007));
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Violation));
}

#[tokio::test]
async fn a_leg_that_does_not_begin_as_documented_gets_no_session() {
    let mut server = Server::start(Limits::default()).await;
    let cases = [
        (media_start("opus", 0).to_string(), Violation::Format, 1003),
        (media_start("ulaw", 0).to_string(), Violation::Format, 1003),
        ("MEDIA_XON".into(), Violation::OutOfPlace("media-xon"), 1008),
        ("DTMF_END digit:1".into(), Violation::OutOfPlace("dtmf-end"), 1008),
    ];
    for (text, expected, code) in cases {
        let mut peer = server.connect(true).await;
        // What a later version may say before it does no harm.
        peer.text(r#"{"event":"NOVELTY"}"#).await;
        peer.text(text).await;
        assert_eq!(peer.close_code().await, Some(code), "{expected}");
        assert_eq!(server.ended().await, Ended::Violation(expected));
    }
    let mut peer = server.connect(true).await;
    peer.sound(&FRAME).await;
    assert_eq!(peer.close_code().await, Some(1008));
    assert_eq!(server.ended().await, Ended::Violation(Violation::OutOfPlace("binary")));
    assert!(!server.has_leg());
}
