//! Yes, no, stop and a person, by every means that a page has: buttons, its keypad, RFC 4733 keys. What is not agreed to is not kept.

use std::time::Duration;

use serde_json::{Value, json};

use crate::by_key::{opening, outline, then};
use crate::by_webrtc::{agree, line, opened};
use crate::independent_peer::{Peer, PeerCall};
use crate::service::{Service, files_below, of_type};

/// Ends the call and gives its ledger.
async fn ended(service: &Service, call: &PeerCall) -> Vec<Value> {
    call.hang_up("close").await;
    service.closed_of(&call.session().await).await
}

/// Answers the question, hears what that leads to, and speaks.
async fn answered(call: &PeerCall, how: &str) {
    call.asked().await;
    match how {
        "yes" | "no" => call.button(how).await,
        "1" | "2" => call.key(how.chars().next().unwrap()).await,
        event => call.telephone_events(event.trim_start_matches("event ")).await,
    }
    call.heard_line(if ["yes", "1", "event 1"].contains(&how) { "consent-given" } else { "consent-refused" }).await;
    call.saying("how-can-i-help").await;
    call.tone(600, 1.5).await;
    // What the jitter buffer holds would be gone with the connection.
    tokio::time::sleep(Duration::from_millis(400)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_and_a_no_count_by_button_by_key_and_by_telephone_event() {
    let service = line().start();
    let Some(peer) = Peer::of(&service.base).await else { return };
    let offer = json!({"telephone-events": true});
    let means = ["yes", "1", "event 1", "no", "2", "event 2"];
    let mut calls = Vec::new();
    for name in means {
        calls.push(peer.call_with(name, offer.clone()).await);
    }
    let calls = calls.iter().zip(means);
    let running = calls.map(|(call, how)| {
        let service = &service;
        async move {
            answered(call, how).await;
            (how, call.session().await, ended(service, call).await)
        }
    });
    for (how, session, events) in futures_util::future::join_all(running).await {
        let sealed = of_type(&events, "turn.sealed").len();
        let closed = format!("closed caller-hung-up, {sealed} sealed");
        let kept = files_below(&service.data().join("recordings").join(&session));
        if let "yes" | "1" | "event 1" = how {
            let answer = format!("answer given by {}", if how == "yes" { "button" } else { "1" });
            let rest = [&answer, "consent requested to given", "recorder started"];
            let end = ["recorder stopped ended", "consent given to expired", &closed];
            assert_eq!(outline(&events), then(then(opening("nl"), &rest), &end), "{how}");
            assert!(sealed >= 1 && !kept.is_empty(), "{how}");
            assert!(opened(&service, &session).tone_of_the_caller(600).len() >= 11, "{how}");
        } else {
            // Of a refusal the ledger keeps that it was one; by which means is left to it.
            let found: Vec<String> = outline(&events).into_iter().filter(|line| !line.starts_with("answer refused")).collect();
            assert_eq!(found, then(opening("nl"), &["consent requested to refused", &closed]), "{how}");
            assert_eq!(of_type(&events, "answer").last().unwrap()["outcome"], "refused", "{how}");
            assert!(sealed == 0 && kept.is_empty(), "{how}: {kept:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_erases_a_person_is_looked_for_and_a_language_is_changed() {
    // A desk at which nobody sits.
    let service = line().settings("[handover.targets.service-desk]\ndesk = true\n").start();
    let Some(peer) = Peer::of(&service.base).await else { return };
    let (stops, wants, speaks) = (peer.call("stops").await, peer.call("wants").await, peer.call("speaks").await);
    let stopping = async {
        agree(&stops).await;
        stops.saying("how-can-i-help").await;
        stops.tone(600, 0.5).await;
        // The turn ends, and is kept for the moment.
        stops.key('3').await;
        stops.notice("turn-ended", |notice| notice["kept"] == "kept").await;
        stops.button("stop").await;
        let recorder = stops.notice("recorder", |notice| notice["on"] == false).await;
        assert_eq!(recorder["notice"]["reason"], "withdrawn");
        stops.notice("erased", |notice| notice["complete"] == true).await;
        stops.notice("consent", |notice| notice["state"] == "withdrawn").await;
        stops.heard_line("consent-withdrawn").await;
        stops.tone(600, 0.5).await;
        ended(&service, &stops).await
    };
    let wanting = async {
        wants.asked().await;
        wants.button("person").await;
        wants.heard_line("handover-nobody").await;
        // The agent goes on.
        wants.heard_line("how-can-i-help").await;
        ended(&service, &wants).await
    };
    let speaking = async {
        speaks.saying("disclosure-automated").await;
        // One that the dialog does not have: it goes on in the one that is spoken, and says so.
        speaks.send(json!({"type": "language", "language": "xx"})).await;
        speaks.notice("language", |notice| notice["language"] == "nl").await;
        speaks.send(json!({"type": "language", "language": "en"})).await;
        speaks.notice("language", |notice| notice["language"] == "en").await;
        speaks.asked().await;
        speaks.button("no").await;
        speaks.heard_line("consent-refused").await;
        // What cannot be understood is said to be so, and changes nothing.
        speaks.send(json!("{\"type\":\"consent\",\"state\":\"given\"}")).await;
        speaks.notice("error", |_| true).await;
        ended(&service, &speaks).await
    };
    let (stopped, wanted, spoke) = tokio::join!(stopping, wanting, speaking);
    assert!(of_type(&stopped, "consent").last().unwrap()["to"] == "withdrawn", "{stopped:#?}");
    let deleted = of_type(&stopped, "wraps.deleted");
    assert!(deleted.iter().any(|event| event["reason"] == "withdrawn" && event["turns"].as_u64() >= Some(1)), "{stopped:#?}");
    let results = of_type(&wanted, "handover.result");
    assert!(!results.is_empty() && results[0]["result"] != "answered", "{wanted:#?}");
    assert!(spoke.iter().any(|event| event["type"] == "question" && event["language"] == "en"), "{spoke:#?}");
    assert!(service.sealed_turns().is_empty());
    for events in [&stopped, &wanted, &spoke] {
        assert_eq!(events.last().unwrap()["outcome"], "caller-hung-up");
    }
    assert!(of_type(&wanted, "recorder.started").is_empty() && of_type(&spoke, "recorder.started").is_empty());
}
