//! Twilio's messages become the contract's, each once and in order, and malformed ones end the leg without a word of what was in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use candor::transport::twilio::leg::{Ended, Violation};
use candor::transport::twilio::{Event, MediaFormat, Message};
use candor::transport::{Evidence, Inbound, Limits, Mark, Outbound, Pacing, PeerEnd, TokenError};
use futures_util::SinkExt;
use proptest::prelude::*;
use serde_json::json;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::twilio_peer::{Server, dtmf, heard, heard_to_the_end, media, start};

const FRAME: [u8; 160] = [0x7f; 160];

#[test]
fn documented_messages_are_read_with_numbers_as_text_or_as_numbers() {
    let media = |number: &str| {
        format!(
            r#"{{"event":"media","sequenceNumber":{number},"media":{{"track":"inbound","chunk":{number},"timestamp":{number},"payload":"\/38="}},"streamSid":"MZ1"}}"#
        )
    };
    for text in [media("\"3\""), media("3")] {
        let message = Message::parse(&text).unwrap();
        assert_eq!((message.sequence, message.stream_sid.as_deref()), (Some(3), Some("MZ1")));
        let payload = Bytes::from_static(&[0xff, 0x7f]);
        assert_eq!(message.event, Event::Media { inbound: true, chunk: 3, timestamp: Some(3), payload });
    }
    let started = Message::parse(&start("secret").to_string()).unwrap();
    let Event::Start { format, parameters, .. } = started.event else { panic!("not a start") };
    assert_eq!(format, MediaFormat { encoding: "audio/x-mulaw".into(), sample_rate: 8000, channels: 1 });
    assert_eq!(parameters["token"], "secret");
    let connected = Message::parse(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#).unwrap();
    assert_eq!((connected.sequence, connected.stream_sid), (None, None));
    assert_eq!(Message::parse(r#"{"event":"novelty","media":7}"#).unwrap().event, Event::Unknown);
}

#[test]
fn a_malformed_message_is_named_and_never_quoted() {
    let wrong = [
        ("canary 4711", "not a JSON object"),
        ("[\"canary 4711\"]", "not a JSON object"),
        (r#"{"event":17,"x":"canary 4711"}"#, "not a JSON object"),
        (r#"{"event":"media","media":"canary 4711"}"#, "`media` message has a part of the wrong type"),
        (r#"{"event":"media","media":{"chunk":"canary 4711","payload":""}}"#, "wrong type"),
        (r#"{"event":"media","media":{"chunk":"1","payload":"canary 4711!"}}"#, "not base64"),
        (r#"{"event":"media","media":{"chunk":"1"}}"#, "`media` message has no `media.payload`"),
        (r#"{"event":"dtmf","dtmf":{"digit":["canary 4711"]}}"#, "`dtmf` message has a part of the wrong type"),
        (r#"{"event":"dtmf"}"#, "no `dtmf.digit`"),
        (r#"{"event":"mark","mark":{}}"#, "no `mark.name`"),
        (r#"{"event":"start","start":{"callSid":"CA1"}}"#, "no `start.mediaFormat`"),
        (r#"{"event":"media","event":"media"}"#, "not a JSON object"),
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
fn debug_output_holds_neither_sound_nor_keys() {
    let pressed = Message::parse(&dtmf(2, "7").to_string()).unwrap();
    assert_eq!(pressed.event, Event::Dtmf(Some('7')));
    assert_eq!(format!("{pressed:?} {:?}", pressed.event), "Message(dtmf, sequence Some(2)) dtmf");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,300}") {
        let _ = Message::parse(&text);
    }

    #[test]
    fn any_json_near_a_message_is_read_or_refused(
        event in "connected|start|media|dtmf|mark|stop|other",
        number in prop_oneof!["[0-9]{0,25}".prop_map(|text| json!(text)), any::<i64>().prop_map(|n| json!(n)), any::<f64>().prop_map(|n| json!(n)), Just(json!(null)), Just(json!([]))],
        text in ".{0,40}",
        part in "start|media|dtmf|mark|streamSid",
    ) {
        let message = json!({
            "event": event, "sequenceNumber": number, part: {"callSid": text, "chunk": number, "payload": text, "digit": text, "name": number},
        });
        let _ = Message::parse(&message.to_string());
    }
}

#[tokio::test]
async fn sound_keys_and_the_end_reach_the_session_in_order() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    assert_eq!((leg.profile.name, leg.profile.pacing, leg.profile.evidence), ("twilio", Pacing::Peer, Evidence::Peer));
    peer.sound(&FRAME).await;
    for key in ["1", "*", "#", "A", "12", ""] {
        peer.press(key).await;
    }
    peer.sound(&FRAME[..138]).await;
    peer.stop().await;
    assert_eq!(peer.close_code().await, Some(1000));
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

#[tokio::test]
async fn replayed_and_late_messages_change_nothing() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    let frame = |level: u8| [level; 160];
    peer.send(&media(2, 1, &frame(1))).await;
    peer.send(&dtmf(3, "1")).await;
    peer.send(&dtmf(3, "1")).await; // the same key again: a replay
    peer.send(&media(5, 3, &frame(3))).await;
    peer.send(&media(4, 2, &frame(2))).await; // late: what follows it has been heard
    peer.send(&media(5, 3, &frame(3))).await; // a replay
    peer.send(&media(8, 3, &frame(4))).await; // the same chunk under another number
    peer.send(&dtmf(7, "2")).await; // late, but a key counts
    peer.send(&media(9, 4, &frame(5))).await;
    peer.sequence = 9;
    peer.stop().await;
    let audio = |level: u8| Inbound::Audio(Bytes::copy_from_slice(&frame(level)));
    assert_eq!(
        heard_to_the_end(&mut leg).await,
        [audio(1), Inbound::Key('1'), audio(3), Inbound::Key('2'), audio(5), Inbound::Ended(PeerEnd::HungUp)]
    );
}

#[tokio::test]
async fn what_the_session_says_becomes_messages_and_marks_tell_what_was_heard() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    for said in
        [Outbound::Audio(Bytes::from_static(&[0xff, 0x7f])), Outbound::Mark(Mark(1)), Outbound::Mark(Mark(2)), Outbound::Clear]
    {
        leg.outbound.send(said).await.unwrap();
    }
    let stream_sid = crate::twilio_peer::STREAM;
    assert_eq!(peer.hear().await, json!({"event": "media", "streamSid": stream_sid, "media": {"payload": "/38="}}));
    let (first, second) = (peer.hear().await, peer.hear().await);
    let name = |mark: &serde_json::Value| mark["mark"]["name"].as_str().unwrap().to_owned();
    assert_eq!(peer.hear().await, json!({"event": "clear", "streamSid": stream_sid}));

    // Cleared from the moment the clear was sent, whether the peer returns the marks (as Twilio does) or not.
    assert_eq!(heard(&mut leg).await, Inbound::Cleared(Mark(1)));
    assert_eq!(heard(&mut leg).await, Inbound::Cleared(Mark(2)));
    peer.mark("not ours").await;
    peer.mark(&name(&first)).await;
    peer.mark(&name(&second)).await;
    peer.mark(&name(&second)).await;

    leg.outbound.send(Outbound::Mark(Mark(3))).await.unwrap();
    let third = peer.hear().await;
    peer.mark(&name(&third)).await;
    assert_eq!(heard(&mut leg).await, Inbound::Played(Mark(3)));
}

#[tokio::test]
async fn end_sends_what_was_said_before_it_and_closes_in_an_orderly_manner() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    for _ in 0..50 {
        leg.outbound.send(Outbound::Audio(Bytes::copy_from_slice(&FRAME))).await.unwrap();
    }
    leg.outbound.send(Outbound::End).await.unwrap();
    let mut heard = 0;
    while heard < 50 * FRAME.len() {
        heard += sound_of(&peer.hear().await).len();
    }
    assert_eq!(heard, 50 * FRAME.len());
    assert_eq!(peer.close_code().await, Some(1000));
    assert_eq!(heard_to_the_end(&mut leg).await, [], "an end that we asked for is not reported");
    assert_eq!(server.ended().await, Ended::Asked);
}

/// The sound of a message, which holds nothing else.
fn sound_of(message: &serde_json::Value) -> Vec<u8> {
    assert_eq!(message["event"], "media", "{message}");
    BASE64.decode(message["media"]["payload"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn sound_that_waits_is_sent_together_and_nothing_changes_places() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, leg) = server.call().await;
    let frames: Vec<_> = (0..12).map(|level| [level; 160]).collect();
    let audio = |frame: &[u8; 160]| Outbound::Audio(Bytes::copy_from_slice(frame));
    let mut said: Vec<_> = frames[..11].iter().map(audio).collect();
    said.extend([Outbound::Mark(Mark(1)), Outbound::Clear, audio(&frames[11]), Outbound::Mark(Mark(2))]);
    // All at once, before the writing direction has its next turn.
    said.into_iter().for_each(|said| leg.outbound.try_send(said).unwrap());
    let (mut sound, mut lengths, mut others) = (Vec::new(), Vec::new(), Vec::new());
    while others.len() < 3 {
        let message = peer.hear().await;
        if message["event"] == "media" {
            let more = sound_of(&message);
            lengths.push(more.len());
            sound.extend(more);
        } else {
            others.push((sound.len(), message["event"].as_str().unwrap().to_owned()));
        }
    }
    assert_eq!(sound, frames.concat());
    assert_eq!(lengths, [800, 800, 160, 160], "five frames to a message at most");
    let expected = [(11 * 160, "mark"), (11 * 160, "clear"), (12 * 160, "mark")];
    assert_eq!(others, expected.map(|(after, event)| (after, event.to_owned())));
}

#[tokio::test]
async fn a_session_that_is_gone_closes_so_that_the_call_goes_on() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, leg) = server.call().await;
    drop(leg);
    assert_eq!(peer.close_code().await, Some(1000));
    assert_eq!(server.ended().await, Ended::Asked);
}

#[tokio::test]
async fn a_broken_connection_is_lost_and_a_close_is_a_hang_up() {
    let mut server = Server::start(Limits::default()).await;
    let (peer, mut leg) = server.call().await;
    drop(peer);
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Lost));
    let (mut peer, mut leg) = server.call().await;
    peer.socket.close(None).await.unwrap();
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::HungUp));
}

#[tokio::test]
async fn garbage_ends_the_leg_with_a_code_that_says_so() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    peer.socket.send(tungstenite::Message::text("{garbage")).await.unwrap();
    assert_eq!(peer.close_code().await, Some(1007));
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Violation));
    assert!(matches!(server.ended().await, Ended::Violation(Violation::Message(_))));

    let (mut peer, mut leg) = server.call().await;
    peer.socket.send(tungstenite::Message::binary(vec![0; 160])).await.unwrap();
    assert_eq!(peer.close_code().await, Some(1003));
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Violation));
    assert_eq!(server.ended().await, Ended::Violation(Violation::Binary));
}

#[tokio::test]
async fn text_that_is_not_utf_8_ends_the_leg() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    let wrong = Frame::message(vec![b'{', 0xff, 0xfe], OpCode::Data(Data::Text), true);
    peer.socket.send(tungstenite::Message::Frame(wrong)).await.unwrap();
    assert_eq!(peer.close_code().await, Some(1007));
    assert_eq!(heard(&mut leg).await, Inbound::Ended(PeerEnd::Violation));
}

#[tokio::test]
async fn a_token_opens_one_stream_of_its_own_call() {
    let mut server = Server::start(Limits::default()).await;
    let token = server.token();
    let mut first = server.connect().await;
    first.begin(&token).await;
    let (_, leg) = server.leg().await;
    let mut again = server.connect().await;
    again.begin(&token).await;
    assert_eq!(again.close_code().await, Some(1008));
    assert_eq!(server.ended().await, Ended::Violation(Violation::Token(TokenError::Unknown)));
    drop(leg);
    assert_eq!(first.close_code().await, Some(1000));
    assert_eq!(server.ended().await, Ended::Asked);

    let mut other = server.connect().await;
    let mut message = start(&server.token());
    message["start"]["callSid"] = "CAffffffffffffffffffffffffffffffff".into();
    other.send(&json!({"event": "connected", "protocol": "Call", "version": "1.0.0"})).await;
    other.send(&message).await;
    assert_eq!(other.close_code().await, Some(1008));
    assert_eq!(server.ended().await, Ended::Violation(Violation::OtherCall));
    assert!(!server.has_leg());
}

#[tokio::test]
async fn a_stream_that_does_not_begin_as_documented_gets_no_session() {
    let mut server = Server::start(Limits::default()).await;
    let connected = json!({"event": "connected", "protocol": "Call", "version": "1.0.0"});
    let changed = |path: &str, value: serde_json::Value| {
        let mut message = start(&server.token());
        *message.pointer_mut(path).unwrap() = value;
        message
    };
    let cases = [
        (vec![start("x")], Violation::OutOfPlace("start")),
        (vec![media(1, 1, &FRAME)], Violation::OutOfPlace("media")),
        (vec![connected.clone(), connected.clone()], Violation::OutOfPlace("connected")),
        (vec![json!({"event": "connected", "protocol": "Other", "version": "1.0.0"})], Violation::Protocol),
        (vec![json!({"event": "connected", "protocol": "Call", "version": "2.0.0"})], Violation::Protocol),
        (vec![connected.clone(), changed("/start/mediaFormat/sampleRate", 16000.into())], Violation::Format),
        (vec![connected.clone(), changed("/start/mediaFormat/encoding", "audio/L16".into())], Violation::Format),
        (vec![connected.clone(), changed("/start/customParameters", json!({}))], Violation::NoToken),
        (vec![connected.clone(), changed("/start/callSid", "CA\n1".into())], Violation::Id),
        (vec![connected.clone(), changed("/streamSid", "MZother".into())], Violation::OtherStream),
        (vec![connected.clone(), start("guessed")], Violation::Token(TokenError::Unknown)),
    ];
    for (messages, expected) in cases {
        let mut peer = server.connect().await;
        for message in messages {
            peer.send(&message).await;
        }
        assert_eq!(peer.close_code().await, Some(1008), "{expected}");
        assert_eq!(server.ended().await, Ended::Violation(expected));
    }
    assert!(!server.has_leg());
}

#[tokio::test]
async fn a_started_stream_stays_the_one_that_it_is() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, _leg) = server.call().await;
    let mut other = media(2, 1, &FRAME);
    other["streamSid"] = "MZother".into();
    peer.send(&other).await;
    assert_eq!(peer.close_code().await, Some(1008));
    assert_eq!(server.ended().await, Ended::Violation(Violation::OtherStream));

    let (mut peer, _leg) = server.call().await;
    let mut second = start(&server.token());
    second["sequenceNumber"] = "2".into();
    peer.send(&second).await;
    assert_eq!(peer.close_code().await, Some(1008));
    assert_eq!(server.ended().await, Ended::Violation(Violation::OutOfPlace("start")));
}

#[tokio::test]
async fn unknown_events_and_the_other_track_are_passed_over() {
    let mut server = Server::start(Limits::default()).await;
    let (mut peer, mut leg) = server.call().await;
    peer.send(&json!({"event": "novelty", "media": 3, "sequenceNumber": {}})).await;
    let mut agent = media(2, 1, &FRAME);
    agent["media"]["track"] = "outbound".into();
    peer.send(&agent).await;
    peer.send(&dtmf(3, "5")).await;
    assert_eq!(heard(&mut leg).await, Inbound::Key('5'));
}
