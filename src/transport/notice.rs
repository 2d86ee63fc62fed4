//! What a caller who can see is shown: events of the call as it goes, for transports that have a screen on the other side.
//!
//! A notice says what the agent says and does, never what the caller said: no words, no keys, no value of a slot. It is shown to the caller
//! alone and written nowhere. The wire format is this enum as JSON (`docs/browser.md` describes it).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dialog::flow::{Expected, Stage};

/// Something that a caller with a screen can see.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
#[non_exhaustive]
pub enum Notice {
    /// The first notice of a leg.
    Hello {
        /// Of this schema: 1.
        version: u32,
        /// The session's id.
        session: String,
        /// The dialog's name.
        dialog: String,
        /// Who the agent speaks for.
        organisation: String,
        /// Where the privacy notice lies.
        notice: String,
        /// The language that is spoken.
        language: String,
        /// All languages of the dialog.
        languages: Vec<String>,
        /// Whether the caller can be heard; if not, keys alone.
        hears: bool,
        /// What would be recorded.
        purposes: Vec<PurposeNotice>,
    },
    /// The agent begins to say a line.
    Saying {
        /// Which line, counting over the whole call.
        line: u64,
        /// The prompt's id.
        prompt: String,
        /// The words. Where they would hold what the caller gave, each such place is `…`.
        text: String,
        /// BCP 47.
        language: String,
        /// Whether it is a disclosure, a consent question or something else.
        role: LineRole,
        /// How long it lasts, in milliseconds.
        duration_ms: u64,
    },
    /// How much of a disclosure or a question has been heard, by evidence from the other side.
    Heard {
        /// Of which line.
        line: u64,
        /// 0 to 100.
        percent: u8,
    },
    /// A line has ended.
    Said {
        /// Which.
        line: u64,
        /// `heard`, `cut`, `failed`, `no-evidence`, `garbled`.
        outcome: &'static str,
    },
    /// Where the call is.
    Phase {
        /// Which.
        phase: Stage,
    },
    /// What the agent waits for; a page shows the buttons that fit.
    Expecting {
        /// What.
        answer: Expected,
    },
    /// What came back to a consent question.
    Answer {
        /// For which purpose.
        purpose: String,
        /// `given`, `refused`, `withdrawn`, `silence`, `unclear`, `too-early`, `hung-up`.
        outcome: &'static str,
    },
    /// The state of a purpose.
    Consent {
        /// Which.
        purpose: String,
        /// On which basis.
        basis: &'static str,
        /// `unknown`, `requested`, `given`, `refused`, `withdrawn`, `expired`, `invalidated`.
        state: &'static str,
    },
    /// A turn has begun.
    Turn {
        /// Its number in the session, from 1.
        turn: u32,
        /// Whether it is being recorded: held in memory now, and kept if the grant still stands at its end.
        recording: bool,
    },
    /// A turn has ended.
    TurnEnded {
        /// Which.
        turn: u32,
        /// What became of its sound.
        kept: Keeping,
    },
    /// The recorder has been switched on or off.
    Recorder {
        /// Whether turns may be kept from here on.
        on: bool,
        /// Why it stopped.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
    },
    /// What was kept on a withdrawn consent is gone.
    Erased {
        /// Everything that was to go; if not, it is tried again before the session ends.
        complete: bool,
        /// Whether another ground or a hold keeps a part.
        kept: bool,
    },
    /// From here on this language is spoken.
    Language {
        /// BCP 47.
        language: String,
        /// Whether the caller can be heard in it.
        hears: bool,
    },
    /// The caller waits for a person.
    Queue {
        /// Their place, from 1.
        place: u32,
    },
    /// The colleague at the other end.
    Person {
        /// Where they are.
        state: PersonState,
    },
    /// The session is over; nothing follows.
    Ended {
        /// As in the ledger.
        outcome: &'static str,
    },
    /// A message of the page could not be taken.
    Error {
        /// What was wrong and what would have been right. Never holds the message.
        message: &'static str,
    },
}

/// A purpose, as a page shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PurposeNotice {
    /// Its name.
    pub purpose: String,
    /// What it is called, per language of the dialog, as the agent says it.
    pub label: BTreeMap<String, String>,
    /// `consent`, `contract`, `legitimate-interest`.
    pub basis: &'static str,
    /// For how many days it would be kept.
    pub retention_days: u64,
}

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineRole {
    /// One of the disclosures.
    Disclosure,
    /// A consent question.
    Question,
    /// Anything else.
    Other,
}

/// What became of the sound of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeping {
    /// Sealed and stored.
    Kept,
    /// Never held, or let go.
    NotKept,
    /// It was to be kept, and something failed.
    Lost,
}

/// Where the colleague is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonState {
    /// Has taken the call, and is being connected.
    Connecting,
    /// Talks with the caller.
    Talking,
    /// Has put the caller on hold.
    Hold,
    /// Is gone.
    Gone,
}
