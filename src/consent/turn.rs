use super::{Purpose, SessionTime, Terms};

/// What a turn is for; the engine's own turns and sensitive steps can never be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnKind {
    /// The dialog's: a question of the service and its answer.
    Dialog {
        /// Purposes on the basis *contract* for which this turn is evidence of the agreement.
        evidence_for: Vec<Purpose>,
    },
    /// The dialog's, with an answer that is nobody else's business: never kept, whatever was agreed to.
    Sensitive,
    /// The engine's: disclosure, consent, withdrawal, rights code, handover.
    Engine,
}

/// Leave to hold a running turn in memory, given when it begins. It names the grants that were live then; whether they still are is
/// asked when the turn ends ([`super::Consents::pass`]).
#[derive(Debug)]
pub struct TurnPermit {
    pub(super) ordinal: u32,
    pub(super) began: SessionTime,
    /// The grants by purpose, each with the number that it alone ever had.
    pub(super) grants: Vec<(Purpose, u64)>,
}

impl TurnPermit {
    /// The same for less: what the turn turned out to be is nothing to be kept for these purposes.
    pub fn without(&self, purposes: &[Purpose]) -> TurnPermit {
        let grants = self.grants.iter().filter(|(purpose, _)| !purposes.contains(purpose)).cloned().collect();
        TurnPermit { ordinal: self.ordinal, began: self.began, grants }
    }
}

/// The gate's word that a turn, or a part of it, may be kept: every grant that it began with was live at its end. Good for one sound.
#[derive(Debug)]
pub struct Passage {
    pub(super) ordinal: u32,
    pub(super) began: SessionTime,
    pub(super) ended: SessionTime,
    pub(super) terms: Vec<Terms>,
}

impl Passage {
    /// Joins the word to the sound. `part` counts from 1 and is above 1 only for a turn too long to hold in one piece; `began` is when
    /// this part did (never before the turn).
    pub fn with<A>(self, part: u32, began: SessionTime, audio: A) -> ConsentedTurn<A> {
        let Passage { ordinal, ended, terms, .. } = self;
        ConsentedTurn { ordinal, part, began: began.max(self.began), ended, terms, audio }
    }
}

/// A turn that may be kept: it began after a grant, and every grant it began with was still live when it ended.
///
/// Only a [`Passage`] becomes one, and only [`super::Consents::pass`] gives those. Its parts cannot be set from outside, and it cannot be copied:
///
/// ```compile_fail
/// let forged = candor::consent::ConsentedTurn { ordinal: 1, part: 1, audio: () };
/// ```
#[derive(Debug)]
pub struct ConsentedTurn<A> {
    pub(super) ordinal: u32,
    pub(super) part: u32,
    pub(super) began: SessionTime,
    pub(super) ended: SessionTime,
    pub(super) terms: Vec<Terms>,
    pub(super) audio: A,
}

impl<A> ConsentedTurn<A> {
    /// Which turn of the session this is, from 1.
    pub fn ordinal(&self) -> u32 {
        self.ordinal
    }

    /// Which part of a long turn this is, from 1.
    pub fn part(&self) -> u32 {
        self.part
    }

    /// When the turn (or this part) began.
    pub fn began(&self) -> SessionTime {
        self.began
    }

    /// When the turn (or this part) ended.
    pub fn ended(&self) -> SessionTime {
        self.ended
    }

    /// The purposes it may be kept for, with what was announced about each; never empty.
    pub fn terms(&self) -> &[Terms] {
        &self.terms
    }

    /// The sound.
    pub fn audio(&self) -> &A {
        &self.audio
    }
}
