//! The phone system's own recorder, which is told what the gate says: on while a turn may be held for a purpose that the configuration names, off
//! at every other time.
//!
//! A task of the call's own gives the orders, one after the other, so that the session never waits for a phone system. It looks at what is wished now: what
//! a slow phone system would have been too late for is not asked of it. Each order is written into the ledger with its answer. What this can promise
//! is in `docs/telephony/asterisk-control.md`: the file is the phone system's.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::consent::Purpose;
use crate::episode::Episodes;
use crate::ledger::{self, SessionLedger};
use crate::pbx::{CallRef, Control, PbxError, RecorderFor, Recording};

/// Of all sessions together.
static FAULTS: Episodes = Episodes::new();

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

/// What the recorder is to do by now. A slow phone system is never asked for what it would be too late for: there is one wish, and the latest counts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wish {
    /// Which one it is, counted from 1.
    number: u64,
    /// For what it is to record.
    on: Option<Purpose>,
    /// The latest wish in which it was to stop, and why: what was started before that one has to stop, though it may be started again.
    stop: (u64, &'static str),
    /// What was withdrawn, and in which wish: what was started for it before that one has to go.
    withdrawn: Vec<(u64, Purpose)>,
}

/// The recorder of one call.
pub(super) struct PbxRecorder {
    control: Control,
    wish: watch::Sender<Wish>,
    /// The number of the latest wish that was fulfilled, as far as the phone system let it.
    done: watch::Receiver<u64>,
    /// Whether the running turn may be held.
    held: bool,
    /// Why the gate closed last.
    reason: &'static str,
}

impl PbxRecorder {
    pub(super) fn new(pbx: OnPbx, session: Uuid, ledger: SessionLedger, began: Instant) -> PbxRecorder {
        let (recorder, wish, progress) = PbxRecorder::of(pbx.control.clone());
        let clerk = Clerk { pbx, session, ledger, began, running: None, made: Vec::new(), number: 0 };
        tokio::spawn(clerk.work(wish, progress));
        recorder
    }

    /// With what sees its wishes and says which was fulfilled.
    fn of(control: Control) -> (PbxRecorder, watch::Receiver<Wish>, watch::Sender<u64>) {
        let (wish, seen) = watch::channel(Wish { number: 0, on: None, stop: (0, TURN), withdrawn: Vec::new() });
        let (progress, done) = watch::channel(0);
        (PbxRecorder { control, wish, done, held: false, reason: TURN }, seen, progress)
    }

    /// A turn has begun.
    pub(super) fn turn(&mut self, held: bool) {
        self.held = held;
        if held {
            self.reason = TURN;
        }
    }

    /// The gate has closed.
    pub(super) fn gate_closed(&mut self, reason: &'static str) {
        self.held = false;
        self.reason = reason;
    }

    /// Follows what the gate says now: `granted` are the purposes that could be recorded for.
    pub(super) fn follow(&mut self, granted: &[Purpose]) {
        let on = self.wish.borrow().on.clone();
        // It goes on for the purpose that it was started for, as long as that one stands.
        if on.as_ref().is_some_and(|on| self.held && granted.contains(on)) {
            return;
        }
        let wanted = granted.iter().find(|purpose| self.held && self.control.records_after(purpose)).cloned();
        if on.is_some() {
            self.stop_now(self.reason);
        }
        if wanted.is_some() {
            self.wish(|wish| wish.on = wanted);
        }
    }

    /// The caller has withdrawn these: what the phone system has written for them has to go. What comes back is as of [`PbxRecorder::stop`].
    pub(super) fn withdrawn(&mut self, purposes: &[Purpose]) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.stop_now(self.reason);
        let purposes = purposes.iter().filter(|purpose| self.control.records_after(purpose)).cloned();
        let purposes: Vec<Purpose> = purposes.collect();
        if !purposes.is_empty() {
            self.wish(|wish| wish.withdrawn.extend(purposes.into_iter().map(|purpose| (wish.number, purpose))));
        }
        self.obeyed()
    }

    /// Stops it until a turn begins that may be held; what comes back waits until the phone system has answered, or for as long as is bearable.
    pub(super) fn stop(&mut self, reason: &'static str) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.held = false;
        self.stop_now(reason);
        self.obeyed()
    }

    fn stop_now(&self, reason: &'static str) {
        if self.wish.borrow().on.is_some() {
            self.wish(|wish| (wish.on, wish.stop) = (None, (wish.number, reason)));
        }
    }

    fn wish(&self, change: impl FnOnce(&mut Wish)) {
        self.wish.send_modify(|wish| {
            wish.number += 1;
            change(wish);
        });
    }

    fn obeyed(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let (number, mut done) = (self.wish.borrow().number, self.done.clone());
        async move {
            let _ = timeout(PATIENCE, done.wait_for(|done| *done >= number)).await;
        }
    }
}

/// The word for a turn of which nothing may be held, such as that of a sensitive step.
const TURN: &str = "turn-not-held";

/// A recording of the phone system's.
struct Made {
    purpose: Purpose,
    /// The wish by which it was started.
    since: u64,
    recording: Recording,
}

/// Gives the orders of one call and writes down what came of them.
struct Clerk {
    pbx: OnPbx,
    session: Uuid,
    ledger: SessionLedger,
    began: Instant,
    running: Option<Made>,
    /// What was recorded and stopped.
    made: Vec<Made>,
    number: u32,
}

impl Wish {
    /// Why what was started by a wish has to stop.
    fn stops(&self, since: u64) -> Option<&'static str> {
        let (number, reason) = self.stop;
        (since < number).then_some(reason)
    }

    /// Whether what was started by a wish for a purpose has to go.
    fn erases(&self, purpose: &Purpose, since: u64) -> bool {
        self.withdrawn.iter().any(|(number, withdrawn)| withdrawn == purpose && since < *number)
    }
}

impl Clerk {
    async fn work(mut self, mut wish: watch::Receiver<Wish>, progress: watch::Sender<u64>) {
        while wish.changed().await.is_ok() {
            let now = wish.borrow_and_update().clone();
            if let Some(reason) = self.running.as_ref().and_then(|running| now.stops(running.since)) {
                self.stop(reason).await;
            }
            self.erase(&now).await;
            if let (None, Some(purpose)) = (&self.running, &now.on) {
                self.start(purpose.clone(), now.number).await;
            }
            progress.send_replace(now.number);
        }
        self.stop("ended").await;
    }

    async fn start(&mut self, purpose: Purpose, since: u64) {
        self.number += 1;
        let asked = self.at_ms();
        let of = RecorderFor { session: self.session, purpose: &purpose, number: self.number };
        let started = self.pbx.control.start_recorder(&self.pbx.call, of).await;
        let file = started.as_ref().ok().map(|recording| recording.file().to_owned());
        self.write("start", "granted", &purpose, file, &started, asked);
        self.running = started.ok().map(|recording| Made { purpose, since, recording });
    }

    async fn stop(&mut self, reason: &str) {
        let Some(made) = self.running.take() else { return };
        let asked = self.at_ms();
        let stopped = self.pbx.control.stop_recorder(&made.recording).await;
        self.write("stop", reason, &made.purpose, Some(made.recording.file().to_owned()), &stopped, asked);
        self.made.push(made);
    }

    async fn erase(&mut self, wish: &Wish) {
        let (erased, kept): (Vec<_>, Vec<_>) = self.made.drain(..).partition(|made| wish.erases(&made.purpose, made.since));
        self.made = kept;
        for Made { purpose, recording, .. } in erased {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pbx::ControlSettings;

    /// A recorder for one purpose, at a phone system that is never asked, what is wished, and what says that it was done.
    fn recorder() -> (PbxRecorder, watch::Receiver<Wish>, watch::Sender<u64>) {
        let settings = json!({"via": "ami", "address": "127.0.0.1:1", "username": "candor", "secret": "0123456789abcdef"});
        let settings: ControlSettings = serde_json::from_value(settings).unwrap();
        let recorder = serde_json::from_value(json!({"after_grant": ["training"]})).unwrap();
        PbxRecorder::of(Control::start(settings.check(&recorder).unwrap()).unwrap())
    }

    fn training() -> Purpose {
        Purpose::new("training").unwrap()
    }

    #[tokio::test]
    async fn it_runs_in_turns_that_may_be_held_and_in_no_others() {
        let (mut recorder, wish, _progress) = recorder();
        let granted = [training()];
        let on = |recorder: &mut PbxRecorder, held: bool, granted: &[Purpose]| {
            recorder.turn(held);
            recorder.follow(granted);
            wish.borrow().on.clone()
        };
        // Held and not granted, granted and not held: neither is enough.
        assert_eq!(on(&mut recorder, true, &[]), None);
        assert_eq!(on(&mut recorder, false, &granted), None);
        assert_eq!(wish.borrow().number, 0);
        assert_eq!(on(&mut recorder, true, &granted), Some(training()));
        // The next turn is as free as this one: it goes on.
        assert_eq!(on(&mut recorder, true, &granted), Some(training()));
        assert_eq!(wish.borrow().number, 1);
        // A sensitive step.
        assert_eq!(on(&mut recorder, false, &granted), None);
        assert_eq!(wish.borrow().stop, (2, TURN));
        assert_eq!(on(&mut recorder, false, &granted), None);
        assert_eq!(on(&mut recorder, true, &granted), Some(training()));
        // No longer granted.
        assert_eq!(on(&mut recorder, true, &[]), None);
        assert_eq!(wish.borrow().number, 4);
    }

    #[tokio::test]
    async fn it_runs_for_no_other_purpose() {
        let (mut recorder, wish, _progress) = recorder();
        let other = Purpose::new("service-quality").unwrap();
        recorder.turn(true);
        recorder.follow(std::slice::from_ref(&other));
        assert_eq!(wish.borrow().on, None);
        recorder.follow(&[other.clone(), training()]);
        assert_eq!(wish.borrow().on, Some(training()));
        // Its own is taken back and the other stands.
        recorder.follow(&[other]);
        assert_eq!(wish.borrow().on, None);
    }

    #[tokio::test]
    async fn a_closed_gate_stops_it_until_a_turn_may_be_held_again() {
        let (mut recorder, wish, _progress) = recorder();
        let granted = [training()];
        recorder.turn(true);
        recorder.follow(&granted);
        // What a handover does, in this order.
        recorder.gate_closed("handover");
        recorder.turn(false);
        recorder.follow(&granted);
        assert_eq!((wish.borrow().on.clone(), wish.borrow().stop), (None, (2, "handover")));
        drop(recorder.stop("ended"));
        recorder.follow(&granted);
        assert_eq!((wish.borrow().on.clone(), wish.borrow().stop), (None, (2, "handover")), "it was stopped already");
        recorder.turn(true);
        recorder.follow(&granted);
        drop(recorder.stop("ended"));
        assert_eq!((wish.borrow().on.clone(), wish.borrow().stop), (None, (4, "ended")));
    }

    #[tokio::test]
    async fn what_was_recorded_before_a_withdrawal_goes_and_what_came_after_it_stays() {
        let (mut recorder, wish, _progress) = recorder();
        let granted = [training()];
        recorder.turn(true);
        recorder.follow(&granted);
        let first = wish.borrow().number;
        recorder.gate_closed("withdrawn");
        drop(recorder.withdrawn(&granted));
        // Asked again, and granted.
        recorder.turn(true);
        recorder.follow(&granted);
        let wish = wish.borrow();
        assert_eq!(wish.on, Some(training()));
        // A phone system that was busy all the while sees only this: the first recording stops and goes, and another begins.
        assert_eq!((wish.stops(first), wish.stops(wish.number)), (Some("withdrawn"), None));
        assert_eq!((wish.erases(&training(), first), wish.erases(&training(), wish.number)), (true, false));
        assert!(!wish.erases(&Purpose::new("service-quality").unwrap(), first));
    }

    #[tokio::test]
    async fn whoever_waits_waits_until_the_latest_wish_is_fulfilled() {
        let (mut recorder, wish, progress) = recorder();
        recorder.turn(true);
        recorder.follow(&[training()]);
        let stopped = recorder.stop("handover");
        tokio::pin!(stopped);
        let soon = Duration::from_millis(20);
        assert!(timeout(soon, &mut stopped).await.is_err(), "nothing was answered yet");
        progress.send_replace(wish.borrow().number - 1);
        assert!(timeout(soon, &mut stopped).await.is_err(), "it was started, and not stopped");
        progress.send_replace(wish.borrow().number);
        assert!(timeout(PATIENCE / 2, stopped).await.is_ok());
        // A clerk that has gone fulfils nothing more.
        recorder.turn(true);
        recorder.follow(&[training()]);
        drop(progress);
        assert!(timeout(PATIENCE / 2, recorder.stop("ended")).await.is_ok());
    }
}
