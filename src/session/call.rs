use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::calls::{Handle, Place};
use super::mouth::{Mouth, prompt_key};
use super::turns::Turns;
use super::{Services, departure, evidence};
use crate::audio::FRAME;
use crate::consent::{ConsentedTurn, Purpose, SessionTime};
use crate::dialog::SharedDialog;
use crate::dialog::flow::{
    Action, Departure, Erasure, Event, Expecting, Fact, Flow, HandoverEnd, PlayId, SessionOutcome, Utterance,
};
use crate::dialog::prompt::Line;
use crate::handover::Outcome;
use crate::ledger::{self, SessionLedger};
use crate::recording::{SessionFacts, SessionRecorder, TurnAudio};
use crate::speech::stt::Expectation;
use crate::speech::{Ears, EarsHandle, Heard, Spoken};
use crate::transport::{Inbound, Leg, Outbound, PeerEnd};

/// How many results of work elsewhere may wait for the session.
const WORK: usize = 32;

/// What the outside tells a session.
#[derive(Debug)]
pub enum Control {
    /// What became of the handover.
    HandoverEnded(Outcome),
    /// The caller is back, on this leg.
    Returned(ReturnLeg),
    /// The phone system has fetched where the caller goes.
    OnTheWay,
    /// The server is about to stop.
    Stop,
    /// The server stops now: what becomes of a caller who is with a person will not be heard.
    GiveUp,
}

/// A leg, which shows nothing of itself.
pub struct ReturnLeg(pub Leg);

impl std::fmt::Debug for ReturnLeg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReturnLeg")
    }
}

/// A call that has come in.
pub struct Arrival {
    /// The phone system's own id of the call.
    pub call: String,
    /// The dialog to run.
    pub dialog: SharedDialog,
    /// In which of its languages.
    pub language: String,
    /// Whether the language was chosen for the caller by the route; if not, the others are offered.
    pub language_chosen: bool,
}

/// What work elsewhere has come to.
enum Work {
    Rendered(PlayId, usize, Option<Spoken>),
    Erased(Erasure),
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

struct Call {
    services: Arc<Services>,
    id: String,
    session: Uuid,
    dialog: SharedDialog,
    flow: Flow,
    /// None while the caller is with somebody else.
    leg: Option<Leg>,
    mouth: Mouth,
    turns: Turns,
    ears: Option<(EarsHandle, mpsc::Receiver<Heard>)>,
    ledger: SessionLedger,
    recorder: Arc<SessionRecorder>,
    work: mpsc::Sender<Work>,
    began: Instant,
    /// When the caller's last frame was spoken, as near as can be told.
    frame_at: SessionTime,
    /// When a handover that nothing is heard of counts as failed.
    away_until: Option<Instant>,
    events: VecDeque<Event>,
    outcome: Option<SessionOutcome>,
}

impl Call {
    fn new(services: Arc<Services>, arrival: Arrival, leg: Leg, session: Uuid, work: mpsc::Sender<Work>) -> Call {
        let Arrival { call, dialog, language, language_chosen } = arrival;
        let can_hear = services.recognisers.languages().map(str::to_owned);
        let flow = Flow::new(dialog.clone(), &language, services.settings.for_flow(can_hear, !language_chosen));
        let ledger = services.ledger.session(session);
        let facts = SessionFacts {
            dialog: dialog.file.dialog.value.clone(),
            dialog_version: dialog.version.clone(),
            language,
            opened_at: Timestamp::now(),
        };
        Call {
            mouth: Mouth::new(leg.profile, Duration::from_millis(services.settings.evidence_ms)),
            turns: Turns::new(leg.profile.codec),
            ears: None,
            id: call,
            session,
            dialog,
            flow,
            leg: Some(leg),
            recorder: Arc::new(services.recordings.session(ledger.clone(), facts)),
            ledger,
            work,
            began: Instant::now(),
            frame_at: SessionTime::START,
            away_until: None,
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
        let mut ticks = interval(FRAME);
        // Every 20 ms counts: the recording's clock is this one.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        self.open();
        while !self.flow.is_closed() {
            let away = self.away_until.unwrap_or_else(|| self.began + A_DAY);
            tokio::select! {
                biased;
                _ = ticks.tick(), if self.leg.is_some() => self.tick(),
                Some(control) = controls.recv() => {
                    self.control(control);
                    ticks.reset();
                }
                Some(work) = works.recv() => self.work_done(work),
                () = &mut failed, if !broken => {
                    broken = true;
                    self.take(Event::RecordingFailed);
                }
                heard = next_heard(&mut self.ears) => self.heard(heard),
                inbound = next_inbound(&mut self.leg) => self.inbound(inbound),
                () = sleep_until(away), if self.away_until.is_some() => self.give_up(SessionOutcome::ConnectionLost),
            }
        }
        self.close().await;
    }

    fn now(&self) -> SessionTime {
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
        self.take(Event::Begin);
    }

    fn listen_in(&mut self, language: &str) {
        let recogniser = self.services.recognisers.get(language);
        self.ears = Ears::start(recogniser, &self.services.speech).ok();
        if self.ears.is_none() {
            self.events.push_back(Event::EngineFailed);
        }
    }

    /// Feeds an event into the flow and carries out what comes back, until nothing is left to do.
    fn take(&mut self, event: Event) {
        self.events.push_back(event);
        while let Some(event) = self.events.pop_front() {
            let now = self.now();
            for action in self.flow.handle(event, now) {
                self.act(action, now);
            }
        }
    }

    fn act(&mut self, action: Action, now: SessionTime) {
        match action {
            Action::Say { play, lines } => self.say(play, lines),
            Action::Hush => {
                let cut = self.mouth.hush(now);
                self.events.extend(cut.into_iter().map(Event::LineEnded));
            }
            Action::Listen(Expecting { phrases, consent }) => {
                if let Some((ears, _)) = &self.ears {
                    ears.expect(Expectation { phrases, second_look: consent, open: false });
                }
            }
            Action::NextTurn { held } => self.turns.begin(held, now),
            Action::EndTurn(passage) => {
                let ended = self.turns.end(passage);
                self.keep(ended);
            }
            Action::DropTurn => self.turns.drop_running(),
            Action::Erase { purposes } => self.erase(purposes),
            Action::Language(language) => self.listen_in(&language),
            Action::Knock(_) => self.knock(),
            Action::Leave(departure) => self.leave(departure),
            Action::Note(fact) => self.note(fact, now),
            Action::Close(outcome) => {
                self.outcome = Some(outcome);
                self.services.calls.set(&self.id, Place::Ended(outcome, std::time::Instant::now()));
            }
        }
    }

    fn say(&mut self, play: PlayId, lines: Vec<Line>) {
        for (index, line) in lines.into_iter().enumerate() {
            let ready = self.fixed_sound(&line);
            if ready.is_none() {
                self.render(play, index, &line);
            }
            self.mouth.say(play, index, ready);
        }
    }

    fn fixed_sound(&self, line: &Line) -> Option<Arc<Spoken>> {
        let key = prompt_key(&self.dialog.file.dialog.value, line);
        if line.slots { None } else { self.services.prompts.get(&line.language, &key) }
    }

    /// A text with slots: rendered on another task, kept nowhere.
    fn render(&self, play: PlayId, index: usize, line: &Line) {
        let text = self.dialog.texts.text(&self.dialog.file, line, self.flow.slots());
        let (services, work) = (self.services.clone(), self.work.clone());
        let (session, prompt, language) = (self.session, line.id.clone(), line.language.clone());
        tokio::spawn(async move {
            let spoken = match text {
                Ok(text) => services.prompts.render(&language, &text).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = &spoken {
                metrics::counter!("candor_render_failures_total").increment(1);
                tracing::warn!(%session, prompt, language, error, "a prompt could not be rendered; it is left out");
            }
            let _ = work.send(Work::Rendered(play, index, spoken.ok())).await;
        });
    }

    fn keep(&self, turn: Option<ConsentedTurn<TurnAudio>>) {
        if let Some(turn) = turn {
            // What cannot be taken is written down as lost, and the recorder reports that it failed.
            let _ = self.recorder.keep(turn);
        }
    }

    fn erase(&self, purposes: Vec<Purpose>) {
        let (work, session) = (self.work.clone(), self.session);
        let withdrawn = self.recorder.withdraw(&purposes);
        tokio::spawn(async move {
            let erasure = match withdrawn.await {
                Ok(erased) => Erasure { complete: true, kept: erased.held > 0 },
                Err(error) => {
                    metrics::counter!("candor_erase_failures_total").increment(1);
                    tracing::error!(%session, %error, "a withdrawal could not be carried out in full; it is tried again before the session ends");
                    Erasure { complete: false, kept: false }
                }
            };
            let _ = work.send(Work::Erased(erasure)).await;
        });
    }

    fn target_name(&self) -> &str {
        &self.dialog.file.handover.value.to.value
    }

    /// Whether a person can be reached now.
    fn knock(&mut self) {
        let target = self.services.targets.get(self.target_name());
        let open = target.is_some_and(|target| target.is_open(Timestamp::now()));
        let answer = if open { Event::PersonThere } else { Event::NobodyThere(HandoverEnd::Closed) };
        self.events.push_back(answer);
    }

    /// The agent leaves: the recorder has stopped, the request lies ready, and only then the leg closes.
    fn leave(&mut self, departure: Departure) {
        let request = departure::request(self.session, self.target_name(), departure);
        self.services.calls.set(&self.id, Place::Leaving(Box::new(request)));
        self.away_until = Some(Instant::now() + FETCHING);
        self.end_leg();
        self.ears = None;
    }

    fn end_leg(&mut self) {
        if let Some(leg) = self.leg.take() {
            // A full channel is closed by dropping it, which the transport takes for the same.
            let _ = leg.outbound.try_send(Outbound::End);
        }
    }

    fn note(&self, fact: Fact, now: SessionTime) {
        let spoken = match &fact {
            Fact::Disclosure(prompted) | Fact::Question(_, prompted) => self.fixed_sound(&prompted.line),
            _ => None,
        };
        if let Fact::Answer { outcome, .. } = &fact {
            metrics::counter!("candor_consent_answers_total", "outcome" => *outcome).increment(1);
        }
        let target = self.target_name();
        let priority = self.services.targets.get(target).map_or(0, |target| target.priority);
        self.append(evidence::event(fact, spoken.as_deref(), target, priority, now.millis()));
    }

    /// A ledger that cannot take it reports that itself, and the recorder stops.
    fn append(&self, event: ledger::Event) {
        if let Err(error) = self.ledger.append(event) {
            tracing::error!(session = %self.session, %error, "the ledger could not take an entry");
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        let Some(leg) = &self.leg else { return };
        let send = |message| {
            leg.outbound.try_send(message).map_err(|refused| match refused {
                TrySendError::Full(message) | TrySendError::Closed(message) => message,
            })
        };
        let ended = self.mouth.tick(now, send);
        let sounding = self.mouth.sounding(now);
        self.turns.tick(&sounding);
        if self.turns.is_full() {
            let part = self.turns.part(self.flow.pass_part(now), now);
            self.keep(part);
        }
        if let Some((ears, _)) = &self.ears {
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
            Some(Inbound::Audio(frame)) => {
                self.frame_at = frame_time(self.frame_at, now);
                self.turns.hear(&frame);
                if let Some((ears, _)) = &self.ears {
                    ears.frame(self.frame_at, frame);
                }
            }
            Some(Inbound::Key(key)) => self.take(Event::Key(key)),
            Some(Inbound::Played(mark)) => {
                let ended = self.mouth.played(mark, now);
                ended.into_iter().for_each(|line| self.take(Event::LineEnded(line)));
            }
            Some(Inbound::Cleared(mark)) => self.mouth.cleared(mark),
            Some(Inbound::Lost | Inbound::Garbled(_) | Inbound::Lapsed | Inbound::Resumed) => {}
            Some(Inbound::Button(_) | Inbound::Language(_)) => {}
            Some(Inbound::Ended(PeerEnd::HungUp)) => self.gone(SessionOutcome::CallerHungUp),
            Some(Inbound::Ended(PeerEnd::Violation)) => self.gone(SessionOutcome::PeerViolation),
            Some(Inbound::Ended(PeerEnd::Lost)) | None => self.gone(SessionOutcome::ConnectionLost),
        }
    }

    fn gone(&mut self, outcome: SessionOutcome) {
        self.leg = None;
        self.take(Event::CallerGone(outcome));
    }

    fn heard(&mut self, heard: Option<Heard>) {
        let event = match heard {
            Some(Heard::SpeechBegan { .. }) => Event::SpeechBegan,
            Some(Heard::Utterance { began, speech, hypothesis, .. }) => Event::Utterance(Utterance {
                text: Zeroizing::new(hypothesis.text.clone()),
                second_look: hypothesis.open_look().map(|text| Zeroizing::new(text.to_owned())),
                confidence: hypothesis.confidence,
                began,
                speech,
            }),
            Some(Heard::NotUnderstood { .. }) => Event::NotUnderstood,
            Some(Heard::EngineFailed { failure, .. }) => {
                metrics::counter!("candor_recognition_failures_total", "class" => failure.class()).increment(1);
                tracing::warn!(session = %self.session, class = failure.class(), "the recogniser failed; the call goes on by keys");
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

    fn work_done(&mut self, work: Work) {
        match work {
            Work::Rendered(play, index, spoken) => self.mouth.rendered(play, index, spoken),
            Work::Erased(erasure) => self.take(Event::Erased(erasure)),
        }
    }

    fn control(&mut self, control: Control) {
        match control {
            // Told of a caller whom we still hear: of an earlier life of the call, or wrong.
            Control::HandoverEnded(_) | Control::Returned(_) | Control::OnTheWay if self.leg.is_some() => {
                tracing::warn!(session = %self.session, "the phone system told of a handover while the agent is talking");
            }
            Control::OnTheWay => {
                self.away_until = Some(Instant::now() + Duration::from_secs(60 * self.services.settings.handover_minutes));
            }
            Control::HandoverEnded(outcome) => {
                metrics::counter!("candor_handovers_total", "result" => outcome.as_str()).increment(1);
                if outcome.comes_back() {
                    self.away_until = Some(Instant::now() + COMING_BACK);
                }
                self.take(Event::HandoverEnded(departure::handover_end(outcome)));
            }
            Control::Returned(ReturnLeg(leg)) => {
                self.away_until = None;
                self.services.calls.set(&self.id, Place::Talking);
                self.mouth = Mouth::new(leg.profile, Duration::from_millis(self.services.settings.evidence_ms));
                self.turns = Turns::new(leg.profile.codec);
                self.leg = Some(leg);
                let language = self.flow.language().to_owned();
                self.listen_in(&language);
                self.take(Event::Returned);
            }
            Control::Stop => self.take(Event::Stopping),
            Control::GiveUp if self.leg.is_some() => self.gone(SessionOutcome::Failed),
            Control::GiveUp => self.give_up(SessionOutcome::Shutdown),
        }
    }

    /// Nothing was heard of what became of the caller, or nothing can be any more.
    fn give_up(&mut self, outcome: SessionOutcome) {
        self.away_until = None;
        self.take(Event::HandoverEnded(HandoverEnd::Unknown));
        self.gone(outcome);
    }

    /// The last entry of the ledger, when everything that was kept is on disk.
    async fn close(mut self) {
        self.end_leg();
        let outcome = evidence::outcome_name(self.outcome.unwrap_or(SessionOutcome::Failed));
        let at_ms = self.now().millis();
        let kept = self.recorder.close(outcome).await;
        self.append(ledger::Event::SessionClosed { outcome: outcome.to_owned(), turns_sealed: kept.sealed, at_ms });
        if self.ledger.written().await.is_err() {
            tracing::error!(session = %self.session, "the end of the session is not in the ledger");
        }
        metrics::counter!("candor_sessions_closed_total", "outcome" => outcome).increment(1);
        tracing::info!(session = %self.session, outcome, turns_sealed = kept.sealed, "session closed");
    }
}

const A_DAY: Duration = Duration::from_secs(24 * 3600);
/// How long the phone system may take to ask where the caller goes.
const FETCHING: Duration = Duration::from_secs(60);
/// How long a caller whom nobody answered may take to come back.
const COMING_BACK: Duration = Duration::from_secs(60);

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
