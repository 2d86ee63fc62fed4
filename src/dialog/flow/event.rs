use std::time::Duration;

use zeroize::Zeroizing;

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
    /// The answer to [`super::Action::Knock`]: somebody can be reached.
    PersonThere,
    /// The answer to [`super::Action::Knock`]: nobody can; why.
    NobodyThere(HandoverEnd),
    /// What became of a handover.
    HandoverEnded(HandoverEnd),
    /// The caller has come back from a handover that reached nobody.
    Returned,
    /// The caller is gone.
    CallerGone(SessionOutcome),
    /// The server is about to stop.
    Stopping,
    /// Time has passed: see [`super::Flow::deadline`].
    Tick,
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
    /// Whether a hold or another announced basis keeps something.
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
    /// It failed.
    Failed,
    /// Nothing was heard of it.
    Unknown,
}
