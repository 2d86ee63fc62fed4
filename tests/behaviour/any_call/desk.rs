//! A caller who waits for a colleague, talks with one, or leaves a number.

use candor::dialog::flow::{Button, Event, Expected, Fact, HandoverEnd, Stage, Way};

use super::steps::Step;
use super::world::*;

#[test]
fn who_waits_hears_their_place_and_then_music_without_end() {
    let mut world = waiting_for_the_desk();
    assert_eq!(saying(&world), ["hold-music"]);
    world.step(Step::Place(2));
    assert_eq!(saying(&world), ["queue-place", "queue-choices-call-back", "hold-music"]);
    (0..3).for_each(|_| world.step(heard()));
    assert_eq!(saying(&world), ["hold-music"]);
    world.step(Step::Place(1));
    world.step(heard());
    assert_eq!(saying(&world).first(), Some(&"queue-place"), "a new place is said after the piece that is playing");
    for _ in 0..100 {
        assert!(!saying(&world).is_empty(), "nobody waits in silence");
        world.step(heard());
    }
}

#[test]
fn a_place_is_known_whenever_the_caller_is_back_in_the_line_and_nowhere_else() {
    let mut world = waiting_for_the_desk();
    assert_eq!((world.flow.stage(), world.flow.place()), (Stage::Waiting, None));
    world.step(Step::Place(2));
    assert_eq!(world.flow.place(), Some(2));
    world.step(Step::Key('2'));
    assert_eq!((world.flow.stage(), world.flow.place()), (Stage::CallBack, None));
    world.step(Step::Button(Button::Stop));
    assert_eq!((world.flow.stage(), world.flow.place()), (Stage::Waiting, Some(2)));
    [Step::Erased(true, false), heard()].into_iter().for_each(|step| world.step(step));
    world.step(Step::Lapse);
    assert_eq!(world.flow.place(), None);
    world.step(Step::Resume);
    assert_eq!(world.flow.place(), Some(2));
    world.step(Step::NobodyTakes);
    assert_eq!((world.flow.stage(), world.flow.place()), (Stage::Nobody, None));
}

#[test]
fn a_number_is_read_back_and_goes_to_the_desk_only_when_confirmed() {
    let mut world = waiting_for_the_desk();
    world.step(Step::Place(1));
    world.step(Step::Key('2'));
    assert_eq!(saying(&world), ["call-back-number"]);
    "0612345678#".chars().for_each(|key| world.step(Step::Key(key)));
    assert_eq!(saying(&world), ["call-back-confirm"]);
    world.step(Step::Key('2'));
    assert_eq!(saying(&world), ["digits-wrong", "call-back-number"]);
    "0687654321#".chars().for_each(|key| world.step(Step::Key(key)));
    world.step(Step::Button(Button::Yes));
    assert!(world.flow.slots().is_empty() && world.in_line);
    world.step(Step::CallBackLeft(true));
    assert_eq!(saying(&world), ["call-back-noted"]);
    assert!(!world.in_line);
    let ends: Vec<_> =
        world.facts.iter().filter_map(|(f, _)| if let Fact::HandoverResult(end) = f { Some(*end) } else { None }).collect();
    assert_eq!(ends, [HandoverEnd::CallBack]);
}

#[test]
fn a_number_that_the_caller_abandons_reaches_nobody() {
    let ways: [(&str, Vec<Step>); 4] = [
        ("back to the agent", vec![Step::Button(Button::Agent)]),
        ("a withdrawal", vec![Step::Button(Button::Stop)]),
        ("a break", vec![Step::Lapse]),
        ("a colleague", vec![Step::Connect]),
    ];
    for (way, steps) in ways {
        let mut world = waiting_for_the_desk();
        world.step(Step::Place(1));
        "20612345678#".chars().for_each(|key| world.step(Step::Key(key)));
        assert_eq!(saying(&world), ["call-back-confirm"]);
        steps.into_iter().for_each(|step| world.step(step));
        assert!(world.flow.slots().is_empty(), "{way}");
    }
}

/// A caller who has confirmed a number, which is being stored.
fn storing_a_number() -> World {
    let mut world = waiting_for_the_desk();
    world.step(Step::Place(1));
    "20612345678#1".chars().for_each(|key| world.step(Step::Key(key)));
    assert!(world.storing.is_some() && saying(&world).is_empty());
    world
}

/// How often it is written down that a number was left.
fn call_backs(world: &World) -> usize {
    world.facts.iter().filter(|(fact, _)| *fact == Fact::HandoverResult(HandoverEnd::CallBack)).count()
}

#[test]
fn a_number_whose_storing_takes_long_is_told_as_it_is() {
    let mut world = storing_a_number();
    world.step(Step::Wait(5_500));
    assert_eq!(saying(&world), ["call-back-pending"]);
    world.step(heard());
    world.step(Step::Button(Button::CallBack));
    assert_eq!(saying(&world), ["call-back-pending"], "no second one is taken meanwhile");
    world.step(Step::CallBackLeft(true));
    assert_eq!((saying(&world), call_backs(&world), world.in_line), (vec!["call-back-noted"], 1, false));

    let mut failed = storing_a_number();
    [Step::Wait(5_500), heard(), Step::CallBackLeft(false)].into_iter().for_each(|step| failed.step(step));
    assert_eq!((saying(&failed), call_backs(&failed), failed.in_line), (vec!["call-back-failed"], 0, true));
    [heard(), Step::Key('2')].into_iter().for_each(|step| failed.step(step));
    assert_eq!(saying(&failed), ["call-back-number"], "and another can be left");
}

#[test]
fn a_number_that_is_stored_while_the_caller_is_gone_is_not_asked_for_again() {
    let mut world = storing_a_number();
    [Step::Lapse, Step::CallBackLeft(true), Step::Resume].into_iter().for_each(|step| world.step(step));
    assert_eq!((saying(&world), call_backs(&world), world.in_line), (vec!["call-back-noted"], 1, false));

    let mut late = storing_a_number();
    [Step::Lapse, Step::Resume].into_iter().for_each(|step| late.step(step));
    assert!(saying(&late).is_empty(), "it is not known yet");
    late.step(Step::CallBackLeft(true));
    assert_eq!((saying(&late), call_backs(&late)), (vec!["call-back-noted"], 1));
}

#[test]
fn a_number_that_is_stored_after_the_caller_went_on_is_written_down_once_and_interrupts_nobody() {
    let mut world = storing_a_number();
    [Step::Wait(5_500), heard(), Step::Button(Button::Agent), heard()].into_iter().for_each(|step| world.step(step));
    let before: Vec<String> = saying(&world).into_iter().map(str::to_owned).collect();
    world.step(Step::CallBackLeft(true));
    assert_eq!((saying(&world), call_backs(&world)), (before.iter().map(String::as_str).collect(), 1));
    world.step(Step::CallBackLeft(true));
    assert_eq!(call_backs(&world), 1);
}

#[test]
fn a_caller_whose_colleague_is_lost_is_told_and_waits_where_they_were() {
    let mut world = waiting_for_the_desk();
    world.step(Step::Place(1));
    world.step(Step::Connect);
    assert!(saying(&world).is_empty(), "two people talk, the agent is silent");
    world.step(Step::Hold(true));
    assert_eq!(saying(&world), ["hold-music"]);
    world.step(Step::Hold(false));
    world.step(Step::LoseColleague);
    assert_eq!(saying(&world), ["handover-lost"]);
    world.step(heard());
    assert!(world.in_line && saying(&world) == ["hold-music"]);
}

#[test]
fn a_caller_who_comes_back_from_a_colleague_while_the_server_stops_gets_the_sentence_and_a_person() {
    for back in [Step::GiveBack, Step::LoseColleague] {
        for (person_there, sentence) in [(true, "shutdown"), (false, "shutdown-nobody")] {
            let mut world = waiting_for_the_desk();
            (world.way, world.person_there) = (Way::PhoneSystem, person_there);
            [Step::Connect, Step::Stop, back.clone()].into_iter().for_each(|step| world.step(step));
            assert_eq!(saying(&world), [sentence], "{back:?}");
            world.step(heard());
            assert_eq!(
                (world.leaves, world.closed.len(), world.in_line),
                if person_there { (2, 0, false) } else { (1, 1, false) }
            );
        }
    }
}

#[test]
fn who_waits_can_go_on_with_the_agent_and_can_still_withdraw() {
    let mut world = waiting_for_the_desk();
    "*9".chars().for_each(|key| world.step(Step::Key(key)));
    world.step(Step::Erased(true, false));
    assert_eq!(saying(&world), ["consent-withdrawn"]);
    assert!(world.in_line, "a withdrawal does not cost the place");
    world.step(heard());
    world.step(Step::Key('1'));
    assert!(!world.in_line);
    assert_eq!(saying(&world), ["handover-back"]);
}

#[test]
fn nobody_at_the_desk_is_said_with_a_way_on() {
    let mut world = World::new(webshop(), false, false, true);
    world.take(Event::Begin);
    for step in opening().into_iter().chain([Step::Key('2'), heard(), heard(), Step::Key('0')]) {
        world.step(step);
    }
    assert_eq!(saying(&world), ["handover-closed"]);
    assert_eq!((world.flow.stage(), world.flow.place()), (Stage::Nobody, None), "there is no line to be in");
    world.step(heard());
    assert_eq!(saying(&world), ["queue-choices-call-back"]);
    assert_eq!((world.flow.stage(), world.flow.expected()), (Stage::Nobody, Expected::WaitingOrCallBack));
    world.step(heard());
    world.step(Step::Wait(12_000));
    assert_eq!(saying(&world), ["handover-back"], "who chooses nothing goes on with the agent");
}
