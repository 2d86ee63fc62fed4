//! Lookups, conditions, opening hours, sub-dialogs and sensitive steps in a call.

use std::sync::Arc;

use candor::consent::{ConsentState, SessionTime};
use candor::dialog::check::built_in;
use candor::dialog::flow::lookup::LookupFailure;
use candor::dialog::flow::{Action, Ended, Event, Flow, Grade, Heard, Settings, Trouble};
use candor::dialog::prompt::Texts;
use candor::dialog::{Dialog, file};

use super::steps::{CARD, Looked, ORDER, Step};
use super::world::*;

/// A caller who has agreed, in the menu of a dialog with every step.
fn in_the_menu() -> World {
    let mut world = World::new(every_step(), false, true, false);
    world.take(Event::Begin);
    for step in opening().into_iter().chain([Step::Key('1'), heard()]) {
        world.step(step);
    }
    assert_eq!(saying(&world), ["we-are-open", "thanks", "menu"]);
    assert!(world.recorder_on && world.held.is_some());
    world
}

fn steps(world: &mut World, steps: impl IntoIterator<Item = Step>) {
    steps.into_iter().for_each(|step| world.step(step));
}

/// The same, with their card given and confirmed: it is being looked up, without a prompt.
fn looking_up_the_card() -> World {
    let mut world = in_the_menu();
    steps(&mut world, [Step::Key('1'), Step::Digits(CARD)]);
    assert_eq!(saying(&world), ["card-back", "read-back-keys"]);
    world.step(Step::Key('1'));
    assert!(saying(&world).is_empty() && world.lookups.len() == 1);
    world
}

/// The same, with the card known and an order number given: it is being looked up while two lines are said.
fn looking_up_the_order() -> World {
    let mut world = looking_up_the_card();
    steps(&mut world, [Step::Answer(0, Looked::Found { open: true }), Step::Digits(ORDER), Step::Key('1')]);
    assert_eq!(saying(&world), ["looking", "one-moment"]);
    assert_eq!(world.lookups.len(), 2);
    world
}

fn found() -> Step {
    Step::Answer(0, Looked::Found { open: true })
}

#[test]
fn the_turns_of_a_sensitive_step_are_never_kept() {
    let mut world = in_the_menu();
    world.step(Step::Key('1'));
    assert_eq!(saying(&world), ["card"]);
    assert!(world.held.is_none() && world.recorder_on, "the question");
    assert_eq!(world.kept.len(), 1, "the menu");
    steps(&mut world, [Step::Key('1'), Step::Key('#')]);
    assert_eq!(saying(&world), ["digits-wrong", "card"]);
    assert!(world.held.is_none(), "the question, put again");
    world.step(Step::Digits(CARD));
    assert_eq!(saying(&world), ["card-back", "read-back-keys"]);
    assert!(world.held.is_none(), "the read-back");
    world.step(Step::Key('2'));
    assert!(world.held.is_none(), "on the way to a person, after two tries");
    assert_eq!(world.kept.len(), 1);
    assert!(looking_up_the_card().held.is_some(), "what comes after it can be kept again");
}

#[test]
fn a_digit_too_many_falls_into_the_turn_that_is_never_kept() {
    let mut world = in_the_menu();
    world.step(Step::Key('1'));
    CARD.chars().for_each(|digit| world.step(Step::Key(digit)));
    assert!(saying(&world).is_empty() && world.held.is_none(), "it may be one digit too many");
    world.step(Step::Key('7'));
    assert!(world.held.is_none());
    world.step(Step::Wait(1_000));
    assert_eq!(saying(&world), ["digits-wrong", "card"]);
    assert!(world.held.is_none() && world.kept.len() == 1, "the menu alone");
    CARD.chars().for_each(|digit| world.step(Step::Key(digit)));
    world.step(Step::Wait(1_000));
    assert_eq!(saying(&world), ["card-back", "read-back-keys"]);
}

#[test]
fn digits_too_many_after_a_wrong_number_are_not_the_beginning_of_the_next() {
    let mut world = looking_up_the_card();
    world.step(found());
    assert_eq!(saying(&world), ["number"]);
    "60481199".chars().for_each(|digit| world.step(Step::Key(digit)));
    assert_eq!(saying(&world), ["digits-wrong", "number"], "the two behind the six do not interrupt what is said of them");
    steps(&mut world, [heard(), Step::Wait(1_000), Step::Digits(ORDER)]);
    assert_eq!(saying(&world), ["number-back", "read-back-keys"], "and were no second try");
}

#[test]
fn digits_too_many_answer_no_question_and_a_zero_reaches_a_person() {
    let mut world = looking_up_the_card();
    world.step(found());
    ORDER.chars().chain(['1']).for_each(|digit| world.step(Step::Key(digit)));
    assert_eq!(saying(&world), ["number-back", "read-back-keys"], "one too many is no yes");
    steps(&mut world, [Step::Wait(1_000), Step::Key('1')]);
    assert_eq!(saying(&world), ["looking", "one-moment"], "a moment later it is");
    let mut world = looking_up_the_card();
    world.step(found());
    ORDER.chars().chain(['0']).for_each(|digit| world.step(Step::Key(digit)));
    assert!(!saying(&world).contains(&"number-back"), "a person is always there");
}

#[test]
fn an_answer_that_is_nobody_elses_business_is_not_kept_either() {
    let mut world = in_the_menu();
    world.step(Step::Key('2'));
    assert_eq!(saying(&world), ["secret-question"]);
    assert!(world.held.is_none());
    world.step(Step::Key('2'));
    assert!(world.held.is_none());
    world.step(Step::Key('1'));
    assert_eq!(saying(&world), ["we-are-open", "thanks", "menu"]);
    assert!(world.held.is_some());
    assert_eq!(world.kept.len(), 1, "the first menu alone");
}

#[test]
fn a_sensitive_value_is_forgotten_once_nothing_needs_it() {
    let mut world = looking_up_the_card();
    assert_eq!(world.flow.known().slot("card"), Some(CARD));
    assert_eq!(world.lookups[0].1.body.to_json().as_slice(), br#"{"card":"918273"}"#);
    world.step(found());
    assert_eq!(world.flow.known().slot("card"), None);
    let mut failed = looking_up_the_card();
    failed.step(Step::Answer(0, Looked::Failed));
    assert_eq!(saying(&failed), ["unknown-person"]);
    assert_eq!(failed.flow.known().slot("card"), None, "it is asked for again before it is sent again");
}

#[test]
fn an_answer_that_comes_early_waits_for_the_prompt() {
    let mut world = looking_up_the_order();
    world.step(found());
    assert_eq!(saying(&world), ["looking", "one-moment"]);
    world.step(heard());
    assert_eq!(saying(&world), ["one-moment"]);
    world.step(heard());
    assert_eq!(saying(&world)[0], "open-order");
}

#[test]
fn a_prompt_that_ends_early_waits_for_the_answer() {
    let mut world = looking_up_the_order();
    steps(&mut world, [heard(), heard(), Step::Wait(3_000)]);
    assert!(saying(&world).is_empty(), "nobody is asked anything meanwhile");
    let body = world.lookups[1].1.body.to_json();
    assert_eq!(body.as_slice(), br#"{"order_number":"604819","person_id":"zolder"}"#);
    world.step(found());
    assert_eq!(saying(&world)[0], "open-order");
}

#[test]
fn each_answer_leads_where_the_dialog_says() {
    for (looked, said) in [
        (Looked::Found { open: true }, "open-order"),
        (Looked::Found { open: false }, "shipped"),
        (Looked::Missing, "no-such-order"),
        (Looked::Failed, "broken"),
    ] {
        let mut world = looking_up_the_order();
        steps(&mut world, [heard(), heard(), Step::Answer(0, looked)]);
        assert_eq!(saying(&world)[0], said, "{looked:?}");
        assert_eq!(world.flow.known().results.contains_key("order"), matches!(looked, Looked::Found { .. }));
    }
}

#[test]
fn a_lookup_that_is_never_answered_has_failed_after_a_while() {
    let mut world = looking_up_the_order();
    steps(&mut world, [heard(), heard()]);
    let longest = world.lookups[1].1.longest();
    let until = world.flow.deadline().unwrap();
    assert!(until > world.now && until <= world.now + longest + std::time::Duration::from_secs(2));
    world.now = until;
    let actions = world.flow.handle(Event::Tick, until);
    assert!(matches!(&actions[0], Action::Trouble(Trouble::Lookup)), "{actions:?}");
    let said = actions.iter().any(|action| format!("{action:?}").contains("broken"));
    assert!(said, "{actions:?}");
    let late = Event::Fetched { attempt: 2, result: Err(LookupFailure::Missing) };
    assert!(world.flow.handle(late, until).is_empty(), "its answer is for nobody now");
}

#[test]
fn what_is_always_there_works_while_something_is_looked_up() {
    let mut person = looking_up_the_order();
    steps(&mut person, [Step::Key('0')]);
    assert!(saying(&person)[0].starts_with("handover-"), "{:?}", saying(&person));
    person.step(heard());
    assert_eq!(person.leaves, 1);

    let mut stop = looking_up_the_order();
    let kept = stop.kept.len();
    steps(&mut stop, [Step::Key('*'), Step::Key('9'), Step::Erased(true, false)]);
    assert_eq!((saying(&stop), state(&stop)), (vec!["consent-withdrawn"], ConsentState::Withdrawn));
    assert!(!stop.recorder_on && stop.kept.len() == kept);
    steps(&mut stop, [found(), heard()]);
    assert_eq!(stop.lookups.len(), 2, "what was under way is not looked up again");
    assert!(saying(&stop).contains(&"open-order"), "{:?}", saying(&stop));

    let mut repeat = looking_up_the_order();
    steps(&mut repeat, [heard(), Step::Key('*'), Step::Key('5')]);
    assert_eq!((saying(&repeat), repeat.lookups.len()), (vec!["looking", "one-moment"], 2));

    let mut other = looking_up_the_order();
    steps(&mut other, [Step::Key('*'), Step::Key('1')]);
    assert_eq!(saying(&other)[0], "disclosure-automated");
    other.step(found());
    assert!(!other.flow.known().results.contains_key("order"), "it was for the dialog in the other language");

    let mut ask_again = looking_up_the_order();
    steps(&mut ask_again, [Step::Key('*'), Step::Key('8')]);
    assert_eq!(ask_again.lookups.len(), 2, "who has agreed is not asked again");
    steps(&mut ask_again, [heard(), heard(), found()]);
    assert!(saying(&ask_again).contains(&"open-order"), "{:?}", saying(&ask_again));

    let mut stopping = looking_up_the_order();
    steps(&mut stopping, [Step::Stop, heard()]);
    assert_eq!(stopping.leaves, 1);
}

#[test]
fn a_result_that_was_used_is_not_looked_up_again_because_the_caller_wants_to_hear_it_again() {
    let mut world = looking_up_the_order();
    steps(&mut world, [heard(), heard(), found()]);
    assert_eq!(saying(&world), ["open-order", "we-are-open", "thanks", "menu"]);
    steps(&mut world, [heard(), Step::Key('*'), Step::Key('5')]);
    assert_eq!(saying(&world), ["open-order", "we-are-open", "thanks", "menu"]);
    assert_eq!(world.lookups.len(), 2);
}

#[test]
fn a_break_during_a_lookup_repeats_it() {
    let mut world = looking_up_the_order();
    steps(&mut world, [Step::Lapse, found()]);
    assert!(saying(&world).is_empty());
    world.step(Step::Resume);
    assert_eq!((saying(&world), world.lookups.len()), (vec!["looking", "one-moment"], 3));
    world.step(Step::Answer(1, Looked::Failed));
    steps(&mut world, [heard(), heard(), found()]);
    assert_eq!(saying(&world)[0], "open-order");
}

#[test]
fn what_the_caller_says_while_something_is_looked_up_is_understood_first() {
    let mut world = World::new(every_step(), true, true, false);
    world.take(Event::Begin);
    steps(&mut world, opening().into_iter().chain([Step::Key('1'), heard(), Step::Key('1'), Step::Digits(CARD), Step::Key('1')]));
    let kept = world.kept.len();
    steps(&mut world, [Step::Voice, found()]);
    assert!(saying(&world).is_empty(), "the caller is speaking");
    let stop = Step::Say { words: "stop opname", second: "stop opname", confidence: 0.9, late: false };
    world.step(stop);
    assert_eq!(state(&world), ConsentState::Withdrawn);
    assert_eq!(world.kept.len(), kept, "the turn in which it was said is not kept");
}

#[test]
fn words_and_keys_mean_nothing_while_something_is_looked_up() {
    let mut world = looking_up_the_order();
    steps(&mut world, [heard(), heard()]);
    let turns = world.kept.len();
    steps(&mut world, [Step::Key('1'), Step::Key('#'), Step::Voice, Step::Mumble, Step::Wait(3_000)]);
    assert_eq!((saying(&world).len(), world.kept.len()), (0, turns));
    world.step(found());
    assert_eq!(saying(&world)[0], "open-order");
}

#[test]
fn the_office_closes_in_the_middle_of_a_call() {
    let mut world = in_the_menu();
    world.step(Step::Wait(60_000));
    steps(&mut world, [Step::Key('2'), Step::Key('1')]);
    assert_eq!(saying(&world), ["we-are-closed", "thanks", "menu"]);
}

#[test]
fn a_sub_dialog_comes_back_to_where_it_was_called() {
    let mut world = looking_up_the_card();
    assert_eq!(world.flow.state(), "identify/look");
    world.step(found());
    assert_eq!((saying(&world), world.flow.state()), (vec!["number"], "order"));
}

/// A dialog that was not checked: whatever stands in it, a caller is helped.
fn unchecked(states: &str) -> World {
    let text = format!(
        "dialog: unchecked\nlanguages: [nl]\norganisation: {{ name: V, privacy-notice: {{ url: \"https://v.nl\", version: 1 }} }}\n\
         handover: {{ to: desk }}\nstart: look\nstates:\n{states}"
    );
    let file = file::read(&text).unwrap();
    let texts = Texts::read(vec![("nl".into(), vec![built_in("nl").unwrap()])]).unwrap();
    let mut world = World::new(Arc::new(Dialog { file, texts, version: String::new() }), false, true, false);
    world.take(Event::Begin);
    steps(&mut world, [heard(), heard()]);
    world
}

#[test]
fn a_dialog_that_looks_things_up_without_end_gets_the_caller_a_person() {
    let mut world =
        unchecked("  look:\n    - fetch: { url: \"{a}/b\", into: c, takes: { d: text }, failed: look }\n    - end:\n");
    for looked_up in 1..=10 {
        assert_eq!(world.lookups.len(), looked_up);
        world.step(Step::Answer(0, Looked::Failed));
    }
    assert_eq!(world.lookups.len(), 10);
    assert_eq!(saying(&world), ["handover-plain"]);
}

#[test]
fn a_condition_that_cannot_be_evaluated_takes_otherwise_and_is_told() {
    let text = "  look:\n    - choose: [{ when: nothing.of_the_kind > 1, go: wrong }, { otherwise: right }]\n  \
                wrong: [{ say: wrong }, { end: }]\n  right: [{ say: right }, { end: }]\n";
    let file = file::read(&format!(
        "dialog: unchecked\nlanguages: [nl]\norganisation: {{ name: V, privacy-notice: {{ url: \"https://v.nl\", version: 1 }} }}\n\
         handover: {{ to: desk }}\nstart: look\nstates:\n{text}"
    ));
    let texts = Texts::read(vec![("nl".into(), vec![built_in("nl").unwrap()])]).unwrap();
    let dialog = Dialog { file: file.unwrap(), texts, version: String::new() };
    let mut flow = Flow::new(Arc::new(dialog), "nl", Settings::default());
    let mut actions = flow.handle(Event::Begin, SessionTime::START);
    while let Some(Action::Say { play, lines }) = actions.iter().rev().find(|action| matches!(action, Action::Say { .. })) {
        if lines.iter().any(|line| line.id == "right") {
            break;
        }
        let play = *play;
        let last = lines.len();
        actions = (0..last)
            .flat_map(|index| {
                let ended = Ended { play, index, began: Some(SessionTime::START), heard: Heard::Complete(Grade::Peer) };
                flow.handle(Event::LineEnded(ended), SessionTime::START)
            })
            .collect();
    }
    let shown = format!("{actions:?}");
    assert!(shown.contains("Trouble(Condition)") && shown.contains("right") && !shown.contains("wrong"), "{shown}");
}
