//! Lookups of the dialog: on a task of their own, broken off when nobody waits for them any more.

use tokio::task::AbortHandle;

use super::call::{Call, Work};
use crate::dialog::flow::lookup::{Lookup, LookupFailure};

/// The lookup that runs for a call. It is broken off when this is dropped.
pub(super) struct LookingUp {
    attempt: u32,
    task: AbortHandle,
}

impl Drop for LookingUp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Call {
    /// Looks something up; the answer comes as work that is done. One that still ran is broken off.
    pub(super) fn look_up(&mut self, attempt: u32, lookup: Lookup) {
        let (services, work) = (self.services.clone(), self.work.clone());
        let dialog = self.dialog.file.dialog.value.clone();
        let asking = tokio::spawn(async move { services.lookups.look_up(&dialog, lookup).await });
        self.looking_up = Some(LookingUp { attempt, task: asking.abort_handle() });
        tokio::spawn(async move {
            let result = match asking.await {
                Ok(result) => result,
                // Nobody waits for it any more.
                Err(error) if error.is_cancelled() => return,
                Err(_) => Err(LookupFailure::Unavailable),
            };
            let _ = work.send(Work::Fetched { attempt, result }).await;
        });
    }

    /// Breaks off a lookup that the flow has abandoned.
    pub(super) fn forget_lookup(&mut self) {
        let abandoned = |looking_up: &LookingUp| self.flow.awaited_lookup() != Some(looking_up.attempt);
        if self.looking_up.as_ref().is_some_and(abandoned) {
            self.looking_up = None;
        }
    }
}
