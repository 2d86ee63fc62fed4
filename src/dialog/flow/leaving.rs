//! The ways out of a call: to a person, to the end, by hanging up. The recorder has stopped before any of them.

use super::*;

/// How often a caller is passed on before the agent stops trying by itself.
const DEPARTURES: u32 = 3;

impl Flow {
    pub(super) fn ask_for_person(&mut self) {
        self.hush();
        self.knock(LeaveReason::Asked);
    }

    /// Looks for a person; the running turn ends here.
    pub(super) fn knock(&mut self, reason: LeaveReason) {
        let reason = if self.stopping { LeaveReason::Shutdown } else { reason };
        self.forget_unconfirmed();
        self.deadline = None;
        self.caller_speaks = false;
        self.end_turn();
        self.phase = Phase::Knocking(reason);
        self.actions.push(Action::Knock(reason));
    }

    pub(super) fn person_there(&mut self, way: Way) {
        let Phase::Knocking(reason) = self.phase else { return };
        self.way = way;
        let text = self.handover_text(reason);
        // What was still open is not a yes; but only who refused is told that the colleague knows of a refusal.
        self.refuse_open("unclear");
        self.note(Fact::HandoverRequested(reason));
        let first = self.take_last_words();
        let ids: Vec<String> = first.into_iter().chain([text.to_owned()]).collect();
        self.pass(&ids, Next::Leave(reason));
    }

    /// What a caller hears who is put through.
    pub(super) fn handover_text(&self, reason: LeaveReason) -> &'static str {
        match reason {
            LeaveReason::Shutdown => "shutdown",
            _ if self.records_all_turns() => "handover-given",
            _ if self.any_state(&[ConsentState::Refused, ConsentState::Withdrawn]) => "handover-refused",
            _ => "handover-plain",
        }
    }

    /// Whether recording goes on from turn to turn. A contract's evidence is single turns: whoever hears that it stops would take it for more.
    fn records_all_turns(&self) -> bool {
        self.consents.states().any(|(_, basis, state)| basis != Basis::Contract && state == ConsentState::Given)
    }

    pub(super) fn nobody_there(&mut self, why: HandoverEnd) {
        let Phase::Knocking(reason) = self.phase else { return };
        self.take_last_words();
        if self.introduced {
            self.refuse_open("unclear");
        }
        self.note(Fact::HandoverResult(why));
        self.departures += 1;
        let text = if why == HandoverEnd::Closed { "handover-closed" } else { "handover-nobody" };
        match reason {
            LeaveReason::Shutdown => self.pass(&["shutdown-nobody"], Next::Close(SessionOutcome::Shutdown)),
            // A caller who asked for a person before hearing what this is hears it now.
            _ if !self.introduced => self.pass(&[text], Next::Open),
            _ if self.departures >= DEPARTURES && reason != LeaveReason::Asked => {
                self.pass(&[text, "goodbye"], Next::Close(SessionOutcome::Finished))
            }
            reason if self.settings.call_backs => self.offer_call_back(reason, text),
            reason => {
                self.back_to_dialog(reason);
                self.pass(&[text], Next::Resume);
            }
        }
    }

    /// Where a caller is after a person could not be reached: where they asked for one, or at the start if the dialog led there.
    pub(super) fn back_to_dialog(&mut self, reason: LeaveReason) {
        if reason != LeaveReason::Asked {
            self.abandon_lookup();
            self.position = Position::start_of(&self.dialog.file.start.value);
        }
    }

    /// The agent leaves: every grant ends first, then the caller is passed on.
    pub(super) fn leave(&mut self, reason: LeaveReason) {
        self.end_turn();
        let consent = self.consents.states().map(|(purpose, _, state)| (purpose.clone(), state)).collect();
        let changes = self.consents.expire_all();
        self.stop_recorder(StopReason::Handover);
        self.note_changes(changes);
        self.abandon_lookup();
        // What was given at sensitive steps is not among them, nor is what was looked up.
        let mut slots = self.known.slots.clone();
        slots.remove(desk::NUMBER);
        let departure = Departure { reason, language: self.language.clone(), consent, slots };
        match self.way {
            Way::PhoneSystem => {
                self.phase = Phase::Away(reason);
                self.actions.push(Action::Leave(departure));
            }
            Way::Desk => self.queue(departure),
        }
    }

    pub(super) fn handover_ended(&mut self, end: HandoverEnd) {
        if !matches!(self.phase, Phase::Away(_)) {
            return;
        }
        self.note(Fact::HandoverResult(end));
        match end {
            HandoverEnd::Answered => self.close(SessionOutcome::HandedOver),
            HandoverEnd::CallerLeft => self.close(SessionOutcome::CallerLeftQueue),
            HandoverEnd::Unknown => {}
            // The desk's own; told by other events.
            HandoverEnd::WentBack | HandoverEnd::CallBack => {}
            HandoverEnd::NobodyAnswered
            | HandoverEnd::Busy
            | HandoverEnd::QueueFull
            | HandoverEnd::Closed
            | HandoverEnd::Failed => self.departures += 1,
        }
    }

    pub(super) fn returned(&mut self) {
        let Phase::Away(reason) = self.phase else { return };
        // A colleague at the desk gives a caller back; no leg comes back from there.
        if self.is_with_colleague() {
            return;
        }
        if self.stopping {
            return self.knock(LeaveReason::Shutdown);
        }
        if self.departures >= DEPARTURES && reason != LeaveReason::Asked {
            return self.pass(&["handover-nobody", "goodbye"], Next::Close(SessionOutcome::Finished));
        }
        self.back_to_dialog(reason);
        self.pass(&["handover-nobody"], Next::Resume);
    }

    pub(super) fn caller_gone(&mut self, outcome: SessionOutcome) {
        if self.is_with_colleague() {
            self.note(Fact::HandoverResult(HandoverEnd::Answered));
            return self.close(SessionOutcome::HandedOver);
        }
        if self.leave_line() {
            self.note(Fact::HandoverResult(HandoverEnd::CallerLeft));
            return self.close(SessionOutcome::CallerLeftQueue);
        }
        if let Phase::Asking(_) | Phase::Disclosing(_) | Phase::Lapsed(absence::Broken::Opening | absence::Broken::Question(_)) =
            self.phase
        {
            self.refuse_open("hung-up");
        }
        if self.caller_speaks {
            // What is being said could be "stop recording": nobody will know, so the turn is not kept.
            self.hush();
            let changes = self.consents.expire_all();
            self.stop_recorder(StopReason::Ended);
            self.note_changes(changes);
        }
        self.close(outcome);
    }

    /// The server stops: nobody is cut off; a sentence, then a person.
    pub(super) fn stop_soon(&mut self) {
        if std::mem::replace(&mut self.stopping, true) {
            return;
        }
        match self.phase {
            Phase::Away(_) | Phase::Passing(Next::Leave(_) | Next::Close(_)) => {}
            Phase::Fresh => self.close(SessionOutcome::Shutdown),
            _ => {
                if self.leave_line() {
                    self.note(Fact::HandoverResult(HandoverEnd::Failed));
                }
                self.waiting = None;
                self.hush();
                self.knock(LeaveReason::Shutdown);
            }
        }
    }

    pub(super) fn close(&mut self, outcome: SessionOutcome) {
        self.hush();
        self.end_turn();
        let changes = self.consents.expire_all();
        self.stop_recorder(StopReason::Ended);
        self.note_changes(changes);
        self.abandon_lookup();
        self.known.clear();
        self.deadline = None;
        self.prefix = None;
        self.phase = Phase::Closed;
        self.actions.push(Action::Close(outcome));
    }
}
