//! The running turn, and the recorder that follows the grants.

use super::*;

impl Flow {
    pub(super) fn next_turn(&mut self, kind: TurnKind) {
        self.end_turn();
        self.turn += 1;
        self.in_turn = true;
        self.permit = self.consents.open_turn(self.turn, self.now, &kind);
        self.actions.push(Action::NextTurn { held: self.permit.is_some() });
    }

    pub(super) fn end_turn(&mut self) {
        if std::mem::take(&mut self.in_turn) {
            let passage = self.permit.take().and_then(|permit| self.consents.pass(&permit, self.now));
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

    /// The recorder follows the grants, and the ledger says so.
    pub(super) fn watch_recorder(&mut self) {
        if self.consents.is_recording() && !self.recorder_on && !self.absent {
            self.recorder_on = true;
            let purposes = self.consents.recording_for();
            self.note(Fact::RecorderStarted { purposes });
        }
    }
}
