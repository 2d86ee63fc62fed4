use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::lookup::{Answer, LookupFailure};
use super::{PlayId, SessionOutcome};
use crate::consent::SessionTime;

/// What happened. Never shown: it may hold a key.
pub enum Event {
    /// The line is open: begin.
    Begin,
    /// One line of a play has ended; lines end in order, and every line of every play ends.
    LineEnded(Ended),
    /// A key: `0`-`9`, `*` or `#`.
    Key(char),
    /// A button of a caller who has a screen.
    Button(Button),
    /// The caller has chosen a language, BCP 47; one that the dialog does not have changes nothing.
    ChooseLanguage(String),
    /// The caller has begun to speak (a voice, not yet words).
    SpeechBegan,
    /// What the caller said has been recognised.
    Utterance(Utterance),
    /// The caller said something that nothing could make words of.
    NotUnderstood,
    /// The recogniser failed or is gone.
    EngineFailed,
    /// The ledger, the disk or the index failed: nothing may be recorded any more.
    RecordingFailed,
    /// What became of [`super::Action::Erase`].
    Erased(Erasure),
    /// The answer to [`super::Action::Knock`]: somebody can be reached; how.
    PersonThere(Way),
    /// The answer to [`super::Action::Knock`]: nobody can; why.
    NobodyThere(HandoverEnd),
    /// What became of a handover.
    HandoverEnded(HandoverEnd),
    /// The caller has come back from a handover that reached nobody.
    Returned,
    /// The caller's place in the line for a colleague at the desk, from 1.
    Place(u32),
    /// Nobody is left at the desk who could take the caller, or they have waited as long as they should.
    NobodyTakes(HandoverEnd),
    /// A colleague at the desk and the caller hear each other from here on.
    Connected,
    /// The colleague holds the caller (`true`), or speaks again.
    Hold(bool),
    /// The colleague gives the caller back to the agent.
    GivenBack,
    /// The colleague's connection broke; the caller is back in line.
    ColleagueLost,
    /// What became of [`super::Action::CallBack`].
    CallBackLeft {
        /// Of which attempt.
        attempt: u32,
        /// Whether the number is sealed and stored.
        stored: bool,
    },
    /// What became of [`super::Action::Fetch`].
    Fetched {
        /// Of which attempt.
        attempt: u32,
        /// What the service answered, as far as the dialog takes it.
        result: Result<Answer, LookupFailure>,
    },
    /// Nothing comes from the caller any more. They may come back.
    Lapsed,
    /// The caller is back.
    Resumed,
    /// The caller is gone.
    CallerGone(SessionOutcome),
    /// The server is about to stop.
    Stopping,
    /// Time has passed: see [`super::Flow::deadline`].
    Tick,
}

/// What a caller with a screen can press instead of a key. Each means the same at every moment, which a key does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Button {
    /// Yes, to whatever is asked that can be answered so.
    Yes,
    /// No.
    No,
    /// A person.
    Person,
    /// Stop recording.
    Stop,
    /// Ask me about recording again.
    AskAgain,
    /// Say that again.
    Repeat,
    /// While waiting for a person: go on with the agent.
    Agent,
    /// While waiting for a person: leave a number.
    CallBack,
}

/// How a person is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The phone system takes the caller there; our leg ends.
    PhoneSystem,
    /// A colleague at the desk takes the call; the caller waits with us.
    Desk,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Of which play.
    pub play: PlayId,
    /// Which of its lines, from 0.
    pub index: usize,
    /// When its first frame was sent; `None` when it was never begun.
    pub began: Option<SessionTime>,
    /// How it ended.
    pub heard: Heard,
}

/// Whether a line was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// To the end, with evidence.
    Complete(Grade),
    /// Sent to the end, and so much was lost on the way that it cannot have been understood.
    Garbled,
    /// Cut off before its end.
    Cut,
    /// It could not be said.
    Failed,
    /// It was sent, and nothing proves that it was played.
    NoEvidence,
}

/// The grade of the evidence (design rule 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// Sent on our own clock into a socket that took it.
    Paced,
    /// Reported by the other side.
    Peer,
}

/// Recognised words. Wiped from memory when dropped, and never shown.
pub struct Utterance {
    /// The words.
    pub text: Zeroizing<String>,
    /// The words of a second, open look.
    pub second_look: Option<Zeroizing<String>>,
    /// 0 to 1.
    pub confidence: f32,
    /// When the caller began to speak.
    pub began: SessionTime,
    /// How long there was a voice.
    pub speech: Duration,
    /// How far the voice was above the noise of the line, in decibels; infinite where there was none, or none is known.
    pub above_noise: f32,
}

impl std::fmt::Debug for Utterance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Utterance(began at {} ms)", self.began.millis())
    }
}

/// What an erasure left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Whether everything that was to go is gone.
    pub complete: bool,
    /// Whether a turn of the call is still stored: under a hold, or on another announced basis.
    pub kept: bool,
}

/// How a handover ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandoverEnd {
    /// A person took the call.
    Answered,
    /// Nobody took it.
    NobodyAnswered,
    /// It was engaged.
    Busy,
    /// Its queue was full.
    QueueFull,
    /// Outside opening hours.
    Closed,
    /// The caller hung up while waiting.
    CallerLeft,
    /// The caller went back to the agent while waiting.
    WentBack,
    /// The caller left a number to be called back on.
    CallBack,
    /// It failed.
    Failed,
    /// Nothing was heard of it.
    Unknown,
}
