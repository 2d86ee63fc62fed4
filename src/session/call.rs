use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::at_desk::AtDesk;
use super::calls::Handle;
use super::control::Control;
use super::conversation::ConversationEnd;
use super::figures::Counting;
use super::looking_up::LookingUp;
use super::mouth::Mouth;
use super::pbx_recorder::{OnPbx, PbxRecorder};
use super::screen::Screen;
use super::turns::Turns;
use super::{Script, Services, evidence};
use crate::audio::{Codec, FRAME};
use crate::consent::SessionTime;
use crate::dialog::SharedDialog;
use crate::dialog::flow::lookup::{Answer, LookupFailure};
use crate::dialog::flow::{self, Erasure, Event, Flow, PlayId, SessionOutcome, Stage, Utterance};
use crate::episode::Episodes;
use crate::ledger::{self, SessionLedger};
use crate::recording::{SessionFacts, SessionRecorder, TurnFate};
use crate::speech::{Ears, EarsHandle, Heard, Spoken};
use crate::transport::{Inbound, Leg, Notice, PeerEnd, ticks};

/// Of all sessions together.
static FAULTS: Episodes = Episodes::new();

/// How many results of work elsewhere may wait for the session.
const WORK: usize = 32;

/// A call that has come in.
pub struct Arrival {
    /// The phone system's own id of the call.
    pub call: String,
    /// The dialog to run, with its sounds.
    pub script: Arc<Script>,
    /// In which of its languages.
    pub language: String,
    /// Whether the language was chosen for the caller by the route; if not, the others are offered.
    pub language_chosen: bool,
    /// How orders about it are given to its phone system, where that takes any.
    pub pbx: Option<OnPbx>,
}

/// What work elsewhere has come to.
pub(super) enum Work {
    Rendered(PlayId, usize, Option<Spoken>),
    Erased(Erasure),
    Stored(u32, TurnFate),
    CallBackLeft { attempt: u32, stored: bool },
    Fetched { attempt: u32, result: Result<Answer, LookupFailure> },
}

/// Starts the session of a call that has come in. `None`: there is no room for it, and nothing was started.
pub fn start(services: Arc<Services>, arrival: Arrival, leg: Leg) -> Option<Handle> {
    let (control, controls) = mpsc::channel(8);
    let session = Uuid::new_v4();
    let handle = Handle { session, control };
    if !services.calls.enter(&arrival.call, handle.clone()) {
        return None;
    }
    let (work, works) = mpsc::channel(WORK);
    let call = Call::new(services, arrival, leg, session, work);
    let tasks = call.services.calls.tasks().clone();
    let place = Vacate { services: call.services.clone(), id: call.id.clone() };
    tasks.spawn(async move {
        let _place = place;
        call.run(controls, works).await;
    });
    Some(handle)
}

/// Gives a call's place free, however its task ends.
struct Vacate {
    services: Arc<Services>,
    id: String,
}

impl Drop for Vacate {
    fn drop(&mut self) {
        self.services.calls.vacate(&self.id);
    }
}

pub(super) struct Call {
    pub(super) services: Arc<Services>,
    pub(super) id: String,
    pub(super) session: Uuid,
    /// The same from the first word to the last.
    pub(super) script: Arc<Script>,
    pub(super) dialog: SharedDialog,
    pub(super) flow: Flow,
    /// None while the caller is with somebody else.
    pub(super) leg: Option<Leg>,
    /// Of the caller's leg, also of the one that is gone.
    pub(super) codec: Codec,
    pub(super) mouth: Mouth,
    pub(super) turns: Turns,
    pub(super) ears: Option<(EarsHandle, mpsc::Receiver<Heard>)>,
    /// The ears are closed because the caller is not with the agent.
    pub(super) ears_closed: bool,
    pub(super) ledger: SessionLedger,
    pub(super) recorder: Arc<SessionRecorder>,
    /// The phone system's own recorder, where it is told anything.
    pub(super) pbx_recorder: Option<PbxRecorder>,
    pub(super) work: mpsc::Sender<Work>,
    began: Instant,
    /// When the caller's last frame was spoken, as near as can be told.
    frame_at: SessionTime,
    /// When a handover that nothing is heard of counts as failed.
    pub(super) away_until: Option<Instant>,
    pub(super) at_desk: AtDesk,
    pub(super) screen: Screen,
    /// What is being looked up for the dialog.
    pub(super) looking_up: Option<LookingUp>,
    pub(super) counting: Counting,
    pub(super) events: VecDeque<Event>,
    pub(super) outcome: Option<SessionOutcome>,
}

impl Call {
    fn new(services: Arc<Services>, arrival: Arrival, leg: Leg, session: Uuid, work: mpsc::Sender<Work>) -> Call {
        let Arrival { call, script, language, language_chosen, pbx } = arrival;
        let dialog = script.dialog.clone();
        let can_hear = services.recognisers.languages().map(str::to_owned);
        let call_backs = services.desk.takes_call_backs();
        let flow = Flow::new(dialog.clone(), &language, services.settings.for_flow(can_hear, !language_chosen, call_backs));
        let ledger = services.ledger.session(session);
        let facts = SessionFacts {
            dialog: dialog.file.dialog.value.clone(),
            dialog_version: dialog.version.clone(),
            language,
            opened_at: Timestamp::now(),
        };
        let began = Instant::now();
        let pbx = pbx.filter(|pbx| pbx.control.records());
        let pbx_recorder = pbx.map(|pbx| PbxRecorder::new(pbx, session, ledger.clone(), began));
        Call {
            mouth: Mouth::new(leg.profile, Duration::from_millis(services.settings.evidence_ms)),
            turns: Turns::new(leg.profile.codec, services.turn_memory.clone()),
            codec: leg.profile.codec,
            ears: None,
            ears_closed: false,
            id: call,
            session,
            script,
            dialog,
            flow,
            leg: Some(leg),
            recorder: Arc::new(services.recordings.session(ledger.clone(), facts)),
            ledger,
            pbx_recorder,
            work,
            began,
            frame_at: SessionTime::START,
            away_until: None,
            at_desk: AtDesk::default(),
            screen: Screen::default(),
            looking_up: None,
            counting: Counting::default(),
            events: VecDeque::new(),
            outcome: None,
            services,
        }
    }

    async fn run(mut self, mut controls: mpsc::Receiver<Control>, mut works: mpsc::Receiver<Work>) {
        let (ledger, recorder) = (self.ledger.clone(), self.recorder.clone());
        let mut failed = std::pin::pin!(async move {
            tokio::select! {
                () = ledger.failed() => {}
                () = recorder.failed() => {}
            }
        });
        let mut broken = false;
        // Every 20 ms counts, also those that were missed (tokio's default): the recording's clock is this one.
        let mut clock = ticks();
        self.open();
        while !self.flow.is_closed() {
            let away = self.away_until.unwrap_or_else(|| self.began + A_DAY);
            tokio::select! {
                biased;
                due = clock.tick(), if self.leg.is_some() => self.tick(due),
                Some(control) = controls.recv() => {
                    let was_away = self.leg.is_none();
                    self.control(control);
                    // A leg that has just come has missed nothing.
                    if self.leg.is_none() != was_away {
                        clock = ticks();
                    }
                }
                Some(work) = works.recv() => self.work_done(work),
                () = &mut failed, if !broken => {
                    broken = true;
                    self.take(Event::RecordingFailed);
                }
                heard = next_heard(&mut self.ears) => self.heard(heard),
                inbound = next_inbound(&mut self.leg) => self.inbound(inbound),
                event = self.at_desk.next() => self.at_desk(event),
                () = sleep_until(away), if self.away_until.is_some() => self.give_up(SessionOutcome::ConnectionLost),
            }
        }
        self.close(works).await;
    }

    pub(super) fn now(&self) -> SessionTime {
        SessionTime(self.began.elapsed())
    }

    /// The ledger's first entry, the ears, and the opening.
    fn open(&mut self) {
        let transport = self.leg.as_ref().map_or("", |leg| leg.profile.name);
        let dialog = self.dialog.file.dialog.value.clone();
        tracing::info!(session = %self.session, transport, dialog, "session opened");
        metrics::counter!("candor_sessions_total", "transport" => transport).increment(1);
        self.append(ledger::Event::SessionOpened {
            transport: transport.to_owned(),
            dialog,
            dialog_version: self.dialog.version.clone(),
            language: self.flow.language().to_owned(),
            privacy_notice: self.dialog.file.organisation.privacy_notice.version.value.clone(),
            software: env!("CARGO_PKG_VERSION").to_owned(),
        });
        let language = self.flow.language().to_owned();
        self.listen_in(&language);
        self.show_hello();
        self.take(Event::Begin);
    }

    /// The caller is back with the agent: the ears open again.
    pub(super) fn hear_again(&mut self) {
        let with_agent = !matches!(self.flow.stage(), Stage::Waiting | Stage::Nobody | Stage::CallBack | Stage::Person);
        if with_agent && std::mem::take(&mut self.ears_closed) {
            let language = self.flow.language().to_owned();
            self.listen_in(&language);
        }
    }

    pub(super) fn listen_in(&mut self, language: &str) {
        let recogniser = self.services.recognisers.get(language);
        self.ears = Ears::start(recogniser, &self.services.speech, self.codec).ok();
        if self.ears.is_none() {
            self.events.push_back(Event::EngineFailed);
        }
    }

    /// Feeds an event into the flow and carries out what comes back, until nothing is left to do.
    pub(super) fn take(&mut self, event: Event) {
        self.events.push_back(event);
        while let Some(event) = self.events.pop_front() {
            let now = self.now();
            if let Event::LineEnded(ended) = &event {
                self.show_said(ended);
            }
            for action in self.flow.handle(event, now) {
                self.act(action, now);
            }
            if let Some(recorder) = &mut self.pbx_recorder {
                recorder.follow(&self.flow.recording_for());
            }
            self.show_stage();
        }
        self.forget_lookup();
    }

    fn tick(&mut self, due: Instant) {
        let now = self.now();
        let Some(leg) = &self.leg else { return };
        // Sound is paced by when the tick was due. By when it came, a tick that is a little late would send a frame before its time, and the
        // next one none.
        let due = SessionTime(due.saturating_duration_since(self.began));
        let paced = if now.since(due) < FRAME { due } else { now };
        let send = |message| {
            leg.outbound.try_send(message).map_err(|refused| match refused {
                TrySendError::Full(message) | TrySendError::Closed(message) => message,
            })
        };
        let ended = self.mouth.tick(paced, send);
        for (play, index) in self.mouth.begun() {
            self.show_saying(play, index);
        }
        let sounding = self.mouth.sounding(paced);
        if let Some((ears, _)) = &self.ears {
            ears.agent(paced, sounding.clone());
        }
        let given_up = self.turns.was_given_up();
        self.turns.tick(&sounding);
        if self.turns.was_given_up() && !given_up {
            self.show(Notice::Turn { turn: self.screen.turn, recording: false });
        }
        if self.turns.is_full()
            && let Some(part) = self.turns.part(self.flow.pass_part(now), now)
        {
            self.keep(part, None);
        }
        // While frames come they tell the ears the time.
        if let Some((ears, _)) = self.ears.as_ref().filter(|_| now.since(self.frame_at) > FRAME * 3) {
            ears.tick(now);
        }
        for line in ended {
            self.take(Event::LineEnded(line));
        }
        if self.flow.deadline().is_some_and(|at| at <= now) {
            self.take(Event::Tick);
        }
    }

    fn inbound(&mut self, inbound: Option<Inbound>) {
        let now = self.now();
        match inbound {
            Some(Inbound::Audio(frame)) if self.at_desk.hears() => self.at_desk.hear_caller(Some(&frame)),
            Some(Inbound::Lost) if self.at_desk.hears() => self.at_desk.hear_caller(None),
            Some(Inbound::Audio(frame)) => {
                self.frame_at = frame_time(self.frame_at, now);
                self.turns.hear(&frame);
                if let Some((ears, _)) = &self.ears {
                    ears.frame(self.frame_at, frame);
                }
            }
            Some(Inbound::Lost) => {
                self.frame_at = frame_time(self.frame_at, now);
                self.turns.hear(&Bytes::new());
                if let Some((ears, _)) = &self.ears {
                    ears.lost();
                }
            }
            Some(Inbound::Key(key)) => self.take(Event::Key(key)),
            Some(Inbound::Button(button)) => self.take(Event::Button(button)),
            Some(Inbound::Language(language)) => self.language_chosen(language),
            Some(Inbound::Played(mark)) => {
                let ended = self.mouth.played(mark, now);
                self.lines_ended(ended);
            }
            Some(Inbound::Garbled(mark)) => {
                let ended = self.mouth.garbled(mark, now);
                self.lines_ended(ended);
            }
            Some(Inbound::Cleared(mark)) => self.mouth.cleared(mark),
            Some(Inbound::Lapsed) => {
                tracing::info!(session = %self.session, "nothing comes from the caller; the call waits for them");
                self.caller_interrupted(true);
                self.take(Event::Lapsed);
            }
            Some(Inbound::Resumed) => {
                self.caller_interrupted(false);
                // A page that was gone knows nothing any more.
                self.screen.forget();
                self.take(Event::Resumed);
                self.show_person();
            }
            Some(Inbound::HangUp) => {
                self.caller_leaves(SessionOutcome::CallerHungUp);
                self.take(Event::CallerGone(SessionOutcome::CallerHungUp));
            }
            Some(Inbound::Ended(end)) => self.gone(outcome_of(end)),
            None => self.gone(SessionOutcome::ConnectionLost),
        }
    }

    fn lines_ended(&mut self, ended: Vec<flow::Ended>) {
        if let Some((play, index, percent)) = self.mouth.progress() {
            self.show_heard(play, index, percent);
        }
        ended.into_iter().for_each(|line| self.take(Event::LineEnded(line)));
    }

    pub(super) fn gone(&mut self, outcome: SessionOutcome) {
        self.leg = None;
        self.caller_leaves(outcome);
        self.take(Event::CallerGone(outcome));
    }

    fn heard(&mut self, heard: Option<Heard>) {
        let event = match heard {
            Some(Heard::SpeechBegan { .. }) => Event::SpeechBegan,
            Some(Heard::Utterance { began, speech, above_noise, hypothesis, .. }) => {
                // Why a yes was asked for again, for whoever looks into a line.
                let (sure, voice_ms) = (hypothesis.confidence, speech.as_millis() as u64);
                tracing::debug!(session = %self.session, sure, voice_ms, above_noise, "the caller was listened to");
                Event::Utterance(Utterance {
                    text: Zeroizing::new(hypothesis.text.clone()),
                    second_look: hypothesis.open_look().map(|text| Zeroizing::new(text.to_owned())),
                    confidence: hypothesis.confidence,
                    began,
                    speech,
                    above_noise,
                })
            }
            Some(Heard::NotUnderstood { .. }) => Event::NotUnderstood,
            Some(Heard::EngineFailed { failure, .. }) => {
                metrics::counter!("candor_recognition_failures_total", "class" => failure.class()).increment(1);
                let (class, language) = (failure.class(), self.flow.language());
                tracing::debug!(session = %self.session, class, "the recogniser failed; the call goes on by keys");
                if let Some(times) = FAULTS.met(class) {
                    tracing::error!(
                        class,
                        language,
                        times,
                        "the recogniser fails: calls go on by keys, and their callers are told. Restart the server if it stays so"
                    );
                }
                Event::EngineFailed
            }
            Some(_) => return,
            None => {
                self.ears = None;
                Event::EngineFailed
            }
        };
        self.take(event);
    }

    pub(super) fn work_done(&mut self, work: Work) {
        match work {
            Work::Rendered(play, index, spoken) => self.mouth.rendered(play, index, spoken),
            Work::Erased(erasure) => {
                self.show(Notice::Erased { complete: erasure.complete, kept: erasure.kept });
                self.take(Event::Erased(erasure));
            }
            Work::Stored(turn, fate) => {
                self.screen.untold -= 1;
                self.show_fate(turn, fate);
            }
            Work::Fetched { attempt, result } => self.take(Event::Fetched { attempt, result }),
            Work::CallBackLeft { attempt, stored } => self.take(Event::CallBackLeft { attempt, stored }),
        }
    }

    /// The last entry of the ledger, when everything that was kept is on disk.
    async fn close(mut self, works: mpsc::Receiver<Work>) {
        self.at_desk.end(ConversationEnd::Failed);
        let outcome = self.outcome.unwrap_or(SessionOutcome::Failed);
        self.show_end(outcome, works).await;
        self.end_leg();
        if let Some(recorder) = &mut self.pbx_recorder {
            recorder.stop("ended").await;
        }
        self.services.parity.record(&std::mem::take(&mut self.counting).sum(outcome));
        let outcome = evidence::outcome_name(outcome);
        let at_ms = self.now().millis();
        let kept = self.recorder.close(outcome).await;
        self.append(ledger::Event::SessionClosed { outcome: outcome.to_owned(), turns_sealed: kept.sealed, at_ms });
        if self.ledger.written().await.is_err() {
            tracing::debug!(session = %self.session, "the end of the session is not in the ledger");
        }
        metrics::counter!("candor_sessions_closed_total", "outcome" => outcome).increment(1);
        tracing::info!(session = %self.session, outcome, turns_sealed = kept.sealed, "session closed");
    }
}

pub(super) fn outcome_of(end: PeerEnd) -> SessionOutcome {
    match end {
        PeerEnd::HungUp => SessionOutcome::CallerHungUp,
        PeerEnd::Violation => SessionOutcome::PeerViolation,
        PeerEnd::Lost => SessionOutcome::ConnectionLost,
    }
}

const A_DAY: Duration = Duration::from_secs(24 * 3600);
/// How long the phone system may take to ask where the caller goes.
pub(super) const FETCHING: Duration = Duration::from_secs(60);

/// When a frame was spoken that comes in `now`: 20 ms after the one before, unless the clocks have drifted apart.
fn frame_time(before: SessionTime, now: SessionTime) -> SessionTime {
    let next = (before + FRAME).min(now);
    let apart = now.since(next).max(next.since(now));
    if apart > FRAME * 5 { now - FRAME } else { next }
}

async fn next_inbound(leg: &mut Option<Leg>) -> Option<Inbound> {
    match leg {
        Some(leg) => leg.inbound.recv().await,
        None => std::future::pending().await,
    }
}

async fn next_heard(ears: &mut Option<(EarsHandle, mpsc::Receiver<Heard>)>) -> Option<Heard> {
    match ears {
        Some((_, heard)) => heard.recv().await,
        None => std::future::pending().await,
    }
}
