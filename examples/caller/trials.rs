//! Trials of the telephone against a server that is known to be good or bad.
#![allow(clippy::unwrap_used, reason = "a trial that meets something unexpected has failed")]

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use crate::phone::{Call, Caller, Desk, EndedBy, Happening, MarkAnswers, MarkReturn, Outcome, PhoneError};
use crate::server_on_trial::{speech, start, value};

fn caller(address: SocketAddr) -> Caller {
    Caller::builder(format!("http://{address}"))
        .public_address("https://bot.example.com")
        .limit(Duration::from_secs(20))
        .desk(Desk::Answers { after: Duration::from_millis(300), talks: Duration::from_millis(200) })
}

async fn key_into_the_second_prompt(call: Call) -> Outcome {
    call.wait_for_completed_marks(1).await.unwrap();
    call.press("1").await.unwrap();
    call.outcome().await
}

#[tokio::test]
async fn a_call_is_heard_interrupted_handed_over_and_ended() {
    let (address, seen) = start().await;
    let outcome = key_into_the_second_prompt(caller(address).auth_token("12345").ring().await.unwrap()).await;
    assert_eq!(outcome.violations, Vec::<String>::new());
    assert_eq!(outcome.ended_by, EndedBy::Server);

    let returns: Vec<_> = outcome.marks.iter().map(|mark| (mark.name.as_str(), mark.returned.unwrap().1)).collect();
    assert_eq!(returns, [("one", MarkReturn::Played), ("two", MarkReturn::Cleared), ("three", MarkReturn::Played)]);
    let opened = outcome.events.iter().find(|event| event.what == Happening::StreamOpened);
    let lasted = outcome.marks[0].returned.unwrap().0 - opened.unwrap().at;
    assert!(lasted >= Duration::from_millis(500), "half a second was played before its mark: {lasted:?}");

    assert!(outcome.heard.contains_audio(&speech(1, 505)), "the first prompt was heard to its end");
    assert!(outcome.heard.contains_audio(&speech(3, 300)), "the third prompt was heard to its end");
    assert!(!outcome.heard.contains_audio(&speech(2, 3_000)));
    let second = outcome.heard.share_heard(&speech(2, 3_000));
    assert!(second > 0.0 && second < 0.7, "only the beginning of the second prompt was heard: {second}");
    assert!(outcome.largest_backlog > Duration::from_secs(3));

    assert_eq!(outcome.task, Some(json!({"reason": "asked", "language": "nl"})));
    assert_eq!(outcome.posted[1].parameter("QueueResult"), Some("bridged"));
    assert_eq!(outcome.verbs_named("Enqueue").len(), 1);

    let seen = seen.lock().unwrap();
    assert_eq!(seen.signatures[1], "Qo623mTKSBBeQp3YeX1D4pz6VHU=", "the stream is signed over its public address");
    assert_eq!(seen.signatures.len(), 4, "every request is signed");
    assert_eq!(seen.messages[1]["start"]["customParameters"], json!({"token": "t-1"}));
    assert!(seen.closed_properly, "the closing was answered");
    let numbers: Vec<u64> =
        seen.messages[1..].iter().map(|message| message["sequenceNumber"].as_str().unwrap().parse().unwrap()).collect();
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "messages are counted without a gap");
}

#[tokio::test]
async fn a_full_desk_brings_the_caller_back_to_a_second_stream() {
    let (address, seen) = start().await;
    let outcome = key_into_the_second_prompt(caller(address).desk(Desk::Full).ring().await.unwrap()).await;
    assert_eq!((outcome.violations, outcome.ended_by), (vec![], EndedBy::Server));
    assert_eq!(outcome.posted[1].parameter("QueueResult"), Some("queue-full"));
    assert!(outcome.heard.contains_audio(&speech(4, 200)), "the second stream was heard");
    let forms = seen.lock().unwrap().forms.clone();
    let calls: Vec<_> = forms.iter().filter(|(place, _)| place != "stream").map(|(_, form)| value(form, "CallSid")).collect();
    assert!(calls.len() == 4 && calls.iter().all(|sid| *sid == calls[0]), "it is one call: {calls:?}");
}

#[tokio::test]
async fn every_breach_of_the_server_is_written_down() {
    let (address, _) = start().await;
    let call = caller(address).to("broken").ring().await.unwrap();
    let outcome = call.outcome().await;
    for complaint in ["binary", "\"hello\"", "without a streamSid", "without a name", "1011"] {
        let found = outcome.violations.iter().filter(|violation| violation.contains(complaint)).count();
        assert_eq!(found, 1, "{complaint} in {:?}", outcome.violations);
    }
    assert_eq!(outcome.violations.len(), 5);
}

#[tokio::test]
async fn a_caller_sends_fifty_frames_a_second_and_says_goodbye() {
    let (address, seen) = start().await;
    let call = caller(address).ring().await.unwrap();
    call.wait_for_completed_marks(1).await.unwrap();
    call.say_ulaw(vec![0; 400]).await.unwrap();
    call.hang_up().await.unwrap();
    let outcome = call.outcome().await;
    assert_eq!((outcome.violations, outcome.ended_by), (vec![], EndedBy::Caller));
    let seen = seen.lock().unwrap();
    let media: Vec<_> = seen.messages.iter().filter(|message| message["event"] == "media").collect();
    assert_eq!(media.len() * 160, outcome.heard.ulaw().len(), "one frame goes out for each that is heard");
    assert!(media.len() >= 25, "half a second: {} frames", media.len());
    for (index, message) in media.iter().enumerate() {
        assert_eq!(message["media"]["timestamp"], (index * 20).to_string());
    }
    let said = media.iter().filter(|message| message["media"]["payload"].as_str().unwrap().starts_with("AAAA")).count();
    assert_eq!(said, 3, "400 samples are three frames");
    assert_eq!(seen.messages.last().unwrap()["event"], "stop");
}

#[tokio::test]
async fn a_dropped_call_says_nothing_more() {
    let (address, seen) = start().await;
    let call = caller(address).no_frames().ring().await.unwrap();
    call.wait_until_agent_speaks().await.unwrap();
    call.drop_connection().await.unwrap();
    assert_eq!(call.outcome().await.ended_by, EndedBy::Dropped);
    let seen = seen.lock().unwrap();
    assert!(seen.messages.iter().all(|message| ["connected", "start"].contains(&message["event"].as_str().unwrap())));
    assert!(!seen.closed_properly);
}

#[tokio::test]
async fn a_caller_who_never_answers_marks_still_hears() {
    let (address, seen) = start().await;
    let call = caller(address).mark_answers(MarkAnswers::Never).ring().await.unwrap();
    call.wait_until_heard(&speech(1, 505)).await.unwrap();
    assert_eq!(call.prompts_heard(), 0);
    call.hang_up().await.unwrap();
    call.outcome().await;
    assert!(seen.lock().unwrap().messages.iter().all(|message| message["event"] != "mark"));
}

#[tokio::test]
async fn turns_silence_and_the_limit_are_seen() {
    let (address, _) = start().await;
    let call = caller(address).limit(Duration::from_secs(5)).ring().await.unwrap();
    call.wait_for_turn(Duration::from_millis(300)).await.unwrap();
    assert!(call.now() > Duration::from_millis(3_500), "both prompts were waited for: {:?}", call.now());
    let over = call.wait_for_mark(9).await.unwrap_err();
    assert!(matches!(over, PhoneError::Over { by: Some(EndedBy::Limit), .. }), "{over}");
    let outcome = call.outcome().await;
    assert_eq!((outcome.violations, outcome.ended_by), (vec![], EndedBy::Limit));
    let silent = outcome.events.iter().filter(|event| event.what == Happening::AgentSilent).count();
    assert_eq!(silent, 1);
}

#[tokio::test]
async fn a_refused_call_and_an_absent_server_are_errors() {
    let (address, _) = start().await;
    let refused = caller(address).to("refusing").ring().await.err().unwrap();
    assert!(matches!(refused, PhoneError::Refused { status: 403, .. }), "{refused}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let absent = caller(nobody).ring().await.err().unwrap();
    assert!(matches!(absent, PhoneError::Unreachable { .. }), "{absent}");
}

#[tokio::test]
async fn a_server_that_closes_in_the_middle_of_its_own_words_is_caught() {
    let (address, _) = start().await;
    let outcome = caller(address).to("hasty").ring().await.unwrap().outcome().await;
    assert_eq!((outcome.violations, outcome.ended_by), (vec![], EndedBy::Server));
    let cut = outcome.events.iter().find_map(|event| match event.what {
        Happening::CutOff(length) => Some(length),
        _ => None,
    });
    assert!(cut.unwrap() >= Duration::from_millis(500), "{cut:?} of a second were not heard");
}

#[tokio::test]
async fn a_number_that_nobody_answers_is_told_to_the_server() {
    let (address, _) = start().await;
    let nobody = Desk::Nobody { after: Duration::from_millis(100) };
    let call = caller(address).to("dialling").desk(nobody).ring().await.unwrap();
    let outcome = key_into_the_second_prompt(call).await;
    assert_eq!((outcome.violations, outcome.ended_by), (vec![], EndedBy::Server));
    assert_eq!(outcome.posted[1].parameter("DialCallStatus"), Some("no-answer"));
}

#[tokio::test]
async fn a_waiting_room_can_send_the_caller_back() {
    let (address, _) = start().await;
    let nobody = Desk::Nobody { after: Duration::from_secs(15) };
    let call = caller(address).to("waiting").desk(nobody).ring().await.unwrap();
    let outcome = key_into_the_second_prompt(call).await;
    assert_eq!((outcome.violations, outcome.ended_by), (vec![], EndedBy::Server));
    assert_eq!(outcome.posted[1].parameter("QueueResult"), Some("leave"));
}

#[tokio::test]
async fn who_hangs_up_in_the_queue_leaves_it_and_hears_nothing_more() {
    let (address, _) = start().await;
    let nobody = Desk::Nobody { after: Duration::from_secs(15) };
    let call = caller(address).desk(nobody).ring().await.unwrap();
    call.wait_for_completed_marks(1).await.unwrap();
    call.press("1").await.unwrap();
    let queued = |happening: &Happening| matches!(happening, Happening::Verb(verb) if verb.name == "Enqueue");
    call.wait_for_event(queued).await.unwrap();
    call.hang_up().await.unwrap();
    let outcome = call.outcome().await;
    assert_eq!((&outcome.violations, &outcome.ended_by), (&vec![], &EndedBy::Caller));
    assert_eq!(outcome.posted[1].parameter("QueueResult"), Some("hangup"));
    assert_eq!(outcome.posted[1].parameter("CallStatus"), Some("completed"));
    assert_eq!(outcome.verbs_named("Connect").len(), 1, "the answer to it is not followed");
}

#[tokio::test]
async fn a_number_that_answers_hears_the_whisper_first() {
    let (address, _) = start().await;
    let call = caller(address).to("dialling").ring().await.unwrap();
    let outcome = key_into_the_second_prompt(call).await;
    assert_eq!((outcome.violations, outcome.ended_by), (vec![], EndedBy::Server));
    assert_eq!(outcome.posted[1].parameter("DialCallStatus"), Some("completed"));
    let whisper = Happening::DeskHears("for +12025550100".to_owned());
    assert!(outcome.events.iter().any(|event| event.what == whisper));
}

#[tokio::test]
async fn a_platform_may_ask_once_more_after_a_hang_up() {
    let (address, _) = start().await;
    let call = caller(address).told_of_hang_up().ring().await.unwrap();
    call.wait_for_completed_marks(1).await.unwrap();
    call.hang_up().await.unwrap();
    let outcome = call.outcome().await;
    assert_eq!((&outcome.violations, &outcome.ended_by), (&vec![], &EndedBy::Caller));
    assert_eq!(outcome.posted[0].parameter("CallStatus"), Some("completed"));
    assert!(outcome.verbs_named("Enqueue").is_empty(), "the answer to it is not followed");
}
