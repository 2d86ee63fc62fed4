//! A network that loses, delays and reorders: what must be heard is heard, or it is not called heard.

use std::time::Duration;

use serde_json::{Value, json};

use crate::by_webrtc::{line, line_through_a_relay, line_with_a_tone, opened};
use crate::independent_peer::Peer;
use crate::service::of_type;
use crate::udp_weather::{Towards, Weather};

/// What the ledger says about how these prompts ended, in their order.
fn outcomes<'a>(events: &'a [Value], prompt: &str) -> Vec<&'a str> {
    let about = |event: &&Value| event["prompt"].as_str().is_some_and(|id| id.split('/').next() == Some(prompt));
    events.iter().filter(about).map(|event| event["outcome"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_percent_of_loss_with_jitter_keeps_nobody_from_being_informed_and_from_agreeing() {
    let prompts = tempfile::tempdir().unwrap();
    let (service, relay) = line_through_a_relay(line_with_a_tone(prompts.path()), 5).await;
    let Some(peer) = Peer::of(&service.base).await else { return };
    relay.weather(Weather::losing(0.05));
    let call = peer.call_with("a", json!({"via": relay.address.to_string()})).await;
    call.asked().await;
    call.button("yes").await;
    call.notice("consent", |notice| notice["state"] == "given").await;
    call.heard_line("how-can-i-help").await;
    call.tone(700, 2.0).await;
    call.key('3').await;
    let line = call.saying("we-are-open").await["at"].as_f64().unwrap();
    tokio::time::sleep(Duration::from_millis(2800)).await;
    // What is said arrives. How much of it is whole is this peer's matter: it conceals nothing, and lets go of what lies beside a hole.
    let heard = call.measure(Some((line - 0.2, line + 3.0)), &[1000]).await;
    assert!(heard["tones"]["1000"].as_f64() > Some(0.4), "{heard:#}");
    call.hang_up("delete").await;
    let session = call.session().await;
    let events = service.closed_of(&session).await;
    for prompt in ["disclosure-automated", "disclosure-consent", "consent-question"] {
        let outcomes = outcomes(&events, prompt);
        assert_eq!(outcomes.last(), Some(&"heard"), "{prompt}: {events:#?}");
        // Anything else was said again because of the loss.
        assert!(outcomes.iter().all(|outcome| ["heard", "garbled"].contains(outcome)), "{prompt}: {outcomes:?}");
    }
    assert_eq!(of_type(&events, "answer").last().unwrap()["outcome"], "given");
    assert_eq!(of_type(&events, "recorder.stopped").last().unwrap()["reason"], "ended", "nobody was taken for gone");
    assert!(opened(&service, &session).tone_of_the_caller(700).len() >= 12);
    for towards in [Towards::Server, Towards::Peer] {
        let (passed, lost) = relay.counted(towards);
        let share = lost as f64 / (passed + lost) as f64;
        assert!((0.02..0.09).contains(&share) && passed > 500, "{towards:?}: {passed} passed, {lost} were lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_four_of_ten_packets_is_never_called_informed() {
    let (service, relay) = line_through_a_relay(line(), 40).await;
    let Some(peer) = Peer::of(&service.base).await else { return };
    let call = peer.call_with("a", json!({"via": relay.address.to_string()})).await;
    relay.weather_towards(Towards::Peer, Weather::losing(0.4));
    // A yes is no consent, whenever it comes.
    let saying_yes = async {
        loop {
            call.button("yes").await;
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
    };
    tokio::select! {
        _ = call.saying("how-can-i-help") => {}
        () = saying_yes => unreachable!(),
    }
    call.tone(700, 1.0).await;
    call.hang_up("delete").await;
    let events = service.closed_of(&call.session().await).await;
    let heard = events.iter().filter(|event| event["type"] == "disclosure" && event["outcome"] == "heard").count();
    assert_eq!(heard, 0, "{events:#?}");
    assert!(!outcomes(&events, "disclosure-automated").is_empty(), "{events:#?}");
    assert!(events.iter().all(|event| event["to"] != "given" && event["outcome"] != "given"), "{events:#?}");
    assert!(of_type(&events, "recorder.started").is_empty() && service.sealed_turns().is_empty());
    let (passed, lost) = relay.counted(Towards::Peer);
    assert!(lost * 2 > passed / 2, "{passed} passed, {lost} were lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_overtake_each_other_or_come_twice_are_put_in_order() {
    let prompts = tempfile::tempdir().unwrap();
    let (service, relay) = line_through_a_relay(line_with_a_tone(prompts.path()), 3).await;
    let Some(peer) = Peer::of(&service.base).await else { return };
    let call = peer.call_with("a", json!({"via": relay.address.to_string()})).await;
    relay.weather(Weather { overtaken: 0.05, doubled: 0.05, ..Weather::CLEAR });
    call.asked().await;
    call.button("yes").await;
    call.heard_line("how-can-i-help").await;
    call.tone(700, 2.0).await;
    call.key('3').await;
    call.saying("we-are-open").await;
    call.hang_up("delete").await;
    let session = call.session().await;
    let events = service.closed_of(&session).await;
    assert_eq!(outcomes(&events, "disclosure-automated"), ["heard"], "nothing was lost, so nothing is said again");
    assert_eq!(outcomes(&events, "consent-question"), ["heard"]);
    // A packet out of place would break the tone, one that is taken twice would make it longer.
    let tone = opened(&service, &session).tone_of_the_caller(700);
    assert!((17..=21).contains(&tone.len()), "{tone:?}");
}

/// aiortc has no ICE restart, which is how a browser goes on from another address (RFC 8445, section 9). Without one the server hears a
/// caller who does not hear it: there is no evidence, so there is no consent.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_is_heard_from_elsewhere_but_hears_nothing_is_not_called_informed() {
    let (service, relay) = line_through_a_relay(line(), 8).await;
    let Some(peer) = Peer::of(&service.base).await else { return };
    let call = peer.call_with("a", json!({"via": relay.address.to_string()})).await;
    call.saying("disclosure-automated").await;
    let before = relay.seen_from();
    relay.move_callers().await;
    assert_ne!(relay.seen_from(), before);
    for _ in 0..10 {
        call.button("yes").await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    call.hang_up("delete").await;
    let events = service.closed_of(&call.session().await).await;
    assert_eq!(events.last().unwrap()["outcome"], "caller-hung-up", "{events:#?}");
    assert!(events.iter().all(|event| event["to"] != "given" && event["outcome"] != "given"), "{events:#?}");
    assert!(of_type(&events, "recorder.started").is_empty(), "{events:#?}");
}
