//! What callers say: a value is taken as one that is typed is, or asked for again; an option that is close is asked about.

use candor::dialog::flow::{Button, Event, Heard};
use candor::dialog::spoken::Form;

use super::steps::Step;
use super::world::*;

/// A caller who can be heard, asked for an order number.
fn asked_for_the_number(can_hear: bool) -> World {
    let mut world = World::new(webshop(), can_hear, true, false);
    world.take(Event::Begin);
    for step in opening().into_iter().chain([Step::Key('2'), heard(), heard(), Step::Key('1')]) {
        world.step(step);
    }
    assert_eq!(saying(&world), ["nothing-is-recorded", "order-number"]);
    world
}

pub fn say(words: &'static str) -> Step {
    Step::Say { words, second: words, confidence: 0.9, late: true }
}

#[test]
fn the_ears_know_what_is_asked_for_and_until_when() {
    let mut world = asked_for_the_number(true);
    assert_eq!(world.expecting.as_ref().unwrap().value, Some(Form::Digits { least: 4, most: 8 }));
    world.step(say("vier zeven elf"));
    assert_eq!(saying(&world), ["is-this-your-order", "read-back-keys"]);
    assert_eq!(world.expecting.as_ref().unwrap().value, None);
}

#[test]
fn a_number_that_is_said_takes_the_way_of_one_that_is_typed() {
    for said in ["vier zeven een een", "mijn nummer is zevenenveertig elf", "uh 47 11 alstublieft", "vier zeven dubbel een"] {
        let mut world = asked_for_the_number(true);
        world.step(say(said));
        assert_eq!(saying(&world), ["is-this-your-order", "read-back-keys"], "{said}");
        assert_eq!(world.flow.slots().get("order_number"), Some("4711"), "{said}");
        world.step(say("ja dat klopt"));
        assert_eq!(saying(&world), ["one-moment"], "{said}");
    }
}

#[test]
fn a_number_that_is_not_understood_is_asked_for_again_and_then_a_person_helps() {
    for (said, lead) in [
        ("dat weet ik niet", "say-again-or-key"),
        ("vier zeven nee elf", "say-again-or-key"),
        ("vier zeven elf vier zeven elf negen", "digits-wrong"),
    ] {
        let mut world = asked_for_the_number(true);
        world.step(say(said));
        assert_eq!(saying(&world), [lead, "order-number"], "{said}");
        assert!(world.flow.slots().is_empty(), "{said}");
        world.step(say(said));
        assert_eq!(world.leaves + u32::from(saying(&world) == ["handover-refused"]), 1, "{said}: a person, after two tries");
    }
}

#[test]
fn a_pause_in_the_middle_of_a_number_cuts_nothing() {
    let mut world = asked_for_the_number(true);
    [heard(), heard(), say("mijn nummer is vier")].into_iter().for_each(|step| world.step(step));
    assert_eq!(world.expecting.as_ref().unwrap().value, Some(Form::Digits { least: 3, most: 7 }));
    [Step::Wait(2_000), say("zeven"), Step::Mumble, Step::Wait(3_000), say("elf")].into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["is-this-your-order", "read-back-keys"]);
    assert_eq!(world.flow.slots().get("order_number"), Some("4711"));
    // The rest does not come.
    let mut world = asked_for_the_number(true);
    [heard(), heard(), say("vier zeven"), Step::Wait(4_001)].into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["digits-wrong", "order-number"]);
    // What comes is something else.
    let mut world = asked_for_the_number(true);
    [heard(), heard(), say("vier zeven"), say("nee wacht")].into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["say-again-or-key", "order-number"]);
    // Who goes over to the keys begins anew with them.
    let mut world = asked_for_the_number(true);
    [heard(), heard(), say("vier zeven")].into_iter().for_each(|step| world.step(step));
    "4711#".chars().for_each(|key| world.step(Step::Key(key)));
    assert_eq!(world.flow.slots().get("order_number"), Some("4711"));
}

#[test]
fn who_types_and_says_something_goes_on_typing() {
    let mut world = asked_for_the_number(true);
    world.step(Step::Key('4'));
    world.step(say("zeven een een"));
    "711#".chars().for_each(|key| world.step(Step::Key(key)));
    assert_eq!(world.flow.slots().get("order_number"), Some("4711"));
}

#[test]
fn commands_are_heard_where_a_number_is_asked_for() {
    let mut world = asked_for_the_number(true);
    world.step(say("ik wil een medewerker"));
    assert_eq!(saying(&world), ["handover-refused"]);
}

/// A caller who has refused and can be heard, in the menu.
fn in_the_menu() -> World {
    let mut world = World::new(webshop(), true, true, false);
    world.take(Event::Begin);
    for step in opening().into_iter().chain([Step::Key('2'), heard()]) {
        world.step(step);
    }
    assert_eq!(saying(&world), ["how-can-i-help"]);
    world.step(heard());
    world
}

#[test]
fn an_option_that_is_close_is_asked_about_in_a_turn_of_its_own() {
    for (answer, then) in [
        (say("ja"), "return-number"),
        (Step::Key('1'), "return-number"),
        (Step::Button(Button::Yes), "return-number"),
        (say("nee"), "no-match"),
        (Step::Key('2'), "no-match"),
        (Step::Key('7'), "no-match"),
        (Step::Button(Button::No), "no-match"),
        (say("nee ja"), "no-match"),
        (say("bestelling"), "no-match"),
    ] {
        let mut world = in_the_menu();
        let turns = world.turns;
        world.step(say("retoer"));
        assert_eq!(saying(&world), ["option-understood", "read-back-keys"]);
        assert_eq!(world.flow.known().understood.as_deref().map(String::as_str), Some("retour"));
        assert_eq!(world.turns, turns + 1, "a turn of its own");
        [heard(), heard()].into_iter().for_each(|step| world.step(step));
        world.step(answer.clone());
        assert_eq!(saying(&world).first(), Some(&then), "{answer:?}");
        assert!(world.flow.known().understood.is_none(), "{answer:?}");
    }
}

#[test]
fn what_is_asked_about_again_and_again_ends_with_a_person() {
    let mut world = in_the_menu();
    for _ in 0..2 {
        assert_eq!(world.leaves, 0);
        world.step(say("retoer"));
        assert_eq!(saying(&world), ["option-understood", "read-back-keys"]);
        world.step(say("nee"));
    }
    assert_eq!(saying(&world), ["handover-refused"]);
}

#[test]
fn what_is_denied_is_not_chosen() {
    for said in ["geen retour", "niet terugsturen", "ik wil geen bestelling"] {
        let mut world = in_the_menu();
        world.step(say(said));
        assert_eq!(saying(&world), ["no-match", "how-can-i-help"], "{said}");
    }
}

#[test]
fn always_there_commands_work_while_an_option_is_confirmed() {
    for (step, then) in [
        (Step::Key('0'), "handover-refused"),
        (say("medewerker"), "handover-refused"),
        (say("herhaal"), "how-can-i-help"),
        (Step::Button(Button::AskAgain), "disclosure-consent"),
    ] {
        let mut world = in_the_menu();
        world.step(say("retoer"));
        world.step(step.clone());
        assert_eq!(saying(&world).first(), Some(&then), "{step:?}");
    }
}

#[test]
fn an_option_that_cannot_be_read_out_is_confirmed_by_nobody() {
    let mut world = in_the_menu();
    world.step(say("retoer"));
    world.step(Step::LineEnds(Heard::Failed));
    assert_eq!(saying(&world), ["no-match", "how-can-i-help"]);
}
