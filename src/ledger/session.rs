use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;
use uuid::Uuid;

use super::{Event, LedgerError};
use crate::episode::Episodes;

static FAULTS: Episodes = Episodes::new();
/// How many events of one session are kept to be written late.
const LATE: usize = 256;

/// How far a session's events have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many events are on disk.
    pub written: u64,
    /// Whether anything could not be written. Stays so.
    pub failed: bool,
}

/// What the handles of one session and the writer share.
pub(super) struct Shared {
    pub(super) id: Uuid,
    appended: AtomicU64,
    progress: watch::Sender<Progress>,
    unwritten: Mutex<Unwritten>,
}

/// What could not be written of a session.
#[derive(Default)]
pub(super) struct Unwritten {
    /// How many events are nowhere.
    pub(super) missing: u64,
    /// What became of kept sound, to be written when that is possible again.
    pub(super) late: Vec<(Timestamp, Event)>,
}

impl Shared {
    /// This could not be written.
    pub(super) fn miss(&self, events: impl IntoIterator<Item = (Timestamp, Event)>) {
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, event) in events {
            if event.is_of_kept_sound() && unwritten.late.len() < LATE {
                unwritten.late.push((at, event));
            } else {
                unwritten.missing += 1;
            }
        }
    }

    /// Takes what could not be written.
    pub(super) fn take_unwritten(&self) -> Unwritten {
        std::mem::take(&mut *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts it back: it still cannot be.
    pub(super) fn put_back(&self, before: Unwritten) {
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        unwritten.missing += before.missing;
        unwritten.late.splice(0..0, before.late);
    }

    pub(super) fn wrote(&self, events: u64) {
        self.progress.send_modify(|progress| progress.written += events);
    }

    pub(super) fn fail(&self) {
        self.progress.send_if_modified(|progress| !std::mem::replace(&mut progress.failed, true));
    }

    pub(super) fn has_failed(&self) -> bool {
        self.progress.borrow().failed
    }
}

/// An event on its way to the writer.
pub(super) struct Append {
    pub(super) session: OnItsWay,
    pub(super) at: Timestamp,
    pub(super) event: Event,
}

/// The session of an event that nobody has taken up yet. Dropped before, as when the writer has ended, it fails the session.
pub(super) struct OnItsWay(Option<Arc<Shared>>);

impl OnItsWay {
    pub(super) fn arrived(mut self) -> Option<Arc<Shared>> {
        self.0.take()
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            session.fail();
        }
    }
}

/// What the writer is told.
pub(super) enum Message {
    Append(Box<Append>),
    /// Write what has come so far and end.
    Stop,
}

/// The ledger of one session in progress. Clones are handles to the same ledger.
#[derive(Clone)]
pub struct SessionLedger {
    shared: Arc<Shared>,
    sender: SyncSender<Message>,
}

impl std::fmt::Debug for SessionLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionLedger({})", self.shared.id)
    }
}

impl SessionLedger {
    pub(super) fn new(id: Uuid, sender: SyncSender<Message>) -> SessionLedger {
        let (appended, progress, unwritten) = (AtomicU64::new(0), watch::Sender::default(), Mutex::default());
        let shared = Shared { id, appended, progress, unwritten };
        SessionLedger { shared: Arc::new(shared), sender }
    }

    /// The session's id.
    pub fn id(&self) -> Uuid {
        self.shared.id
    }

    /// Puts an event in the queue of the writer; its time is now. Never waits. The first must be `session.opened`.
    ///
    /// # Errors
    /// [`LedgerError::Full`] where the queue is full, [`LedgerError::Failed`] where an earlier event could not be written. After
    /// either, every later append fails too: a ledger with a hole in the middle proves nothing. What became of kept sound is then
    /// held back and written, with a word on what is missing, as soon as that is possible.
    pub fn append(&self, event: Event) -> Result<(), LedgerError> {
        if self.shared.has_failed() {
            self.shared.miss([(Timestamp::now(), event)]);
            return Err(LedgerError::Failed(self.id()));
        }
        self.shared.appended.fetch_add(1, Ordering::SeqCst);
        let append = Append { session: OnItsWay(Some(self.shared.clone())), at: Timestamp::now(), event };
        self.sender.try_send(Message::Append(Box::new(append))).map_err(|error| {
            self.shared.fail();
            metrics::counter!("candor_ledger_failures_total").increment(1);
            let (error, message) = match error {
                TrySendError::Full(message) => (LedgerError::Full(self.id()), message),
                TrySendError::Disconnected(message) => (LedgerError::Failed(self.id()), message),
            };
            if let Message::Append(append) = message {
                self.shared.miss([(append.at, append.event)]);
            }
            if let Some(times) = FAULTS.met("full") {
                tracing::error!(
                    times,
                    "the ledger is behind: calls go on unrecorded, and their callers are told. See whether the disk is slow"
                );
            }
            error
        })
    }

    /// Waits until everything appended before this call is on disk.
    ///
    /// # Errors
    /// [`LedgerError::Failed`] as soon as anything of this session could not be written.
    pub async fn written(&self) -> Result<(), LedgerError> {
        let appended = self.shared.appended.load(Ordering::SeqCst);
        let mut progress = self.shared.progress.subscribe();
        let now = progress.wait_for(|now| now.failed || now.written >= appended).await;
        match now {
            Ok(now) if !now.failed => Ok(()),
            _ => Err(LedgerError::Failed(self.id())),
        }
    }

    /// How far the writing has come, and whether it failed: for a session that must stop recording when it does.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.shared.progress.subscribe()
    }

    /// Whether anything of this session could not be written.
    pub fn has_failed(&self) -> bool {
        self.shared.has_failed()
    }

    /// Waits until something of this session cannot be written; for ever, when all goes well.
    pub async fn failed(&self) {
        let _ = self.progress().wait_for(|now| now.failed).await;
    }
}
