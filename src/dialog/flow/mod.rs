//! The state machine of a call. Events in, actions out; no clock but the time that comes with each event.
//!
//! [`Flow::handle`] takes what happened and gives what must be done, in order. [`Flow::deadline`] says when [`Event::Tick`] is wanted next. The
//! caller of this module joins it to sound and disk; nothing here waits for anything.
//!
//! The opening (`opening`) is run before any dialog file is looked at; the commands (`commands`) are there in every state; the dialog's own
//! steps are in `steps`, what is said into its prompts in `interrupted`, what a caller means by their words in `matching` and `confirming`, and what becomes of
//! a text that could not be spoken in `unsaid`; the ways out in `leaving`, and waiting for a colleague at the desk in `desk`. A caller who is gone for a moment is in
//! `absence`, a no after the question in `withdrawal`.

mod absence;
mod action;
mod collecting;
mod commands;
mod confirming;
mod desk;
mod digits;
mod event;
mod interrupted;
mod leaving;
mod looking_up;
pub mod lookup;
mod matching;
mod opening;
mod phase;
mod phrase;
mod position;
mod saying;
mod small_words;
mod sounds;
mod stage;
mod steps;
mod turns;
mod unheard;
mod unsaid;
mod withdrawal;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use zeroize::Zeroizing;

pub use action::{
    Action, Departure, Expecting, Fact, LeaveReason, Number, PlayId, Prompted, Role, SessionOutcome, StopReason, Trouble,
};
pub use event::{Button, Ended, Erasure, Event, Grade, HandoverEnd, Heard, Utterance, Way};
pub use interrupted::{Interruption, is_backchannel};
pub use stage::{Expected, Stage};

use super::SharedDialog;
use super::known::Known;
use super::prompt::{Hearing, Line, Slots};
use crate::consent::{
    AnswerGrammar, Basis, ConsentState, Consents, Passage, Purpose, SessionTime, Thresholds, TurnKind, TurnPermit,
};
use phase::{Next, Phase};
use position::Position;
use unheard::Failed;

/// What a flow must know of the world it runs in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a question waits for a beginning of an answer.
    pub no_input: Duration,
    /// How long a consent question waits.
    pub consent_window: Duration,
    /// How long after a digit the next may take.
    pub inter_digit: Duration,
    /// Whether evidence of the grade `paced` may carry a grant.
    pub paced_can_grant: bool,
    /// What a spoken yes must reach.
    pub thresholds: Thresholds,
    /// The languages that callers can be heard in.
    pub can_hear: BTreeSet<String>,
    /// Offer the dialog's other languages in the opening (the language was not chosen by the route).
    pub offer_languages: bool,
    /// Whether a caller can leave a number to be called back on.
    pub call_backs: bool,
    /// When the call began, for opening hours and dates; `None`: everything counts as closed, and there is no "tomorrow".
    pub opened: Option<jiff::Timestamp>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            no_input: Duration::from_secs(6),
            consent_window: Duration::from_secs(7),
            inter_digit: Duration::from_secs(4),
            paced_can_grant: false,
            thresholds: Thresholds::default(),
            can_hear: BTreeSet::new(),
            offer_languages: true,
            call_backs: false,
            opened: None,
        }
    }
}

/// How long what has been heard may take to be understood before the flow goes on without it.
const UNDERSTANDING: Duration = Duration::from_secs(6);
/// Noise this often in a row is silence.
const NOISES: u32 = 3;
/// Nobody answers a question sooner after its end: what begins before that was begun before.
const REACTION: Duration = Duration::from_millis(150);
/// How long `*` waits for its second key.
const PREFIX: Duration = Duration::from_secs(3);
/// How often the opening is said again in one call because too much of it was lost on the way.
const REPETITIONS: u32 = 3;

/// One call.
#[derive(Debug)]
pub struct Flow {
    dialog: SharedDialog,
    settings: Settings,
    language: String,
    grammar: Option<AnswerGrammar>,
    /// Whether the recogniser has failed in this language.
    failed: Option<Failed>,
    consents: Consents,
    /// What the caller gave, and what was looked up with it.
    known: Known,
    phase: Phase,
    /// Where in the dialog the first line of the running turn stands, for coming back after a command.
    position: Position,
    /// What is being said, and what was and has not been accounted for yet.
    plays: BTreeMap<PlayId, Vec<(Line, Role)>>,
    current: Option<PlayId>,
    next_play: u64,
    turn: u32,
    in_turn: bool,
    /// Leave to hold the running turn.
    permit: Option<TurnPermit>,
    /// The number that was full last, as long as keys may still belong to it.
    filled: Option<collecting::Filled>,
    /// What the running turn is evidence for only with an answer that has not come.
    only_if_chosen: Vec<Purpose>,
    deadline: Option<SessionTime>,
    prefix: Option<SessionTime>,
    /// Between the first voice and what it meant.
    caller_speaks: bool,
    /// What the caller says over prompts.
    voices: interrupted::Voices,
    recorder_on: bool,
    departures: u32,
    /// How often in a row there was a voice without words.
    noises: u32,
    /// A slot that was read back and not confirmed yet.
    unconfirmed: Option<String>,
    /// How often digits could not be read back.
    unread: u32,
    /// The caller has heard to the end what this is.
    introduced: bool,
    /// How often something was said again because too much of it was lost.
    repetitions: u32,
    /// What the dialog says before it passes the caller on.
    last_words: Vec<String>,
    /// What is being said in [`Phase::Passing`], to be said again when it was broken off.
    passing: Vec<String>,
    /// How a person is reached, once one was found.
    way: Way,
    /// The caller waits for a colleague at the desk, or was told that nobody is there.
    waiting: Option<desk::Waiting>,
    /// How often a number was given to be stored, and which of those has not been answered yet.
    attempts: u32,
    storing: Option<u32>,
    /// How often something was looked up, how often since the caller last answered, and what is being looked up.
    lookups: u32,
    lookups_in_a_row: u32,
    lookup: Option<looking_up::Underway>,
    /// Nothing comes from the caller for the moment.
    absent: bool,
    /// The caller asked for a person while they were gone.
    wants_person: bool,
    /// The caller said no while the disclosures were said, or while they were broken off: taken when they end.
    early_no: Option<crate::consent::Method>,
    /// A no that the caller has not been told of yet.
    untold: Option<withdrawal::Untold>,
    /// How many erasures have not answered yet.
    erasing: u32,
    stopping: bool,
    actions: Vec<Action>,
    now: SessionTime,
}

impl Flow {
    /// A call that runs `dialog` in `language` (one of the dialog's).
    pub fn new(dialog: SharedDialog, language: &str, settings: Settings) -> Flow {
        let terms = dialog.file.recording.iter().filter_map(|r| r.value.terms()).collect();
        let start = dialog.file.start.value.clone();
        let today = settings.opened.and_then(|opened| dialog.file.today(opened));
        Flow {
            grammar: AnswerGrammar::for_language(language),
            language: language.to_owned(),
            consents: Consents::new(terms),
            settings,
            dialog,
            failed: None,
            known: Known { today, ..Known::default() },
            phase: Phase::Fresh,
            position: Position::start_of(&start),
            plays: BTreeMap::new(),
            current: None,
            next_play: 0,
            turn: 0,
            in_turn: false,
            permit: None,
            filled: None,
            only_if_chosen: Vec::new(),
            deadline: None,
            prefix: None,
            caller_speaks: false,
            voices: interrupted::Voices::default(),
            recorder_on: false,
            departures: 0,
            noises: 0,
            unconfirmed: None,
            unread: 0,
            introduced: false,
            repetitions: 0,
            last_words: Vec::new(),
            passing: Vec::new(),
            way: Way::PhoneSystem,
            waiting: None,
            attempts: 0,
            storing: None,
            lookups: 0,
            lookups_in_a_row: 0,
            lookup: None,
            absent: false,
            wants_person: false,
            early_no: None,
            untold: None,
            erasing: 0,
            stopping: false,
            actions: Vec::new(),
            now: SessionTime::START,
        }
    }

    /// Takes what happened at `now` and gives what must be done, in order.
    pub fn handle(&mut self, event: Event, now: SessionTime) -> Vec<Action> {
        self.now = self.now.max(now);
        // What was being said when the call ended was cut by it, which the account of the opening must hold.
        if !self.is_closed() || matches!(event, Event::LineEnded(_)) {
            self.dispatch(event);
        }
        // Whichever way the caller took out of leaving a number: one that was not left is nobody's.
        if !matches!(self.phase, Phase::CallBack(_)) {
            self.forget_number();
        }
        self.watch_recorder();
        std::mem::take(&mut self.actions)
    }

    /// When [`Event::Tick`] is wanted next.
    pub fn deadline(&self) -> Option<SessionTime> {
        [self.deadline, self.prefix, self.lookup_deadline()].into_iter().flatten().min()
    }

    /// The purposes and their states.
    pub fn consents(&self) -> &Consents {
        &self.consents
    }

    /// The language that is spoken.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// Whether the call is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// A line of a play and what it is for, while the play lasts.
    pub fn line_of(&self, play: PlayId, index: usize) -> Option<(&Line, &Role)> {
        self.plays.get(&play)?.get(index).map(|(line, role)| (line, role))
    }

    /// What the caller gave at steps that are not sensitive.
    pub fn slots(&self) -> &Slots {
        &self.known.slots
    }

    /// Everything that is known, for rendering the texts that hold it and for nothing else.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The state of the dialog that the call is in; `identify/ask-number` in a sub-dialog. Of nobody's concern but that of who tries a dialog out.
    pub fn state(&self) -> &str {
        match &self.phase {
            Phase::Dialog(waiting) => waiting.state(),
            _ => self.position.state(),
        }
    }

    fn dispatch(&mut self, event: Event) {
        self.voices.count(&event);
        match event {
            Event::Begin => self.begin(),
            Event::LineEnded(ended) => self.line_ended(ended),
            Event::Key(key) => self.key(key),
            Event::SpeechBegan => self.speech_began(),
            Event::Utterance(utterance) => self.utterance(utterance),
            Event::NotUnderstood => self.not_understood(),
            Event::EngineFailed => self.engine_failed(),
            Event::RecordingFailed => self.recording_failed(),
            Event::Erased(erasure) => self.erased(erasure),
            Event::Button(button) => self.button(button),
            Event::ChooseLanguage(language) => self.choose_language(&language),
            Event::PersonThere(way) => self.person_there(way),
            Event::NobodyThere(why) => self.nobody_there(why),
            Event::HandoverEnded(end) => self.handover_ended(end),
            Event::Returned => self.returned(),
            Event::Place(place) => self.in_line(place),
            Event::NobodyTakes(why) => self.nobody_takes(why),
            Event::Connected => self.connected(),
            Event::Hold(on) => self.held(on),
            Event::GivenBack => self.given_back(),
            Event::ColleagueLost => self.colleague_lost(),
            Event::CallBackLeft { attempt, stored } => self.call_back_left(attempt, stored),
            Event::Fetched { attempt, result } => self.fetched(attempt, result),
            Event::Lapsed => self.lapsed(),
            Event::Resumed => self.resumed(),
            Event::CallerGone(outcome) => self.caller_gone(outcome),
            Event::Stopping => self.stop_soon(),
            Event::Tick => self.tick(),
        }
    }

    fn tick(&mut self) {
        if self.prefix.is_some_and(|at| at <= self.now) {
            self.prefix = None;
        }
        self.lookup_overdue();
        if self.deadline.is_none_or(|at| at > self.now) {
            return;
        }
        self.deadline = None;
        let understanding = std::mem::take(&mut self.caller_speaks);
        if understanding {
            self.voices.give_up();
        }
        match &self.phase {
            // What was heard never became anything: the same as not understood.
            Phase::Asking(_) | Phase::Dialog(_) if understanding => self.not_understood(),
            Phase::Asking(_) => self.question_silent(),
            Phase::Dialog(_) if self.current.is_none() => self.dialog_silent(),
            Phase::Erasing(..) => self.erasing_told(),
            Phase::Waiting if self.current.is_none() => self.waiting_silent(),
            Phase::CallBack(_) if self.current.is_none() => self.call_back_silent(),
            _ => {}
        }
    }

    fn speech_began(&mut self) {
        match &self.phase {
            Phase::Dialog(_) => {
                self.voice_over_prompt();
                self.caller_speaks = true;
                self.deadline = Some(self.now + UNDERSTANDING * 4);
            }
            Phase::Asking(asking) if asking.ended.is_some() => {
                self.caller_speaks = true;
                self.deadline = Some(self.now + UNDERSTANDING * 4);
            }
            _ => {}
        }
    }

    fn utterance(&mut self, mut utterance: Utterance) {
        self.caller_speaks = false;
        if sounds::are_all(&Zeroizing::new(phrase::normal(&utterance.text))) {
            // As if nothing had been written down.
            utterance.text = Zeroizing::default();
        }
        if self.spoken_command(&utterance) || self.said_for_nothing(&utterance) {
            return;
        }
        match &self.phase {
            Phase::Disclosing(_) => self.spoken_during_disclosure(&utterance),
            Phase::Asking(_) => self.spoken_answer(&utterance),
            Phase::Dialog(_) => self.spoken_in_dialog(&utterance),
            // Said before they were gone, and understood after.
            Phase::Lapsed(_) => self.spoken_while_gone(&utterance),
            _ => {}
        }
    }

    fn not_understood(&mut self) {
        self.caller_speaks = false;
        if self.heard_for_nothing() {
            return;
        }
        match &self.phase {
            Phase::Asking(asking) if asking.ended.is_some() => self.question_unclear(),
            Phase::Dialog(_) => self.dialog_unheard(),
            _ => {}
        }
    }

    fn line_ended(&mut self, ended: Ended) {
        let Some(lines) = self.plays.get(&ended.play) else { return };
        let Some((line, role)) = lines.get(ended.index).cloned() else { return };
        let last = ended.index + 1 == lines.len();
        let left_out = line.slots && ended.heard == Heard::Failed;
        let rest = if left_out { lines[ended.index + 1..].to_vec() } else { Vec::new() };
        if last {
            self.plays.remove(&ended.play);
        }
        let heard = matches!(ended.heard, Heard::Complete(_) | Heard::NoEvidence);
        self.introduced |= line.id == "disclosure-automated" && heard;
        self.told_unheard(&line, heard);
        if !matches!(role, Role::Other) {
            let prompted = Prompted { line, began: ended.began, ended: self.now, heard: ended.heard };
            match &role {
                Role::Disclosure if ended.began.is_some() => self.note(Fact::Disclosure(prompted)),
                Role::Question(purpose) if ended.began.is_some() => self.note(Fact::Question(purpose.clone(), prompted)),
                _ => {}
            }
        }
        if self.current != Some(ended.play) || left_out && self.line_left_out(rest) {
            return;
        }
        if let (Phase::Disclosing(disclosing), Role::Disclosure) = (&mut self.phase, &role) {
            disclosing.line_ended(ended.heard, self.settings.paced_can_grant);
        }
        if matches!(role, Role::Disclosure) && self.disclosure_cut_short() {
            return;
        }
        if last {
            self.current = None;
            self.came_of_it(Interruption::Otherwise);
            self.play_ended(ended.heard);
        }
    }

    fn play_ended(&mut self, heard: Heard) {
        match &self.phase {
            Phase::Disclosing(_) => self.disclosures_ended(),
            Phase::Asking(_) => self.question_ended(heard),
            Phase::Passing(next) => {
                let next = next.clone();
                self.go_on(next);
            }
            Phase::Dialog(_) if self.looks_up() => self.lookup_ready(),
            Phase::Dialog(_) if !self.caller_speaks => self.deadline = Some(self.now + self.dialog_patience()),
            Phase::Waiting => self.waiting_said(),
            Phase::CallBack(_) => self.deadline = Some(self.now + self.call_back_patience()),
            Phase::Away(_) => self.music_ended(),
            _ => {}
        }
    }

    fn go_on(&mut self, next: Next) {
        match next {
            Next::Question(left) => self.ask_next(left),
            Next::Open => self.open(false),
            // Whoever has not heard what this is hears it before anything else.
            Next::Resume if !self.introduced => self.open(false),
            Next::Resume => self.resume(),
            Next::Person => self.knock(LeaveReason::Asked),
            Next::Leave(reason) => self.leave(reason),
            Next::Wait => self.wait(),
            Next::Close(outcome) => self.close(outcome),
        }
    }

    fn note(&mut self, fact: Fact) {
        self.actions.push(Action::Note(fact));
    }

    fn note_changes(&mut self, changes: Vec<crate::consent::Change>) {
        for change in changes {
            self.note(Fact::Consent(change));
        }
    }

    fn consent_purposes(&self) -> Vec<Purpose> {
        let asked = |terms: &&crate::consent::Terms| terms.basis == Basis::Consent;
        self.consents.terms().filter(asked).map(|terms| terms.purpose.clone()).collect()
    }

    fn any_state(&self, wanted: &[ConsentState]) -> bool {
        self.consents.states().any(|(_, _, state)| wanted.contains(&state))
    }
}
