use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of a handover, in words that every transport shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// A person spoke with the caller, and that conversation is over.
    Answered,
    /// The phone system took the caller elsewhere on somebody's order, such as a conference of its own; whether a person spoke with
    /// them is not known here.
    Redirected,
    /// Nobody took the call in time.
    NoAnswer,
    /// The target was engaged.
    Busy,
    /// The queue took no more callers.
    QueueFull,
    /// The caller hung up before anybody answered.
    CallerLeft,
    /// Outside the target's opening hours; the phone system was not asked.
    Closed,
    /// The phone system could not carry it out.
    Failed,
    /// The phone system said something that is not in its documentation.
    Unknown,
}

impl Outcome {
    /// The name as it stands in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Redirected => "redirected",
            Outcome::NoAnswer => "no-answer",
            Outcome::Busy => "busy",
            Outcome::QueueFull => "queue-full",
            Outcome::CallerLeft => "caller-left",
            Outcome::Closed => "closed",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        }
    }

    /// The outcome of that name; [`Outcome::Unknown`] for any other.
    pub fn of(name: &str) -> Outcome {
        let all = [
            Outcome::Answered,
            Outcome::Redirected,
            Outcome::NoAnswer,
            Outcome::Busy,
            Outcome::QueueFull,
            Outcome::CallerLeft,
            Outcome::Closed,
            Outcome::Failed,
        ];
        all.into_iter().find(|outcome| outcome.as_str() == name).unwrap_or(Outcome::Unknown)
    }

    /// Whether the caller, who is still on the line with nobody to talk to, comes back to the session. In doubt they do: an answer that
    /// the phone system ignores costs nothing, a caller who is dropped costs a call.
    pub fn comes_back(self) -> bool {
        match self {
            Outcome::Answered | Outcome::Redirected | Outcome::CallerLeft => false,
            Outcome::NoAnswer | Outcome::Busy | Outcome::QueueFull | Outcome::Closed | Outcome::Failed | Outcome::Unknown => true,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
