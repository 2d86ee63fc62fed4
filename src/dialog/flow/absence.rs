//! A caller who is gone for a moment: a tunnel, a change of networks, a closed lid. The recorder stops, and the call waits where it was.

use super::*;

/// How a call goes on that was broken off.
#[derive(Debug)]
pub(super) enum Broken {
    /// The opening, from its beginning.
    Opening,
    /// The question that was being put.
    Question(opening::Asking),
    /// What was being said, then what comes after it.
    Said(Vec<String>, Next),
    /// The dialog.
    Dialog,
    /// The number that was being left.
    CallBack,
    /// The line for a colleague.
    Waiting,
}

impl Flow {
    pub(super) fn lapsed(&mut self) {
        if std::mem::replace(&mut self.absent, true) {
            return;
        }
        let broken = match std::mem::replace(&mut self.phase, Phase::Fresh) {
            Phase::Disclosing(_) => Broken::Opening,
            Phase::Asking(asking) => Broken::Question(asking),
            Phase::Passing(next) => Broken::Said(std::mem::take(&mut self.passing), next),
            Phase::Dialog(_) => Broken::Dialog,
            Phase::Waiting => Broken::Waiting,
            Phase::CallBack(_) => Broken::CallBack,
            // Nothing of ours is being said there, or what is said waits for an answer that is on its way.
            other => {
                self.phase = other;
                self.end_turn();
                self.stop_recorder(StopReason::Lapsed);
                return;
            }
        };
        self.hush();
        self.deadline = None;
        self.prefix = None;
        self.forget_unconfirmed();
        if std::mem::take(&mut self.caller_speaks) {
            // What was being said could have been "stop recording": nobody will know, so the turn is not kept.
            self.stop_recorder(StopReason::Lapsed);
        } else {
            self.end_turn();
            self.stop_recorder(StopReason::Lapsed);
        }
        self.phase = Phase::Lapsed(broken);
    }

    pub(super) fn resumed(&mut self) {
        if !std::mem::take(&mut self.absent) {
            return;
        }
        // Before the next turn begins: it may be one that is kept.
        self.watch_recorder();
        if !matches!(self.phase, Phase::Lapsed(_)) {
            return;
        }
        let Phase::Lapsed(broken) = std::mem::replace(&mut self.phase, Phase::Fresh) else { return };
        match broken {
            Broken::Opening => self.open(false),
            Broken::Question(asking) => self.put_again(asking),
            Broken::Said(ids, next) if ids.is_empty() => self.go_on(next),
            Broken::Said(ids, next) => {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                self.pass(&ids, next);
            }
            Broken::Dialog => self.resume(),
            Broken::CallBack => self.take_number(),
            Broken::Waiting => self.wait(),
        }
    }
}
