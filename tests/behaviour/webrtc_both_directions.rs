//! A caller of other makers talks with the agent by WebRTC: each hears the other, what is shown is what is heard, and what is kept is what was
//! said.

use serde_json::json;

use crate::by_key::{assert_log, opening, outline, then};
use crate::by_webrtc::{AGENT_TONE, AGENT_TONE_SECONDS, agree, hear_the_tone, line, line_with_a_tone, opened};
use crate::independent_peer::Peer;
use crate::service::of_type;

/// The tone of the caller, in Hz.
const CALLER_TONE: u32 = 700;

#[tokio::test(flavor = "multi_thread")]
async fn sound_goes_both_ways_and_what_is_kept_is_what_was_said() {
    let prompts = tempfile::tempdir().unwrap();
    let service = line_with_a_tone(prompts.path()).start();
    let Some(peer) = Peer::of(&service.base).await else { return };
    let call = peer.call("a").await;
    agree(&call).await;

    // The turn of the first menu: what the caller says there is kept.
    let menu = call.saying("how-can-i-help").await;
    call.heard_line("how-can-i-help").await;
    let (tone_began, _) = call.tone(CALLER_TONE, 2.0).await;
    let tone_line = hear_the_tone(&call).await;
    // A turn that runs when the call ends is kept as well.
    call.saying("anything-else").await;
    let (second_began, _) = call.tone(CALLER_TONE, 1.0).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    call.hang_up("channel").await;

    let session = call.session().await;
    let events = service.closed_of(&session).await;
    let given = ["answer given by button", "consent requested to given", "recorder started"];
    let sealed = of_type(&events, "turn.sealed").len();
    let closed = format!("closed caller-hung-up, {sealed} sealed");
    let end = ["recorder stopped ended", "consent given to expired", &closed];
    assert_eq!(outline(&events), then(then(opening("nl"), &given), &end));
    assert_log(&service, &[]);

    let kept = opened(&service, &session);
    // Each tone in its own channel, as long as it was, and nothing of it in the other.
    let (caller, agent) = (kept.tone_of_the_caller(CALLER_TONE), kept.tone_of_the_agent(AGENT_TONE));
    assert!((26..=31).contains(&caller.len()), "{caller:?}");
    assert!(agent.len() as f64 >= (AGENT_TONE_SECONDS - 0.3) * 10.0, "{agent:?}");
    assert_eq!((kept.tone_of_the_caller(AGENT_TONE), kept.tone_of_the_agent(CALLER_TONE)), (vec![], vec![]));
    assert!(kept.agent_speaks() > AGENT_TONE_SECONDS + 1.0, "the menu is in the recording too");

    // Each at its place: as long after the turn's beginning as the caller heard and said it.
    let turn_of = |at: f64| {
        let mut turns = call.notices("turn").into_iter().filter(|turn| turn["at"].as_f64().unwrap() <= at);
        let turn = turns.next_back().expect("a turn runs");
        assert_eq!(turn["notice"]["recording"], true, "{turn}");
        let (offset, _) = kept.turns[&turn["notice"]["turn"].as_u64().unwrap()];
        offset + at - turn["at"].as_f64().unwrap()
    };
    let second = caller.iter().position(|at| *at > caller[0] + 2.5).expect("two tones");
    for (found, said) in [(caller[0], tone_began), (caller[second], second_began), (agent[0], tone_line)] {
        let expected = turn_of(said);
        assert!((found - expected).abs() < 0.7, "at {found} in the recording, expected at {expected}: {:?}", kept.turns);
    }
    assert!(menu["at"].as_f64().unwrap() < tone_began);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_sounds_when_the_page_says_that_it_speaks_and_at_no_other_time() {
    let service = line().start();
    let Some(peer) = Peer::of(&service.base).await else { return };
    let call = peer.call_with("a", json!({"form": "json"})).await;
    let answered = call.event("answered", |_| true).await;
    assert_eq!(answered["type"], "application/json", "{answered}");
    call.asked().await;
    call.button("no").await;
    call.heard_line("how-can-i-help").await;
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;

    let seconds = |value: &serde_json::Value| value.as_f64().unwrap();
    let mut between = Vec::new();
    let mut last_end = 0.0;
    for said in call.notices("said") {
        assert_eq!(said["notice"]["outcome"], "heard", "{said}");
        let saying =
            call.notices("saying").into_iter().find(|saying| saying["notice"]["line"] == said["notice"]["line"]).unwrap();
        let (began, lasts) = (seconds(&saying["at"]), seconds(&saying["notice"]["duration-ms"]) / 1000.0);
        assert!(!saying["notice"]["text"].as_str().unwrap().is_empty());
        let heard = call.measure(Some((began, began + lasts + 0.3)), &[]).await;
        assert!(seconds(&heard["sounding"]) > 0.6 * lasts, "{saying:#}: {heard:#}");
        // Nothing is called heard before it can have been.
        assert!(seconds(&said["at"]) > began + lasts - 0.1, "{saying:#}: {said:#}");
        if began > last_end + 0.5 {
            between.push((last_end, began));
        }
        last_end = began + lasts + 0.5;
    }
    assert!(call.notices("said").len() >= 5, "{:#?}", call.notices("said"));
    for pause in between.into_iter().skip(1) {
        let heard = call.measure(Some(pause), &[]).await;
        assert!(seconds(&heard["sounding"]) < 0.1, "sound in a pause from {pause:?}: {heard:#}");
    }
    assert_eq!(call.packets_lost().await, 0);
    call.hang_up("close").await;
    let events = service.closed_of(&call.session().await).await;
    assert_eq!(events.last().unwrap()["outcome"], "caller-hung-up");
    assert!(service.sealed_turns().is_empty() && of_type(&events, "recorder.started").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_may_follow_the_offer() {
    let service = line().start();
    let Some(peer) = Peer::of(&service.base).await else { return };
    let call = peer.call_with("a", json!({"trickle": true})).await;
    let trickled = call.event("trickled", |_| true).await;
    assert_eq!(trickled["status"], 204, "{trickled}");
    call.notice("hello", |notice| notice["version"] == 1).await;
    call.hang_up("delete").await;
    let deleted = call.event("deleted", |_| true).await;
    assert!(deleted["status"] == 200 || deleted["status"] == 204, "{deleted}");
    assert_eq!(service.closed_of(&call.session().await).await.last().unwrap()["outcome"], "caller-hung-up");
}
