//! A server that is to be replaced takes no new calls and lets those in progress end by themselves; whoever is left when the time is over is told, and
//! reaches a person.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::by_key::{Prompts, answer, assert_log, by_key, next_prompt_sounds, opening_hours_and_goodbye, outline, ring};
use crate::http::{Answer, count, get, post};
use crate::phone::{Desk, EndedBy};
use crate::service::{Plan, Service};

const TALKS: Desk = Desk::Answers { after: Duration::from_millis(300), talks: Duration::from_millis(100) };
/// Longer than any test waits.
const LONG: &str = "900";

fn draining_for(seconds: &str) -> Plan {
    by_key().with("SESSION__DRAIN_SECONDS", seconds).with("SESSION__NO_INPUT_MS", "120000")
}

/// Asks the server to end, and waits until it drains.
async fn drain(service: &Service) {
    service.terminate();
    wait_for_log(service, "draining: no new calls").await;
}

async fn wait_for_log(service: &Service, words: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !service.log().contains(words) {
        assert!(Instant::now() < deadline, "not in the log: {words}\n{}", service.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn readiness(service: &Service) -> (u16, Value) {
    let answer = get("/readyz").send(service).await;
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

async fn offer(service: &Service) -> Answer {
    post("/webrtc", "v=0").with("Content-Type", "application/sdp").send(service).await
}

#[tokio::test]
async fn calls_in_progress_end_by_themselves_and_new_ones_are_passed_on() {
    let mut service = draining_for(LONG).start();
    let (status, ready) = readiness(&service).await;
    assert_eq!((status, &ready["state"], &ready["ready"]), (200, &"open".into(), &true.into()));
    let (call, session) = ring(&service, service.caller()).await;
    answer(&call, "2").await;
    drain(&service).await;

    let (status, ready) = readiness(&service).await;
    assert_eq!((status, &ready["state"], &ready["ready"]), (503, &"draining".into(), &false.into()));
    assert_eq!((count(&service, "candor_draining").await, count(&service, "candor_calls ").await), (1.0, 1.0));
    let late = service.caller().desk(TALKS).ring().await.unwrap().outcome().await;
    assert_eq!((late.violations.clone(), late.verbs_named("Connect").len()), (vec![], 0));
    assert_eq!(late.verbs_named("Enqueue").len(), 1, "{:?}", late.verbs);
    let browser = offer(&service).await;
    assert_eq!((browser.status, browser.header("Retry-After")), (503, Some("5")));
    assert_eq!(serde_json::from_str::<Value>(&browser.body).unwrap()["reason"], "stopping");
    assert_eq!(count(&service, "candor_calls_without_room_total{reason=\"stopping\"}").await, 2.0);

    // The call knows nothing of it.
    opening_hours_and_goodbye(&call).await;
    let outcome = call.outcome().await;
    assert_eq!((&outcome.violations, &outcome.ended_by), (&Vec::new(), &EndedBy::Server));
    assert!(!outcome.heard.contains_audio(&Prompts::of_the_webshop().await.sound("nl", "shutdown")));
    // … and the server does not wait longer than for it.
    assert!(service.ended().await.success(), "{}", service.log());
    assert_eq!(outline(&service.closed_of(&session).await).last().unwrap(), "closed finished, 0 sealed");
    assert_log(&service, &["new calls find no room"]);
}

#[tokio::test]
async fn who_is_left_when_the_time_is_over_is_told_and_reaches_a_person() {
    let mut service = draining_for("2").start();
    let (call, session) = ring(&service, service.caller().desk(TALKS)).await;
    answer(&call, "1").await;
    next_prompt_sounds(&call).await;
    drain(&service).await;
    let outcome = call.outcome().await;
    assert_eq!((&outcome.violations, &outcome.ended_by), (&Vec::new(), &EndedBy::Server));
    assert!(outcome.heard.contains_audio(&Prompts::of_the_webshop().await.sound("nl", "shutdown")));
    assert_eq!(outcome.task.as_ref().unwrap()["candor"]["reason"], "shutdown");
    assert!(service.ended().await.success(), "{}", service.log());
    let story = outline(&service.closed_of(&session).await);
    assert!(story.contains(&"handover shutdown".to_owned()), "{story:?}");
    let log = service.log();
    let at = |words: &str| log.find(words).unwrap_or_else(|| panic!("not in the log: {words}\n{log}"));
    assert!(at("draining ends") < at("stopping: no new calls"));
}

#[tokio::test]
async fn a_second_signal_does_not_wait_and_neither_does_ctrl_c() {
    type Signal = fn(&Service);
    let ways: [(bool, Signal); 3] = [(true, Service::terminate), (true, Service::interrupt), (false, Service::interrupt)];
    for (first, second) in ways {
        let mut service = draining_for(LONG).start();
        let (call, session) = ring(&service, service.caller().desk(TALKS)).await;
        answer(&call, "2").await;
        next_prompt_sounds(&call).await;
        if first {
            drain(&service).await;
        }
        second(&service);
        let outcome = call.outcome().await;
        assert_eq!(outcome.task.as_ref().unwrap()["candor"]["reason"], "shutdown");
        assert!(service.ended().await.success(), "{}", service.log());
        assert_eq!(outline(&service.closed_of(&session).await).last().unwrap(), "closed handed-over, 0 sealed");
    }
}

#[tokio::test]
async fn a_caller_in_the_queue_is_waited_for_and_comes_back_if_nobody_answers() {
    let mut service = draining_for(LONG).start();
    let slow = Desk::Answers { after: Duration::from_secs(3), talks: Duration::from_millis(100) };
    let alone = Desk::Nobody { after: Duration::from_secs(3) };
    let (answered, answered_session) = ring(&service, service.caller().desk(slow)).await;
    let (back, back_session) = ring(&service, service.caller().desk(alone)).await;
    for call in [&answered, &back] {
        call.wait_until_agent_speaks().await.unwrap();
        call.press("0").await.unwrap();
    }
    for session in [&answered_session, &back_session] {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !outline(&service.events_of(session)).contains(&"handover asked".to_owned()) {
            assert!(Instant::now() < deadline, "{:?}", outline(&service.events_of(session)));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    drain(&service).await;
    answered.outcome().await;
    assert!(outline(&service.closed_of(&answered_session).await).contains(&"handover result answered".to_owned()));
    // The other one is back with the agent, who goes on where they were.
    let deadline = Instant::now() + Duration::from_secs(20);
    while back.stream_sids().len() < 2 {
        assert!(Instant::now() < deadline, "the caller is not back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(readiness(&service).await.1["state"], "draining");
    next_prompt_sounds(&back).await;
    back.hang_up().await.unwrap();
    back.outcome().await;
    assert!(service.ended().await.success(), "{}", service.log());
    assert!(outline(&service.closed_of(&back_session).await).contains(&"handover result no-answer".to_owned()));
}

#[tokio::test]
async fn a_call_that_was_announced_before_is_still_taken() {
    let mut service = draining_for(LONG).start();
    let form = "application/x-www-form-urlencoded";
    let announced = post("/twilio/voice", "CallSid=CA1").with("Content-Type", form).send(&service).await;
    assert!(announced.body.contains("<Connect"), "{}", announced.body);
    drain(&service).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(readiness(&service).await.1["state"], "draining", "its stream is on its way");
    service.terminate();
    assert!(service.ended().await.success());
}
