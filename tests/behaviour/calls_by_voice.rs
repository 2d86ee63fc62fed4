//! Whole calls by voice: real speech over the real protocol into the real recogniser, and what the server made of it.
//!
//! Only what a caller wants to be understood may be tried again. That nothing grants by mistake holds at the first attempt.

use std::time::Duration;

use serde_json::Value;

use crate::korean::{
    NO, NOODLES, OPENING, PERHAPS, PERSON, STOP, YES, agree_by_key, answer, as_the_agent_says, line, opened, question_heard, say,
    spoken, understood_within_three,
};
use crate::phone::{Call, Happening};
use crate::service::{Service, of_type};
use crate::traces::{Said, is_sound};

/// No consent was given, nothing was recorded, nothing is kept.
fn nothing_granted(service: &Service, events: &[Value]) {
    assert!(events.iter().all(|event| event["to"] != "given" && event["outcome"] != "given"), "{events:#?}");
    assert!(of_type(events, "recorder.started").is_empty(), "{events:#?}");
    assert!(service.sealed_turns().is_empty());
}

/// Waits for everything the agent has to say, then hangs up.
async fn leave(call: Call) {
    call.hang_up().await.unwrap();
    let outcome = call.outcome().await;
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
}

/// Says yes, and yes again when asked again: what the ledger has of it.
async fn yes(service: &Service, call: &Call) -> Result<Value, String> {
    call.wait_for_completed_marks(OPENING).await.unwrap();
    say(call, YES).await;
    let first = answer(service, 1).await;
    if first["outcome"] == "given" {
        return Ok(first);
    }
    if first["outcome"] != "unclear" && first["outcome"] != "silence" {
        return Err(format!("the first yes came to {first}"));
    }
    call.wait_for_completed_marks(OPENING + 1).await.unwrap();
    say(call, YES).await;
    let second = answer(service, 2).await;
    if second["outcome"] == "given" { Ok(second) } else { Err(format!("the second yes came to {second}")) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_and_an_option_by_voice_are_taken_and_the_callers_voice_is_kept() {
    understood_within_three(|service| async move {
        let noted = as_the_agent_says("라면을 주문하셨습니다.").await;
        let noodles = spoken(NOODLES).await;
        let call = service.caller().ring().await.unwrap();
        let given = yes(&service, &call).await?;
        assert_eq!(given["method"], "speech");
        let entry = given["grammar-entry"].as_str().unwrap();
        assert!(entry == "ko-1/ne" || entry == "ko-1/ne-ne", "{given}");
        assert!((85..=100).contains(&given["confidence-percent"].as_u64().unwrap()), "{given}");

        call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
        call.say_ulaw(noodles.clone()).await.unwrap();
        call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
        let taken = call.contains_audio(&noted);
        leave(call).await;
        let events = service.closed().await;
        if !taken {
            return Err("the option was not understood".to_owned());
        }
        assert_eq!(of_type(&events, "recorder.started").len(), 1);
        let kept = opened(&service, "service-quality");
        assert_eq!(of_type(&events, "turn.sealed").len(), kept.len());
        let said = Said::new(&noodles, &[]);
        let turn = kept.iter().find(|turn| said.share_in(&turn.caller) > 0.9).expect("the caller's voice is in a kept turn");
        assert!(kept.iter().all(|turn| said.share_in(&turn.agent) == 0.0));
        assert!(is_sound(&turn.agent), "the question belongs to the turn");
        // The yes itself was said before there was a grant.
        let yes = Said::new(&spoken(YES).await, &[]);
        assert!(kept.iter().all(|turn| yes.share_in(&turn.caller) == 0.0));
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_by_voice_is_taken_at_once_and_costs_nothing() {
    understood_within_three(|service| async move {
        let noted = as_the_agent_says("여름 메뉴에는 시원한 국수가 있습니다.").await;
        let call = service.caller().ring().await.unwrap();
        call.wait_for_completed_marks(OPENING).await.unwrap();
        say(&call, NO).await;
        let no = answer(&service, 1).await;
        call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
        call.press("2").await.unwrap();
        call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
        let served = call.contains_audio(&noted);
        leave(call).await;
        let events = service.closed().await;
        nothing_granted(&service, &events);
        if no["outcome"] != "refused" || no["method"] != "speech" {
            return Err(format!("the no came to {no}"));
        }
        assert!(
            no.get("grammar-entry").is_none_or(Value::is_null) && no.get("confidence-percent").is_none_or(Value::is_null),
            "{no}"
        );
        assert!(served, "a caller who refuses is served as any other");
        Ok(())
    })
    .await;
}

/// Says something instead of an answer, twice, and gives the events of the call. It must never have become a yes.
async fn said_instead(service: &Service, first: &[u8], second: &[u8]) -> Vec<Value> {
    let call = service.caller().ring().await.unwrap();
    question_heard(&call).await;
    call.say_ulaw(first.to_vec()).await.unwrap();
    let once = answer(service, 1).await;
    if once["outcome"] != "refused" {
        call.wait_for_completed_marks(OPENING + 1).await.unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
        call.say_ulaw(second.to_vec()).await.unwrap();
        answer(service, 2).await;
    }
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    leave(call).await;
    let events = service.closed().await;
    nothing_granted(service, &events);
    let consent = of_type(&events, "consent");
    assert_eq!(consent.last().unwrap()["to"], "refused", "{events:#?}");
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn perhaps_is_asked_once_more_and_is_then_a_no() {
    let Some(plan) = line() else { return };
    let service = plan.start();
    let perhaps = spoken(PERHAPS).await;
    let events = said_instead(&service, &perhaps, &perhaps).await;
    let answers = of_type(&events, "answer");
    assert_eq!(answers.len(), 2, "{answers:#?}");
    let questions = of_type(&events, "question");
    assert_eq!(questions.len(), 2);
    assert!(questions.iter().all(|question| question["text-sha256"].as_str().unwrap().len() == 64), "{questions:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn korean_beside_the_point_grants_nothing() {
    let Some(plan) = line() else { return };
    let weather = spoken("오늘 날씨가 정말 좋습니다").await;
    let film = spoken("어제 친구와 함께 영화를 봤어요").await;
    said_instead(&plan.start(), &weather, &film).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn speech_in_another_language_grants_nothing() {
    let Some(plan) = line() else { return };
    let dutch = crate::phone::voice::from_text("Ja hoor, dat is goed", "nl").await.unwrap();
    let english = crate::phone::voice::from_text("Yes, of course you may", "en").await.unwrap();
    said_instead(&plan.start(), &dutch, &english).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_before_the_end_of_the_question_grants_nothing() {
    let Some(plan) = line() else { return };
    let service = plan.start();
    let yes = spoken(YES).await;
    let call = service.caller().ring().await.unwrap();
    call.wait_until_agent_speaks().await.unwrap();
    // Into both disclosures and into the question, one yes at a time.
    while call.prompts_heard() < OPENING - 1 {
        call.say_ulaw(yes.clone()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }
    // And without a pause from the middle of the question to beyond its end.
    tokio::time::sleep(Duration::from_secs(1)).await;
    while call.prompts_heard() < OPENING {
        call.say_ulaw(yes.clone()).await.unwrap();
    }
    call.say_ulaw(yes.clone()).await.unwrap();
    call.wait_for_completed_marks(OPENING + 1).await.unwrap();
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    leave(call).await;
    let events = service.closed().await;
    nothing_granted(&service, &events);
    let early = of_type(&events, "answer").into_iter().filter(|answer| answer["outcome"] == "too-early").count();
    assert!(early > 0, "the early yes was heard and counted: {events:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_falls_silent_when_the_caller_speaks_into_a_question() {
    let Some(plan) = line() else { return };
    let service = plan.start();
    let call = service.caller().ring().await.unwrap();
    question_heard(&call).await;
    call.press("2").await.unwrap();
    // "Nothing is recorded", twice; then the menu, which is long.
    call.wait_for_completed_marks(OPENING + 2).await.unwrap();
    tokio::time::sleep(Duration::from_millis(800)).await;
    call.say_ulaw(spoken(NOODLES).await).await.unwrap();
    call.wait_for_event(|what| matches!(what, Happening::Cleared(_))).await.unwrap();
    let cleared = call.events().into_iter().find(|event| matches!(event.what, Happening::Cleared(_))).unwrap().at;
    call.wait_until(cleared + Duration::from_millis(640)).await.unwrap();
    let heard = call.heard();
    let after = heard.since(cleared + Duration::from_millis(40));
    let moment = &after[..after.len().min(8 * 500)];
    assert!(!is_sound(moment), "the agent goes on speaking over the caller");
    leave(call).await;
    service.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_by_voice_in_the_middle_of_a_turn_drops_it_and_erases_what_was_kept() {
    understood_within_three(|service| async move {
        let erased = as_the_agent_says("녹음을 멈추고 동의를 철회했습니다. 녹음된 내용은 지웠습니다. 그대로 계속합니다.").await;
        let call = service.caller().ring().await.unwrap();
        agree_by_key(&call).await;
        call.press("1").await.unwrap();
        service.wait_for_event("turn.sealed", |_| true).await;
        // In the middle of the next turn; a word that is not understood is said again as the question comes again.
        let mut tries = 0;
        while tries < 2 && of_type(&service.events(), "recorder.stopped").is_empty() {
            tries += 1;
            tokio::time::sleep(Duration::from_millis(1500)).await;
            call.say_ulaw(spoken(STOP).await).await.unwrap();
            tokio::time::sleep(Duration::from_millis(4500)).await;
        }
        let heard = call.wait_until_heard(&erased);
        let confirmed = tokio::time::timeout(Duration::from_secs(15), heard).await.is_ok_and(|heard| heard.is_ok());
        leave(call).await;
        let events = service.closed().await;
        let withdrawn = of_type(&events, "answer").into_iter().any(|a| a["outcome"] == "withdrawn" && a["method"] == "speech");
        if !withdrawn {
            return Err("the word was not understood".to_owned());
        }
        assert!(confirmed, "the caller is told that it is erased");
        let stopped = of_type(&events, "recorder.stopped");
        assert_eq!((&stopped[0]["reason"], &stopped[0]["turn-dropped"]), (&"withdrawn".into(), &true.into()), "{events:#?}");
        assert_eq!(of_type(&events, "wraps.deleted").len(), 1);
        assert!(service.sealed_turns().is_empty());
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_can_be_asked_for_by_voice() {
    understood_within_three(|service| async move {
        let call = service.caller().ring().await.unwrap();
        question_heard(&call).await;
        call.press("2").await.unwrap();
        call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
        call.say_ulaw(spoken(PERSON).await).await.unwrap();
        call.wait_for_turn(Duration::from_millis(2500)).await.ok();
        let passed_on = call.events().iter().any(|event| matches!(&event.what, Happening::Verb(verb) if verb.name == "Enqueue"));
        if !passed_on {
            leave(call).await;
            return Err("the word was not understood".to_owned());
        }
        let outcome = call.outcome().await;
        let told = &outcome.task.unwrap()["candor"];
        assert_eq!((&told["reason"], &told["consent"]["service-quality"]), (&"asked".into(), &"refused".into()));
        let events = service.closed().await;
        nothing_granted(&service, &events);
        assert_eq!(of_type(&events, "handover.requested")[0]["reason"], "asked");
        Ok(())
    })
    .await;
}
