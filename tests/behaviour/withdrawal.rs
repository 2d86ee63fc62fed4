//! `*9` ends the recording in the middle of a turn: what runs is dropped, what was kept goes, and the caller hears the truth about it.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::by_key::{
    PURPOSE, Prompts, answer, assert_clean, by_key, next_prompt_sounds, opening, outline, ring, then, written_at,
};
use crate::phone::Call;
use crate::service::{Service, files_below, of_type};

const GIVEN: [&str; 3] = ["answer given by 1", "consent requested to given", "recorder started"];
const WITHDRAWN: [&str; 3] = ["recorder stopped withdrawn, turn dropped", "answer withdrawn by 9", "consent given to withdrawn"];

/// Says yes, lets a turn be sealed and is in the middle of the next.
async fn in_the_second_turn(service: &Service, call: &Call) {
    answer(call, "1").await;
    next_prompt_sounds(call).await;
    call.press("3").await.unwrap();
    service.wait_for_event("turn.sealed", |_| true).await;
    assert_eq!(kept(service).len(), 2, "a turn and its wrap");
    next_prompt_sounds(call).await;
}

/// Everything that is kept of turns: the sealed ones and their wraps.
fn kept(service: &Service) -> Vec<PathBuf> {
    let files = files_below(&service.data().join("recordings")).into_iter();
    files.filter(|file| file.extension().is_some_and(|ending| ending == "age" || ending == "wrap")).collect()
}

/// Withdraws and hears what is said about it to its end. Gives the moment of the second key.
async fn withdraw(call: &Call) -> Timestamp {
    call.press("*").await.unwrap();
    let (pressed, heard) = (Timestamp::now(), call.prompts_heard());
    call.press("9").await.unwrap();
    call.wait_for_completed_marks(heard + 1).await.unwrap();
    pressed
}

#[tokio::test]
async fn a_withdrawal_in_a_turn_drops_it_and_erases_what_was_kept() {
    let service = by_key().start();
    let (call, session) = ring(&service, service.caller()).await;
    in_the_second_turn(&service, &call).await;
    let pressed = withdraw(&call).await;
    assert_eq!(kept(&service), Vec::<PathBuf>::new());
    next_prompt_sounds(&call).await;
    call.press("2").await.unwrap();
    let outcome = call.outcome().await;
    assert_clean(&service, &outcome);
    let events = service.closed().await;
    let deleted = "deleted withdrawn: 1 wraps, 1 turns, 0 held";
    let rest = then(then(opening("nl"), &GIVEN), &WITHDRAWN);
    assert_eq!(outline(&events), then(rest, &[deleted, "closed finished, 1 sealed"]));
    assert_eq!(of_type(&events, "turn.sealed").len(), 1, "nothing is sealed after it");
    assert_eq!(kept(&service), Vec::<PathBuf>::new());
    let stopped = written_at(&service, &session, |event| event["type"] == "recorder.stopped");
    let took = stopped.duration_since(pressed).as_millis();
    assert!(took <= 250, "the recorder stopped {took} ms after the key");
    let prompts = Prompts::of_the_webshop().await;
    assert_eq!(prompts.heard(&outcome.heard, "nl", &["consent-withdrawn", "thank-you"]).len(), 2);
}

#[tokio::test]
async fn a_second_withdrawal_does_nothing_and_a_caller_may_change_their_mind() {
    let service = by_key().start();
    let (call, _) = ring(&service, service.caller()).await;
    in_the_second_turn(&service, &call).await;
    withdraw(&call).await;
    next_prompt_sounds(&call).await;
    let before = service.events().len();
    call.press("*9").await.unwrap();
    // The question of the dialog goes on as if nothing had been pressed.
    let heard = call.prompts_heard();
    call.wait_for_completed_marks(heard + 1).await.unwrap();
    assert_eq!(service.events().len(), before, "{:?}", outline(&service.events()));

    call.press("*8").await.unwrap();
    let heard = call.prompts_heard();
    // What would be recorded, and the question.
    call.wait_for_completed_marks(heard + 2).await.unwrap();
    call.press("1").await.unwrap();
    call.wait_for_completed_marks(heard + 3).await.unwrap();
    next_prompt_sounds(&call).await;
    call.press("2").await.unwrap();
    let outcome = call.outcome().await;
    assert_clean(&service, &outcome);
    let events = service.closed().await;
    let again = [
        "deleted withdrawn: 1 wraps, 1 turns, 0 held",
        "nl disclosure-consent heard peer",
        "consent withdrawn to requested",
        "nl consent-question heard peer",
    ];
    let rest = then(then(then(opening("nl"), &GIVEN), &WITHDRAWN), &again);
    let end = ["recorder stopped ended", "consent given to expired", "closed finished, 3 sealed"];
    assert_eq!(outline(&events), then(then(rest, &GIVEN), &end));
    assert_eq!(service.sealed_turns().len(), 2, "the two turns after the second yes");
}

#[tokio::test]
async fn a_hold_keeps_what_was_withdrawn_and_the_caller_is_told() {
    let service = by_key().start();
    let (call, session) = ring(&service, service.caller()).await;
    in_the_second_turn(&service, &call).await;
    let hold = ["recordings", "hold", &session, "--case", "C-17", "--reason", "a complaint", "--review", "2027-03-01"];
    let held = service.tool(&hold);
    assert!(held.status.success(), "{}", String::from_utf8_lossy(&held.stderr));
    withdraw(&call).await;
    next_prompt_sounds(&call).await;
    call.press("2").await.unwrap();
    let outcome = call.outcome().await;
    assert_clean(&service, &outcome);
    let events = service.closed().await;
    let kept = "deleted withdrawn: 0 wraps, 0 turns, 1 held";
    let rest = then(then(opening("nl"), &GIVEN), &WITHDRAWN);
    assert_eq!(outline(&events), then(rest, &[kept, "closed finished, 1 sealed"]));
    assert_eq!(service.sealed_turns().len(), 1);
    let prompts = Prompts::of_the_webshop().await;
    let said = prompts.heard(&outcome.heard, "nl", &["consent-withdrawn", "consent-withdrawn-kept"]);
    assert_eq!(said, ["consent-withdrawn-kept"]);

    let released = service.tool(&["recordings", "release", &session]);
    assert!(released.status.success(), "{}", String::from_utf8_lossy(&released.stderr));
    assert!(service.sealed_turns().is_empty(), "with the hold goes what only it kept, for {PURPOSE}");
}
