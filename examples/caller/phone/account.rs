//! The account of a call: what happened, when, and what was heard, written by the line and read by whoever waits for it.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::heard::{Heard, is_audible};
use super::pace::Pace;
use super::playout::Tick;
use super::twiml::Element;

/// Quieter for this long: the agent has stopped speaking as far as the account's events go.
const PAUSE: Duration = Duration::from_millis(700);
/// A sound after at least this much silence is a new beginning.
const ONSET_AFTER: Duration = Duration::from_millis(200);

/// Who ended a call, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndedBy {
    /// The server's document ended the call, or came to its end.
    Server,
    /// The caller hung up.
    Caller,
    /// The caller's connection was dropped, on purpose.
    Dropped,
    /// The limit for the whole call was reached.
    Limit,
    /// The server failed; the text says how.
    Failure(String),
}

/// An agent that speaks for this long after a key or a word was not interrupted by it.
const WENT_ON: Duration = Duration::from_secs(1);

/// A mark of the server, from arrival to return.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The name the server gave it.
    pub name: String,
    /// When it came, from the ringing.
    pub received: Duration,
    /// When and why it went back; `None` while it waits, or when the caller never answers marks.
    pub returned: Option<(Duration, MarkReturn)>,
}

/// Why a mark went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkReturn {
    /// All that was received before it has been heard.
    Played,
    /// The server cleared the buffer before that.
    Cleared,
    /// The caller misbehaves: it answers marks as they come.
    AtOnce,
}

/// One line of the account.
#[derive(Debug, Clone)]
pub struct Event {
    /// When, from the ringing.
    pub at: Duration,
    /// What.
    pub what: Happening,
}

/// What can happen in a call, as the caller sees it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Happening {
    /// The server was asked (address without origin, status of its answer).
    Asked(String, u16),
    /// A verb of its document is followed.
    Verb(Element),
    /// A stream is open.
    StreamOpened,
    /// The agent begins to speak.
    AgentSpeaks,
    /// The agent has been quiet for a while.
    AgentSilent,
    /// The agent can be heard after a moment of silence, or anew after it was cleared.
    AgentBegins,
    /// The first 20 ms of what the caller says that can be heard have been sent.
    VoiceBegins,
    /// The last of them have been sent.
    VoiceEnds,
    /// A mark (counted from 1) went back.
    MarkReturned(usize, MarkReturn),
    /// The server cleared the buffer: this much will not be heard.
    Cleared(Duration),
    /// The caller pressed a key.
    Pressed(char),
    /// The caller begins to say something of this length.
    Says(Duration),
    /// The server closed the stream, with this code, if it gave one.
    ServerClosed(Option<u16>),
    /// The server closed the stream before this much of its own speech was heard.
    CutOff(Duration),
    /// What became of the caller at the desk.
    Desk(&'static str),
    /// What a dialled desk hears before it is connected.
    DeskHears(String),
    /// The caller hung up.
    HungUp,
    /// The caller's connection was dropped.
    Dropped,
    /// The server broke the protocol.
    Violation(String),
    /// The call is over.
    Ended(EndedBy),
}

/// A request that told the server a result, and what it answered.
#[derive(Debug, Clone)]
pub struct Posted {
    /// When, from the ringing.
    pub at: Duration,
    /// The address, path and query only.
    pub to: String,
    /// The form, in its order.
    pub parameters: Vec<(String, String)>,
    /// The status of the answer.
    pub status: u16,
}

impl Posted {
    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Everything known of a call so far.
#[derive(Default)]
pub(super) struct State {
    pub events: Vec<Event>,
    pub heard: Heard,
    pub marks: Vec<Mark>,
    pub posted: Vec<Posted>,
    pub stream_parameters: Vec<(String, String)>,
    pub stream_sids: Vec<String>,
    pub largest_backlog: usize,
    pub pace: Pace,
    pub ended: Option<EndedBy>,
    /// Whether anything audible still waits in the buffer.
    pub holds_sound: bool,
    speaking: bool,
    last_audible: Option<Duration>,
    last_onset: Option<Duration>,
    last_act: Option<Duration>,
}

impl State {
    /// Whether the agent has said nothing for this long and has nothing left to say.
    pub fn agent_silent(&self, now: Duration, length: Duration) -> bool {
        let since = self.last_audible.or(self.heard.begins()).unwrap_or_default();
        !self.holds_sound && self.heard.begins().is_some() && now.saturating_sub(since) >= length
    }

    /// Whether the agent is audible, or was a moment ago.
    pub fn agent_speaks(&self, now: Duration) -> bool {
        self.last_audible.is_some_and(|last| now.saturating_sub(last) < ONSET_AFTER)
    }

    /// Whether the agent has begun to speak since the caller last did something, or went on for so long that the pause after
    /// it is the caller's turn all the same.
    pub fn spoken_since_act(&self) -> bool {
        let Some(act) = self.last_act else {
            return self.last_onset.is_some();
        };
        self.last_onset.is_some_and(|onset| onset > act) || self.last_audible.is_some_and(|last| last > act + WENT_ON)
    }

    /// How many marks went back because what was before them was played.
    pub fn played_marks(&self) -> usize {
        let played = |mark: &&Mark| matches!(mark.returned, Some((_, MarkReturn::Played)));
        self.marks.iter().filter(played).count()
    }
}

/// The account with its clock; shared by the line and the caller.
pub(super) struct Account {
    began: Instant,
    keeps_sound: bool,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

impl Account {
    /// Begins when the telephone rings.
    pub fn begin(keeps_sound: bool) -> Self {
        Self { began: Instant::now(), keeps_sound, state: Mutex::default(), changed: watch::Sender::new(()) }
    }

    /// How long ago the telephone began to ring.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// When the telephone began to ring.
    pub fn began(&self) -> Instant {
        self.began
    }

    pub fn read(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not hide what was written until then.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Writes one line.
    pub fn happens(&self, what: Happening) {
        let at = self.now();
        let mut state = self.read();
        match &what {
            Happening::Pressed(_) | Happening::Says(_) => state.last_act = Some(at),
            // What sounds after a clear is a new beginning, however soon it comes.
            Happening::Cleared(_) => state.last_audible = None,
            Happening::Ended(by) => state.ended = Some(by.clone()),
            _ => {}
        }
        state.events.push(Event { at, what });
        drop(state);
        self.changed.send_replace(());
    }

    pub fn violation(&self, text: impl Into<String>) {
        self.happens(Happening::Violation(text.into()));
    }

    /// Changes something and lets those who wait look again.
    pub fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.read());
        self.changed.send_replace(());
        result
    }

    /// A mark goes back (its index counts from 0).
    pub fn mark_returns(&self, index: usize, why: MarkReturn) {
        let at = self.now();
        if let Some(mark) = self.read().marks.get_mut(index) {
            mark.returned = Some((at, why));
        }
        self.happens(Happening::MarkReturned(index + 1, why));
    }

    /// 20 ms were heard.
    pub fn hears(&self, tick: &Tick, holds_sound: bool) {
        let now = self.now();
        let audible = tick.frame.iter().any(|byte| is_audible(*byte));
        let (mut begins, mut turned) = (false, None);
        self.write(|state| {
            if self.keeps_sound {
                state.heard.hear(&tick.frame);
            }
            state.holds_sound = holds_sound;
            if audible {
                if state.last_audible.is_none_or(|last| now.saturating_sub(last) >= ONSET_AFTER) {
                    state.last_onset = Some(now);
                    begins = true;
                }
                state.last_audible = Some(now);
                if !state.speaking {
                    state.speaking = true;
                    turned = Some(Happening::AgentSpeaks);
                }
            } else if state.speaking && !holds_sound && state.last_audible.is_none_or(|last| now.saturating_sub(last) >= PAUSE) {
                state.speaking = false;
                turned = Some(Happening::AgentSilent);
            }
        });
        for happening in begins.then_some(Happening::AgentBegins).into_iter().chain(turned) {
            self.happens(happening);
        }
    }

    /// Waits until `condition` holds (`true`), or the call is over without it (`false`).
    pub async fn until(&self, mut condition: impl FnMut(&State, Duration) -> bool) -> bool {
        let mut changed = self.changed.subscribe();
        loop {
            {
                let state = self.read();
                if condition(&state, self.now()) {
                    return true;
                }
                if state.ended.is_some() {
                    return false;
                }
            }
            // The sender lives as long as the account: this never fails.
            if changed.changed().await.is_err() {
                return false;
            }
        }
    }
}
