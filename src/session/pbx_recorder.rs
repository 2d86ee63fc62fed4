//! The phone system's own recorder, which is told what the gate says: on while a turn may be held for a purpose that the configuration names, off
//! at every other time.
//!
//! A task of the call's own gives the orders, one after the other, so that the session never waits for a phone system. Each is written into the
//! ledger with its answer. What this can promise is in `docs/telephony/asterisk-control.md`: the file is the phone system's.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::consent::Purpose;
use crate::episode::Episodes;
use crate::ledger::{self, SessionLedger};
use crate::pbx::{CallRef, Control, PbxError, RecorderFor, Recording};

/// Of all sessions together.
static FAULTS: Episodes = Episodes::new();

/// How many orders may wait. A phone system that is so far behind is told to stop, and nothing more.
const ORDERS: usize = 32;
/// How long the end of a session, or of its leg, may wait for what is still to be answered.
const PATIENCE: Duration = Duration::from_secs(5);

/// A call at a phone system that takes orders.
#[derive(Clone, Debug)]
pub struct OnPbx {
    /// Gives them.
    pub control: Control,
    /// The caller's channel.
    pub call: CallRef,
}

/// What the recorder is to do.
#[derive(Debug)]
enum Order {
    Start(Purpose),
    Stop(&'static str),
    Erase(Vec<Purpose>),
}

/// The recorder of one call.
pub(super) struct PbxRecorder {
    control: Control,
    /// `None` once it can no longer be relied on.
    orders: Option<mpsc::Sender<Order>>,
    given: u64,
    done: watch::Receiver<u64>,
    /// For what it records, as far as it has been told.
    on: Option<Purpose>,
    /// Whether the running turn may be held.
    held: bool,
    /// Why the gate closed last.
    reason: &'static str,
}

impl PbxRecorder {
    pub(super) fn new(pbx: OnPbx, session: Uuid, ledger: SessionLedger, began: Instant) -> PbxRecorder {
        let (orders, to_give) = mpsc::channel(ORDERS);
        let (progress, done) = watch::channel(0);
        let control = pbx.control.clone();
        let clerk = Clerk { pbx, session, ledger, began, running: None, made: Vec::new(), number: 0 };
        tokio::spawn(clerk.work(to_give, progress));
        PbxRecorder { control, orders: Some(orders), given: 0, done, on: None, held: false, reason: TURN }
    }

    /// A turn has begun.
    pub(super) fn turn(&mut self, held: bool) {
        self.held = held;
        self.reason = TURN;
    }

    /// The gate has closed.
    pub(super) fn gate_closed(&mut self, reason: &'static str) {
        self.held = false;
        self.reason = reason;
    }

    /// Follows what the gate says now: `granted` are the purposes that could be recorded for.
    pub(super) fn follow(&mut self, granted: &[Purpose]) {
        let wanted = granted.iter().find(|purpose| self.held && self.control.records_after(purpose));
        // It goes on for the purpose that it was started for, as long as that one stands.
        let stands = self.on.as_ref().is_some_and(|on| self.held && granted.contains(on));
        if stands || (self.on.is_none() && wanted.is_none()) {
            return;
        }
        if self.on.take().is_some() {
            self.give(Order::Stop(self.reason));
        }
        if let Some(purpose) = wanted.cloned()
            && self.give(Order::Start(purpose.clone()))
        {
            self.on = Some(purpose);
        }
    }

    /// The caller has withdrawn these: what the phone system has written for them has to go. What comes back is as of [`PbxRecorder::stop`].
    pub(super) fn withdrawn(&mut self, purposes: &[Purpose]) -> impl Future<Output = ()> + Send + 'static + use<> {
        let purposes: Vec<_> = purposes.iter().filter(|purpose| self.control.records_after(purpose)).cloned().collect();
        if self.on.take().is_some() {
            self.give(Order::Stop(self.reason));
        }
        if !purposes.is_empty() {
            self.give(Order::Erase(purposes));
        }
        self.obeyed()
    }

    /// Stops it for good; what comes back waits until the phone system has answered, or for as long as is bearable.
    pub(super) fn stop(&mut self, reason: &'static str) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.held = false;
        if self.on.take().is_some() {
            self.give(Order::Stop(reason));
        }
        self.obeyed()
    }

    fn obeyed(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let (given, mut done) = (self.given, self.done.clone());
        async move {
            let _ = timeout(PATIENCE, done.wait_for(|done| *done >= given)).await;
        }
    }

    fn give(&mut self, order: Order) -> bool {
        let Some(orders) = &self.orders else { return false };
        if orders.try_send(order).is_err() {
            // The task stops what runs when there is nothing more to come.
            self.orders = None;
            return false;
        }
        self.given += 1;
        true
    }
}

/// The word for a turn of which nothing may be held, such as that of a sensitive step.
const TURN: &str = "turn-not-held";

/// Gives the orders of one call and writes down what came of them.
struct Clerk {
    pbx: OnPbx,
    session: Uuid,
    ledger: SessionLedger,
    began: Instant,
    running: Option<(Purpose, Recording)>,
    /// What was recorded and stopped.
    made: Vec<(Purpose, Recording)>,
    number: u32,
}

impl Clerk {
    async fn work(mut self, mut orders: mpsc::Receiver<Order>, progress: watch::Sender<u64>) {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Start(purpose) => self.start(purpose).await,
                Order::Stop(reason) => self.stop(reason).await,
                Order::Erase(purposes) => self.erase(&purposes).await,
            }
            progress.send_modify(|done| *done += 1);
        }
        self.stop("ended").await;
    }

    async fn start(&mut self, purpose: Purpose) {
        self.number += 1;
        let asked = self.at_ms();
        let of = RecorderFor { session: self.session, purpose: &purpose, number: self.number };
        let started = self.pbx.control.start_recorder(&self.pbx.call, of).await;
        let file = started.as_ref().ok().map(|recording| recording.file().to_owned());
        self.write("start", "granted", &purpose, file, &started, asked);
        self.running = started.ok().map(|recording| (purpose, recording));
    }

    async fn stop(&mut self, reason: &str) {
        let Some((purpose, recording)) = self.running.take() else { return };
        let asked = self.at_ms();
        let stopped = self.pbx.control.stop_recorder(&recording).await;
        self.write("stop", reason, &purpose, Some(recording.file().to_owned()), &stopped, asked);
        self.made.push((purpose, recording));
    }

    async fn erase(&mut self, purposes: &[Purpose]) {
        let (erased, kept): (Vec<_>, Vec<_>) = self.made.drain(..).partition(|(purpose, _)| purposes.contains(purpose));
        self.made = kept;
        for (purpose, recording) in erased {
            let asked = self.at_ms();
            let gone = self.pbx.control.erase_recording(&recording).await;
            self.write("erase", "withdrawn", &purpose, Some(recording.file().to_owned()), &gone, asked);
        }
    }

    fn at_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn write<T>(
        &self,
        order: &'static str,
        reason: &str,
        purpose: &Purpose,
        file: Option<String>,
        answer: &Result<T, PbxError>,
        asked: u64,
    ) {
        if let Err(error) = answer {
            tracing::debug!(session = %self.session, order, %error, "the phone system's recorder was not obeyed");
            // That a file cannot be deleted by this interface is known beforehand.
            if !matches!(error, PbxError::NotPossible)
                && let Some(times) = FAULTS.met(order)
            {
                tracing::error!(order, %error, times, "Asterisk's recorder does not do as it is told: see the ledgers for pbx-recorder, and asterisk.control");
            }
        } else if let Some(times) = FAULTS.over(order) {
            tracing::info!(order, times, "Asterisk's recorder does as it is told again");
        }
        let entry = ledger::Event::PbxRecorder {
            order: order.to_owned(),
            reason: reason.to_owned(),
            purpose: purpose.as_str().to_owned(),
            file,
            answer: answer.as_ref().map_or_else(PbxError::class, |_| "done").to_owned(),
            at_ms: asked,
            answered_ms: self.at_ms(),
        };
        if let Err(error) = self.ledger.append(entry) {
            tracing::debug!(session = %self.session, %error, "the ledger could not take an entry");
        }
    }
}
