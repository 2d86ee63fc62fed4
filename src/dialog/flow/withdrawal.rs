//! A no to recording after the question: what was kept is erased, and the caller is told what came of it, wherever the call has gone meanwhile.

use super::*;
use crate::consent::Method;

/// How long a withdrawal waits to hear that everything is erased.
const ERASING: Duration = Duration::from_secs(2);

/// A no that the caller has not been told of yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Untold {
    /// Nothing had been kept.
    Refused,
    /// What was kept goes; what is known of that.
    Withdrawn(Option<Erasure>),
}

impl Flow {
    /// The caller wants no recording: the recorder stops now, the running turn is dropped, what was kept is erased.
    pub(super) fn withdraw(&mut self, method: Method) {
        // A no said in another way; what the agent is must still be heard.
        let opening = match self.phase {
            Phase::Disclosing(_) => !self.recorder_on,
            Phase::Lapsed(absence::Broken::Opening) => true,
            _ => false,
        };
        let changes = self.consents.withdraw_all();
        if changes.is_empty() {
            return;
        }
        let withdrawn: Vec<Purpose> =
            changes.iter().filter(|c| c.to == ConsentState::Withdrawn).map(|c| c.purpose.clone()).collect();
        if !withdrawn.is_empty() {
            self.stop_recorder(StopReason::Withdrawn);
        }
        for change in &changes {
            let outcome = if change.to == ConsentState::Withdrawn { "withdrawn" } else { "refused" };
            // What is refused in an opening is written down when it ends.
            if !opening || change.to == ConsentState::Withdrawn {
                self.note(Fact::Answer { purpose: change.purpose.clone(), outcome, method: method.clone() });
            }
        }
        self.note_changes(changes);
        if withdrawn.is_empty() {
            self.untold.get_or_insert(Untold::Refused);
        } else {
            self.untold = Some(Untold::Withdrawn(None));
            self.erasing += 1;
            self.actions.push(Action::Erase { purposes: withdrawn });
        }
        if opening {
            return self.early_no(method);
        }
        if self.is_with_colleague() {
            // Two people are talking: it is done, and not said.
            self.untold = None;
            return;
        }
        if let Phase::Lapsed(broken) = &mut self.phase {
            // Nobody is there to hear it: it is told when they are back.
            return broken.without_questions();
        }
        self.hush();
        let (said, next) = self.broken_off("consent-");
        self.tell(said, next.without_questions());
    }

    /// What was being said when something came in between, and where the call was going: who withdraws hears no less than who does not.
    /// What is no longer so, as its ids begin with `stale`, is left out.
    pub(super) fn broken_off(&mut self, stale: &str) -> (Vec<String>, Next) {
        let (mut said, next) = match std::mem::replace(&mut self.phase, Phase::Fresh) {
            Phase::Passing(next) => (std::mem::take(&mut self.passing), next),
            Phase::Lapsed(absence::Broken::Said(said, next)) | Phase::Erasing(said, next) => (said, next),
            _ => (Vec::new(), Next::Resume),
        };
        said.retain(|id| !id.starts_with(stale));
        match next {
            Next::Leave(reason) => {
                said.pop();
                said.push(self.handover_text(reason).to_owned());
                (said, next)
            }
            Next::Close(_) | Next::Open | Next::Person => (said, next),
            _ if self.waiting.is_some() => (said, Next::Wait),
            Next::Question(_) => (said, next),
            _ => (said, Next::Resume),
        }
    }

    /// Tells what comes of a no, as soon as that is known; then what was broken off is said again, and the call goes on.
    pub(super) fn tell(&mut self, said: Vec<String>, next: Next) {
        if self.erasing > 0 {
            self.next_turn(TurnKind::Engine);
            self.phase = Phase::Erasing(said, next);
            self.deadline = Some(self.now + ERASING);
        } else {
            self.pass(&said, next);
        }
    }

    /// What became of an erasure.
    pub(super) fn erased(&mut self, erasure: Erasure) {
        self.erasing = self.erasing.saturating_sub(1);
        if let Some(Untold::Withdrawn(known)) = &mut self.untold {
            let before = known.unwrap_or(Erasure { complete: true, kept: false });
            *known = Some(Erasure { complete: before.complete && erasure.complete, kept: before.kept || erasure.kept });
        }
        if self.erasing == 0 {
            self.erasing_told();
        }
    }

    /// Everything is erased, or it takes too long to wait for.
    pub(super) fn erasing_told(&mut self) {
        if let Phase::Erasing(said, next) = &mut self.phase {
            let (said, next) = (std::mem::take(said), next.clone());
            self.deadline = None;
            self.pass(&said, next);
        }
    }

    /// Whether a contract has kept something, as far as the consents know.
    fn contract_held(&self) -> bool {
        let held = [ConsentState::Given, ConsentState::Expired, ConsentState::Invalidated];
        self.consents.states().any(|(_, basis, state)| basis == Basis::Contract && held.contains(&state))
    }

    /// The line that tells the truth of a no that was not told yet: erased, being erased, or partly kept on another ground.
    pub(super) fn take_untold(&mut self) -> Option<&'static str> {
        let known = match self.untold.take()? {
            Untold::Refused => return Some("consent-refused"),
            Untold::Withdrawn(known) => known.filter(|_| self.erasing == 0),
        };
        let other_basis = self.consents.is_recording();
        let by_consent = self.consents.states().any(|(_, b, s)| b == Basis::Consent && s == ConsentState::Withdrawn);
        Some(match known {
            Some(erasure) if erasure.kept || other_basis => "consent-withdrawn-kept",
            Some(Erasure { complete: true, .. }) if by_consent => "consent-withdrawn",
            Some(Erasure { complete: true, .. }) => "consent-objected",
            // What a contract needs is kept, if there was anything; whether there was is not known yet.
            _ if other_basis || self.contract_held() => "consent-withdrawn-kept",
            _ => "consent-withdrawn-pending",
        })
    }
}
