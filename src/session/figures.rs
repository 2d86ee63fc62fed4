use std::time::Duration;

use tokio::time::Instant;

use super::parity::{Figures, Group, HandoverFigures};
use crate::consent::{Basis, Change, ConsentState};
use crate::dialog::flow::{Fact, HandoverEnd, SessionOutcome};

/// What a call comes to, counted while it runs: of nobody in particular, for [`super::Parity`].
#[derive(Default)]
pub(super) struct Counting {
    asked: bool,
    given: bool,
    turns: u32,
    handovers: Vec<HandoverFigures>,
    /// Since when the caller waits for a person.
    waiting: Option<Instant>,
}

impl Counting {
    pub(super) fn note(&mut self, fact: &Fact) {
        match fact {
            Fact::Consent(Change { basis: Basis::Consent, to: ConsentState::Given, .. }) => self.given = true,
            Fact::Consent(Change { basis: Basis::Consent, to: ConsentState::Refused | ConsentState::Requested, .. }) => {
                self.asked = true;
            }
            Fact::HandoverRequested(_) => self.waiting = Some(Instant::now()),
            Fact::HandoverResult(end) => self.reached(matches!(end, HandoverEnd::Answered)),
            _ => {}
        }
    }

    /// Somebody answers, or it is clear that nobody will. Said twice, the first counts: who answers is told when they have spoken.
    pub(super) fn reached(&mut self, answered: bool) {
        if let Some(since) = self.waiting.take() {
            self.handovers.push(HandoverFigures { waited: since.elapsed(), answered });
        } else if !answered && self.handovers.is_empty() {
            // Nobody was there to be waited for.
            self.handovers.push(HandoverFigures { waited: Duration::ZERO, answered });
        }
    }

    /// The colleague was lost: the caller waits again.
    pub(super) fn waits_again(&mut self) {
        self.waiting.get_or_insert_with(Instant::now);
    }

    /// One more turn of the dialog.
    pub(super) fn turn(&mut self) {
        self.turns += 1;
    }

    pub(super) fn sum(self, outcome: SessionOutcome) -> Figures {
        let group = match (self.given, self.asked) {
            (true, _) => Group::Consenting,
            (false, true) => Group::Refusing,
            (false, false) => Group::NotAsked,
        };
        let completed = outcome == SessionOutcome::Finished;
        Figures { group, handovers: self.handovers, completed, turns: self.turns }
    }
}
