//! A caller who is gone for a moment: what is said again, what of theirs is taken meanwhile, and that nothing turns the recorder on.

use candor::consent::ConsentState;
use candor::dialog::flow::{Button, Event};

use super::steps::Step;
use super::world::*;

#[test]
fn a_caller_who_was_gone_hears_what_was_broken_off_again() {
    let mut world = recorded_in_the_menu();
    world.step(Step::Lapse);
    assert!(saying(&world).is_empty() && world.kept.len() == 1, "the turn as far as it went");
    world.step(Step::Key('9'));
    world.step(Step::Resume);
    assert!(world.recorder_on, "the grant still stands");
    assert_eq!(saying(&world), ["how-can-i-help"]);

    let mut asked = gone_at_the_question();
    asked.step(Step::Resume);
    assert_eq!(saying(&asked), ["consent-question"]);
    asked.step(Step::Key('1'));
    assert!(!asked.recorder_on, "a yes before the question has ended again");
}

/// A caller who is gone for a moment while the question waits for their answer.
fn gone_at_the_question() -> World {
    let mut world = World::new(webshop(), true, true, false);
    world.take(Event::Begin);
    opening().into_iter().chain([Step::Lapse]).for_each(|step| world.step(step));
    world
}

#[test]
fn stop_while_the_caller_is_gone_is_carried_out_at_once_and_told_when_they_are_back() {
    let said = Step::Say { words: "stop opname", second: "stop opname", confidence: 0.9, late: false };
    let ways = [vec![Step::Button(Button::Stop)], vec![Step::Key('*'), Step::Key('9')], vec![said]];
    for stop in ways {
        for erased_first in [true, false] {
            let mut world = recorded_in_the_menu();
            world.step(Step::Lapse);
            stop.iter().for_each(|step| world.step(step.clone()));
            assert_eq!((state(&world), world.erasing), (ConsentState::Withdrawn, 1), "{stop:?}");
            if erased_first {
                world.step(Step::Erased(true, false));
            }
            world.step(Step::Resume);
            assert!(!world.recorder_on, "{stop:?}");
            if !erased_first {
                assert!(saying(&world).is_empty(), "what came of it is not known yet");
                world.step(Step::Erased(true, true));
            }
            let told = if erased_first { "consent-withdrawn" } else { "consent-withdrawn-kept" };
            assert_eq!(saying(&world), [told], "{stop:?}");
            world.step(heard());
            assert_eq!(saying(&world), ["how-can-i-help"]);
        }
    }
}

#[test]
fn no_while_the_caller_is_gone_is_a_no() {
    let said = Step::Say { words: "nee", second: "nee", confidence: 0.9, late: false };
    for no in [Step::Button(Button::No), Step::Key('2'), Step::Button(Button::Stop), said] {
        let mut world = gone_at_the_question();
        world.step(no.clone());
        assert_eq!(state(&world), ConsentState::Refused, "{no:?}");
        world.step(Step::Resume);
        assert_eq!(saying(&world), ["consent-refused"], "{no:?}");
        world.step(heard());
        assert_eq!(saying(&world), ["how-can-i-help"], "{no:?}");
    }
}

#[test]
fn a_no_to_disclosures_that_were_broken_off_is_a_no() {
    for steps in
        [[Step::Button(Button::No), Step::Lapse], [Step::Lapse, Step::Key('2')], [Step::Lapse, Step::Button(Button::Stop)]]
    {
        let mut world = World::new(webshop(), false, true, false);
        world.take(Event::Begin);
        steps.iter().for_each(|step| world.step(step.clone()));
        world.step(Step::Resume);
        assert_eq!(saying(&world).first(), Some(&"disclosure-automated"), "what the agent is must still be heard");
        world.step(heard());
        assert_eq!((saying(&world), state(&world)), (vec!["consent-refused"], ConsentState::Refused), "{steps:?}");
    }
}

#[test]
fn a_person_whom_a_caller_asks_for_while_they_are_gone_is_looked_for_when_they_are_back() {
    for person in [Step::Button(Button::Person), Step::Key('0')] {
        let mut world = recorded_in_the_menu();
        [Step::Lapse, person, Step::Resume].into_iter().for_each(|step| world.step(step));
        assert_eq!(saying(&world), ["handover-given"]);
    }
    let mut world = recorded_in_the_menu();
    let steps = [Step::Lapse, Step::Button(Button::Person), Step::Button(Button::Stop), Step::Erased(true, false), Step::Resume];
    steps.into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["consent-withdrawn"], "first what came of the withdrawal");
    world.step(heard());
    assert_eq!(saying(&world), ["handover-refused"]);
}

#[test]
fn no_word_of_a_caller_who_is_gone_turns_the_recorder_on() {
    let said = Step::Say { words: "ja", second: "ja", confidence: 0.99, late: true };
    for yes in [Step::Button(Button::Yes), Step::Key('1'), Step::Button(Button::AskAgain), said] {
        let mut world = gone_at_the_question();
        [yes, Step::Resume].into_iter().for_each(|step| world.step(step));
        assert_eq!(saying(&world), ["consent-question"]);
        assert!(!world.recorder_on);
    }
}

#[test]
fn a_fault_while_the_caller_is_gone_is_told_when_they_are_back() {
    let mut world = World::new(webshop(), true, true, false);
    world.take(Event::Begin);
    let steps = opening().into_iter().chain([Step::Key('1'), Step::Lapse, Step::RecordingFails, Step::Resume]);
    steps.for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["recording-failed"], "and not that recording starts");
}
