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
            // Whoever left before the question was put has not answered it, though a purpose that was never given counts as refused.
            Fact::Consent(Change { basis: Basis::Consent, to: ConsentState::Requested, .. })
            | Fact::Answer { outcome: "refused", .. } => self.asked = true,
            Fact::HandoverRequested(_) => self.waiting = Some(Instant::now()),
            // A phone system tells so when the talk is over, or never; a colleague at the desk was counted when they spoke.
            Fact::HandoverResult(end @ (HandoverEnd::Answered | HandoverEnd::Unknown)) => {
                let waited = self.waiting.take().map(|_| None);
                self.handovers.extend(waited.map(|waited| HandoverFigures { waited, answered: *end == HandoverEnd::Answered }));
            }
            Fact::HandoverResult(_) => self.reached(false),
            _ => {}
        }
    }

    /// Somebody answers, or it is clear that nobody will. Said twice, the first counts: who answers is told when they have spoken.
    pub(super) fn reached(&mut self, answered: bool) {
        if let Some(since) = self.waiting.take() {
            self.handovers.push(HandoverFigures { waited: Some(since.elapsed()), answered });
        } else if !answered && self.handovers.is_empty() {
            // Nobody was there to be waited for.
            self.handovers.push(HandoverFigures { waited: Some(Duration::ZERO), answered });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::flow::LeaveReason;

    fn counted(facts: &[Fact], colleague: bool) -> Vec<(bool, bool)> {
        let mut counting = Counting::default();
        counting.note(&Fact::HandoverRequested(LeaveReason::Asked));
        if colleague {
            counting.reached(true);
        }
        facts.iter().for_each(|fact| counting.note(fact));
        let figures = counting.sum(SessionOutcome::HandedOver);
        figures.handovers.iter().map(|handover| (handover.answered, handover.waited.is_some())).collect()
    }

    #[test]
    fn the_talk_with_a_person_is_no_wait() {
        let answered = [Fact::HandoverResult(HandoverEnd::Answered)];
        assert_eq!(counted(&answered, false), [(true, false)], "the phone system tells when the talk is over");
        assert_eq!(counted(&answered, true), [(true, true)], "at the desk it is known when the colleague spoke");
        assert_eq!(counted(&[Fact::HandoverResult(HandoverEnd::NobodyAnswered)], false), [(false, true)]);
        assert_eq!(counted(&[Fact::HandoverResult(HandoverEnd::Unknown)], false), [(false, false)]);
    }

    #[test]
    fn whoever_left_before_the_question_was_not_asked() {
        let purpose = crate::consent::Purpose::new("quality").unwrap();
        let change =
            |to| Fact::Consent(Change { purpose: purpose.clone(), basis: Basis::Consent, from: ConsentState::Unknown, to });
        let answer = |outcome| Fact::Answer { purpose: purpose.clone(), outcome, method: crate::consent::Method::Engine };
        let group = |facts: &[Fact]| {
            let mut counting = Counting::default();
            facts.iter().for_each(|fact| counting.note(fact));
            counting.sum(SessionOutcome::HandedOver).group
        };
        let refused = || change(ConsentState::Refused);
        assert_eq!(group(&[answer("unclear"), refused()]), Group::NotAsked, "with a person before the question");
        assert_eq!(group(&[answer("hung-up"), refused()]), Group::NotAsked, "gone before the question");
        assert_eq!(group(&[answer("refused"), refused()]), Group::Refusing, "a no before the question is a no");
        assert_eq!(group(&[change(ConsentState::Requested), answer("silence"), refused()]), Group::Refusing);
        assert_eq!(group(&[change(ConsentState::Requested), change(ConsentState::Given)]), Group::Consenting);
    }
}
