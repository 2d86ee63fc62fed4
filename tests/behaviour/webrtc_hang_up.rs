//! A caller by WebRTC leaves in every way there is, or is gone and comes back. The recorder never runs for nobody.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::by_key::written_at;
use crate::by_webrtc::{
    agree, hear_the_tone, line, line_through_a_relay, line_with_a_tone, no_session_is_open, opened, seconds_after,
};
use crate::independent_peer::{Peer, PeerCall};
use crate::service::{Service, of_type};
use crate::udp_weather::Weather;

/// The consent that stood is over, and the recorder with it.
fn assert_stopped(events: &[Value], reason: &str, outcome: &str) {
    let stopped = of_type(events, "recorder.stopped");
    assert_eq!(stopped.last().unwrap()["reason"], reason, "{events:#?}");
    assert_eq!(events.last().unwrap()["outcome"], outcome, "{events:#?}");
    assert_eq!(of_type(events, "consent").last().unwrap()["to"], "expired", "{events:#?}");
}

/// Whoever says that they hang up is told what became of every turn, and then that the call is over.
async fn assert_told_how_it_ended(call: &PeerCall) {
    let end = call.notice("ended", |_| true).await;
    assert_eq!(end["notice"]["outcome"], "caller-hung-up");
    let all = |events: &[&Value]| {
        Some(events.iter().filter(|event| event["event"] == "notice").map(|event| event["notice"].clone()).collect::<Vec<_>>())
    };
    let notices = call.until("everything that was told", all).await;
    let of = |name: &str| notices.iter().filter(|notice| notice["type"] == name).map(|notice| notice["turn"].clone()).collect();
    let (turns, mut told): (Vec<Value>, Vec<Value>) = (of("turn"), of("turn-ended"));
    told.sort_by_key(Value::as_u64);
    assert_eq!(told, turns, "{notices:#?}");
    assert_eq!(notices.last().unwrap()["type"], "ended", "{notices:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_up_ends_the_session_however_it_is_done() {
    let service = line().start();
    let Some(peer) = Peer::of(&service.base).await else { return };
    let means = ["channel", "delete", "close"];
    let mut calls = Vec::new();
    for by in means {
        calls.push(peer.call_with(by, json!({"form": if by == "delete" { "json" } else { "sdp" }})).await);
    }
    futures_util::future::join_all(calls.iter().map(agree)).await;
    for (call, by) in calls.iter().zip(means) {
        let left = SystemTime::now();
        call.hang_up(by).await;
        if by == "channel" {
            assert_told_how_it_ended(call).await;
        }
        let session = call.session().await;
        let events = service.closed_of(&session).await;
        assert_stopped(&events, "ended", "caller-hung-up");
        let late = seconds_after(left, written_at(&service, &session, |event| event["type"] == "recorder.stopped"));
        assert!(late < 2.0, "{by}: the recorder stopped {late} s after the caller had left");
    }
    // What ends the call at the server ends it at the caller as well.
    for by in ["channel", "delete"] {
        let call = &calls[means.iter().position(|name| *name == by).unwrap()];
        call.event("connection", |event| event["state"] == "closed" || event["state"] == "failed").await;
    }
    no_session_is_open(&service).await;
}

/// The recorder stopped within two seconds of this moment, because nobody was there.
fn assert_lapsed(service: &Service, session: &str, gone: SystemTime) -> jiff::Timestamp {
    let lapsed = |event: &Value| event["type"] == "recorder.stopped" && event["reason"] == "lapsed";
    let stopped = written_at(service, session, lapsed);
    let late = seconds_after(gone, stopped);
    assert!((0.0..=2.0).contains(&late), "the recorder stopped {late} s after the caller was gone");
    stopped
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_vanishes_stops_the_recorder_at_once_and_the_call_after_fifteen_seconds() {
    let service = line().start();
    let Some(peer) = Peer::of(&service.base).await else { return };
    let call = peer.call("a").await;
    agree(&call).await;
    let session = call.session().await;
    let gone = SystemTime::now();
    peer.kill();
    let events = service.closed_of(&session).await;
    assert_eq!(events.last().unwrap()["outcome"], "connection-lost", "{events:#?}");
    let stopped = assert_lapsed(&service, &session, gone);
    assert_eq!(of_type(&events, "recorder.started").len(), 1);
    let closed = written_at(&service, &session, |event| event["type"] == "session.closed");
    let waited = closed.duration_since(stopped).as_secs_f64();
    assert!((14.0..18.0).contains(&waited), "the call waited {waited} s for its caller");
    no_session_is_open(&service).await;
}

/// The caller is back: the recorder runs again, sound goes both ways, and what is said now is kept.
async fn goes_on(service: &Service, call: &PeerCall) {
    call.notice("recorder", |notice| notice["on"] == false && notice["reason"] == "lapsed").await;
    let on_again = |events: &[&Value]| {
        let on = |event: &&&Value| event["notice"]["type"] == "recorder" && event["notice"]["on"] == true;
        events.iter().filter(on).nth(1).map(|_| ())
    };
    call.until("recorder that is on again", on_again).await;
    call.tone(700, 1.0).await;
    hear_the_tone(call).await;
    call.hang_up("close").await;
    let session = call.session().await;
    let events = service.closed_of(&session).await;
    assert_stopped(&events, "ended", "caller-hung-up");
    assert_eq!(of_type(&events, "recorder.started").len(), 2, "{events:#?}");
    assert!(opened(service, &session).tone_of_the_caller(700).len() >= 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_was_frozen_for_eight_seconds_goes_on() {
    let prompts = tempfile::tempdir().unwrap();
    let service = line_with_a_tone(prompts.path()).start();
    let Some(peer) = Peer::of(&service.base).await else { return };
    let call = peer.call("a").await;
    agree(&call).await;
    call.saying("how-can-i-help").await;
    let gone = SystemTime::now();
    peer.freeze();
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_lapsed(&service, &call.session().await, gone);
    peer.thaw();
    goes_on(&service, &call).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_whose_network_went_dark_goes_on() {
    let prompts = tempfile::tempdir().unwrap();
    let (service, relay) = line_through_a_relay(line_with_a_tone(prompts.path()), 11).await;
    let Some(peer) = Peer::of(&service.base).await else { return };
    let call = peer.call_with("a", json!({"via": relay.address.to_string()})).await;
    agree(&call).await;
    call.saying("how-can-i-help").await;
    let gone = SystemTime::now();
    relay.weather(Weather::DARK);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_lapsed(&service, &call.session().await, gone);
    relay.weather(Weather::CLEAR);
    goes_on(&service, &call).await;
}
