use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::deletion::{Account, Erased, NoDeletion, OneAtATime, delete_what_ends};
use super::index::{Ending, Index, NewTurn, SessionFacts};
use super::store::Store;
use super::{PurposeKeys, RecordingError, Settings, TurnAudio, seal};
use crate::consent::{ConsentedTurn, Purpose};
use crate::episode::Episodes;
use crate::ledger::{Event, SessionLedger, written_at};

/// Of all sessions together.
static FAULTS: Episodes = Episodes::new();

/// How many turns of one session may wait to be sealed.
const QUEUE: usize = 32;

/// A turn that could not be taken: the queue is full, or the recorder has ended. It is written down as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recorder could not take the turn; it is lost")]
pub struct Full;

/// What became of one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnFate {
    /// Sealed and stored.
    Sealed,
    /// What it could have been kept for was withdrawn before it was stored.
    Withdrawn,
    /// Something failed.
    Lost,
}

/// What became of a session's turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many were sealed and stored.
    pub sealed: u32,
    /// How many were lost because something failed.
    pub lost: u32,
}

enum Job {
    Keep(u64, Box<ConsentedTurn<TurnAudio>>, oneshot::Sender<TurnFate>),
    Withdraw(Vec<Purpose>, oneshot::Sender<Result<Erased, RecordingError>>),
    Close(String, oneshot::Sender<Kept>),
}

/// For each purpose, how many jobs had been given when its consent was last withdrawn: what was given before is not stored.
type Withdrawals = Arc<Mutex<HashMap<Purpose, u64>>>;

/// The recorder of one session: a queue and a task that seals, one turn after the other, beside the call.
pub struct SessionRecorder {
    ledger: SessionLedger,
    jobs: mpsc::Sender<Job>,
    given: AtomicU64,
    withdrawals: Withdrawals,
    failure: Arc<watch::Sender<bool>>,
}

impl SessionRecorder {
    pub(super) fn start(
        settings: Settings,
        index: Index,
        keys: PurposeKeys,
        ledger: SessionLedger,
        facts: SessionFacts,
    ) -> SessionRecorder {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let withdrawals = Withdrawals::default();
        let failure = Arc::new(watch::Sender::new(false));
        let store = Store::new(&settings.folder);
        let (session, kept) = (ledger.id(), Kept::default());
        let worker = Worker {
            session,
            settings,
            index,
            keys,
            store,
            ledger: ledger.clone(),
            withdrawals: withdrawals.clone(),
            failure: failure.clone(),
            kept,
        };
        tokio::spawn(worker.run(facts, queue));
        SessionRecorder { ledger, jobs, given: AtomicU64::new(0), withdrawals, failure }
    }

    /// Takes a turn to be sealed and stored. Never waits; what it gives tells, when it is known, what became of the turn.
    ///
    /// # Errors
    /// [`Full`] where the turn was lost; that is in the ledger too.
    pub fn keep(&self, turn: ConsentedTurn<TurnAudio>) -> Result<oneshot::Receiver<TurnFate>, Full> {
        let number = self.given.fetch_add(1, Ordering::SeqCst);
        let ordinal = turn.ordinal();
        let (fate, told) = oneshot::channel();
        self.jobs.try_send(Job::Keep(number, Box::new(turn), fate)).map_err(|_| {
            if let Some(times) = FAULTS.met("queue-full") {
                tracing::error!(times, "turns are lost because sealing is behind: calls go on unrecorded, and their callers are told. See whether the disk is slow");
            }
            lose(&self.ledger, ordinal, "queue-full");
            self.failure.send_replace(true);
            Full
        })?;
        Ok(told)
    }

    /// Writes down that a turn which was to be kept could not be held in memory.
    pub fn had_no_memory(&self, turn: u32) {
        if let Some(times) = FAULTS.met("memory") {
            tracing::warn!(
                times,
                "turns are not kept for lack of memory: raise session.turn_memory_mb, or lower session.max_calls"
            );
        }
        lose(&self.ledger, turn, "memory");
    }

    /// Deletes everything kept of this session for `purposes`, as far as no hold keeps it; what still waits to be sealed is not stored for them.
    ///
    /// The withdrawal stands as soon as this returns, before anything that is asked of the recorder later; what it gives tells how it went.
    pub fn withdraw(&self, purposes: &[Purpose]) -> impl Future<Output = Result<Erased, RecordingError>> + Send + use<> {
        let given = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        {
            let mut withdrawals = self.withdrawals.lock().unwrap_or_else(PoisonError::into_inner);
            withdrawals.extend(purposes.iter().map(|purpose| (purpose.clone(), given)));
        }
        let (reply, answer) = oneshot::channel();
        let sent = self.jobs.try_send(Job::Withdraw(purposes.to_vec(), reply));
        let (jobs, session) = (self.jobs.clone(), self.ledger.id());
        async move {
            if let Err(mpsc::error::TrySendError::Full(job)) = sent {
                jobs.send(job).await.map_err(|_| RecordingError::Ended(session))?;
            }
            answer.await.map_err(|_| RecordingError::Ended(session))?
        }
    }

    /// Waits until a turn is lost; for ever, when all goes well. A session that hears of it stops recording and tells the caller.
    pub async fn failed(&self) {
        let _ = self.failure.subscribe().wait_for(|failed| *failed).await;
    }

    /// Waits until every turn is stored or lost, and notes how the session ended.
    pub async fn close(&self, outcome: &str) -> Kept {
        let (reply, answer) = oneshot::channel();
        if self.jobs.send(Job::Close(outcome.to_owned(), reply)).await.is_err() {
            return Kept::default();
        }
        answer.await.unwrap_or_default()
    }
}

/// Writes down that a turn was lost, as far as that is possible.
fn lose(ledger: &SessionLedger, turn: u32, reason: &'static str) {
    metrics::counter!("candor_turns_lost_total", "reason" => reason).increment(1);
    if let Err(error) = ledger.append(Event::TurnLost { turn, reason: reason.to_owned() }) {
        tracing::debug!(session = %ledger.id(), turn, %error, "a lost turn is not in the ledger yet");
    }
}

/// Says once what keeps turns from being stored, and what to do.
fn tell(reason: &'static str, error: Option<&RecordingError>) {
    // Of the ledger its writer has told.
    if reason == "ledger" {
        return;
    }
    let damaged = error.is_some_and(RecordingError::is_damage);
    let fault = if damaged { "damage" } else { reason };
    let Some(times) = FAULTS.met(fault) else { return };
    let error = error.map(|error| error.to_string()).unwrap_or_default();
    match fault {
        "damage" => tracing::error!(
            error,
            times,
            "the index is damaged: calls go on unrecorded, and their callers are told. Stop the server and run `candor recordings reindex`"
        ),
        "index" => tracing::error!(
            error,
            times,
            "the index cannot be used: calls go on unrecorded, and their callers are told. See which process holds it"
        ),
        "disk" => tracing::error!(
            error,
            times,
            "turns cannot be stored: calls go on unrecorded, and their callers are told. Free the disk under storage.folder, or make it writable"
        ),
        _ => tracing::error!(error, times, reason, "turns cannot be sealed: calls go on unrecorded, and their callers are told"),
    }
}

/// A session's beginning or end is not in the index: nothing that was kept is lost by it.
fn unnoted(session: Uuid, error: &RecordingError) {
    metrics::counter!("candor_index_failures_total").increment(1);
    tracing::debug!(%session, %error, "the beginning or the end of a session is not in the index");
    tell("index", Some(error));
}

struct Worker {
    session: Uuid,
    settings: Settings,
    index: Index,
    keys: PurposeKeys,
    store: Store,
    ledger: SessionLedger,
    withdrawals: Withdrawals,
    failure: Arc<watch::Sender<bool>>,
    kept: Kept,
}

/// Why a turn is not kept.
enum NotKept {
    /// What it could have been kept for was withdrawn.
    Withdrawn,
    /// This failed.
    Failed(&'static str, Option<RecordingError>),
}

impl Worker {
    async fn run(mut self, facts: SessionFacts, mut queue: mpsc::Receiver<Job>) {
        let mut noted = self.note(&facts).await;
        // Withdrawals that failed; they are tried again before the session ends.
        let mut unfinished: Vec<Purpose> = Vec::new();
        while let Some(job) = queue.recv().await {
            // The index may have been busy or gone at the start.
            noted = noted || self.note(&facts).await;
            match job {
                Job::Keep(number, turn, fate) => {
                    let _ = fate.send(self.keep(number, *turn).await);
                }
                Job::Withdraw(purposes, reply) => {
                    let withdrawn = self.withdraw(&purposes).await;
                    if withdrawn.is_err() {
                        unfinished.extend(purposes);
                    }
                    let _ = reply.send(withdrawn);
                }
                Job::Close(outcome, reply) => {
                    if !unfinished.is_empty()
                        && let Err(error) = self.withdraw(&unfinished).await
                    {
                        tracing::error!(session = %self.session, %error, "a withdrawal could not be carried out; erase the session by hand");
                    }
                    if let Err(error) = self.index.close_session(self.session, &outcome, Timestamp::now()).await {
                        unnoted(self.session, &error);
                    }
                    let _ = reply.send(self.kept);
                    return;
                }
            }
        }
        // The session's task ended without closing: what it gave is stored, and the account says so.
        let closed = self.index.close_session(self.session, "failed", Timestamp::now()).await;
        if let Err(error) = closed {
            unnoted(self.session, &error);
        }
    }

    async fn note(&self, facts: &SessionFacts) -> bool {
        let noted = self.index.open_session(self.session, facts).await;
        noted.inspect_err(|error| unnoted(self.session, error)).is_ok()
    }

    async fn keep(&mut self, number: u64, turn: ConsentedTurn<TurnAudio>) -> TurnFate {
        let ordinal = turn.ordinal();
        match self.store(number, turn).await {
            Ok(()) => {
                self.kept.sealed += 1;
                metrics::counter!("candor_turns_sealed_total").increment(1);
                for fault in ["disk", "index", "sealing"] {
                    if let Some(times) = FAULTS.over(fault) {
                        tracing::info!(times, fault, "turns are stored again");
                    }
                }
                TurnFate::Sealed
            }
            Err(NotKept::Withdrawn) => TurnFate::Withdrawn,
            Err(NotKept::Failed(reason, error)) => {
                self.kept.lost += 1;
                self.failure.send_replace(true);
                tell(reason, error.as_ref());
                let error = error.map(|error| error.to_string()).unwrap_or_default();
                tracing::debug!(session = %self.session, turn = ordinal, reason, error, "a turn could not be stored");
                lose(&self.ledger, ordinal, reason);
                TurnFate::Lost
            }
        }
    }

    /// Those of a turn's purposes that were not withdrawn since it was given.
    fn standing(&self, number: u64, purposes: &[Purpose]) -> Result<Vec<Purpose>, NotKept> {
        let withdrawals = self.withdrawals.lock().unwrap_or_else(PoisonError::into_inner);
        let stands = |purpose: &&Purpose| withdrawals.get(*purpose).is_none_or(|given| number >= *given);
        let standing: Vec<Purpose> = purposes.iter().filter(stands).cloned().collect();
        if standing.is_empty() { Err(NotKept::Withdrawn) } else { Ok(standing) }
    }

    async fn store(&mut self, number: u64, turn: ConsentedTurn<TurnAudio>) -> Result<(), NotKept> {
        let failed = |reason| move |error: RecordingError| NotKept::Failed(reason, Some(error));
        let cut_short = |reason| move |_: tokio::task::JoinError| NotKept::Failed(reason, None);
        let announced: Vec<Purpose> = turn.terms().iter().map(|terms| terms.purpose.clone()).collect();
        let sealed_for = self.standing(number, &announced)?;
        // Nothing is stored of a session whose account cannot be kept.
        self.ledger.written().await.map_err(|error| NotKept::Failed("ledger", Some(error.into())))?;

        let id = Uuid::new_v4();
        let terms = turn.terms().to_vec();
        let (ordinal, part, began, ended) = (turn.ordinal(), turn.part(), turn.began(), turn.ended());
        let (keys, purposes) = (self.keys.clone(), sealed_for.clone());
        // The sound goes into the task and is overwritten when the task drops it.
        let sealing = spawn_blocking(move || seal::seal(turn.audio(), &purposes, &keys));
        let sealed = sealing.await.map_err(cut_short("sealing"))?.map_err(failed("sealing"))?;
        let (sha256, bytes) = (sealed.sha256.clone(), sealed.turn.len() as u64);

        let mut stored =
            Stored { store: self.store.clone(), session: self.session, turn: id, purposes: sealed_for.clone(), kept: false };
        let (store, session) = (self.store.clone(), self.session);
        let prepared = spawn_blocking(move || store.prepare(session, id, &sealed)).await;
        prepared.map_err(cut_short("disk"))?.map_err(failed("disk"))?;

        // Until the files have their names, nobody deletes by the index.
        let _no_deletion = NoDeletion::wait(&self.settings).await.map_err(failed("disk"))?;
        let standing = self.standing(number, &sealed_for)?;
        let sealed_at = Timestamp::now();
        let retention = terms.iter().filter(|terms| standing.contains(&terms.purpose));
        let until: Vec<_> = retention.map(|terms| (terms.purpose.clone(), end_of(sealed_at, terms.retention))).collect();
        let purposes = until.iter().map(|(purpose, at)| (purpose.to_string(), written_at(*at))).collect();
        let (began_ms, ended_ms) = (began.millis(), ended.millis());
        let row = NewTurn { id, ordinal, part, began_ms, ended_ms, sha256: sha256.clone(), bytes, sealed_at, until };
        self.index.add_turn(self.session, &row).await.map_err(failed("index"))?;

        let store = self.store.clone();
        let published = spawn_blocking(move || store.publish(session, id, &sealed_for, &standing)).await;
        let event = Event::TurnSealed { turn: ordinal, part, sha256, bytes, began_ms, ended_ms, purposes };
        let outcome = match published {
            Err(_) => Err(NotKept::Failed("disk", None)),
            Ok(Err(error)) => Err(NotKept::Failed("disk", Some(error))),
            Ok(Ok(())) => self.write_down(event).await,
        };
        if outcome.is_err() {
            // First the wraps and the turn, then the row that says where they are.
            drop(stored);
            self.index.remove_turn(id).await.map_err(failed("index"))?;
        } else {
            stored.kept = true;
        }
        outcome
    }

    async fn write_down(&self, event: Event) -> Result<(), NotKept> {
        self.ledger.append(event).map_err(|error| NotKept::Failed("ledger", Some(error.into())))?;
        self.ledger.written().await.map_err(|error| NotKept::Failed("ledger", Some(error.into())))
    }

    async fn withdraw(&self, purposes: &[Purpose]) -> Result<Erased, RecordingError> {
        // Marked first: what is marked goes at the next sweep at the latest.
        for purpose in purposes {
            self.index.end_purpose(self.session, Some(purpose), Ending::Withdrawn).await?;
        }
        let lock = OneAtATime::wait(&self.settings).await?;
        delete_what_ends(&self.settings, &self.index, self.session, Account::Live(&self.ledger), &lock).await
    }
}

/// Files of a turn that go again unless it is kept to the end.
struct Stored {
    store: Store,
    session: Uuid,
    turn: Uuid,
    purposes: Vec<Purpose>,
    kept: bool,
}

impl Drop for Stored {
    fn drop(&mut self) {
        if !self.kept {
            self.store.discard(self.session, self.turn, &self.purposes);
        }
    }
}

/// The moment at which something sealed now must go; the last moment there is, where the term reaches beyond it.
fn end_of(sealed_at: Timestamp, retention: std::time::Duration) -> Timestamp {
    let retention = SignedDuration::try_from(retention).unwrap_or(SignedDuration::MAX);
    sealed_at.checked_add(retention).unwrap_or(Timestamp::MAX)
}
