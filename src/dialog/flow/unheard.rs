//! A recogniser that fails in a call: the rest goes by keys, and nobody is left to talk to an agent that hears nothing.

use super::*;
use crate::consent::Method;

/// What a caller is told whose recogniser has failed.
const CANNOT_HEAR: &str = "engine-failed";

/// What the caller knows of a recogniser that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// Nothing yet.
    Untold,
    /// To use the keys.
    Told,
}

impl Flow {
    /// The recogniser is gone: the rest of the call goes by keys, and the caller is told how to reach a person.
    pub(super) fn engine_failed(&mut self) {
        self.caller_speaks = false;
        let first = self.failed.is_none();
        self.failed.get_or_insert(Failed::Untold);
        match &self.phase {
            Phase::Asking(asking) if asking.ended.is_some() => self.answer_lost(),
            Phase::Dialog(_) if first => {
                self.hush();
                self.resume();
            }
            Phase::Dialog(_) => self.not_understood(),
            _ => {}
        }
    }

    /// What they answered is lost: the recogniser failed at it. Who has been told so answers by key, and what else they say is noise.
    fn answer_lost(&mut self) {
        if self.failed == Some(Failed::Told) { self.noise_after_question() } else { self.no_answer("unclear", Method::Engine) }
    }

    /// What is said before the next thing that the caller could answer, until they have heard it.
    pub(super) fn untold_unheard(&self) -> Option<(Line, Role)> {
        let answered =
            matches!(self.phase, Phase::Asking(_) | Phase::Dialog(_) | Phase::Passing(Next::Question(_) | Next::Resume));
        (answered && self.failed == Some(Failed::Untold)).then(|| (self.line(CANNOT_HEAR), Role::Other))
    }

    /// A line has been said; if it was that one and they heard it, they know.
    pub(super) fn told_unheard(&mut self, line: &Line, heard: bool) {
        if heard && line.id == CANNOT_HEAR {
            self.failed = Some(Failed::Told);
        }
    }
}
