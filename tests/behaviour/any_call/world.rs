//! A small world around the state machine of a call: it says lines, keeps turns through the real gate and writes down what it was told to do.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use candor::consent::{ConsentState, ConsentedTurn, Method, SessionTime};
use candor::dialog::SharedDialog;
use candor::dialog::flow::lookup::{Answer, Kind, Lookup, LookupFailure, Value};
use candor::dialog::flow::{
    Action, Departure, Ended, Erasure, Event, Expecting, Fact, Flow, Grade, HandoverEnd, Heard, Interruption, PlayId,
    SessionOutcome, Settings, Stage, Trouble, Utterance, Way,
};
use candor::server::library;
use zeroize::Zeroizing;

use crate::service::project;

use super::steps::{CARD, Looked, ORDER, Step};

pub fn webshop() -> SharedDialog {
    static DIALOG: OnceLock<SharedDialog> = OnceLock::new();
    let load = || Arc::new(library::load(&project("dialogs/webshop.yaml"), &project("prompts"), None).unwrap().dialog);
    DIALOG.get_or_init(load).clone()
}

pub fn three_bases() -> SharedDialog {
    static DIALOG: OnceLock<SharedDialog> = OnceLock::new();
    let load = || {
        let file = project("tests/dialogs/any-call/three-bases.yaml");
        Arc::new(library::load(&file, &project("tests/dialogs/any-call/prompts"), None).unwrap().dialog)
    };
    DIALOG.get_or_init(load).clone()
}

pub fn every_step() -> SharedDialog {
    static DIALOG: OnceLock<SharedDialog> = OnceLock::new();
    let load = || {
        let file = project("tests/dialogs/any-call/every-step.yaml");
        Arc::new(library::load(&file, &project("tests/dialogs/any-call/prompts"), None).unwrap().dialog)
    };
    DIALOG.get_or_init(load).clone()
}

/// What is said in a turn that must never be held.
const SENSITIVE: [&str; 3] = ["card", "card-back", "secret-question"];
/// What is said with the result of a lookup.
const RESULTS: [&str; 3] = ["shipped", "open-order", "no-such-order"];

/// What a caller gives at the step `values`.
const VALUES: [&str; 5] = ["day", "hour", "postcode", "amount", "pieces"];

/// The slot of a number that is being left.
pub const NUMBER: &str = "call-back-number";

/// Everything around the state machine.
pub struct World {
    pub flow: Flow,
    pub now: SessionTime,
    pub person_there: bool,
    pub way: Way,
    /// The caller stands in the line of the desk.
    pub in_line: bool,
    /// A colleague has the caller.
    pub connected: bool,
    /// Nothing comes from the caller.
    pub absent: bool,
    /// The attempt to store a number that has not been answered yet.
    pub storing: Option<u32>,
    /// The lookups that were begun, and the one that is waited for.
    pub lookups: Vec<(u32, Lookup)>,
    /// How often something was to be erased.
    pub erasing: u32,
    pub saying: VecDeque<(PlayId, usize, String)>,
    /// What is being said stands still.
    pub paused: bool,
    /// What came of each pause.
    pub interruptions: Vec<Interruption>,
    pub held: Option<SessionTime>,
    pub kept: Vec<(ConsentedTurn<()>, SessionTime)>,
    pub facts: Vec<(Fact, SessionTime)>,
    pub first_line: Option<String>,
    /// The first disclosure has run to its end, as far as it is for us to say.
    pub introduced: bool,
    pub leaves: u32,
    pub recorder_on: bool,
    pub closed: Vec<SessionOutcome>,
    /// Every line that has ended since the language was chosen, and how.
    pub said_since_opening: Vec<(String, Heard)>,
    /// What the ears were told last.
    pub expecting: Option<Expecting>,
    /// How many turns there were.
    pub turns: u32,
}

impl World {
    pub fn new(dialog: SharedDialog, can_hear: bool, person_there: bool, desk: bool) -> World {
        let can_hear = if can_hear { ["nl", "en"].map(str::to_owned).into() } else { Default::default() };
        // A Friday evening, a minute before the office of `every-step` closes.
        let opened = Some("2026-11-27T17:29:00+01:00".parse().unwrap());
        let settings = Settings { can_hear, call_backs: desk, opened, ..Settings::default() };
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
            lookups: Vec::new(),
            erasing: 0,
            saying: VecDeque::new(),
            paused: false,
            interruptions: Vec::new(),
            held: None,
            kept: Vec::new(),
            facts: Vec::new(),
            first_line: None,
            introduced: false,
            leaves: 0,
            recorder_on: false,
            closed: Vec::new(),
            said_since_opening: Vec::new(),
            expecting: None,
            turns: 0,
        }
    }

    pub fn take(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.flow.handle(event, self.now) {
                self.act(action, &mut events);
            }
            assert!(self.flow.slots().get("card").is_none(), "what was given at a sensitive step is not with the rest");
            assert!(!self.paused || self.flow.deadline().is_some(), "nobody is left in the silence of a pause");
            for (name, value) in self.flow.slots().iter().filter(|(name, _)| VALUES.contains(name)) {
                let form = every_step().file.form_of(name).unwrap();
                assert!(form.takes(value, self.flow.known().today), "a value is kept that is none: {name} {value}");
            }
            let number = self.flow.slots().iter().any(|(name, _)| name == NUMBER);
            assert!(!number || self.flow.stage() == Stage::CallBack, "a number that is not being left is kept nowhere");
        }
    }

    fn act(&mut self, action: Action, events: &mut VecDeque<Event>) {
        let account = matches!(action, Action::Note(Fact::Disclosure(_) | Fact::Question(..)));
        assert!(self.closed.is_empty() || account, "nothing follows the end but the account of what it cut: {action:?}");
        let shown = format!("{action:?}");
        assert!([CARD, ORDER, "zolder"].iter().all(|value| !shown.contains(value)), "a value is shown: {shown}");
        match action {
            Action::Pause => {
                assert!(
                    !std::mem::replace(&mut self.paused, true) && !self.saying.is_empty(),
                    "what stands still was being said"
                );
                let fixed = ["disclosure", "consent", "handover", "queue", "looking", "one-moment"];
                let of_engine = self.saying.iter().any(|(_, _, id)| fixed.iter().any(|fixed| id.starts_with(fixed)));
                assert!(self.flow.in_dialog() && !of_engine, "the opening stands still for nobody: {:?}", self.saying);
            }
            Action::GoOn => {
                assert!(std::mem::take(&mut self.paused) && !self.saying.is_empty(), "what goes on stood still");
            }
            Action::Interruption(what) => self.interruptions.push(what),
            Action::Say { play, lines } => {
                assert!(!self.paused, "nothing is said behind what stands still");
                for (index, line) in lines.into_iter().enumerate() {
                    let id = line.id.as_str();
                    assert!(self.held.is_none() || !SENSITIVE.contains(&id), "a sensitive turn is held in memory: {id}");
                    let over_another = self.saying.iter().any(|(other, _, _)| *other != play);
                    assert!(!over_another || !RESULTS.contains(&id), "a result is said over something else");
                    if ["how-can-i-help", "menu", "looking"].contains(&line.id.as_str()) {
                        assert!(self.introduced, "nobody is in the dialog who has not been told what this is");
                    }
                    self.first_line.get_or_insert(line.id.clone());
                    self.saying.push_back((play, index, line.id));
                }
            }
            Action::Hush => {
                self.paused = false;
                for (place, (play, index, id)) in self.saying.drain(..).enumerate() {
                    let began = (place == 0).then_some(self.now);
                    self.said_since_opening.push((id, Heard::Cut));
                    events.push_back(Event::LineEnded(Ended { play, index, began, heard: Heard::Cut }));
                }
            }
            Action::NextTurn { held } => {
                self.turns += 1;
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
                self.check_departure(&departure);
                assert!(departure.slots.iter().all(|(name, _)| name != NUMBER), "an abandoned number goes to nobody");
                assert!(!self.recorder_on && self.held.is_none(), "the recorder has stopped before the agent leaves");
                assert!(!self.flow.consents().is_recording(), "no grant outlives the agent's leaving");
                self.leaves += 1;
            }
            Action::Queue(departure) => {
                self.check_departure(&departure);
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
            Action::Fetch { attempt, lookup } => {
                assert!(!self.absent && !self.in_line && !self.connected, "nothing is looked up for a caller who is not with us");
                assert!(self.lookups.iter().all(|(before, _)| *before < attempt), "every attempt has a number of its own");
                self.lookups.push((attempt, lookup));
            }
            Action::Trouble(trouble) => {
                assert_eq!(trouble, Trouble::Lookup, "what was checked can be evaluated");
            }
            Action::Note(fact) => self.note(fact),
            Action::Close(outcome) => {
                assert!(!self.recorder_on && self.held.is_none(), "the recorder has stopped before the end");
                self.closed.push(outcome);
            }
            Action::Language(_) => self.said_since_opening.clear(),
            Action::Erase { .. } => self.erasing += 1,
            Action::Listen(expecting) => self.expecting = Some(expecting),
        }
    }

    /// What a person is told is what the caller gave, and nothing that was given at a sensitive step or looked up.
    fn check_departure(&self, departure: &Departure) {
        let known =
            |name: &str| VALUES.contains(&name) || ["order_number", "number"].contains(&name) || name.ends_with("_number");
        assert!(departure.slots.iter().all(|(name, value)| known(name) && value != "zolder"), "{departure:?}");
    }

    /// The service answers; an attempt that is not waited for any more changes nothing.
    fn answer(&mut self, back: usize, looked: Looked) {
        let Some((attempt, lookup)) = self.lookups.iter().rev().nth(back).cloned() else { return };
        let found = |open: bool| {
            let fields = lookup.takes.iter().map(|(name, kind)| {
                let value = match kind {
                    Kind::Text => Value::Text(Zeroizing::new("zolder".to_owned())),
                    Kind::Flag => Value::Flag(open),
                    Kind::Number => Value::Number(2.0),
                };
                (name.clone(), value)
            });
            fields.collect::<Answer>()
        };
        let result = match looked {
            Looked::Found { open } => Ok(found(open)),
            Looked::Missing => Err(LookupFailure::Missing),
            Looked::Failed => Err(LookupFailure::Unavailable),
        };
        if back == 0 {
            return self.take(Event::Fetched { attempt, result });
        }
        let before = self.flow.known().results.clone();
        let actions = self.flow.handle(Event::Fetched { attempt, result }, self.now);
        assert!(actions.is_empty(), "a late answer does something: {actions:?}");
        assert!(self.flow.known().results == before, "a late answer is known");
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

    /// A clear yes, so many decibels above the noise of the line.
    pub fn yes_above_noise(&mut self, above_noise: f32) {
        // The moment that a person needs.
        self.now = self.now + Duration::from_millis(400);
        self.take(Event::SpeechBegan);
        let began = self.now;
        self.now = self.now + Duration::from_millis(500);
        let yes = || Zeroizing::new("ja".to_owned());
        let (confidence, speech) = (0.95, Duration::from_millis(400));
        self.take(Event::Utterance(Utterance { text: yes(), second_look: Some(yes()), confidence, began, speech, above_noise }));
    }

    /// What was being said when a voice began has been understood.
    pub fn understood(&mut self, words: &str) {
        let text = Zeroizing::new(words.to_owned());
        let speech = Duration::from_millis(400);
        self.take(Event::Utterance(Utterance {
            second_look: Some(text.clone()),
            text,
            confidence: 0.9,
            began: self.now,
            speech,
            above_noise: f32::INFINITY,
        }));
    }

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Key(key) => self.take(Event::Key(key)),
            Step::Say { words, second, confidence, late } => {
                self.take(Event::SpeechBegan);
                let began = if late { self.now } else { self.now - Duration::from_secs(3) };
                self.now = self.now + Duration::from_millis(500);
                let (text, second_look) = (Zeroizing::new(words.to_owned()), Some(Zeroizing::new(second.to_owned())));
                let speech = Duration::from_millis(400);
                self.take(Event::Utterance(Utterance {
                    text,
                    second_look,
                    confidence,
                    began,
                    speech,
                    above_noise: f32::INFINITY,
                }));
            }
            Step::Voice => self.take(Event::SpeechBegan),
            Step::Mumble => self.take(Event::NotUnderstood),
            Step::LineEnds(heard) => {
                let Some((play, index, id)) = self.saying.pop_front() else { return };
                self.paused &= !self.saying.is_empty();
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
            Step::GiveBack => {
                self.take(Event::GivenBack);
                self.connected = false;
            }
            Step::LoseColleague => self.take(Event::ColleagueLost),
            Step::CallBackLeft(stored) => {
                if let Some(attempt) = self.storing.take() {
                    self.take(Event::CallBackLeft { attempt, stored });
                }
            }
            Step::Digits(digits) => digits.chars().chain(['#']).for_each(|digit| {
                if self.closed.is_empty() {
                    self.take(Event::Key(digit));
                }
            }),
            Step::Answer(back, looked) => self.answer(back, looked),
            Step::Place(_) | Step::NobodyTakes | Step::Connect => {}
            Step::Stop => self.take(Event::Stopping),
            Step::HangUp => self.take(Event::CallerGone(SessionOutcome::CallerHungUp)),
        }
    }

    pub fn run(&mut self, steps: Vec<Step>) {
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

pub fn check(dialog: SharedDialog, steps: Vec<Step>, can_hear: bool, person_there: bool, desk: bool) -> World {
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

pub fn heard() -> Step {
    Step::LineEnds(Heard::Complete(Grade::Peer))
}

/// The opening up to the end of the question: automated, the offer of the other language, recording, question.
pub fn opening() -> Vec<Step> {
    vec![heard(), heard(), heard(), heard()]
}

/// What is being said now.
pub fn saying(world: &World) -> Vec<&str> {
    world.saying.iter().map(|(_, _, id)| id.as_str()).collect()
}

/// A caller in the menu who has agreed to the recording, in a world in which a person is there.
pub fn recorded_in_the_menu() -> World {
    let mut world = World::new(webshop(), true, true, false);
    world.take(Event::Begin);
    for step in opening().into_iter().chain([Step::Key('1'), heard(), heard()]) {
        world.step(step);
    }
    assert!(world.recorder_on);
    world
}

/// A caller who asked for a person and stands in the line of the desk.
pub fn waiting_for_the_desk() -> World {
    let mut world = World::new(webshop(), false, true, true);
    world.take(Event::Begin);
    for step in opening().into_iter().chain([Step::Key('1'), heard(), heard(), Step::Key('0'), heard()]) {
        world.step(step);
    }
    assert!(world.in_line && !world.recorder_on);
    world
}

pub fn state(world: &World) -> ConsentState {
    world.flow.consents().states().next().unwrap().2
}
