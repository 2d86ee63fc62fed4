//! Dates, times, postcodes, amounts and numbers in a call, by voice and by key. The call is on Friday 27 November 2026.

use candor::dialog::flow::Event;
use candor::dialog::prompt::{Hearing, Line};

use super::steps::Step;
use super::understanding::say;
use super::world::*;

/// A caller who has refused, asked for a day.
fn asked_for_a_day() -> World {
    let mut world = World::new(every_step(), true, true, false);
    world.take(Event::Begin);
    for step in opening().into_iter().chain([Step::Key('2'), heard(), Step::Key('4')]) {
        world.step(step);
    }
    assert_eq!(saying(&world), ["day"]);
    world
}

fn steps(world: &mut World, steps: impl IntoIterator<Item = Step>) {
    steps.into_iter().for_each(|step| world.step(step));
}

fn keys(world: &mut World, keys: &str) {
    keys.chars().for_each(|key| world.step(Step::Key(key)));
}

/// What a prompt of the dialog says now.
fn text(world: &World, id: &str, language: &str) -> String {
    let (dialog, known) = (every_step(), world.flow.known());
    let line =
        Line { id: id.into(), language: language.into(), hearing: Hearing::Voice, purpose: None, slots: true, place: None };
    dialog.texts.text(&dialog.file, &line, known).unwrap().to_string()
}

const GIVEN: [(&str, &str); 5] =
    [("day", "2026-12-03"), ("hour", "14:30"), ("postcode", "1234 AB"), ("amount", "112.50"), ("pieces", "7")];

fn given(world: &World) -> Vec<(&str, &str)> {
    GIVEN.iter().map(|(slot, _)| (*slot, world.flow.slots().get(slot).unwrap_or_default())).collect()
}

#[test]
fn values_by_voice_are_kept_as_they_are_written() {
    let mut world = asked_for_a_day();
    steps(&mut world, [say("volgende week donderdag"), say("ja"), say("half drie graag")]);
    steps(
        &mut world,
        [say("twaalf vierendertig anton bernard"), say("ja"), say("honderdtwaalf euro vijftig"), say("zeven stuks")],
    );
    assert_eq!(saying(&world), ["values-said", "we-are-open", "no-thanks", "menu"], "an amount is a number to a condition");
    assert_eq!(given(&world), GIVEN);
    assert_eq!(
        text(&world, "values-said", "nl"),
        "Op donderdag 3 december om 14 uur 30, in 1 2 3 4 A B, voor 112 euro 50, 7 stuks."
    );
    assert_eq!(
        text(&world, "values-said", "en"),
        "On Thursday 3 December at 2 30 p.m., in 1 2 3 4 A B, for 112 euros 50, 7 pieces."
    );
}

#[test]
fn values_by_key_are_the_same() {
    let mut world = asked_for_a_day();
    keys(&mut world, "0312#");
    assert_eq!(saying(&world), ["day-back", "read-back-keys"]);
    // A number that is full ends by itself; what is pressed at once after it would be a key too many.
    for typed in ["1", "1430", "12342122", "1", "11250#", "7#"] {
        steps(&mut world, [Step::Wait(1_500)]);
        keys(&mut world, typed);
    }
    assert_eq!(given(&world), GIVEN);
}

#[test]
fn numbers_decide_as_numbers() {
    let mut world = asked_for_a_day();
    for said in ["drie december", "ja", "half drie", "1234 ab", "ja", "twaalf euro", "twaalf"] {
        world.step(say(said));
    }
    assert_eq!(saying(&world).last(), Some(&"menu"));
    assert!(!saying(&world).contains(&"values-said"), "12 pieces are more than 2, and 12 euros less than 100");
}

#[test]
fn what_cannot_be_is_asked_for_again() {
    for (said, lead) in [
        ("eenendertig februari", "say-again-or-key"),
        ("gisteren", "value-wrong"),
        ("geen idee", "say-again-or-key"),
        ("vrijdag drie december", "say-again-or-key"),
    ] {
        let mut world = asked_for_a_day();
        world.step(say(said));
        assert_eq!(saying(&world), [lead, "day"], "{said}");
    }
    for typed in ["3102#", "3213#", "31#", "26112026"] {
        let mut world = asked_for_a_day();
        keys(&mut world, typed);
        assert_eq!(saying(&world), ["value-wrong", "day"], "{typed}");
    }
    let mut world = asked_for_a_day();
    steps(&mut world, [say("morgen"), say("ja")]);
    assert_eq!(saying(&world), ["hour"]);
    keys(&mut world, "2500");
    assert_eq!(saying(&world), ["value-wrong", "hour"]);
}

#[test]
fn a_date_is_read_back_as_one_says_it() {
    let mut world = asked_for_a_day();
    world.step(say("overmorgen"));
    assert_eq!(saying(&world), ["day-back", "read-back-keys"]);
    assert_eq!(text(&world, "day-back", "nl"), "Dat is zondag 29 november.");
    world.step(say("nee"));
    assert_eq!(saying(&world), ["value-wrong", "day"]);
    assert!(world.flow.slots().get("day").is_none());
}
