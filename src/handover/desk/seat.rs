use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::call_backs::{CallBack, CallBackError};
use super::people::Shared;
use super::queue::{Colleagues, Reach, SeatId, TicketId};
use super::ticket::Waiting;
use crate::handover::Request;

/// What a colleague says came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WrapUp {
    /// The caller was helped.
    Helped,
    /// They were not.
    NotHelped,
    /// Somebody else goes on with it.
    PassedOn,
    /// They are called back.
    CallBack,
}

impl WrapUp {
    /// The name as it stands in the counts.
    pub fn as_str(self) -> &'static str {
        match self {
            WrapUp::Helped => "helped",
            WrapUp::NotHelped => "not-helped",
            WrapUp::PassedOn => "passed-on",
            WrapUp::CallBack => "call-back",
        }
    }
}

/// A caller in the line, as a colleague sees them. Its slots are wiped when it goes.
#[derive(Clone, Debug)]
pub struct Waits {
    /// Who they are and why they come.
    pub request: Request,
    /// How long they wait.
    pub waited: Duration,
    /// Higher goes first.
    pub priority: i64,
    /// Whether [`Seat::take`] would give this one.
    pub next: bool,
    /// Whether this colleague serves them now.
    pub mine: bool,
}

/// What a colleague sees of the desk.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The callers of the queues that they may serve, in order.
    pub waiting: Vec<Waits>,
    /// Who takes callers.
    pub colleagues: Colleagues,
}

/// A colleague who is signed in. Dropped without [`Seat::sign_out`], it is as if their connection had broken: they are expected back for a
/// while, and those whom they serve wait on.
pub struct Seat {
    desk: Arc<Shared>,
    id: SeatId,
    name: String,
    may: Reach,
    changes: watch::Receiver<u64>,
    freed: Arc<Notify>,
}

/// Somebody has signed in under the same name: this seat is nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signed in elsewhere")]
pub struct Replaced;

impl Seat {
    pub(super) fn new(
        desk: Arc<Shared>,
        id: SeatId,
        name: String,
        may: Reach,
        changes: watch::Receiver<u64>,
        freed: Arc<Notify>,
    ) -> Seat {
        Seat { desk, id, name, may, changes, freed }
    }

    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The desks that they may serve.
    pub fn queues(&self) -> Vec<&str> {
        self.desk.settings.queues.iter().map(String::as_str).filter(|queue| self.may.has_queue(queue)).collect()
    }

    /// The languages that they may serve, of those that are spoken here.
    pub fn languages(&self) -> Vec<String> {
        self.desk.languages.load().iter().filter(|language| self.may.has_language(language)).cloned().collect()
    }

    /// What the colleague serves from now on, as far as they may; `None`: nothing. A conversation goes on.
    pub fn serve(&self, reach: Option<Reach>) {
        self.desk.change(|state| state.serve(self.id, reach));
    }

    /// The colleague goes: callers whom nobody else serves are told at once that nobody is there.
    pub fn sign_out(&self) {
        self.desk.change(|state| state.sign_out(self.id));
    }

    /// Whether the colleague has no caller and none to wrap up.
    pub fn is_free(&self) -> bool {
        self.desk.lock().queue.is_free(self.id)
    }

    /// The next caller whom this colleague serves. `None`: nobody, or the colleague is not free.
    pub fn take(&self) -> Option<Taken> {
        let (ticket, request, waited) = self.desk.change(|state| {
            let ticket = state.queue.take(self.id)?;
            let waiter = state.callers.get(&ticket)?;
            waiter.tell.send_replace(Waiting::Taken);
            Some((ticket, waiter.request.clone(), waiter.since.elapsed()))
        })?;
        metrics::counter!("candor_desk_taken_total").increment(1);
        Some(Taken { request, waited, undo: Some((self.desk.clone(), self.id, ticket)) })
    }

    /// The call is over for the colleague: they wrap up, unless they never `talked`. Where the caller goes is their session's word.
    pub fn finish(&self, talked: bool) {
        self.desk.change(|state| {
            state.queue.finish(self.id, Instant::now());
            if !talked {
                state.queue.wrapped_up(self.id);
            }
        });
    }

    /// Says how the last call went, and is free for the next. `false`: there was nothing to say it of.
    pub fn wrap_up(&self, outcome: WrapUp) -> bool {
        let wrapped = self.desk.change(|state| state.queue.wrapped_up(self.id));
        if wrapped {
            metrics::counter!("candor_desk_wrap_ups_total", "outcome" => outcome.as_str()).increment(1);
        }
        wrapped
    }

    /// Waits until the colleague is free without having wrapped up, because that has taken too long. For one who waits; what happens while nobody
    /// does is told to the next.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }

    /// A look-out for call-back requests that come and go.
    pub fn call_back_changes(&self) -> watch::Receiver<u64> {
        self.desk.call_backs.changes()
    }

    /// Whether callers can leave call-back requests.
    pub fn takes_call_backs(&self) -> bool {
        self.desk.call_backs.can_be_left()
    }

    /// A look-out for changes of the line, apart from the seat so that another task may wait for them.
    pub fn changes(&self) -> SeatChanges {
        SeatChanges(self.changes.clone())
    }

    /// What there is to see now.
    pub fn view(&self) -> View {
        let state = self.desk.lock();
        let next = state.queue.next_for(self.id);
        let now = Instant::now();
        let seen = state.queue.in_line().filter(|(_, caller)| self.may.has_queue(&caller.queue));
        let waiting = seen.filter_map(|(ticket, caller)| {
            Some(Waits {
                request: state.callers.get(&ticket)?.request.clone(),
                waited: now.saturating_duration_since(caller.since),
                priority: caller.priority,
                next: next == Some(ticket),
                mine: state.queue.serves(self.id, caller),
            })
        });
        View { waiting: waiting.collect(), colleagues: state.queue.colleagues() }
    }

    /// The call-back requests of the queues that they may serve, the oldest first.
    pub fn call_backs(&self) -> Vec<CallBack> {
        self.desk.call_backs.list(|queue| self.may.has_queue(queue))
    }

    /// A call-back request is done: it is deleted. `false`: there is none of that id in the queues that they may serve.
    ///
    /// # Errors
    /// The disk's.
    pub async fn call_back_done(&self, id: Uuid) -> Result<bool, CallBackError> {
        self.desk.call_backs.done(id, |queue| self.may.has_queue(queue)).await
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.desk.change(|state| state.lose(self.id, self.desk.back_by()));
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Tells that something at the desk has changed.
#[derive(Clone, Debug)]
pub struct SeatChanges(watch::Receiver<u64>);

impl SeatChanges {
    /// What holds now is news.
    pub fn mark_changed(&mut self) {
        self.0.mark_changed();
    }

    /// Waits for a change; several since the last one are one.
    ///
    /// # Errors
    /// [`Replaced`] when the colleague has signed in again.
    pub async fn changed(&mut self) -> Result<(), Replaced> {
        self.0.changed().await.map_err(|_| Replaced)
    }
}

/// A caller whom a colleague has taken, until their session has the colleague's sound. Dropped before [`Taken::handed_over`], it is as
/// if they had not been taken: they wait at the place they had. Slots are wiped when it goes.
pub struct Taken {
    /// Who they are and why they come.
    pub request: Request,
    /// How long they have waited.
    pub waited: Duration,
    undo: Option<(Arc<Shared>, SeatId, TicketId)>,
}

impl Taken {
    /// From here on the session says what becomes of the caller.
    pub fn handed_over(mut self) {
        self.undo = None;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some((desk, seat, ticket)) = self.undo.take() {
            desk.change(|state| state.queue.undo_take(seat, ticket, Instant::now()));
        }
    }
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken").field("request", &self.request).field("waited", &self.waited).finish_non_exhaustive()
    }
}
