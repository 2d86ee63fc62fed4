//! Who withdraws is told the truth of it and hears no less than who does not.

use candor::consent::ConsentState;
use candor::dialog::flow::{Button, Event, SessionOutcome};

use super::steps::Step;
use super::world::*;

#[test]
fn withdrawing_while_being_put_through_does_not_cost_the_person() {
    let mut world = recorded_in_the_menu();
    for step in [Step::Key('0'), Step::Key('*'), Step::Key('9'), Step::Erased(true, false)] {
        world.step(step);
    }
    assert_eq!(saying(&world), ["consent-withdrawn", "handover-refused"], "what was said of their choice is said as it is now");
    (0..2).for_each(|_| world.step(heard()));
    assert_eq!(world.leaves, 1);
}

/// A caller who has agreed to the recording and is being told when the shop is open, before a question.
fn recorded_in_the_hours() -> World {
    let mut world = recorded_in_the_menu();
    [heard(), Step::Key('3'), heard()].into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["anything-else"]);
    world
}

/// What can come between a caller and what is being said, up to the end of what the engine says about it.
fn interruptions() -> [(&'static str, Vec<Step>); 4] {
    let withdraws = vec![Step::Button(Button::Stop), Step::Erased(true, false), heard()];
    [
        ("a break", vec![Step::Lapse, Step::Resume]),
        ("a withdrawal", withdraws.clone()),
        ("a withdrawal, and a break while it is told", {
            let mut steps = withdraws;
            steps.splice(2..2, [Step::Lapse, Step::Resume]);
            steps
        }),
        ("a fault", vec![Step::RecordingFails, heard()]),
    ]
}

#[test]
fn what_was_broken_off_is_said_again_from_the_first_line_of_its_turn() {
    let repeat = ("a repetition", vec![Step::Button(Button::Repeat)]);
    for (between, steps) in interruptions().into_iter().chain([repeat]) {
        let mut world = recorded_in_the_hours();
        steps.into_iter().for_each(|step| world.step(step));
        assert_eq!(saying(&world), ["we-are-open", "anything-else"], "after {between}");
        // Who answers nothing has heard it, and is asked again.
        [heard(), heard(), Step::Wait(12_000)].into_iter().for_each(|step| world.step(step));
        assert_eq!(saying(&world), ["no-input", "anything-else"], "after {between}");
    }
}

#[test]
fn a_branch_on_consent_is_taken_anew_by_one_who_has_withdrawn() {
    let mut world = recorded_in_the_menu();
    [heard(), Step::Key('1')].into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["thanks-for-recording", "order-number"]);
    [Step::Button(Button::Stop), Step::Erased(true, false), heard()].into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["nothing-is-recorded", "order-number"]);
}

#[test]
fn a_goodbye_that_was_broken_off_is_the_one_that_is_said_again() {
    for (between, steps) in interruptions().into_iter().take(3) {
        let mut world = recorded_in_the_hours();
        [heard(), Step::Key('2')].into_iter().for_each(|step| world.step(step));
        assert_eq!(saying(&world), ["thank-you"]);
        steps.into_iter().for_each(|step| world.step(step));
        assert_eq!(saying(&world), ["thank-you"], "after {between}");
        world.step(heard());
        assert_eq!(world.closed, [SessionOutcome::Finished], "after {between}");
    }
}

#[test]
fn who_withdraws_while_nobody_is_said_to_be_there_hears_it_all_the_same() {
    let mut world = recorded_in_the_menu();
    world.person_there = false;
    [Step::Key('0'), Step::Button(Button::Stop), Step::Erased(true, false)].into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["consent-withdrawn", "handover-closed"]);
}

#[test]
fn star_star_nine_withdraws_too() {
    let mut world = recorded_in_the_menu();
    "**9".chars().for_each(|key| world.step(Step::Key(key)));
    assert!(!world.recorder_on);
}

#[test]
fn withdrawing_twice_does_nothing_the_second_time() {
    let mut steps = opening();
    steps.extend([Step::Key('1'), heard(), heard()]);
    let star_nine = || [Step::Key('*'), Step::Key('9')];
    steps.extend(star_nine());
    steps.extend([Step::Erased(true, false), heard(), heard()]);
    let once = check(webshop(), steps.clone(), false, true, false).facts.len();
    steps.extend(star_nine());
    let twice = check(webshop(), steps, false, true, false).facts.len();
    assert_eq!(once, twice);
}

#[test]
fn a_withdrawal_whose_end_is_not_known_in_time_is_told_so_and_a_late_answer_is_not_taken_for_the_next() {
    let mut world = recorded_in_the_menu();
    [Step::Lapse, Step::Button(Button::Stop), Step::Resume, Step::Wait(2_500)].into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["consent-withdrawn-pending"]);
    let again = [heard(), Step::Button(Button::AskAgain), heard(), heard(), Step::Key('1'), Step::Button(Button::Stop)];
    again.into_iter().for_each(|step| world.step(step));
    world.step(Step::Erased(true, false));
    assert!(saying(&world).is_empty(), "that was the first one's");
    world.step(Step::Erased(true, true));
    assert_eq!(saying(&world), ["consent-withdrawn-kept"]);
}

#[test]
fn what_a_contract_keeps_is_never_told_as_erased_wherever_the_call_is() {
    for in_line in [false, true] {
        for (answer, told) in
            [(Step::Wait(2_500), "consent-withdrawn-kept"), (Step::Erased(true, true), "consent-withdrawn-kept")]
        {
            let mut world = World::new(three_bases(), false, true, true);
            world.take(Event::Begin);
            (0..6).for_each(|_| world.step(heard()));
            [Step::Key('1'), heard()].into_iter().for_each(|step| world.step(step));
            assert!(world.recorder_on);
            if in_line {
                [Step::Key('0'), heard(), Step::Place(1)].into_iter().for_each(|step| world.step(step));
                assert!(world.in_line);
            }
            [Step::Button(Button::Stop), answer].into_iter().for_each(|step| world.step(step));
            assert_eq!(saying(&world), [told]);
        }
    }
}

#[test]
fn what_was_kept_before_a_change_of_language_can_be_erased_at_any_later_time() {
    let in_the_opening = vec![heard(), Step::Button(Button::Stop), heard()];
    let at_the_question = vec![heard(), heard(), heard(), heard(), Step::Button(Button::Stop)];
    let mut after_a_no = vec![heard(), heard(), heard(), heard(), Step::Button(Button::No), heard(), heard()];
    after_a_no.push(Step::Button(Button::Stop));
    for steps in [in_the_opening, at_the_question, after_a_no] {
        let mut world = recorded_in_the_hours();
        world.step(Step::Language("en"));
        assert_eq!((world.recorder_on, state(&world)), (false, ConsentState::Invalidated));
        steps.into_iter().for_each(|step| world.step(step));
        assert_eq!((world.erasing, state(&world)), (1, ConsentState::Withdrawn), "{:?}", world.facts);
        world.step(Step::Erased(true, false));
        assert_eq!(saying(&world), ["consent-withdrawn"]);
        world.step(heard());
        assert_eq!(saying(&world), ["how-can-i-help"]);
    }
}

#[test]
fn what_was_kept_can_be_erased_with_the_agent_again_after_the_desk() {
    let mut world = waiting_for_the_desk();
    [Step::Place(1), Step::Connect, Step::GiveBack, heard()].into_iter().for_each(|step| world.step(step));
    assert_eq!((saying(&world), state(&world)), (vec!["how-can-i-help"], ConsentState::Expired));
    [Step::Button(Button::Stop), Step::Erased(true, false)].into_iter().for_each(|step| world.step(step));
    assert_eq!((saying(&world), state(&world), world.erasing), (vec!["consent-withdrawn"], ConsentState::Withdrawn, 1));
}
