use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::Control;
use crate::dialog::flow::SessionOutcome;
use crate::handover::Request;

/// How long an ended call is remembered, for a phone system that asks late what to do next.
const REMEMBERED: Duration = Duration::from_secs(600);

/// A way to reach a session.
#[derive(Clone, Debug)]
pub struct Handle {
    /// The session.
    pub session: Uuid,
    pub(super) control: mpsc::Sender<Control>,
}

impl Handle {
    /// Waits until the session is over.
    pub async fn over(&self) {
        self.control.closed().await;
    }

    /// Tells the session something; `false` when it is over.
    pub async fn tell(&self, control: Control) -> bool {
        self.control.send(control).await.is_ok()
    }
}

/// Where a call is, as far as the outside is concerned.
#[derive(Clone, Debug)]
pub enum Place {
    /// With the agent.
    Talking,
    /// On the way to a person, or with one.
    Leaving(Box<Request>),
    /// Over for us.
    Ended(SessionOutcome, Instant),
}

/// What a phone system is to do when the agent's stream has closed.
#[derive(Clone, Debug)]
pub enum AfterStream {
    /// Pass the caller on.
    HandOver(Handle, Box<Request>),
    /// The dialog is over.
    HangUp,
    /// The call is not known, or something broke: the caller is still there and must be helped by a person.
    Rescue,
}

struct Call {
    handle: Handle,
    place: Place,
}

/// The calls that are open, by the phone system's own id, and those that ended lately.
pub struct Calls {
    most: usize,
    tasks: TaskTracker,
    memory_short: AtomicBool,
    calls: Mutex<HashMap<String, Call>>,
}

impl Calls {
    /// Room for `most` calls at once.
    pub fn new(most: usize) -> Calls {
        Calls { most, tasks: TaskTracker::new(), memory_short: AtomicBool::new(false), calls: Mutex::default() }
    }

    /// The tasks of the sessions.
    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Waits until every session has written its last word.
    pub async fn all_closed(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.lock().values().filter(|call| !matches!(call.place, Place::Ended(..))).count()
    }

    /// How many have the agent on the line (those that wait for a handover's result do not).
    pub fn talking(&self) -> usize {
        self.lock().values().filter(|call| matches!(call.place, Place::Talking)).count()
    }

    /// Whether one more call may come.
    pub fn has_room(&self) -> bool {
        !self.memory_short.load(Ordering::Relaxed) && self.talking() < self.most
    }

    /// While memory runs short no call may come.
    pub fn set_memory_short(&self, short: bool) {
        self.memory_short.store(short, Ordering::Relaxed);
    }

    /// Enters a call; `false` when there is no room or its id is taken by a call that is open.
    pub(super) fn enter(&self, id: &str, handle: Handle) -> bool {
        let mut calls = self.lock();
        calls.retain(|_, call| !matches!(call.place, Place::Ended(_, at) if at.elapsed() > REMEMBERED));
        let talking = calls.values().filter(|call| matches!(call.place, Place::Talking)).count();
        let taken = calls.get(id).is_some_and(|call| !matches!(call.place, Place::Ended(..)));
        if taken || talking >= self.most || self.memory_short.load(Ordering::Relaxed) {
            return false;
        }
        calls.insert(id.to_owned(), Call { handle, place: Place::Talking });
        true
    }

    pub(super) fn set(&self, id: &str, place: Place) {
        if let Some(call) = self.lock().get_mut(id) {
            call.place = place;
        }
    }

    /// The task of a call has ended; one that could not say how has failed.
    pub(super) fn vacate(&self, id: &str) {
        if let Some(call) = self.lock().get_mut(id)
            && !matches!(call.place, Place::Ended(..))
        {
            call.place = Place::Ended(SessionOutcome::Failed, Instant::now());
        }
    }

    /// The session of a call that is open.
    pub fn get(&self, id: &str) -> Option<Handle> {
        let calls = self.lock();
        let call = calls.get(id)?;
        (!matches!(call.place, Place::Ended(..))).then(|| call.handle.clone())
    }

    /// The session of a call whose caller is on the way to a person, or with one, and may come back.
    pub fn waiting(&self, id: &str) -> Option<Handle> {
        let calls = self.lock();
        let call = calls.get(id)?;
        matches!(call.place, Place::Leaving(_)).then(|| call.handle.clone())
    }

    /// The session of that id, as long as it is open.
    pub fn of_session(&self, session: Uuid) -> Option<Handle> {
        let calls = self.lock();
        let call = calls.values().find(|call| call.handle.session == session)?;
        (!matches!(call.place, Place::Ended(..))).then(|| call.handle.clone())
    }

    /// What becomes of a caller whose stream has closed.
    pub fn after_stream(&self, id: &str) -> AfterStream {
        let calls = self.lock();
        match calls.get(id).map(|call| (&call.handle, &call.place)) {
            Some((handle, Place::Leaving(request))) => AfterStream::HandOver(handle.clone(), request.clone()),
            Some((_, Place::Ended(SessionOutcome::Finished | SessionOutcome::HandedOver | SessionOutcome::Shutdown, _))) => {
                AfterStream::HangUp
            }
            _ => AfterStream::Rescue,
        }
    }

    /// Every session that has the agent on the line.
    pub fn talking_handles(&self) -> Vec<Handle> {
        let calls = self.lock();
        calls.values().filter(|call| matches!(call.place, Place::Talking)).map(|call| call.handle.clone()).collect()
    }

    /// Every session that is open.
    pub fn handles(&self) -> Vec<Handle> {
        let calls = self.lock();
        let open = calls.values().filter(|call| !matches!(call.place, Place::Ended(..)));
        open.map(|call| call.handle.clone()).collect()
    }

    /// Held for a look-up, never across a wait.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
