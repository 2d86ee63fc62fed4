use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::people::Shared;
use super::queue::TicketId;
use crate::handover::Request;

/// How it stands with a caller at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// In line. 1 is the next; [`super::Queue::places`] says what is counted.
    Place(u32),
    /// A colleague has taken them: the colleague's sound comes next, or the line again.
    Taken,
    /// In line, and nobody is there who serves them.
    Unstaffed,
}

/// A caller's place at the desk, held by their session. When it is dropped they leave the line, or the colleague who has them.
pub struct Ticket {
    desk: Arc<Shared>,
    id: TicketId,
    since: Instant,
    waiting: watch::Receiver<Waiting>,
}

impl Ticket {
    pub(super) fn new(desk: Arc<Shared>, id: TicketId, since: Instant, mut waiting: watch::Receiver<Waiting>) -> Ticket {
        // What holds at the beginning is news.
        waiting.mark_changed();
        Ticket { desk, id, since, waiting }
    }

    /// Waits for news, the first of which is there at once; of several only the newest is given. Nothing is lost when it is not
    /// waited for to the end.
    pub async fn changed(&mut self) -> Waiting {
        // The other end lives in the desk until this is dropped.
        if self.waiting.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        *self.waiting.borrow_and_update()
    }

    /// How it stands now.
    pub fn now(&self) -> Waiting {
        *self.waiting.borrow()
    }

    /// How long ago they joined.
    pub fn waited(&self) -> Duration {
        self.since.elapsed()
    }

    /// Back to their place in the line: the colleague could not be connected, or is gone. How it stands there is news, even if it is
    /// what was told last.
    ///
    /// A colleague's end does not do this by itself, so that whoever holds the ticket has ended the old connection before a new one can
    /// come.
    pub fn back_in_line(&self) {
        self.desk.change(|state| {
            state.queue.back_in_line(self.id, Instant::now());
            if let Some(waiter) = state.callers.get_mut(&self.id) {
                waiter.again = true;
            }
        });
    }

    /// What colleagues see of the caller from now on: while waiting, a caller may answer, choose and change their language.
    pub fn update(&self, request: Request) {
        self.desk.change(|state| {
            state.queue.speaks(self.id, &request.language);
            if let Some(waiter) = state.callers.get_mut(&self.id) {
                waiter.request = request;
            }
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.desk.change(|state| {
            state.queue.leave(self.id, Instant::now());
            state.callers.remove(&self.id);
        });
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("id", &self.id).field("waiting", &self.now()).finish_non_exhaustive()
    }
}
