use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use zeroize::Zeroizing;

use super::around::Around;
use super::log::{Log, What};
use super::lookups::Answered;
use super::senses::Senses;
use crate::consent::{ConsentState, ConsentedTurn, Purpose, SessionTime};
use crate::dialog::SharedDialog;
use crate::dialog::flow::{
    Departure, Ended, Event, Expected, Expecting, Flow, Grade, Heard, Interruption, PlayId, SessionOutcome, Settings, Stage,
};
use crate::dialog::prompt::{Line, Slots};

/// How much of a line is said again after a pause: between what is always said again and the most, see [`crate::audio::taken_up_at`].
const SAID_AGAIN: Duration = Duration::from_millis(500);

/// A call in virtual time.
pub struct World {
    pub(super) dialog: SharedDialog,
    pub(super) flow: Flow,
    pub(super) around: Around,
    pub(super) senses: Box<dyn Senses>,
    pub(super) now: SessionTime,
    pub(super) saying: VecDeque<Saying>,
    /// What is being said stands still.
    pub(super) paused: bool,
    /// What comes later by itself, in its order.
    agenda: BTreeMap<(SessionTime, u64), Event>,
    numbered: u64,
    pub(super) expecting: Expecting,
    pub(super) turn: Option<Turn>,
    pub(super) kept: Vec<Kept>,
    pub(super) log: Log,
    pub(super) recorder_on: bool,
    pub(super) choices: BTreeMap<Purpose, ConsentState>,
    pub(super) departure: Option<Departure>,
    pub(super) with_colleague: bool,
    pub(super) outcome: Option<SessionOutcome>,
    /// What came of what the caller said into prompts.
    pub(super) interruptions: Vec<Interruption>,
    /// Results that were looked up and that nobody gave an answer for.
    pub(super) unanswered: Vec<String>,
    given: Vec<Given>,
    path: Vec<Place>,
}

/// A line that is being said, or will be after those before it.
pub(super) struct Saying {
    pub(super) play: PlayId,
    pub(super) index: usize,
    pub(super) line: Line,
    /// `None`: the text could not be put together.
    pub(super) text: Option<Zeroizing<String>>,
    pub(super) length: Duration,
    pub(super) of_dialog: bool,
    /// When it began, and its number in the log.
    pub(super) begun: Option<(SessionTime, usize)>,
    /// When it began or went on, and how much of it was left then.
    pub(super) since: SessionTime,
    pub(super) left: Duration,
}

/// The running turn.
pub(super) struct Turn {
    pub(super) began: SessionTime,
    pub(super) held: bool,
    pub(super) prompts: Vec<String>,
}

/// A turn that went through the gate.
#[derive(Debug)]
pub struct Kept {
    /// With the gate's word; a rehearsal has no sound to keep.
    pub turn: ConsentedTurn<()>,
    /// The prompts that were said in it.
    pub prompts: Vec<String>,
    /// The purposes that it is still kept for; none: it was erased.
    pub purposes: Vec<Purpose>,
}

/// A slot that the caller has filled.
pub struct Given {
    /// Its name.
    pub slot: String,
    /// The digits.
    pub value: Zeroizing<String>,
    /// Whether the step is sensitive: then nobody is shown it.
    pub sensitive: bool,
}

/// Where in the dialog a call waited for its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The state.
    pub state: String,
    /// The step in it, from 1.
    pub step: usize,
}

impl World {
    /// A call that has not begun. The other languages are offered when it begins in the dialog's first, as to a caller who chose none.
    pub fn new(dialog: SharedDialog, around: Around, senses: Box<dyn Senses>) -> World {
        let first = dialog.file.languages.first().is_some_and(|language| language.value == around.language);
        let settings = Settings {
            can_hear: around.hears.clone(),
            offer_languages: first,
            call_backs: around.call_backs,
            opened: Some(around.opened),
            ..Settings::default()
        };
        World {
            flow: Flow::new(dialog.clone(), &around.language, settings),
            dialog,
            around,
            senses,
            now: SessionTime::START,
            saying: VecDeque::new(),
            paused: false,
            agenda: BTreeMap::new(),
            numbered: 0,
            expecting: Expecting { phrases: Vec::new(), consent: false, value: None },
            turn: None,
            kept: Vec::new(),
            log: Log::default(),
            recorder_on: false,
            choices: BTreeMap::new(),
            departure: None,
            with_colleague: false,
            outcome: None,
            interruptions: Vec::new(),
            unanswered: Vec::new(),
            given: Vec::new(),
            path: Vec::new(),
        }
    }

    /// The line is open.
    pub fn begin(&mut self) {
        self.take(Event::Begin);
    }

    /// Feeds an event into the flow and carries out what comes back, until nothing is left to do.
    pub(super) fn take(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.flow.handle(event, self.now) {
                self.act(action, &mut events);
            }
            self.remember();
        }
        self.begin_line();
    }

    /// What the flow forgets at the end of a call, and a story may still ask for.
    fn remember(&mut self) {
        if !self.flow.is_closed() {
            let known = self.flow.known();
            let given = |slots: &Slots, sensitive| -> Vec<Given> {
                let given =
                    |(slot, value): (&str, &str)| Given { slot: slot.to_owned(), value: value.to_owned().into(), sensitive };
                slots.iter().map(given).collect()
            };
            self.given = given(&known.slots, false);
            self.given.extend(given(&known.sensitive, true));
        }
        if let Some((state, step)) = self.flow.question() {
            let place = Place { state: state.to_owned(), step: step + 1 };
            if self.path.last() != Some(&place) {
                self.path.push(place);
            }
        }
    }

    /// Does what comes next by itself: a line ends, a deadline passes, an answer arrives. `false`: nothing will.
    pub fn advance(&mut self) -> bool {
        let Some(next) = self.next() else { return false };
        self.now = self.now.max(next);
        if self.line_ends().is_some_and(|ends| ends <= self.now) {
            self.end_line();
        } else if let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let event = entry.remove();
            self.arrives(&event);
            self.take(event);
        } else {
            self.take(Event::Tick);
        }
        true
    }

    /// Lets time pass until `until`.
    pub fn wait_until(&mut self, until: SessionTime) {
        while self.next().is_some_and(|next| next <= until) && self.advance() {}
        self.now = self.now.max(until);
    }

    /// When something happens next.
    pub fn next(&self) -> Option<SessionTime> {
        if self.flow.is_closed() {
            return None;
        }
        let line = self.line_ends();
        let later = self.agenda.keys().next().map(|(at, _)| *at);
        [line, later, self.flow.deadline()].into_iter().flatten().min()
    }

    /// Has something happen by itself.
    pub(super) fn later(&mut self, after: Duration, event: Event) {
        self.at(self.now + after, event);
    }

    pub(super) fn at(&mut self, at: SessionTime, event: Event) {
        self.numbered += 1;
        self.agenda.insert((at, self.numbered), event);
    }

    fn begin_line(&mut self) {
        let Some(saying) = self.saying.front_mut().filter(|saying| saying.begun.is_none() && !self.paused) else { return };
        let text = saying.text.clone().unwrap_or_default();
        let said = What::Said { line: saying.line.clone(), text, ended: None, of_dialog: saying.of_dialog };
        saying.begun = Some((self.now, self.log.add(self.now, said)));
        saying.since = self.now;
    }

    /// When what is being said comes to its end, unless it stands still.
    fn line_ends(&self) -> Option<SessionTime> {
        self.saying.front().filter(|_| !self.paused).and_then(Saying::ends)
    }

    /// The agent falls silent; what it says is not over.
    pub(super) fn pause(&mut self) {
        self.paused = true;
        if let Some(saying) = self.saying.front_mut().filter(|saying| saying.begun.is_some()) {
            saying.left = saying.left.saturating_sub(self.now.since(saying.since));
        }
    }

    /// The agent goes on, a little before where it was.
    pub(super) fn go_on_saying(&mut self) {
        self.paused = false;
        if let Some(saying) = self.saying.front_mut().filter(|saying| saying.begun.is_some()) {
            (saying.left, saying.since) = ((saying.left + SAID_AGAIN).min(saying.length), self.now);
        }
    }

    fn end_line(&mut self) {
        let Some(saying) = self.saying.pop_front() else { return };
        let heard = if saying.text.is_some() { Heard::Complete(Grade::Peer) } else { Heard::Failed };
        let ended = self.ended(&saying, heard);
        self.take(Event::LineEnded(ended));
    }

    /// The account of a line that is not said any further.
    pub(super) fn ended(&mut self, saying: &Saying, heard: Heard) -> Ended {
        if let Some((_, number)) = saying.begun {
            self.log.line_ended(number, heard);
        }
        let began = saying.begun.map(|(at, _)| at);
        Ended { play: saying.play, index: saying.index, began, heard }
    }

    /// Where the session stands.
    pub fn now(&self) -> SessionTime {
        self.now
    }

    /// The state machine.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The dialog that is run.
    pub fn dialog(&self) -> &SharedDialog {
        &self.dialog
    }

    /// What happened so far.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Turns that went through the gate, in order, those that were erased since included.
    pub fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// The last choice per purpose, whatever the end of the call made of it.
    pub fn choices(&self) -> &BTreeMap<Purpose, ConsentState> {
        &self.choices
    }

    /// Whether the running turn is held, to be kept if the gate lets it through.
    pub fn records_this_turn(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.held)
    }

    /// Whether the recorder is on.
    pub fn is_recorder_on(&self) -> bool {
        self.recorder_on
    }

    /// With what the caller was last passed on.
    pub fn departure(&self) -> Option<&Departure> {
        self.departure.as_ref()
    }

    /// How the call ended.
    pub fn outcome(&self) -> Option<SessionOutcome> {
        self.outcome
    }

    /// What the caller gave; of a call that is over, what it had.
    pub fn given(&self) -> &[Given] {
        &self.given
    }

    /// Results that the dialog looked up and that [`Around::answers`] has nothing for.
    pub fn unanswered(&self) -> &[String] {
        &self.unanswered
    }

    /// What a service answers from now on.
    pub fn answer_with(&mut self, result: &str, answered: Answered) {
        self.around.answers.insert(result.to_owned(), vec![answered]);
    }

    /// The questions at which the call has waited, in order.
    pub fn path(&self) -> &[Place] {
        &self.path
    }

    /// What came of each voice for which a prompt stood still, in order.
    pub fn interruptions(&self) -> &[Interruption] {
        &self.interruptions
    }

    /// Whether the agent says something now (music is nothing).
    pub fn is_speaking(&self) -> bool {
        self.saying.iter().any(|saying| !saying.line.is_music())
    }

    /// Whether something is on its way that nobody waits for with a key: an answer, a place in the line.
    pub fn is_busy(&self) -> bool {
        !self.agenda.is_empty()
    }

    /// The number in the log of what is being said now, when it began, and how long it takes. After a pause: when it went on, and what was left.
    pub fn line_now(&self) -> Option<(usize, SessionTime, Duration)> {
        let saying = self.saying.front()?;
        saying.begun.map(|(_, number)| (number, saying.since, saying.left))
    }

    /// Whether what is being said is the last before the caller's turn.
    pub fn is_last_line(&self) -> bool {
        let waits = self.flow.expected() != Expected::Nothing || self.flow.stage() == Stage::Asking;
        self.saying.len() == 1 && waits
    }
}

impl Saying {
    fn ends(&self) -> Option<SessionTime> {
        self.begun?;
        Some(if self.text.is_some() { self.since + self.left } else { self.since })
    }
}
