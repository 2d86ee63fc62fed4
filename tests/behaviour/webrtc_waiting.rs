//! What a caller with a screen is shown while they wait for a colleague: where they are, their place whenever they are back in the line, and no
//! line that has no words.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::by_webrtc::line;
use crate::independent_peer::{Peer, PeerCall};
use crate::service::Service;

const TOKEN: &str = "annas own token of the desk";

/// A server whose callers can wait for Anna, or leave a number.
fn with_a_desk() -> Service {
    let settings = "[handover.targets.service-desk]\ndesk = true\n[desk.colleagues.anna]\n";
    let mut service = line().settings(settings).with("DESK__COLLEAGUES__ANNA__TOKEN", TOKEN).start();
    candor::handover::desk::make_key(&service.data().join("keys"), &service.folder.path().join("private")).unwrap();
    service.kill();
    service.start_again();
    service
}

async fn asks_for_a_person(call: &PeerCall) {
    call.asked().await;
    call.button("no").await;
    call.heard_line("consent-refused").await;
    call.button("person").await;
}

/// The notices of the call about where it is, from the first of `phase` on.
fn shown(events: &[&Value], phase: &str) -> Vec<Value> {
    let notices = events.iter().filter(|event| event["event"] == "notice").map(|event| event["notice"].clone());
    let told = notices.skip_while(|notice| notice["phase"] != phase);
    told.filter(|notice| ["phase", "queue"].contains(&notice["type"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_shown_the_place_whenever_the_caller_is_in_the_line_and_nobody_when_they_are_in_none() {
    let service = with_a_desk();
    let Some(peer) = Peer::of(&service.base).await else { return };
    let alone = peer.call("alone").await;
    asks_for_a_person(&alone).await;
    alone.notice("phase", |notice| notice["phase"] == "nobody").await;
    alone.notice("expecting", |notice| notice["answer"] == "waiting-or-call-back").await;
    assert!(alone.notices("phase").iter().all(|event| event["notice"]["phase"] != "waiting"), "{:#?}", alone.events());
    alone.hang_up("channel").await;

    let address = service.base.replace("http://", "ws://");
    let (socket, _) = connect_async(format!("{address}/desk/events")).await.unwrap();
    let (mut anna, mut told) = socket.split();
    let available = json!({"type": "availability", "available": true, "queues": ["service-desk"], "languages": ["nl"]});
    for message in [json!({"type": "sign-in", "token": TOKEN}), available] {
        anna.send(Message::text(message.to_string())).await.unwrap();
    }
    // A page that reads nothing answers no ping, and is gone after a while.
    tokio::spawn(async move { while let Some(Ok(_)) = told.next().await {} });
    let waits = peer.call("waits").await;
    asks_for_a_person(&waits).await;
    waits.notice("queue", |notice| notice["place"] == 1).await;
    waits.button("call-back").await;
    waits.notice("phase", |notice| notice["phase"] == "call-back").await;
    // Three numbers that are none.
    for key in "1#1#1#".chars() {
        waits.key(key).await;
    }
    let back = |events: &[&Value]| Some(shown(events, "call-back")).filter(|shown| shown.len() >= 3);
    let back = waits.until("the place again", back).await;
    let place = json!({"type": "queue", "place": 1});
    let waiting = json!({"type": "phase", "phase": "waiting"});
    assert_eq!(back, [json!({"type": "phase", "phase": "call-back"}), waiting, place]);
    // After the choices there is music.
    waits.heard_line("queue-choices-call-back").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let lines = [alone.notices("saying"), waits.notices("saying")].concat();
    assert!(lines.iter().all(|event| event["notice"]["text"] != ""), "{lines:#?}");
    let numbers: Vec<&Value> = lines.iter().map(|event| &event["notice"]["line"]).collect();
    let ended = waits.notices("said");
    assert!(ended.iter().all(|event| numbers.contains(&&event["notice"]["line"])), "{ended:#?}");
    waits.hang_up("channel").await;
}
