//! Whole calls answered by key: what is kept follows from the answer, and nothing else does.

use std::time::Duration;

use crate::by_key::{
    ANSWERED, AUTOMATED, PURPOSE, Prompts, QUESTION, RECORDING, answer, assert_clean, assert_log, by_key, next_prompt_sounds,
    opening, opening_hours_and_goodbye, order_is_looked_up, outline, ring, then,
};
use serde_json::{Value, json};

use crate::phone::{Call, Desk, EndedBy, MarkReturn, Outcome};
use crate::service::{Service, of_type};

const GIVEN: [&str; 3] = ["answer given by 1", "consent requested to given", "recorder started"];
const FINISHED_RECORDED: [&str; 3] = ["recorder stopped ended", "consent given to expired", "closed finished, 3 sealed"];
const FINISHED: &str = "closed finished, 0 sealed";

/// The rest of a call, which ends by the dialog, and the ledger in short.
async fn finish(service: &Service, call: Call) -> (Outcome, Vec<String>) {
    let outcome = call.outcome().await;
    assert_clean(service, &outcome);
    assert_eq!(outcome.ended_by, EndedBy::Server);
    let events = service.closed().await;
    assert_eq!(of_type(&events, "turn.sealed").len() * 2, service.sealed_turns().len() + wraps(service));
    (outcome, outline(&events))
}

fn wraps(service: &Service) -> usize {
    let files = crate::service::files_below(&service.data().join("recordings"));
    files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "wrap")).count()
}

#[tokio::test]
async fn yes_keeps_every_turn_after_it_with_both_sides() {
    let service = by_key().start();
    let (call, session) = ring(&service, service.caller()).await;
    answer(&call, "1").await;
    next_prompt_sounds(&call).await;
    // Too short for a word: the ears pass it over, the recording does not.
    call.say_ulaw(vec![0x12; 480]).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let (outcome, story) = finish(&service, call).await;
    assert_eq!(story, then(then(opening("nl"), &GIVEN), &FINISHED_RECORDED));
    let prompts = Prompts::of_the_webshop().await;
    let said = ["disclosure-automated", "disclosure-consent", "consent-question", "consent-given", "we-are-open", "thank-you"];
    assert_eq!(prompts.heard(&outcome.heard, "nl", &said), said);
    assert!(outcome.heard.contains_audio(&prompts.sound("en", "language-offer")));

    let (out, key) = (service.folder.path().join("export"), service.private_key(PURPOSE));
    let paths = [key.to_str().unwrap(), out.to_str().unwrap()];
    let arguments =
        ["recordings", "export", &session, "--key", paths[0], "--purpose", PURPOSE, "--reason", "a test", "--out", paths[1]];
    let exported = service.tool(&arguments);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let files = crate::service::files_below(&out);
    let file = files.iter().find(|file| file.extension().is_some_and(|ending| ending == "wav")).expect("an exported WAV");
    let samples: Vec<i16> = hound::WavReader::open(file).unwrap().into_samples().map(Result::unwrap).collect();
    let caller: Vec<i16> = samples.iter().step_by(2).copied().collect();
    let agent: Vec<i16> = samples.iter().skip(1).step_by(2).copied().collect();
    let click = audio_codec_algorithms::decode_ulaw(0x12);
    assert_eq!(caller.iter().filter(|sample| **sample == click).count(), 480, "the caller's side");
    for id in ["we-are-open", "thank-you"] {
        let sound: Vec<i16> = prompts.sound("nl", id).iter().map(|byte| audio_codec_algorithms::decode_ulaw(*byte)).collect();
        let middle = &sound[sound.len() / 2..sound.len() / 2 + 800];
        assert!(agent.windows(middle.len()).any(|window| window == middle), "the agent's side holds {id}");
    }
    let disclosed: Vec<i16> =
        prompts.sound("nl", "consent-question").iter().map(|byte| audio_codec_algorithms::decode_ulaw(*byte)).collect();
    let middle = &disclosed[disclosed.len() / 2..disclosed.len() / 2 + 800];
    assert!(!agent.windows(middle.len()).any(|window| window == middle), "the opening is not in it");
}

#[tokio::test]
async fn no_keeps_nothing_and_the_call_goes_on() {
    let service = by_key().start();
    let (call, _) = ring(&service, service.caller()).await;
    answer(&call, "2").await;
    opening_hours_and_goodbye(&call).await;
    let (outcome, story) = finish(&service, call).await;
    assert_eq!(story, then(opening("nl"), &["answer refused by 2", "consent requested to refused", FINISHED]));
    assert!(service.sealed_turns().is_empty());
    let prompts = Prompts::of_the_webshop().await;
    let said = ["consent-refused", "we-are-open", "thank-you"];
    assert_eq!(prompts.heard(&outcome.heard, "nl", &said), said);
}

#[tokio::test]
async fn silence_is_asked_once_more_and_then_is_a_no() {
    let service = by_key().start();
    let (call, _) = ring(&service, service.caller()).await;
    // The question again, and the no.
    call.wait_for_completed_marks(QUESTION + 2).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let (outcome, story) = finish(&service, call).await;
    let rest = [
        "answer silence by none",
        "nl consent-reask heard peer",
        "answer silence by none",
        "consent requested to refused",
        FINISHED,
    ];
    assert_eq!(story, then(opening("nl"), &rest));
    let prompts = Prompts::of_the_webshop().await;
    assert_eq!(prompts.heard(&outcome.heard, "nl", &["consent-reask", "consent-refused"]).len(), 2);
}

#[tokio::test]
async fn a_yes_to_the_question_put_again_is_a_yes() {
    let service = by_key().start();
    let (call, _) = ring(&service, service.caller()).await;
    call.wait_for_completed_marks(QUESTION + 1).await.unwrap();
    call.press("1").await.unwrap();
    call.wait_for_completed_marks(QUESTION + 2).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let (_, story) = finish(&service, call).await;
    let story_so_far = then(opening("nl"), &["answer silence by none", "nl consent-reask heard peer"]);
    assert_eq!(story, then(then(story_so_far, &GIVEN), &FINISHED_RECORDED));
}

#[tokio::test]
async fn a_key_without_a_meaning_twice_is_a_no() {
    let service = by_key().start();
    let (call, _) = ring(&service, service.caller()).await;
    answer(&call, "5").await;
    call.press("7").await.unwrap();
    call.wait_for_completed_marks(ANSWERED + 1).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let (_, story) = finish(&service, call).await;
    let rest = [
        "answer unclear by none",
        "nl consent-reask heard peer",
        "answer unclear by none",
        "consent requested to refused",
        FINISHED,
    ];
    assert_eq!(story, then(opening("nl"), &rest));
}

/// Presses yes in each prompt of the opening before it has ended.
async fn yes_too_early(call: &Call) {
    call.wait_until_agent_speaks().await.unwrap();
    call.press("1").await.unwrap();
    for heard in [AUTOMATED, RECORDING - 1, RECORDING] {
        call.wait_for_completed_marks(heard).await.unwrap();
        next_prompt_sounds(call).await;
        call.press("1").await.unwrap();
    }
}

/// The opening of a caller who did that.
fn opening_with_early_yeses() -> Vec<String> {
    let mut lines = opening("nl");
    let early = || "answer too-early by 1".to_owned();
    // In the first disclosure; in the other language's sentence and in the second disclosure; in the question.
    lines.insert(4, early());
    lines.insert(2, early());
    lines.insert(2, early());
    lines.insert(1, early());
    lines
}

#[tokio::test]
async fn a_yes_before_the_question_has_ended_is_counted_and_ignored() {
    let service = by_key().start();
    let (call, _) = ring(&service, service.caller()).await;
    yes_too_early(&call).await;
    call.wait_for_completed_marks(QUESTION + 2).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let (_, story) = finish(&service, call).await;
    let rest = [
        "answer silence by none",
        "nl consent-reask heard peer",
        "answer silence by none",
        "consent requested to refused",
        FINISHED,
    ];
    assert_eq!(story, then(opening_with_early_yeses(), &rest));
    assert!(service.sealed_turns().is_empty());
}

#[tokio::test]
async fn a_clear_yes_counts_after_one_that_came_too_early() {
    let service = by_key().start();
    let (call, _) = ring(&service, service.caller()).await;
    yes_too_early(&call).await;
    answer(&call, "1").await;
    opening_hours_and_goodbye(&call).await;
    let (_, story) = finish(&service, call).await;
    assert_eq!(story, then(then(opening_with_early_yeses(), &GIVEN), &FINISHED_RECORDED));
}

#[tokio::test]
async fn a_no_in_the_first_disclosure_is_taken_at_once_and_what_the_agent_is_still_heard() {
    let service = by_key().start();
    let (call, _) = ring(&service, service.caller()).await;
    call.wait_until_agent_speaks().await.unwrap();
    call.press("2").await.unwrap();
    // What the agent is, and that nothing is recorded.
    call.wait_for_completed_marks(2).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let (outcome, story) = finish(&service, call).await;
    let wanted =
        ["opened nl", "nl disclosure-automated heard peer", "answer refused by 2", "consent unknown to refused", FINISHED];
    assert_eq!(story, wanted);
    let prompts = Prompts::of_the_webshop().await;
    let said = ["disclosure-automated", "disclosure-consent", "consent-question", "consent-refused"];
    assert_eq!(prompts.heard(&outcome.heard, "nl", &said), ["disclosure-automated", "consent-refused"]);
}

#[tokio::test]
async fn a_no_in_the_second_disclosure_ends_it() {
    let service = by_key().start();
    let (call, _) = ring(&service, service.caller()).await;
    call.wait_for_completed_marks(RECORDING - 1).await.unwrap();
    next_prompt_sounds(&call).await;
    call.press("2").await.unwrap();
    call.wait_for_completed_marks(RECORDING).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let (outcome, story) = finish(&service, call).await;
    let wanted = [
        "opened nl",
        "nl disclosure-automated heard peer",
        "answer refused by 2",
        "consent unknown to refused",
        "nl disclosure-consent cut",
        FINISHED,
    ];
    assert_eq!(story, wanted);
    assert!(outcome.marks.iter().all(|mark| mark.returned.is_some_and(|(_, why)| why != MarkReturn::AtOnce)));
}

#[tokio::test]
async fn a_no_in_the_question_is_taken_at_once() {
    let service = by_key().start();
    let (call, _) = ring(&service, service.caller()).await;
    call.wait_for_completed_marks(RECORDING).await.unwrap();
    next_prompt_sounds(&call).await;
    call.press("2").await.unwrap();
    call.wait_for_completed_marks(QUESTION).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let (_, story) = finish(&service, call).await;
    let mut wanted = opening("nl");
    wanted.pop();
    // The answer stands before the end of the question that it cut.
    let rest = ["answer refused by 2", "consent requested to refused", "nl consent-question cut", FINISHED];
    assert_eq!(story, then(wanted, &rest));
}

#[tokio::test]
async fn a_caller_who_presses_for_english_hears_the_opening_anew_in_english() {
    let service = by_key().start();
    let (call, _) = ring(&service, service.caller()).await;
    call.wait_for_completed_marks(AUTOMATED + 1).await.unwrap();
    call.press("*1").await.unwrap();
    // Two disclosures and the question, in English now.
    let heard = call.prompts_heard();
    call.wait_for_completed_marks(heard + 3).await.unwrap();
    call.press("1").await.unwrap();
    call.wait_for_completed_marks(heard + 4).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let (outcome, story) = finish(&service, call).await;
    let mut wanted =
        vec!["opened nl".to_owned(), "nl disclosure-automated heard peer".to_owned(), "nl disclosure-consent cut".to_owned()];
    wanted.extend(opening("en").into_iter().skip(1));
    assert_eq!(story, then(then(wanted, &GIVEN), &FINISHED_RECORDED));
    let prompts = Prompts::of_the_webshop().await;
    let said = ["disclosure-automated", "disclosure-consent", "consent-question", "consent-given", "we-are-open", "thank-you"];
    assert_eq!(prompts.heard(&outcome.heard, "en", &said), said);
    assert_eq!(prompts.heard(&outcome.heard, "nl", &said), ["disclosure-automated"]);
}

#[tokio::test]
async fn a_number_with_a_language_of_its_own_offers_no_other() {
    let route = r#"[{number="+12025550177",dialog="webshop",language="en"}]"#;
    let service = by_key().with("DIALOGS__ROUTES", route).start();
    let (call, _) = ring(&service, service.caller().to("+12025550177")).await;
    // No sentence about another language between the disclosures.
    call.wait_for_completed_marks(QUESTION - 1).await.unwrap();
    call.press("2").await.unwrap();
    call.wait_for_completed_marks(QUESTION).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let (outcome, story) = finish(&service, call).await;
    assert_eq!(story, then(opening("en"), &["answer refused by 2", "consent requested to refused", FINISHED]));
    let prompts = Prompts::of_the_webshop().await;
    assert!(!outcome.heard.contains_audio(&prompts.sound("nl", "language-offer")));
    assert_eq!(prompts.heard(&outcome.heard, "en", &["disclosure-automated", "consent-refused", "thank-you"]).len(), 3);
}

#[tokio::test]
async fn a_caller_whose_phone_sends_no_frames_is_served_the_same() {
    let service = by_key().start();
    let (call, _) = ring(&service, service.caller().no_frames()).await;
    answer(&call, "1").await;
    opening_hours_and_goodbye(&call).await;
    let (_, story) = finish(&service, call).await;
    assert_eq!(story, then(then(opening("nl"), &GIVEN), &FINISHED_RECORDED));
}

/// A call that is answered with a key and then goes to the desk: by the way that the dialog has, or asking for a person by 0.
async fn to_the_desk(service: &Service, call: Call, key: &str, asks: bool) -> Outcome {
    answer(&call, key).await;
    if asks {
        call.press("0").await.unwrap()
    } else {
        order_is_looked_up(&call).await
    }
    let outcome = call.outcome().await;
    assert_eq!(outcome.violations, Vec::<String>::new());
    // There is no web shop, so a colleague looks the order up.
    assert_log(service, &["a lookup failed"]);
    outcome
}

/// The verb that handed a caller over without what may differ, and what the ledger says about it.
fn handed_over(outcome: &Outcome, events: &[Value], consent: &str) -> [Value; 4] {
    let [enqueue] = outcome.verbs_named("Enqueue")[..] else { panic!("one Enqueue: {:?}", outcome.verbs) };
    let task = enqueue.child("Task").expect("a task");
    let mut attributes: Value = serde_json::from_str(&task.text).unwrap();
    let candor = attributes["candor"].as_object_mut().unwrap();
    assert_eq!(candor.remove("consent").unwrap()[PURPOSE], consent);
    assert!(candor.remove("session").is_some());
    let [event] = of_type(events, "handover.requested")[..] else { panic!("one handover: {events:?}") };
    let requested = json!([event["target"], event["reason"], event["priority"]]);
    [json!(enqueue.attributes), json!(task.attributes), attributes, requested]
}

#[tokio::test]
async fn who_refuses_and_who_consents_reach_the_same_desk_in_the_same_way() {
    let service = by_key().start();
    let desk = Desk::Answers { after: Duration::from_secs(1), talks: Duration::from_millis(200) };
    for asks in [false, true] {
        let (yes, yes_session) = ring(&service, service.caller().desk(desk)).await;
        let (no, no_session) = ring(&service, service.caller().desk(desk)).await;
        let (yes, no) = tokio::join!(to_the_desk(&service, yes, "1", asks), to_the_desk(&service, no, "2", asks));
        let yes = handed_over(&yes, &service.closed_of(&yes_session).await, "given");
        let no = handed_over(&no, &service.closed_of(&no_session).await, "refused");
        if !asks {
            assert_eq!(yes[2]["candor"]["slots"]["order_number"], "123456");
        }
        assert_eq!(yes, no);
    }
}
