use serde::Serialize;
use zeroize::Zeroizing;

use super::lookup::Lookup;
use super::{Heard, Interruption};
use crate::consent::{Change, ConsentState, Method, Passage, Purpose, SessionTime};
use crate::dialog::prompt::{Line, Slots};
use crate::dialog::spoken::Form;

/// One thing being said: a sequence of lines that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlayId(pub u64);

/// What must be done.
#[derive(Debug)]
pub enum Action {
    /// Say these lines, after whatever is being said; each ends with an [`super::Event::LineEnded`].
    Say {
        /// Names the play.
        play: PlayId,
        /// What to say.
        lines: Vec<Line>,
    },
    /// Be silent at once; what was not heard yet ends as cut.
    Hush,
    /// Be silent at once; what is being said is not over, and no line of it ends that was not heard to its end.
    Pause,
    /// Go on with what was being said before the pause, a little before where the caller last heard it.
    GoOn,
    /// What came of a pause; to be counted.
    Interruption(Interruption),
    /// What may be said by the caller now.
    Listen(Expecting),
    /// A new turn begins now; there is none running.
    NextTurn {
        /// Whether its sound may be held in memory: a grant covers it.
        held: bool,
    },
    /// The running turn ends: its sound is kept with the gate's word, and goes without it.
    EndTurn(Option<Passage>),
    /// The running turn is dropped whole.
    DropTurn,
    /// Delete what was kept on the withdrawn consents; [`super::Event::Erased`] answers.
    Erase {
        /// Of which purposes.
        purposes: Vec<Purpose>,
    },
    /// From here on this language is spoken.
    Language(String),
    /// Is there a person? [`super::Event::PersonThere`] or [`super::Event::NobodyThere`] answers.
    Knock(LeaveReason),
    /// Pass the caller on. The recorder has stopped.
    Leave(Departure),
    /// Put the caller in the line for the desk, with us. The recorder has stopped.
    Queue(Departure),
    /// Put the caller back in the line, where they were.
    QueueAgain,
    /// Take the caller out of the line, or away from a colleague whose connection broke.
    Unqueue,
    /// Keep this number for a colleague, sealed; [`super::Event::CallBackLeft`] answers.
    CallBack {
        /// Which attempt of this call; the answer names it.
        attempt: u32,
        /// To be called.
        number: Number,
    },
    /// Look this up; [`super::Event::Fetched`] answers.
    Fetch {
        /// Which attempt of this call; the answer names it, and one that is late is for nobody.
        attempt: u32,
        /// What to look up.
        lookup: Lookup,
    },
    /// Something went wrong that a check should have found: an operator wants to know.
    Trouble(Trouble),
    /// Write it into the ledger.
    Note(Fact),
    /// The session is over.
    Close(SessionOutcome),
}

/// What went wrong in a dialog while it ran; the call went on. Without any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A condition could not be evaluated; its `otherwise` was taken.
    Condition,
    /// Whoever carries lookups out did not answer in time; it was taken for failed.
    Lookup,
}

/// A telephone number that a caller left. Wiped when dropped, and never shown.
pub struct Number(pub Zeroizing<String>);

impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Number(_)")
    }
}

/// What the ears may expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expecting {
    /// Phrases, the commands that are always there included.
    pub phrases: Vec<String>,
    /// Whether a consent hangs on it: a second, open look must be taken.
    pub consent: bool,
    /// A value that is asked for: more may be said than the phrases, and a pause within it is no end.
    pub value: Option<Form>,
}

/// Why the caller is passed to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaveReason {
    /// The caller asked for one.
    Asked,
    /// Nothing was said or pressed, too often.
    NoInput,
    /// Nothing fitted, too often.
    NoMatch,
    /// The dialog leads there.
    Dialog,
    /// Something of ours broke.
    EngineFailed,
    /// The server stops.
    Shutdown,
}

/// What a person is told who takes over.
#[derive(Clone, Debug)]
pub struct Departure {
    /// Why.
    pub reason: LeaveReason,
    /// The language that was spoken.
    pub language: String,
    /// The caller's choice per purpose, as it was before the agent left.
    pub consent: Vec<(Purpose, ConsentState)>,
    /// What the caller gave for their task.
    pub slots: Slots,
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionOutcome {
    /// The dialog came to its end.
    Finished,
    /// A person has the caller.
    HandedOver,
    /// The caller hung up.
    CallerHungUp,
    /// The caller hung up while waiting for a person.
    CallerLeftQueue,
    /// The connection broke.
    ConnectionLost,
    /// The phone system broke the protocol or a limit.
    PeerViolation,
    /// Something of ours broke.
    Failed,
    /// The server stopped and no person was there.
    Shutdown,
}

/// What a line was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// One of the disclosures.
    Disclosure,
    /// A consent question.
    Question(Purpose),
    /// Anything else.
    Other,
}

/// A line that was said, for the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompted {
    /// Which.
    pub line: Line,
    /// When its first frame was sent.
    pub began: Option<SessionTime>,
    /// When it ended.
    pub ended: SessionTime,
    /// How.
    pub heard: Heard,
}

/// What the ledger must say.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A disclosure ended.
    Disclosure(Prompted),
    /// A question has been put.
    Question(Purpose, Prompted),
    /// What came back.
    Answer {
        /// To the question for which purpose; before any was put, the first that was to come.
        purpose: Purpose,
        /// `given`, `refused`, `silence`, `unclear`, `too-early`, `hung-up`.
        outcome: &'static str,
        /// How.
        method: Method,
    },
    /// A state changed.
    Consent(Change),
    /// Turns may be kept from here on.
    RecorderStarted {
        /// For which purposes.
        purposes: Vec<Purpose>,
    },
    /// Nothing is kept from here on.
    RecorderStopped {
        /// Why.
        reason: StopReason,
        /// Whether a running turn was dropped.
        turn_dropped: bool,
    },
    /// A person was asked for and is there.
    HandoverRequested(LeaveReason),
    /// What became of it.
    HandoverResult(super::HandoverEnd),
}

/// Why the recorder stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// The caller withdrew.
    Withdrawn,
    /// The agent leaves.
    Handover,
    /// The language changed.
    Language,
    /// The caller's connection is interrupted.
    Lapsed,
    /// The call is over.
    Ended,
    /// The ledger, the disk or the index failed.
    Failed,
}
