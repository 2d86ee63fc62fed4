use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use uuid::Uuid;

use super::append_file::{AppendFile, private_folder, sync_folder};
use super::chain::{self, Tail};
use super::checkpoint::{self, CheckpointKind, Mark};
use super::entry::ACCESS_CHAIN;
use super::key::LedgerKey;
use super::session::{Append, Message, SessionLedger, Shared};
use super::{Event, LedgerError, Settings, lost};
use crate::episode::Episodes;

/// How many events may wait for the writer, of all sessions together.
const QUEUE: usize = 8192;
/// How many are written together at most.
const BATCH: usize = 1024;
/// How long an entry of a session in progress may lie without a signed checkpoint.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);
/// How many sessions that could not be written are remembered, to be ended in the ledger when it can be written again.
const UNWRITTEN: usize = 10_000;

/// The server's side of the ledger: one thread that writes what all sessions append.
///
/// Only one process may hold it. Others read, and append to what is over ([`super::append_afterwards`]) or to the chain of accesses.
pub struct Ledger {
    sender: SyncSender<Message>,
    thread: Option<JoinHandle<()>>,
    lost: Vec<Uuid>,
}

impl Ledger {
    /// Takes the ledger in `settings.folder`; makes the folder and the signing key where they are missing; writes down as lost
    /// what a crash left open.
    ///
    /// # Errors
    /// [`LedgerError::InUse`] where another server has it; the operating system's refusals.
    pub fn open(settings: &Settings) -> Result<Ledger, LedgerError> {
        for folder in [settings.sessions(), settings.open_marks()] {
            private_folder(&folder)?;
        }
        let lock = take(settings)?;
        let (key, _) = LedgerKey::load_or_make(settings)?;
        let lost = lost::close_what_was_open(settings, &key)?;
        let (sender, receiver) = sync_channel(QUEUE);
        let (unsigned, unwritten, faults) = (HashMap::new(), HashMap::new(), Episodes::new());
        let writer = Writer { settings: settings.clone(), key, unsigned, unwritten, faults, signed_access: None, _lock: lock };
        let thread = std::thread::Builder::new().name("ledger".to_owned()).spawn(move || writer.run(&receiver));
        let thread = thread.map_err(LedgerError::io("start a thread for", &settings.folder))?;
        Ok(Ledger { sender, thread: Some(thread), lost })
    }

    /// The ledger of a new session.
    pub fn session(&self, id: Uuid) -> SessionLedger {
        SessionLedger::new(id, self.sender.clone())
    }

    /// The sessions that the start found open.
    pub fn lost(&self) -> &[Uuid] {
        &self.lost
    }

    /// Writes what has been appended so far and ends; later appends fail.
    pub fn close(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.sender.send(Message::Stop);
            if thread.join().is_err() {
                tracing::error!("the ledger's writer ended with a panic");
            }
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The lock that says which process is the server; held as long as the file is open.
fn take(settings: &Settings) -> Result<File, LedgerError> {
    let path = settings.server_lock();
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = opened.map_err(LedgerError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(LedgerError::InUse(settings.folder.clone())),
        Err(fs::TryLockError::Error(source)) => Err(LedgerError::Io { action: "lock", path, source }),
    }
}

/// The fault of a ledger that cannot be written, by name.
const WRITING: &str = "writing";

struct Writer {
    settings: Settings,
    key: LedgerKey,
    /// Chains of sessions in progress that have grown since their last checkpoint.
    unsigned: HashMap<Uuid, (Arc<Shared>, Tail)>,
    /// Sessions that could not be written and have no end in the ledger yet.
    unwritten: HashMap<Uuid, Arc<Shared>>,
    faults: Episodes,
    signed_access: Option<Tail>,
    _lock: File,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<Message>) {
        let mut due = Instant::now() + CHECKPOINT_EVERY;
        let mut stopping = false;
        while !stopping {
            let mut batch = Vec::new();
            let mut next = match receiver.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            while let Some(message) = next {
                match message {
                    Message::Append(append) => batch.push(*append),
                    Message::Stop => stopping = true,
                }
                let full = stopping || batch.len() >= BATCH;
                next = if full { None } else { receiver.try_recv().ok() };
            }
            self.write(batch);
            if Instant::now() >= due {
                self.sign_what_is_unsigned();
                self.end_what_is_unwritten(stopping);
                due = Instant::now() + CHECKPOINT_EVERY;
            }
        }
        self.sign_what_is_unsigned();
        self.end_what_is_unwritten(true);
    }

    fn write(&mut self, batch: Vec<Append>) {
        let mut marks = Vec::new();
        let mut written = Vec::new();
        let mut over = Vec::new();
        for (session, events) in by_session(batch) {
            if session.has_failed() {
                session.miss(events);
                self.remember(session);
                continue;
            }
            let sign = events.iter().any(|(_, event)| event.is_checkpointed());
            let end = events.iter().any(|(_, event)| event.is_end());
            let count = events.len() as u64;
            match self.append(session.id, events.clone()) {
                Ok(tail) => {
                    let kind = if end { CheckpointKind::Closed } else { CheckpointKind::Progress };
                    if sign {
                        self.unsigned.remove(&session.id);
                        marks.push(mark(session.id, kind, &tail));
                    } else {
                        self.unsigned.insert(session.id, (session.clone(), tail));
                    }
                    if end {
                        over.push(session.id);
                    }
                    written.push((session, sign, count));
                }
                Err(error) => {
                    session.miss(events);
                    self.fail(session, &error);
                }
            }
        }
        let signed = checkpoint::append(&self.settings, &self.key, &marks);
        let went_well = signed.is_ok() && !written.is_empty();
        for (session, sign, count) in written {
            match &signed {
                Err(error) if sign => self.fail(session, error),
                _ => session.wrote(count),
            }
        }
        if went_well && let Some(times) = self.faults.over(WRITING) {
            tracing::info!(times, "the ledger can be written again; new calls are recorded as before");
        }
        if signed.is_ok() {
            for session in over {
                let _ = fs::remove_file(self.settings.open_mark(session));
            }
        }
    }

    fn append(&self, session: Uuid, events: Timed) -> Result<Tail, LedgerError> {
        let opens = matches!(events.first(), Some((_, Event::SessionOpened { .. })));
        if opens {
            // First the mark, so that a crash after it finds the session; then the chain.
            let path = self.settings.open_mark(session);
            File::create(&path).map_err(LedgerError::io("make", &path))?;
            sync_folder(&self.settings.open_marks())?;
        }
        let tail = chain::append(&self.settings.session_file(session), &session.to_string(), events, opens)?;
        if opens {
            sync_folder(&self.settings.sessions())?;
        }
        Ok(tail)
    }

    /// Ends, in the ledger, the sessions that could not be written to their end: those that are over, or, when the server stops, all.
    fn end_what_is_unwritten(&mut self, all: bool) {
        // A session that is over has nobody left who could append to it.
        let over = |session: &Arc<Shared>| all || Arc::strong_count(session) == 1;
        let ended: Vec<_> = self.unwritten.extract_if(|_, session| over(session)).collect();
        let mut marks = Vec::new();
        for (id, session) in ended {
            let unwritten = session.take_unwritten();
            let mut events = unwritten.late.clone();
            events.push((Timestamp::now(), Event::SessionUnwritten { entries: unwritten.missing }));
            match chain::append(&self.settings.session_file(id), &id.to_string(), events, true) {
                Ok(tail) => marks.push(mark(id, CheckpointKind::Closed, &tail)),
                Err(error) => {
                    tracing::debug!(session = %id, %error, "a session cannot be ended in the ledger yet");
                    session.put_back(unwritten);
                    self.unwritten.insert(id, session);
                }
            }
        }
        // Without its checkpoint an end is unproven: the next start, which finds the mark of an open session, signs it.
        if checkpoint::append(&self.settings, &self.key, &marks).is_ok() {
            for id in marks.iter().filter_map(|mark| mark.chain.parse().ok()) {
                let _ = fs::remove_file(self.settings.open_mark(id));
            }
        }
    }

    fn fail(&mut self, session: Arc<Shared>, error: &LedgerError) {
        metrics::counter!("candor_ledger_failures_total").increment(1);
        tracing::debug!(session = %session.id, %error, "the ledger of a session cannot be written");
        if let Some(times) = self.faults.met(WRITING) {
            tracing::error!(
                %error, times,
                "the ledger cannot be written: calls go on unrecorded, and their callers are told. Free the disk under storage.folder, or make it writable"
            );
        }
        session.fail();
        self.remember(session);
    }

    fn remember(&mut self, session: Arc<Shared>) {
        if self.unwritten.len() < UNWRITTEN {
            self.unwritten.insert(session.id, session);
        }
    }

    /// Checkpoints for what grew without one: sessions in progress, and accesses by processes that may not read the key.
    fn sign_what_is_unsigned(&mut self) {
        let sessions = std::mem::take(&mut self.unsigned);
        let mut marks: Vec<Mark> = sessions.iter().map(|(id, (_, tail))| mark(*id, CheckpointKind::Progress, tail)).collect();
        let accesses = self.grown_accesses();
        marks.extend(accesses.iter().map(|tail| Mark {
            chain: ACCESS_CHAIN.to_owned(),
            kind: CheckpointKind::Progress,
            entries: tail.entries,
            last_hash: tail.last_hash.clone(),
        }));
        match checkpoint::append(&self.settings, &self.key, &marks) {
            Ok(()) => self.signed_access = accesses.or(self.signed_access.take()),
            Err(error) => sessions.into_values().for_each(|(session, _)| self.fail(session, &error)),
        }
    }

    fn grown_accesses(&self) -> Option<Tail> {
        let path = self.settings.access_file();
        let tail = AppendFile::open(&path, false).and_then(|mut file| chain::read_tail(&mut file, &path));
        match tail {
            Ok((tail, _)) => (tail.entries > 0 && self.signed_access.as_ref() != Some(&tail)).then_some(tail),
            Err(error) if error.is_not_found() => None,
            Err(error) => {
                if let Some(times) = self.faults.met("accesses") {
                    tracing::error!(%error, times, "the chain of accesses cannot be read, so what was done with recordings is not signed");
                }
                None
            }
        }
    }
}

fn mark(session: Uuid, kind: CheckpointKind, tail: &Tail) -> Mark {
    Mark { chain: session.to_string(), kind, entries: tail.entries, last_hash: tail.last_hash.clone() }
}

/// Events of one session with their times, in their order.
type Timed = Vec<(Timestamp, Event)>;

/// The batch sorted by session.
fn by_session(batch: Vec<Append>) -> Vec<(Arc<Shared>, Timed)> {
    let mut sorted: Vec<(Arc<Shared>, Timed)> = Vec::new();
    let mut places: HashMap<Uuid, usize> = HashMap::new();
    for Append { session, at, event } in batch {
        let Some(session) = session.arrived() else { continue };
        let place = *places.entry(session.id).or_insert_with(|| {
            sorted.push((session.clone(), Vec::new()));
            sorted.len() - 1
        });
        sorted[place].1.push((at, event));
    }
    sorted
}
