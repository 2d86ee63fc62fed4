//! Whatever happens to Candor, to the line or to the queue, a caller of a real Asterisk who is still there ends at a person.

use std::time::{Duration, Instant};

use crate::asterisk::candor::WAYS;
use crate::asterisk::manager::Message;
use crate::asterisk::{By, Telephone, candor, sound};
use crate::by_key::{Prompts, outline};
use crate::service::Service;

const NUMBER: &str = "+31201234567";
/// Which way a call from outside goes is told by its number.
const NUMBERS: [&str; 2] = [NUMBER, "+32201234567"];

fn dutch(prompts: &Prompts, id: &str) -> Vec<i16> {
    sound::samples_of(&prompts.sound("nl", id))
}

/// Waits until a session has ended, and gives its ledger in short.
async fn ended(service: &Service, session: &str) -> Vec<String> {
    outline(&service.closed_of(session).await)
}

#[tokio::test]
async fn callers_of_a_server_that_is_stopped_or_killed_wait_for_a_person() {
    for by in WAYS {
        let Some((mut service, pbx)) = candor::start(candor::plan()).await else { return };
        pbx.colleague("rings").await;
        let telephone = pbx.call(by, NUMBER).await;
        telephone.hears_something().await;
        service.terminate();
        telephone.is_queued().await;
        assert_eq!(telephone.variable("CANDOR_REASON").await, "shutdown", "{by:?}");
        telephone.hang_up().await;
        assert!(service.ended().await.success());

        service.start_again();
        let telephone = pbx.call(by, NUMBER).await;
        telephone.hears_something().await;
        service.kill();
        let killed = Instant::now();
        telephone.is_queued().await;
        assert!(killed.elapsed() < Duration::from_secs(5), "{by:?}: {:?}", killed.elapsed());
        assert_eq!(telephone.variable("CANDOR_REASON").await, "unreachable", "{by:?}");
        assert!(telephone.is_open());
    }
}

#[tokio::test]
async fn a_caller_who_hangs_up_or_is_taken_elsewhere_ends_the_session() {
    let Some((service, pbx)) = candor::start(candor::plan()).await else { return };
    for by in WAYS {
        for taken in [false, true] {
            let before = service.sessions();
            let telephone = pbx.call(by, NUMBER).await;
            let session = candor::new_session(&service, &before).await;
            telephone.hears_something().await;
            if taken {
                let fields =
                    [("Channel", telephone.channel.as_str()), ("Context", "elsewhere"), ("Exten", "s"), ("Priority", "1")];
                pbx.manager.action("Redirect", &fields).await;
            } else {
                telephone.hang_up().await;
            }
            let story = ended(&service, &session).await;
            println!("{by:?}, taken elsewhere: {taken}: {story:?}");
            assert_eq!(telephone.is_open(), taken, "{by:?}");
            if taken {
                let heard = telephone.now();
                tokio::time::sleep(Duration::from_millis(500)).await;
                assert!(
                    !telephone.heard()[heard..].chunks(160).any(sound::is_loud),
                    "{by:?}: nothing of the agent's is heard any more"
                );
                telephone.hang_up().await;
            }
        }
    }
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn a_caller_whom_nobody_answers_comes_back_to_the_agent() {
    let plan = candor::plan().with("HANDOVER__TARGETS__SERVICE-DESK__TIME_LIMIT", "5s");
    let Some((service, pbx)) = candor::start(plan).await else { return };
    let prompts = Prompts::of_the_webshop().await;
    pbx.colleague("rings").await;
    for by in WAYS {
        let before = service.sessions();
        let telephone = pbx.call(by, NUMBER).await;
        let session = candor::new_session(&service, &before).await;
        telephone.hears_something().await;
        telephone.press('0').await;
        telephone.is_queued().await;
        let left = pbx.manager.event("QueueCallerAbandon", |message| message.is("Uniqueid", &telephone.id));
        // It is not abandoned: it comes back.
        assert!(tokio::time::timeout(Duration::from_secs(1), left).await.is_err());
        let back = telephone.now();
        telephone.hears_after(back, "handover-nobody", &dutch(&prompts, "handover-nobody")).await;
        telephone.hang_up().await;
        let story = ended(&service, &session).await;
        assert!(story.contains(&"handover result no-answer".to_owned()), "{by:?}: {story:?}");
    }
}

#[tokio::test]
async fn a_caller_beyond_the_limit_goes_to_a_person_at_once() {
    let Some((service, pbx)) = candor::start(candor::plan().with("SESSION__MAX_CALLS", "1")).await else { return };
    pbx.colleague("rings").await;
    let first = pbx.call(By::WebSocket, NUMBER).await;
    first.hears_something().await;
    for by in WAYS {
        let telephone = pbx.call(by, NUMBER).await;
        telephone.is_queued().await;
        assert_eq!(telephone.variable("CANDOR_REASON").await, "capacity", "{by:?}");
        telephone.hang_up().await;
    }
    assert_eq!(service.sessions().len(), 1, "neither of them was a session");
    first.hang_up().await;
}

#[tokio::test]
async fn a_telephone_that_sends_no_sound_is_greeted_and_handed_over() {
    let Some((service, pbx)) = candor::start(candor::plan()).await else { return };
    pbx.colleague("talks").await;
    for number in NUMBERS {
        let before = service.sessions();
        let Some(_call) = pbx.call_by_sip_without_sound(number) else { return };
        let session = candor::new_session(&service, &before).await;
        let others = pbx.manager.events("QueueCallerJoin");
        let joins = |message: &Message| !others.iter().any(|other| other.get("Uniqueid") == message.get("Uniqueid"));
        let joined = pbx.manager.event("QueueCallerJoin", joins).await;
        assert!(joined.get("Channel").is_some_and(|name| name.starts_with("PJSIP/outside-")), "{joined:?}");
        let story = ended(&service, &session).await;
        assert!(story[1].starts_with("nl disclosure-automated heard"), "{story:?}");
        assert!(story[2].starts_with("nl disclosure-consent heard"), "{story:?}");
        assert!(story.contains(&"handover no-input".to_owned()), "{story:?}");
        assert_eq!(story[story.len() - 2..], ["handover result answered", "closed handed-over, 0 sealed"], "{story:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_callers_at_once_hear_who_they_speak_with_and_reach_the_queue() {
    let Some((service, pbx)) = candor::start(candor::plan().with("SERVER__LIMITS__OPENINGS_PER_SECOND", "50")).await else {
        return;
    };
    let prompts = Prompts::of_the_webshop().await;
    pbx.colleague("rings").await;
    let one = |by: By| {
        let (pbx, prompts) = (&pbx, &prompts);
        async move {
            let telephone: Telephone<'_> = pbx.call(by, NUMBER).await;
            telephone.hears("consent-question", &dutch(prompts, "consent-question")).await;
            telephone.press('0').await;
            telephone.is_queued().await;
            telephone
        }
    };
    let calls = (0..30).map(|number| one(WAYS[number % WAYS.len()]));
    let telephones = futures_util::future::join_all(calls).await;
    for telephone in &telephones {
        let heard = telephone.heard();
        for id in ["disclosure-automated", "disclosure-consent"] {
            let found = sound::find(&heard, &dutch(&prompts, id)).unwrap_or_else(|| panic!("no {id} is heard"));
            assert!(found.is_whole(), "{id}: {found:?}");
        }
    }
    assert_eq!(service.sessions().len(), 30);
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}
