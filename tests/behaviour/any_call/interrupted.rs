//! A caller who speaks into a prompt: it stands still at once, and goes on where it was unless they meant it.

use candor::dialog::flow::{Button, Event, Interruption};

use super::steps::Step;
use super::world::*;

/// A caller in the menu, which is being said.
fn in_the_menu() -> World {
    let mut world = World::new(webshop(), true, true, false);
    world.take(Event::Begin);
    opening().into_iter().chain([Step::Key('2'), heard()]).for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["how-can-i-help"]);
    world
}

/// A caller who is asked yes or no, which is being said.
fn at_a_yes_or_no() -> World {
    let mut world = in_the_menu();
    [heard(), Step::Key('3'), heard()].into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["anything-else"]);
    world
}

fn says(words: &'static str) -> Step {
    Step::Say { words, second: words, confidence: 0.9, late: true }
}

fn plays(world: &World) -> Vec<u64> {
    world.saying.iter().map(|(play, ..)| play.0).collect()
}

#[test]
fn a_prompt_stands_still_at_a_voice_and_goes_on_when_nothing_comes_of_it() {
    let nothings = [
        (vec![Step::Voice, Step::Mumble], Interruption::Nothing),
        (vec![says("")], Interruption::Nothing),
        (vec![says("[unk]")], Interruption::Nothing),
        // As a recogniser writes down a laugh and a cough.
        (vec![says("Hahaha!")], Interruption::Nothing),
        (vec![says("Pfff, kuch.")], Interruption::Nothing),
        (vec![Step::Say { words: "eh wat", second: "", confidence: 0.2, late: true }], Interruption::Nothing),
        (vec![says("ja ja")], Interruption::Backchannel),
        (vec![says("Oké.")], Interruption::Backchannel),
        (vec![says("u kunt zeggen")], Interruption::Echo),
        (vec![says("zeggen bestelling retour of openings")], Interruption::Echo),
    ];
    for (steps, what) in nothings {
        let mut world = in_the_menu();
        let before = plays(&world);
        for step in steps {
            world.step(step);
        }
        assert_eq!((saying(&world), plays(&world)), (vec!["how-can-i-help"], before), "{what:?}: it is the same one");
        assert!(!world.paused);
        assert_eq!(world.interruptions, [what]);
        // It is no try: a question that is not answered is put once more all the same.
        [heard(), Step::Wait(12_000)].into_iter().for_each(|step| world.step(step));
        assert_eq!(saying(&world), ["no-input", "how-can-i-help"], "{what:?}");
    }
}

#[test]
fn the_beginning_of_a_number_ends_its_prompt_and_the_rest_is_waited_for() {
    let mut world = in_the_menu();
    [says("retour"), says("dubbel vijf")].into_iter().for_each(|step| world.step(step));
    assert!(!world.paused && saying(&world).is_empty(), "{:?}", saying(&world));
    assert_eq!(world.interruptions, [Interruption::Answer, Interruption::Answer]);
    // With no rest the caller is not left in silence.
    world.step(Step::Wait(12_000));
    assert!(!saying(&world).is_empty());
}

#[test]
fn what_is_meant_ends_the_prompt() {
    for (words, next, what) in [
        ("retour", "return-number", Interruption::Answer),
        ("een retour", "return-number", Interruption::Answer),
        ("voor een retour", "return-number", Interruption::Answer),
        ("[unk] retour", "return-number", Interruption::Answer),
        ("krokodil", "no-match", Interruption::NoMatch),
        ("medewerker", "handover-refused", Interruption::Otherwise),
        ("of een medewerker", "handover-refused", Interruption::Otherwise),
    ] {
        let mut world = in_the_menu();
        world.step(says(words));
        assert_eq!((saying(&world)[0], world.interruptions.as_slice()), (next, &[what][..]), "{words}");
        assert!(!world.paused, "{words}");
    }
}

#[test]
fn yes_yes_is_an_answer_where_yes_or_no_is_asked_and_listening_elsewhere() {
    let mut world = at_a_yes_or_no();
    world.step(says("ja ja"));
    assert_eq!((saying(&world), world.interruptions.as_slice()), (vec!["how-can-i-help"], &[Interruption::Answer][..]));
    // The prompt says "zeg ja of toets één": with so much of it around the yes, it is the prompt.
    let mut echo = at_a_yes_or_no();
    echo.step(says("zeg ja of toets één"));
    assert_eq!((saying(&echo), echo.interruptions.as_slice()), (vec!["anything-else"], &[Interruption::Echo][..]));
}

#[test]
fn what_is_said_after_the_prompt_is_no_backchannel_and_no_echo() {
    for words in ["ja ja", "u kunt zeggen"] {
        let mut world = in_the_menu();
        [heard(), says(words)].into_iter().for_each(|step| world.step(step));
        assert_eq!(saying(&world), ["no-match", "how-can-i-help"], "{words}");
    }
}

#[test]
fn a_prompt_that_stood_still_twice_for_nothing_is_said_to_its_end_and_words_still_count() {
    let mut world = in_the_menu();
    [Step::Voice, Step::Mumble, Step::Voice, Step::Mumble].into_iter().for_each(|step| world.step(step));
    assert_eq!(world.interruptions.len(), 2);
    world.step(Step::Voice);
    assert!(!world.paused, "the third voice stops nothing");
    world.step(Step::Mumble);
    assert_eq!((saying(&world), world.interruptions.len()), (vec!["how-can-i-help"], 2));
    world.step(says("ja ja"));
    assert_eq!(saying(&world), ["how-can-i-help"]);
    world.step(says("retour"));
    assert_eq!(saying(&world), ["return-number"]);
}

#[test]
fn on_a_line_that_echoes_nothing_that_stands_in_a_prompt_counts_while_it_is_said() {
    let mut world = in_the_menu();
    [says("waarmee kan ik"), says("u kunt zeggen"), says("retour")].into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["how-can-i-help"], "{:?}", world.interruptions);
    [heard(), says("retour")].into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["return-number"], "after its end it does");
    // A person is taken from any words, at any moment.
    let mut person = in_the_menu();
    [says("waarmee kan ik"), says("u kunt zeggen"), says("medewerker")].into_iter().for_each(|step| person.step(step));
    assert_eq!(saying(&person), ["handover-refused"]);
}

#[test]
fn an_echo_that_runs_over_the_end_of_its_prompt_is_no_answer() {
    let mut world = in_the_menu();
    [Step::Voice, Step::Mumble, Step::Voice, Step::Mumble, Step::Voice, heard()].into_iter().for_each(|step| world.step(step));
    assert!(saying(&world).is_empty());
    let echo = "of toets één voor uw bestelling twee voor een retour drie voor onze openingstijden";
    world.understood(echo);
    assert!(saying(&world).is_empty(), "{:?}", saying(&world));
    world.step(Step::Wait(12_000));
    assert_eq!(saying(&world), ["no-input", "how-can-i-help"], "the caller's time begins when it is known");
}

#[test]
fn a_second_voice_decides_when_the_first_came_to_nothing() {
    let mut world = in_the_menu();
    [Step::Voice, Step::Voice, Step::Mumble].into_iter().for_each(|step| world.step(step));
    assert!(world.paused, "the caller is speaking");
    world.understood("retour");
    assert_eq!(saying(&world), ["return-number"]);

    let mut noise = in_the_menu();
    [Step::Voice, Step::Voice, Step::Wait(6_500), Step::Mumble].into_iter().for_each(|step| noise.step(step));
    assert!(!noise.paused, "noise without end does not hold the agent for ever");
}

#[test]
fn a_pause_of_which_nothing_is_heard_any_more_ends() {
    let mut world = in_the_menu();
    world.step(Step::Voice);
    assert!(world.paused);
    world.step(Step::Wait(24_500));
    assert!(!world.paused);
    assert_eq!((saying(&world), world.interruptions.as_slice()), (vec!["how-can-i-help"], &[Interruption::Nothing][..]));
}

#[test]
fn a_recogniser_that_fails_in_a_pause_costs_the_caller_nothing_of_the_prompt() {
    let mut world = in_the_menu();
    [Step::Voice, Step::EngineFails].into_iter().for_each(|step| world.step(step));
    assert_eq!(saying(&world), ["engine-failed", "how-can-i-help"]);
    world.step(Step::Voice);
    assert!(!world.paused, "where nobody is understood a voice stops nothing");
}

#[test]
fn a_command_that_has_nothing_to_do_lets_the_prompt_go_on() {
    let mut world = recorded_in_the_menu();
    world.step(Step::Button(Button::Repeat));
    let before = plays(&world);
    world.step(says("toch opnemen"));
    assert_eq!((saying(&world), plays(&world), world.paused), (vec!["how-can-i-help"], before, false));
}

#[test]
fn a_key_in_a_pause_is_the_answer() {
    let mut world = in_the_menu();
    [Step::Voice, Step::Key('2')].into_iter().for_each(|step| world.step(step));
    assert_eq!((saying(&world), world.paused), (vec!["return-number"], false));
    world.step(Step::Mumble);
    assert_eq!(saying(&world), ["return-number"], "what the voice came to is for nobody any more");
}

#[test]
fn a_caller_who_listens_while_they_are_to_key_in_a_number_is_not_told_about_keys() {
    let mut world = in_the_menu();
    [heard(), Step::Key('2'), says("oké")].into_iter().for_each(|step| world.step(step));
    assert_eq!((saying(&world), world.interruptions.as_slice()), (vec!["return-number"], &[Interruption::Backchannel][..]));
}

#[test]
fn the_turn_goes_on_through_a_pause() {
    let mut world = recorded_in_the_menu();
    world.step(Step::Button(Button::Repeat));
    let kept = world.kept.len();
    [says("ja ja"), says("")].into_iter().for_each(|step| world.step(step));
    assert_eq!(world.kept.len(), kept, "one turn, from its first frame to its answer");
    world.step(Step::Key('3'));
    assert_eq!(world.kept.len(), kept + 1);
}
