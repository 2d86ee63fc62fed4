//! A caller who is gone for a moment: a tunnel, a change of networks, a closed lid. The recorder stops, and the call waits where it was. A
//! button of theirs may still come before their sound does: what protects them is taken, and nothing can turn the recorder on.

use super::*;
use crate::consent::{Meaning, Method};

/// How a call goes on that was broken off.
#[derive(Debug)]
pub(super) enum Broken {
    /// The opening, from its beginning.
    Opening,
    /// The question that was being put.
    Question(opening::Asking),
    /// What was being said, then what comes after it.
    Said(Vec<String>, Next),
    /// The dialog; whether digits were being typed.
    Dialog { digits: bool },
    /// The number that was being left; whether it is being stored.
    CallBack { storing: bool },
    /// The line for a colleague.
    Waiting,
}

impl Broken {
    /// No question is open any more.
    pub(super) fn without_questions(&mut self) {
        match self {
            Broken::Question(_) => *self = Broken::Said(Vec::new(), Next::Resume),
            Broken::Said(_, next @ Next::Question(_)) => *next = Next::Resume,
            _ => {}
        }
    }

    /// Whether the agent and the caller go on with each other after the opening.
    pub(super) fn goes_on_with_agent(&self) -> bool {
        matches!(self, Broken::Question(_) | Broken::Dialog { .. } | Broken::Said(_, Next::Question(_) | Next::Resume))
    }
}

impl Flow {
    pub(super) fn lapsed(&mut self) {
        if std::mem::replace(&mut self.absent, true) {
            return;
        }
        let (digits, storing) = (self.collects_digits(), self.stores_number());
        let broken = match std::mem::replace(&mut self.phase, Phase::Fresh) {
            Phase::Disclosing(_) => Broken::Opening,
            Phase::Asking(asking) => Broken::Question(asking),
            Phase::Passing(next) => Broken::Said(std::mem::take(&mut self.passing), next),
            // What comes of the withdrawal is told with it.
            Phase::Erasing(said, next) => Broken::Said(said, next),
            Phase::Dialog(_) => Broken::Dialog { digits },
            Phase::Waiting => Broken::Waiting,
            Phase::CallBack(_) => Broken::CallBack { storing },
            // Nothing of ours is being said there.
            other => {
                self.phase = other;
                self.end_turn();
                self.stop_recorder(StopReason::Lapsed);
                return;
            }
        };
        self.hush();
        self.deadline = None;
        self.forget_unconfirmed();
        self.abandon_lookup();
        if !std::mem::take(&mut self.caller_speaks) {
            // Else what was being said could have been "stop recording": the turn is not kept.
            self.end_turn();
        }
        self.stop_recorder(StopReason::Lapsed);
        self.phase = Phase::Lapsed(broken);
    }

    /// Of what a caller can always ask for: no recording is carried out at once, a person is looked for when they are back. All else is
    /// said or asked again then.
    pub(super) fn command_while_gone(&mut self, command: commands::Command, method: Method) {
        match command {
            commands::Command::Stop => self.withdraw(method),
            commands::Command::Person => self.wants_person = true,
            _ => {}
        }
    }

    /// A no to the question, or to the disclosures, that was broken off.
    pub(super) fn no_while_gone(&mut self, method: Method) {
        if let Phase::Lapsed(Broken::Opening) = self.phase
            && !self.consent_purposes().is_empty()
        {
            return self.early_no(method);
        }
        if let Phase::Lapsed(Broken::Question(asking)) = &mut self.phase {
            let (purpose, next) = asking.refused();
            self.phase = Phase::Lapsed(Broken::Said(Vec::new(), next));
            self.refuse(&purpose, "refused", method);
            self.untold.get_or_insert(withdrawal::Untold::Refused);
        }
    }

    pub(super) fn spoken_while_gone(&mut self, utterance: &Utterance) {
        let meaning = self.grammar.as_ref().map(|grammar| grammar.meaning(&utterance.text));
        if let Some(Meaning::Refusal) = meaning {
            self.no_while_gone(Method::Speech { entry: None, confidence: None });
        }
    }

    pub(super) fn resumed(&mut self) {
        if !std::mem::take(&mut self.absent) {
            return;
        }
        // Before the next turn begins: it may be one that is kept.
        self.watch_recorder();
        let Phase::Lapsed(broken) = &self.phase else { return };
        let put_through = self.waiting.is_some() || matches!(broken, Broken::Said(_, Next::Leave(_)));
        if std::mem::take(&mut self.wants_person) && !put_through {
            return if self.untold.is_some() { self.tell(Vec::new(), Next::Person) } else { self.knock(LeaveReason::Asked) };
        }
        // A question that is open is put first; what they were told of the recording follows their answer.
        if self.untold.is_some() && !matches!(broken, Broken::Opening | Broken::Question(_)) {
            let (said, next) = self.broken_off("consent-");
            return self.tell(said, next);
        }
        let Phase::Lapsed(broken) = std::mem::replace(&mut self.phase, Phase::Fresh) else { return };
        match broken {
            Broken::Opening => self.open(false),
            Broken::Question(asking) => self.put_again(asking),
            Broken::Said(ids, next) => self.pass(&ids, next),
            Broken::Dialog { .. } => self.resume(),
            Broken::CallBack { storing: true } => self.await_storing(),
            Broken::CallBack { storing: false } => self.take_number(),
            Broken::Waiting => self.wait(),
        }
    }
}
