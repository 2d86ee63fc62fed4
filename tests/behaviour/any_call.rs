//! Whatever happens in a call, in whatever order: the promises hold. Random events drive the pure state machine of a call, without a socket
//! or a clock; a small world around it says lines, keeps turns through the real gate and writes down what it was told to do.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use candor::consent::{ConsentState, ConsentedTurn, Method, SessionTime};
use candor::dialog::SharedDialog;
use candor::dialog::flow::{
    Action, Button, Ended, Erasure, Event, Expected, Fact, Flow, Grade, HandoverEnd, Heard, PlayId, SessionOutcome, Settings,
    Stage, Utterance, Way,
};
use candor::server::library;
use proptest::prelude::*;
use zeroize::Zeroizing;

use crate::service::project;

fn webshop() -> SharedDialog {
    static DIALOG: OnceLock<SharedDialog> = OnceLock::new();
    let load = || Arc::new(library::load(&project("dialogs/webshop.yaml"), &project("prompts"), None).unwrap().dialog);
    DIALOG.get_or_init(load).clone()
}

fn three_bases() -> SharedDialog {
    static DIALOG: OnceLock<SharedDialog> = OnceLock::new();
    let load = || {
        let file = project("tests/dialogs/any-call/three-bases.yaml");
        Arc::new(library::load(&file, &project("tests/dialogs/any-call/prompts"), None).unwrap().dialog)
    };
    DIALOG.get_or_init(load).clone()
}

/// The slot of a number that is being left.
const NUMBER: &str = "call-back-number";

/// What a caller, a phone system or a fault may do next.
#[derive(Clone, Debug)]
enum Step {
    Key(char),
    Say { words: &'static str, second: &'static str, confidence: f32, late: bool },
    Voice,
    Mumble,
    LineEnds(Heard),
    Wait(u64),
    EngineFails,
    RecordingFails,
    Erased(bool, bool),
    Handover(HandoverEnd),
    Returns,
    Button(Button),
    Language(&'static str),
    Lapse,
    Resume,
    Place(u32),
    NobodyTakes,
    Connect,
    Hold(bool),
    GiveBack,
    LoseColleague,
    CallBackLeft(bool),
    Stop,
    HangUp,
}

const WORDS: [&str; 12] = [
    "ja",
    "nee",
    "ja maar",
    "ja hoor",
    "stop opname",
    "medewerker",
    "retour",
    "toch opnemen",
    "herhaal",
    "english",
    "",
    "iets heel anders",
];

fn step() -> impl Strategy<Value = Step> {
    let heard = prop_oneof![
        24 => Just(Heard::Complete(Grade::Peer)),
        1 => Just(Heard::Complete(Grade::Paced)),
        1 => Just(Heard::Cut),
        1 => Just(Heard::Failed),
        1 => Just(Heard::NoEvidence),
        1 => Just(Heard::Garbled),
    ];
    let buttons = vec![
        Button::Yes,
        Button::No,
        Button::Person,
        Button::Stop,
        Button::AskAgain,
        Button::Repeat,
        Button::Agent,
        Button::CallBack,
    ];
    let words = || prop::sample::select(&WORDS[..]);
    let end = prop::sample::select(vec![
        HandoverEnd::Answered,
        HandoverEnd::NobodyAnswered,
        HandoverEnd::Busy,
        HandoverEnd::QueueFull,
        HandoverEnd::Closed,
        HandoverEnd::CallerLeft,
        HandoverEnd::Failed,
        HandoverEnd::Unknown,
    ]);
    prop_oneof![
        30 => heard.prop_map(Step::LineEnds),
        14 => prop::sample::select("1234567890*#".chars().collect::<Vec<_>>()).prop_map(Step::Key),
        6 => prop::sample::select("11289".chars().collect::<Vec<_>>()).prop_map(Step::Key),
        10 => (words(), words(), 0.5f32..1.0, any::<bool>())
            .prop_map(|(words, second, confidence, late)| Step::Say { words, second, confidence, late }),
        5 => Just(Step::Say { words: "ja", second: "ja", confidence: 0.99, late: true }),
        5 => Just(Step::Voice),
        3 => Just(Step::Mumble),
        10 => (1u64..12_000).prop_map(Step::Wait),
        1 => Just(Step::EngineFails),
        1 => Just(Step::RecordingFails),
        4 => (any::<bool>(), any::<bool>()).prop_map(|(complete, kept)| Step::Erased(complete, kept)),
        3 => end.prop_map(Step::Handover),
        3 => Just(Step::Returns),
        8 => prop::sample::select(buttons).prop_map(Step::Button),
        2 => prop::sample::select(vec!["en", "nl", "xx"]).prop_map(Step::Language),
        3 => Just(Step::Lapse),
        6 => Just(Step::Resume),
        4 => (1u32..4).prop_map(Step::Place),
        1 => Just(Step::NobodyTakes),
        4 => Just(Step::Connect),
        2 => any::<bool>().prop_map(Step::Hold),
        2 => Just(Step::GiveBack),
        2 => Just(Step::LoseColleague),
        3 => any::<bool>().prop_map(Step::CallBackLeft),
        1 => Just(Step::Stop),
        1 => Just(Step::HangUp),
    ]
}

/// A call: often it gets some way in good order (as many lines heard to the end, then a yes) before anything can happen.
fn call(opening: usize) -> impl Strategy<Value = Vec<Step>> {
    let good = prop_oneof![Just(0), 0..=opening, Just(opening), Just(opening)];
    (good, any::<bool>(), prop::collection::vec(step(), 0..80)).prop_map(move |(good, yes, steps)| {
        let mut call = vec![heard(); good];
        if yes && good == opening {
            call.extend([Step::Key('1'), heard(), heard()]);
        }
        call.extend(steps);
        call
    })
}

/// Everything around the state machine.
struct World {
    flow: Flow,
    now: SessionTime,
    person_there: bool,
    way: Way,
    /// The caller stands in the line of the desk.
    in_line: bool,
    /// A colleague has the caller.
    connected: bool,
    /// Nothing comes from the caller.
    absent: bool,
    /// The attempt to store a number that has not been answered yet.
    storing: Option<u32>,
    /// How often something was to be erased.
    erasing: u32,
    saying: VecDeque<(PlayId, usize, String)>,
    held: Option<SessionTime>,
    kept: Vec<(ConsentedTurn<()>, SessionTime)>,
    facts: Vec<(Fact, SessionTime)>,
    first_line: Option<String>,
    /// The first disclosure has run to its end, as far as it is for us to say.
    introduced: bool,
    leaves: u32,
    recorder_on: bool,
    closed: Vec<SessionOutcome>,
    /// Every line that has ended since the language was chosen, and how.
    said_since_opening: Vec<(String, Heard)>,
}

impl World {
    fn new(dialog: SharedDialog, can_hear: bool, person_there: bool, desk: bool) -> World {
        let can_hear = if can_hear { ["nl", "en"].map(str::to_owned).into() } else { Default::default() };
        let settings = Settings { can_hear, call_backs: desk, ..Settings::default() };
        let way = if desk { Way::Desk } else { Way::PhoneSystem };
        World {
            flow: Flow::new(dialog, "nl", settings),
            now: SessionTime::START,
            person_there,
            way,
            in_line: false,
            connected: false,
            absent: false,
            storing: None,
            erasing: 0,
            saying: VecDeque::new(),
            held: None,
            kept: Vec::new(),
            facts: Vec::new(),
            first_line: None,
            introduced: false,
            leaves: 0,
            recorder_on: false,
            closed: Vec::new(),
            said_since_opening: Vec::new(),
        }
    }

    fn take(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.flow.handle(event, self.now) {
                self.act(action, &mut events);
            }
            let number = self.flow.slots().iter().any(|(name, _)| name == NUMBER);
            assert!(!number || self.flow.stage() == Stage::CallBack, "a number that is not being left is kept nowhere");
        }
    }

    fn act(&mut self, action: Action, events: &mut VecDeque<Event>) {
        let account = matches!(action, Action::Note(Fact::Disclosure(_) | Fact::Question(..)));
        assert!(self.closed.is_empty() || account, "nothing follows the end but the account of what it cut: {action:?}");
        match action {
            Action::Say { play, lines } => {
                for (index, line) in lines.into_iter().enumerate() {
                    if ["how-can-i-help", "menu"].contains(&line.id.as_str()) {
                        assert!(self.introduced, "nobody is in the dialog who has not been told what this is");
                    }
                    self.first_line.get_or_insert(line.id.clone());
                    self.saying.push_back((play, index, line.id));
                }
            }
            Action::Hush => {
                for (place, (play, index, id)) in self.saying.drain(..).enumerate() {
                    let began = (place == 0).then_some(self.now);
                    self.said_since_opening.push((id, Heard::Cut));
                    events.push_back(Event::LineEnded(Ended { play, index, began, heard: Heard::Cut }));
                }
            }
            Action::NextTurn { held } => {
                assert!(self.held.is_none(), "the turn before has ended or was dropped");
                self.held = held.then_some(self.now);
                assert!(!held || self.recorder_on, "no turn is held while the recorder is off");
                assert!(!held || !self.absent, "no turn is held of a caller who is gone");
                assert!(!held || !self.in_line, "no turn is held while the caller waits for a colleague");
            }
            Action::EndTurn(passage) => {
                if let Some((began, passage)) = self.held.take().zip(passage) {
                    assert!(self.recorder_on, "nothing is kept while the recorder is off");
                    self.kept.push((passage.with(1, began, ()), self.now));
                }
            }
            Action::DropTurn => self.held = None,
            Action::Knock(_) => events.push_back(match self.person_there {
                true => Event::PersonThere(self.way),
                false => Event::NobodyThere(HandoverEnd::Closed),
            }),
            Action::Leave(departure) => {
                assert!(departure.slots.iter().all(|(name, _)| name != NUMBER), "an abandoned number goes to nobody");
                assert!(!self.recorder_on && self.held.is_none(), "the recorder has stopped before the agent leaves");
                assert!(!self.flow.consents().is_recording(), "no grant outlives the agent's leaving");
                self.leaves += 1;
            }
            Action::Queue(departure) => {
                assert!(departure.slots.iter().all(|(name, _)| name != NUMBER), "an abandoned number goes to nobody");
                assert!(!self.recorder_on && self.held.is_none(), "the recorder has stopped before the caller waits");
                assert!(!self.flow.consents().is_recording(), "no grant outlives the agent's leaving");
                assert!(!std::mem::replace(&mut self.in_line, true), "nobody stands in the line twice");
                self.leaves += 1;
            }
            Action::QueueAgain => (self.in_line, self.connected) = (true, false),
            Action::Unqueue => {
                let lost = std::mem::take(&mut self.connected);
                assert!(std::mem::take(&mut self.in_line) || lost, "who leaves the line was in it");
            }
            Action::CallBack { attempt, number } => {
                assert!((6..=15).contains(&number.0.len()));
                assert!(self.storing.replace(attempt).is_none(), "nobody has two requests for one intention");
            }
            Action::Note(fact) => self.note(fact),
            Action::Close(outcome) => {
                assert!(!self.recorder_on && self.held.is_none(), "the recorder has stopped before the end");
                self.closed.push(outcome);
            }
            Action::Language(_) => self.said_since_opening.clear(),
            Action::Erase { .. } => self.erasing += 1,
            Action::Listen(_) => {}
        }
    }

    fn note(&mut self, fact: Fact) {
        match &fact {
            Fact::RecorderStarted { .. } => {
                assert!(!self.absent, "nothing turns the recorder on while the caller is gone");
                self.recorder_on = true;
            }
            Fact::RecorderStopped { .. } => self.recorder_on = false,
            Fact::Answer { outcome: "given", method, .. } => {
                let active =
                    matches!(method, Method::Key('1') | Method::Button | Method::Speech { entry: Some(_), confidence: Some(_) });
                assert!(active, "only a key or the caller's own words grant, not {method:?}");
            }
            Fact::Consent(change) if change.to == ConsentState::Given => {
                assert!(!self.absent, "nobody gives anything while they are gone");
                self.check_grant(change.basis.as_str());
            }
            _ => {}
        }
        self.facts.push((fact, self.now));
    }

    /// No grant without disclosures and a question that were heard to the end.
    fn check_grant(&self, basis: &str) {
        let heard = |id: &str| {
            let last = self.said_since_opening.iter().rev().find(|(said, _)| said == id);
            matches!(last, Some((_, Heard::Complete(_))))
        };
        assert!(heard("disclosure-automated"), "a grant without the first disclosure: {:?}", self.said_since_opening);
        assert!(heard(&format!("disclosure-{basis}")), "a grant without its disclosure: {:?}", self.said_since_opening);
        if basis == "consent" {
            let asked = ["consent-question", "consent-reask"];
            let last = self.said_since_opening.iter().rev().find(|(said, _)| asked.contains(&said.as_str()));
            assert!(matches!(last, Some((_, Heard::Complete(_)))), "a grant without a heard question: {last:?}");
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Key(key) => self.take(Event::Key(key)),
            Step::Say { words, second, confidence, late } => {
                self.take(Event::SpeechBegan);
                let began = if late { self.now } else { self.now - Duration::from_secs(3) };
                self.now = self.now + Duration::from_millis(500);
                let (text, second_look) = (Zeroizing::new(words.to_owned()), Some(Zeroizing::new(second.to_owned())));
                let speech = Duration::from_millis(400);
                self.take(Event::Utterance(Utterance { text, second_look, confidence, began, speech }));
            }
            Step::Voice => self.take(Event::SpeechBegan),
            Step::Mumble => self.take(Event::NotUnderstood),
            Step::LineEnds(heard) => {
                let Some((play, index, id)) = self.saying.pop_front() else { return };
                let began = Some(self.now);
                self.now = self.now + Duration::from_secs(2);
                self.introduced |= id == "disclosure-automated";
                self.said_since_opening.push((id, heard));
                self.take(Event::LineEnded(Ended { play, index, began, heard }));
            }
            Step::Wait(ms) => {
                self.now = self.now + Duration::from_millis(ms);
                if self.flow.deadline().is_some_and(|at| at <= self.now) {
                    self.take(Event::Tick);
                }
            }
            Step::EngineFails => self.take(Event::EngineFailed),
            Step::RecordingFails => self.take(Event::RecordingFailed),
            Step::Erased(complete, kept) => self.take(Event::Erased(Erasure { complete, kept })),
            Step::Handover(end) => self.take(Event::HandoverEnded(end)),
            Step::Returns => self.take(Event::Returned),
            Step::Button(button) => self.take(Event::Button(button)),
            Step::Language(language) => self.take(Event::ChooseLanguage(language.to_owned())),
            Step::Lapse => {
                self.absent = true;
                self.take(Event::Lapsed);
                assert!(!self.recorder_on && self.held.is_none(), "the recorder stops when the caller is gone");
            }
            Step::Resume => {
                self.absent = false;
                self.take(Event::Resumed);
            }
            Step::Place(place) if self.in_line => self.take(Event::Place(place)),
            Step::NobodyTakes if self.in_line => self.take(Event::NobodyTakes(HandoverEnd::NobodyAnswered)),
            Step::Connect if self.in_line => {
                (self.in_line, self.connected) = (false, true);
                self.take(Event::Connected);
                assert!(!self.recorder_on && self.held.is_none(), "the recorder has stopped before two people talk");
            }
            Step::Hold(on) => self.take(Event::Hold(on)),
            Step::GiveBack => self.take(Event::GivenBack),
            Step::LoseColleague => self.take(Event::ColleagueLost),
            Step::CallBackLeft(stored) => {
                if let Some(attempt) = self.storing.take() {
                    self.take(Event::CallBackLeft { attempt, stored });
                }
            }
            Step::Place(_) | Step::NobodyTakes | Step::Connect => {}
            Step::Stop => self.take(Event::Stopping),
            Step::HangUp => self.take(Event::CallerGone(SessionOutcome::CallerHungUp)),
        }
    }

    fn run(&mut self, steps: Vec<Step>) {
        self.take(Event::Begin);
        for step in steps {
            if self.closed.is_empty() {
                self.step(step);
            }
        }
        if self.closed.is_empty() {
            self.take(Event::CallerGone(SessionOutcome::CallerHungUp));
        }
    }
}

fn check(dialog: SharedDialog, steps: Vec<Step>, can_hear: bool, person_there: bool, desk: bool) -> World {
    let mut world = World::new(dialog, can_hear, person_there, desk);
    world.run(steps);
    assert_eq!(world.first_line.as_deref(), Some("disclosure-automated"), "every session opens with what the agent is");
    assert_eq!(world.closed.len(), 1, "every session ends, once");
    for (turn, ended) in &world.kept {
        let given_before = world
            .facts
            .iter()
            .any(|(fact, at)| matches!(fact, Fact::Consent(change) if change.to == ConsentState::Given) && *at <= turn.began());
        assert!(given_before && turn.ended() == *ended && !turn.terms().is_empty());
    }
    for (purpose, _, state) in world.flow.consents().states() {
        assert!(!matches!(state, ConsentState::Given | ConsentState::Requested), "{purpose} is left {state:?}");
    }
    let started = world.facts.iter().filter(|(fact, _)| matches!(fact, Fact::RecorderStarted { .. })).count();
    let stopped = world.facts.iter().filter(|(fact, _)| matches!(fact, Fact::RecorderStopped { .. })).count();
    assert_eq!(started, stopped, "what was started was stopped");
    world
}

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
}

fn heard() -> Step {
    Step::LineEnds(Heard::Complete(Grade::Peer))
}

/// The opening up to the end of the question: automated, the offer of the other language, recording, question.
fn opening() -> Vec<Step> {
    vec![heard(), heard(), heard(), heard()]
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

/// What is being said now.
fn saying(world: &World) -> Vec<&str> {
    world.saying.iter().map(|(_, _, id)| id.as_str()).collect()
}

/// A caller in the menu who has agreed to the recording, in a world in which a person is there.
fn recorded_in_the_menu() -> World {
    let mut world = World::new(webshop(), true, true, false);
    world.take(Event::Begin);
    for step in opening().into_iter().chain([Step::Key('1'), heard(), heard()]) {
        world.step(step);
    }
    assert!(world.recorder_on);
    world
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

/// A caller who asked for a person and stands in the line of the desk.
fn waiting_for_the_desk() -> World {
    let mut world = World::new(webshop(), false, true, true);
    world.take(Event::Begin);
    for step in opening().into_iter().chain([Step::Key('1'), heard(), heard(), Step::Key('0'), heard()]) {
        world.step(step);
    }
    assert!(world.in_line && !world.recorder_on);
    world
}

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

fn state(world: &World) -> ConsentState {
    world.flow.consents().states().next().unwrap().2
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
