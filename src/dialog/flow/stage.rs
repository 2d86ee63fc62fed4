//! Where a call is, as far as anybody outside may see it.

use serde::Serialize;

use super::{Flow, Phase};

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The disclosures are being said.
    Disclosing,
    /// A consent question has been put, or is being put.
    Asking,
    /// In the dialog.
    Dialog,
    /// On the way to a person.
    Connecting,
    /// Waiting for a person, in the line.
    Waiting,
    /// Nobody is free, and the caller is in no line: they go on with the agent, or leave a number.
    Nobody,
    /// A number for calling back is being taken.
    CallBack,
    /// With a person.
    Person,
    /// The connection is interrupted.
    Lapsed,
    /// Over.
    Ended,
}

/// What the agent waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// Nothing now.
    Nothing,
    /// Yes or no to a consent question.
    Consent,
    /// Yes or no to something else.
    YesNo,
    /// One of some options: a key, or words.
    Choice,
    /// Digits.
    Digits,
    /// While waiting for a person: back to the agent.
    Waiting,
    /// While waiting for a person: back to the agent, or a call-back.
    WaitingOrCallBack,
}

impl Flow {
    /// Where the call is.
    pub fn stage(&self) -> Stage {
        match &self.phase {
            Phase::Fresh | Phase::Disclosing(_) => Stage::Disclosing,
            Phase::Asking(_) => Stage::Asking,
            Phase::Knocking(_) | Phase::Passing(super::Next::Leave(_) | super::Next::Person) => Stage::Connecting,
            Phase::Passing(super::Next::Wait) | Phase::Erasing(_, super::Next::Wait) | Phase::Waiting => {
                if self.is_in_line() {
                    Stage::Waiting
                } else {
                    Stage::Nobody
                }
            }
            Phase::Passing(_) | Phase::Erasing(..) | Phase::Dialog(_) => Stage::Dialog,
            Phase::CallBack(_) => Stage::CallBack,
            Phase::Away(_) => Stage::Person,
            Phase::Lapsed(_) => Stage::Lapsed,
            Phase::Closed => Stage::Ended,
        }
    }

    /// The caller's place in the line for a colleague, from 1, while they wait there and it is known.
    pub fn place(&self) -> Option<u32> {
        if self.stage() == Stage::Waiting { self.known_place() } else { None }
    }

    /// Whether the running turn is the dialog's, not the engine's own.
    pub fn in_dialog(&self) -> bool {
        matches!(self.phase, Phase::Dialog(_))
    }

    /// The question of the dialog that is being put or answered: its state, and its step in it from 0.
    pub fn question(&self) -> Option<(&str, usize)> {
        if let Phase::Dialog(waiting) = &self.phase { Some(waiting.place()) } else { None }
    }

    /// What the agent waits for.
    pub fn expected(&self) -> Expected {
        match &self.phase {
            Phase::Asking(asking) if asking.ended.is_some() => Expected::Consent,
            Phase::Dialog(waiting) => waiting.expected(),
            Phase::Waiting if self.settings.call_backs => Expected::WaitingOrCallBack,
            Phase::Waiting => Expected::Waiting,
            Phase::CallBack(call_back) => call_back.expected(),
            _ => Expected::Nothing,
        }
    }
}
