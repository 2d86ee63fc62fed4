//! A caller who wants or needs a person is passed on from anywhere; whatever becomes of it, the call goes on or ends properly, and the
//! recorder has stopped before.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::by_key::{
    Prompts, answer, assert_clean, by_key, next_prompt_sounds, opening, opening_hours_and_goodbye, outline, ring, then,
    written_at,
};
use crate::phone::{Call, Desk, EndedBy, Happening, Outcome};
use crate::service::{Service, of_type};

const TALKS: Desk = Desk::Answers { after: Duration::from_millis(500), talks: Duration::from_millis(200) };
const REFUSED: [&str; 2] = ["answer refused by 2", "consent requested to refused"];
const GIVEN: [&str; 3] = ["answer given by 1", "consent requested to given", "recorder started"];

/// The end of a call whose caller spoke with a person, and the ledger in short.
async fn finish(service: &Service, call: Call, session: &str) -> (Outcome, Vec<String>) {
    let outcome = call.outcome().await;
    assert_clean(service, &outcome);
    assert_eq!(outcome.ended_by, EndedBy::Server);
    (outcome, outline(&service.closed_of(session).await))
}

fn told(outcome: &Outcome) -> &Value {
    &outcome.task.as_ref().expect("a task")["candor"]
}

#[tokio::test]
async fn a_person_is_reached_from_the_opening() {
    let service = by_key().start();
    let (call, session) = ring(&service, service.caller().desk(TALKS)).await;
    call.wait_until_agent_speaks().await.unwrap();
    call.press("0").await.unwrap();
    let (outcome, story) = finish(&service, call, &session).await;
    let (refused, open) = (story.iter().filter(|line| line.starts_with("answer")), "opened nl");
    assert_eq!(refused.collect::<Vec<_>>(), ["answer unclear by none"]);
    assert_eq!(story[0], open);
    let end = ["handover asked", "handover result answered", "closed handed-over, 0 sealed"];
    assert_eq!(story[story.len() - 3..], end);
    assert_eq!(told(&outcome)["consent"]["service-quality"], "refused");
}

#[tokio::test]
async fn the_recorder_has_stopped_before_the_agent_leaves() {
    let service = by_key().start();
    let (call, session) = ring(&service, service.caller().desk(TALKS)).await;
    let rang = Timestamp::now() - jiff::SignedDuration::try_from(call.now()).unwrap();
    answer(&call, "1").await;
    next_prompt_sounds(&call).await;
    call.press("0").await.unwrap();
    let (outcome, story) = finish(&service, call, &session).await;
    let end = [
        "handover asked",
        "recorder stopped handover",
        "consent given to expired",
        "handover result answered",
        "closed handed-over, 1 sealed",
    ];
    assert_eq!(story, then(then(opening("nl"), &GIVEN), &end));
    let closed = outcome.events.iter().find(|event| matches!(event.what, Happening::ServerClosed(_))).unwrap();
    let stopped = written_at(&service, &session, |event| event["type"] == "recorder.stopped");
    let left = rang + jiff::SignedDuration::try_from(closed.at).unwrap();
    assert!(stopped <= left, "the recorder stopped at {stopped}, the stream was closed at {left}");
    let cut = outcome.events.iter().any(|event| matches!(event.what, Happening::CutOff(_)));
    assert!(!cut, "what is said about it is heard to its end");
    let prompts = Prompts::of_the_webshop().await;
    assert!(outcome.heard.contains_audio(&prompts.sound("nl", "handover-given")));
    assert_eq!(told(&outcome)["consent"]["service-quality"], "given");
}

#[tokio::test]
async fn star_and_0_reach_a_person_while_0_is_a_digit() {
    let service = by_key().start();
    let (call, session) = ring(&service, service.caller().desk(TALKS)).await;
    answer(&call, "2").await;
    next_prompt_sounds(&call).await;
    call.press("1").await.unwrap();
    next_prompt_sounds(&call).await;
    call.press("10").await.unwrap();
    assert!(of_type(&service.events(), "handover.requested").is_empty());
    call.press("*0").await.unwrap();
    let (outcome, story) = finish(&service, call, &session).await;
    let end = ["handover asked", "handover result answered", "closed handed-over, 0 sealed"];
    assert_eq!(story, then(then(opening("nl"), &REFUSED), &end));
    assert_eq!(told(&outcome)["slots"], serde_json::json!({}), "a number that was not finished is not handed on");
}

#[tokio::test]
async fn who_says_nothing_twice_and_who_presses_nonsense_twice_reach_a_person() {
    let service = by_key().start();
    let (silent, silent_session) = ring(&service, service.caller().desk(TALKS)).await;
    let (wrong, wrong_session) = ring(&service, service.caller().desk(TALKS)).await;
    let silent_call = async {
        answer(&silent, "2").await;
        finish(&service, silent, &silent_session).await
    };
    let wrong_call = async {
        answer(&wrong, "2").await;
        next_prompt_sounds(&wrong).await;
        let heard = wrong.prompts_heard();
        wrong.press("9").await.unwrap();
        // Why, and the menu again.
        wrong.wait_for_completed_marks(heard + 1).await.unwrap();
        next_prompt_sounds(&wrong).await;
        wrong.press("9").await.unwrap();
        finish(&service, wrong, &wrong_session).await
    };
    let (silent, wrong) = tokio::join!(silent_call, wrong_call);
    let prompts = Prompts::of_the_webshop().await;
    for ((outcome, story), reason) in [(silent, "no-input"), (wrong, "no-match")] {
        let end = [&format!("handover {reason}"), "handover result answered", "closed handed-over, 0 sealed"];
        assert_eq!(story, then(then(opening("nl"), &REFUSED), &end));
        assert_eq!(told(&outcome)["reason"], reason);
        assert!(outcome.heard.contains_audio(&prompts.sound("nl", reason)), "the caller hears why");
        assert!(outcome.heard.contains_audio(&prompts.sound("nl", "handover-refused")));
    }
}

#[tokio::test]
async fn a_caller_whom_nobody_could_take_comes_back_to_the_same_session_unrecorded() {
    let service = by_key().start();
    let nobody = Desk::Nobody { after: Duration::from_millis(800) };
    let mut calls = Vec::new();
    for (desk, result) in [(nobody, "no-answer"), (Desk::Full, "queue-full"), (Desk::Broken, "failed")] {
        calls.push((ring(&service, service.caller().desk(desk)).await, result));
    }
    let ended = calls.into_iter().map(async |((call, session), result)| {
        answer(&call, "1").await;
        next_prompt_sounds(&call).await;
        call.press("0").await.unwrap();
        call.wait_for_event(|what| matches!(what, Happening::Desk(_))).await.unwrap();
        // That nobody is there, then the menu.
        let heard = call.prompts_heard();
        call.wait_for_completed_marks(heard + 1).await.unwrap();
        opening_hours_and_goodbye(&call).await;
        let streams = call.stream_sids().len();
        (finish(&service, call, &session).await, streams, result)
    });
    let prompts = Prompts::of_the_webshop().await;
    for ((outcome, story), streams, result) in futures_util::future::join_all(ended).await {
        let end = [
            "handover asked",
            "recorder stopped handover",
            "consent given to expired",
            &format!("handover result {result}"),
            "closed finished, 1 sealed",
        ];
        assert_eq!(story, then(then(opening("nl"), &GIVEN), &end));
        assert_eq!(streams, 2);
        assert_eq!(prompts.heard(&outcome.heard, "nl", &["handover-nobody", "we-are-open", "thank-you"]).len(), 3, "{result}");
    }
    assert_eq!(service.sealed_turns().len(), 3, "one turn of each call: the one before the handover");
    assert_eq!(service.sessions().len(), 3);
}

/// A server whose desk is closed now and for days to come.
fn with_a_closed_desk() -> Service {
    let day = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).checked_add(3.days()).unwrap().strftime("%a").to_string();
    let plan = by_key().with("HANDOVER__TARGETS__SERVICE-DESK__HOURS", &format!("{} 09:00-10:00", day.to_lowercase()));
    plan.with("HANDOVER__TARGETS__SERVICE-DESK__TIME_ZONE", "UTC").start()
}

#[tokio::test]
async fn outside_opening_hours_the_caller_hears_so_and_goes_on() {
    let service = with_a_closed_desk();
    let (call, session) = ring(&service, service.caller()).await;
    answer(&call, "1").await;
    next_prompt_sounds(&call).await;
    call.press("0").await.unwrap();
    let heard = call.prompts_heard();
    call.wait_for_completed_marks(heard + 1).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let (outcome, story) = finish(&service, call, &session).await;
    // Nobody was asked, so the agent has not left and goes on recording.
    let end = ["handover result closed", "recorder stopped ended", "consent given to expired", "closed finished, 4 sealed"];
    assert_eq!(story, then(then(opening("nl"), &GIVEN), &end));
    assert!(outcome.verbs_named("Enqueue").is_empty());
    let prompts = Prompts::of_the_webshop().await;
    assert_eq!(prompts.heard(&outcome.heard, "nl", &["handover-closed", "we-are-open"]).len(), 2);
}

#[tokio::test]
async fn who_wants_a_person_at_once_while_nobody_is_there_hears_the_opening() {
    let service = with_a_closed_desk();
    let (call, session) = ring(&service, service.caller()).await;
    call.wait_until_agent_speaks().await.unwrap();
    call.press("0").await.unwrap();
    // That nobody is there, then both disclosures and the question.
    call.wait_for_completed_marks(4).await.unwrap();
    call.press("1").await.unwrap();
    call.wait_for_completed_marks(5).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let (outcome, story) = finish(&service, call, &session).await;
    let mut wanted = vec!["opened nl", "nl disclosure-automated cut", "handover result closed"];
    let opening = opening("nl");
    wanted.extend(opening[1..].iter().map(String::as_str));
    wanted.extend(GIVEN);
    wanted.extend(["recorder stopped ended", "consent given to expired", "closed finished, 3 sealed"]);
    assert_eq!(story, wanted);
    let prompts = Prompts::of_the_webshop().await;
    let said = ["handover-closed", "disclosure-automated", "disclosure-consent", "consent-question", "consent-given"];
    assert_eq!(prompts.heard(&outcome.heard, "nl", &said), said);
}

#[tokio::test]
async fn a_colleague_at_a_telephone_hears_why_somebody_comes() {
    let plan = by_key().settings("[handover.targets.service-desk]\nnumber = \"+12025550144\"\n");
    let service = plan.start();
    let (call, session) = ring(&service, service.caller().desk(TALKS)).await;
    answer(&call, "2").await;
    next_prompt_sounds(&call).await;
    call.press("0").await.unwrap();
    let (outcome, story) = finish(&service, call, &session).await;
    let end = ["handover asked", "handover result answered", "closed handed-over, 0 sealed"];
    assert_eq!(story, then(then(opening("nl"), &REFUSED), &end));
    let [dial] = outcome.verbs_named("Dial")[..] else { panic!("one Dial: {:?}", outcome.verbs) };
    assert_eq!(dial.child("Number").unwrap().text, "+12025550144");
    let whisper = outcome.events.iter().find_map(|event| match &event.what {
        Happening::DeskHears(words) => Some(words.as_str()),
        _ => None,
    });
    assert_eq!(whisper, Some("Beller van de digitale assistent. Vroeg om een medewerker. Wil geen opname."));
}
