//! The running turn, and the recorder that follows the grants.

use super::*;

impl Flow {
    pub(super) fn next_turn(&mut self, kind: TurnKind) {
        self.end_turn();
        self.turn += 1;
        self.in_turn = true;
        self.only_if_chosen.clear();
        self.permit = self.consents.open_turn(self.turn, self.now, &kind);
        self.actions.push(Action::NextTurn { held: self.permit.is_some() });
    }

    /// The gate's word for the running turn as far as `now`: for all of it at its end, and for a part of a turn that is too long to hold in
    /// one piece. Without the answer that would make it evidence it is none.
    pub fn pass_part(&self, now: SessionTime) -> Option<Passage> {
        self.consents.pass(&self.permit.as_ref()?.without(&self.only_if_chosen), now)
    }

    pub(super) fn end_turn(&mut self) {
        if std::mem::take(&mut self.in_turn) {
            let passage = self.pass_part(self.now);
            self.permit = None;
            self.actions.push(Action::EndTurn(passage));
        }
    }

    /// Stops the recorder before anything else happens, with the running turn.
    pub(super) fn stop_recorder(&mut self, reason: StopReason) {
        let dropped = std::mem::take(&mut self.in_turn);
        self.permit = None;
        if dropped {
            self.actions.push(Action::DropTurn);
        }
        if std::mem::take(&mut self.recorder_on) {
            self.note(Fact::RecorderStopped { reason, turn_dropped: dropped });
        }
    }

    /// The purposes that could be recorded for now.
    pub fn recording_for(&self) -> Vec<Purpose> {
        if self.recorder_on { self.consents.recording_for() } else { Vec::new() }
    }

    /// The recorder follows the grants, and the ledger says so.
    pub(super) fn watch_recorder(&mut self) {
        if self.consents.is_recording() && !self.recorder_on && !self.absent {
            self.recorder_on = true;
            let purposes = self.consents.recording_for();
            self.note(Fact::RecorderStarted { purposes });
        }
    }
}
