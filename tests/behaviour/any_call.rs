//! Whatever happens in a call, in whatever order: the promises hold. Random events drive the pure state machine of a call, without a socket
//! or a clock; a small world around it says lines, keeps turns through the real gate and writes down what it was told to do.

mod absence;
mod desk;
mod every_step;
mod interrupted;
mod steps;
mod understanding;
mod values;
mod withdrawal;
mod world;

use candor::consent::ConsentState;
use candor::dialog::flow::{Button, Event, Fact, Grade, HandoverEnd, Heard};
use proptest::prelude::*;

use steps::{Step, call};
use world::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_breaks_a_promise(
        steps in call(4), can_hear: bool, person_there: bool, desk: bool,
    ) {
        check(webshop(), steps, can_hear, person_there, desk);
    }

    #[test]
    fn no_sequence_of_events_breaks_a_promise_with_three_bases(
        steps in call(6), can_hear: bool, person_there: bool, desk: bool,
    ) {
        check(three_bases(), steps, can_hear, person_there, desk);
    }

    #[test]
    fn no_sequence_of_events_breaks_a_promise_with_every_step(
        steps in call(4), can_hear: bool, person_there: bool, desk: bool,
    ) {
        check(every_step(), steps, can_hear, person_there, desk);
    }
}

#[test]
fn the_random_calls_do_reach_kept_turns() {
    let mut steps = opening();
    steps.extend([Step::Key('1'), heard(), heard(), Step::Key('3')]);
    let world = check(webshop(), steps, false, true, false);
    // The menu, and the turn in which the caller hangs up.
    assert_eq!(world.kept.len(), 2, "{:?}", world.facts);
}

#[test]
fn a_question_without_evidence_takes_no_yes() {
    for end in [Heard::Cut, Heard::Failed, Heard::NoEvidence, Heard::Complete(Grade::Paced)] {
        for place in [0, 2, 3] {
            let mut steps = opening();
            steps[place] = Step::LineEnds(end);
            steps.extend([Step::Key('1'), heard(), heard(), Step::Key('3'), heard(), Step::Key('1')]);
            let world = check(webshop(), steps, false, true, false);
            assert!(world.kept.is_empty(), "{end:?} at {place}");
            let given = world.facts.iter().any(|(f, _)| matches!(f, Fact::Consent(change) if change.to == ConsentState::Given));
            assert!(!given, "{end:?} at {place}");
        }
    }
}

#[test]
fn who_asks_for_a_person_before_the_first_disclosure_ends_still_hears_what_this_is() {
    let mut world = World::new(webshop(), false, false, false);
    world.take(Event::Begin);
    world.step(Step::Key('0'));
    assert_eq!(world.saying.front().map(|(_, _, id)| id.as_str()), Some("handover-closed"));
    world.step(heard());
    assert_eq!(world.saying.front().map(|(_, _, id)| id.as_str()), Some("disclosure-automated"));
}

#[test]
fn who_comes_back_from_a_handover_before_the_first_disclosure_ended_hears_what_this_is() {
    let mut world = World::new(webshop(), false, true, false);
    world.take(Event::Begin);
    for step in [Step::Key('0'), heard(), Step::Handover(HandoverEnd::NobodyAnswered), Step::Returns, heard()] {
        world.step(step);
    }
    assert_eq!(saying(&world).first(), Some(&"disclosure-automated"));
}

#[test]
fn asking_again_for_a_person_while_being_put_through_changes_nothing() {
    let mut world = recorded_in_the_menu();
    world.step(Step::Key('0'));
    let before = saying(&world).len();
    world.step(Step::Key('0'));
    assert_eq!(saying(&world).len(), before);
    let asked = world.facts.iter().filter(|(fact, _)| matches!(fact, Fact::HandoverRequested(_))).count();
    assert_eq!(asked, 1);
}

#[test]
fn a_turn_in_which_the_caller_hangs_up_while_speaking_is_not_kept() {
    let mut world = recorded_in_the_menu();
    world.step(Step::Voice);
    world.step(Step::HangUp);
    assert!(world.kept.is_empty());
    let mut silent = recorded_in_the_menu();
    silent.step(Step::HangUp);
    assert_eq!(silent.kept.len(), 1);
}

#[test]
fn a_number_that_was_not_confirmed_goes_to_nobody() {
    let mut world = World::new(webshop(), false, true, false);
    world.take(Event::Begin);
    let to_the_number = opening().into_iter().chain([Step::Key('2'), heard(), heard(), Step::Key('1')]);
    for step in to_the_number.chain("1234#".chars().map(Step::Key)).chain([heard(), heard(), Step::Key('0'), heard()]) {
        world.step(step);
    }
    assert_eq!(world.leaves, 1);
    assert!(world.flow.slots().is_empty());
}

#[test]
fn noise_without_end_is_silence_after_a_while() {
    let mut world = World::new(webshop(), true, true, false);
    world.take(Event::Begin);
    opening().into_iter().for_each(|step| world.step(step));
    for _ in 0..3 {
        world.step(Step::Say { words: "", second: "", confidence: 0.0, late: true });
    }
    assert_eq!(saying(&world), ["consent-reask"]);
}

#[test]
fn a_yes_into_noise_is_asked_for_again_and_is_then_a_no() {
    for (above_noise, granted) in [(f32::INFINITY, true), (12.0, true), (11.0, false)] {
        let mut world = World::new(webshop(), true, true, false);
        world.take(Event::Begin);
        opening().into_iter().for_each(|step| world.step(step));
        world.yes_above_noise(above_noise);
        assert_eq!(state(&world) == ConsentState::Given, granted, "{above_noise} dB");
        if !granted {
            assert_eq!(saying(&world), ["consent-reask"]);
            world.step(heard());
            world.yes_above_noise(above_noise);
            assert_eq!(state(&world), ConsentState::Refused);
        }
    }
}

/// In a call that hears, when the question about recording has been said.
fn asked_by_voice() -> World {
    let mut world = World::new(webshop(), true, true, false);
    world.take(Event::Begin);
    opening().into_iter().for_each(|step| world.step(step));
    world
}

#[test]
fn a_recogniser_that_fails_at_an_answer_is_told_and_the_answer_can_be_keyed() {
    let mut world = asked_by_voice();
    world.step(Step::EngineFails);
    assert_eq!(saying(&world), ["engine-failed", "consent-reask"]);
    // They have not heard how to answer yet.
    [heard(), Step::Key('1')].into_iter().for_each(|step| world.step(step));
    assert_eq!((saying(&world), state(&world)), (vec!["consent-reask"], ConsentState::Requested));
    // What they say while they reach for the key costs them nothing.
    [heard(), Step::EngineFails, Step::EngineFails, Step::Key('1')].into_iter().for_each(|step| world.step(step));
    assert_eq!(state(&world), ConsentState::Given);
    assert_eq!(saying(&world), ["consent-given"]);
}

#[test]
fn who_only_talks_to_a_recogniser_that_failed_has_not_said_yes() {
    let mut world = asked_by_voice();
    [Step::EngineFails, heard(), heard()].into_iter().for_each(|step| world.step(step));
    (0..3).for_each(|_| world.step(Step::EngineFails));
    assert_eq!((state(&world), saying(&world)), (ConsentState::Refused, vec!["consent-refused"]));
}

#[test]
fn whenever_a_recogniser_fails_the_caller_is_told_before_they_are_asked_anything_else() {
    // While the first disclosure is being said.
    let mut early = World::new(webshop(), true, true, false);
    early.take(Event::Begin);
    early.step(Step::EngineFails);
    [heard(), heard(), heard()].into_iter().for_each(|step| early.step(step));
    assert_eq!(saying(&early), ["engine-failed", "consent-question"]);

    // At the second try, after which it is a no.
    let mut late = asked_by_voice();
    late.step(Step::Say { words: "misschien", second: "misschien", confidence: 0.9, late: true });
    assert_eq!(saying(&late), ["consent-reask"]);
    [heard(), Step::EngineFails].into_iter().for_each(|step| late.step(step));
    assert_eq!((saying(&late), state(&late)), (vec!["engine-failed", "consent-refused"], ConsentState::Refused));

    // Broken off before it was heard, it is said again.
    let mut again = asked_by_voice();
    [Step::EngineFails, Step::Button(Button::Repeat)].into_iter().for_each(|step| again.step(step));
    assert_eq!(saying(&again), ["engine-failed", "consent-question"]);
    [heard(), Step::Button(Button::Repeat)].into_iter().for_each(|step| again.step(step));
    assert_eq!(saying(&again), ["consent-question"]);
}

#[test]
fn a_disclosure_of_which_too_much_was_lost_is_said_again() {
    let mut world = World::new(webshop(), false, true, false);
    world.take(Event::Begin);
    world.step(heard());
    // The first time the other language is offered as well.
    for _ in 0..4 {
        assert!(!world.flow.consents().is_informed());
        world.step(heard());
        assert_eq!(saying(&world), ["disclosure-consent"]);
        world.step(Step::LineEnds(Heard::Garbled));
    }
    assert_eq!(saying(&world), ["not-informed"], "said three times more, and then it is left");
    assert!(!world.flow.consents().is_informed());
}
