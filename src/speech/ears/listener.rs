use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use zeroize::{Zeroize, Zeroizing};

use super::clearness::Clearness;
use super::echo::{self, Echo};
use super::intake::{Intake, length_of};
use super::utterance::{Samples, Utterance};
use super::{EngineFailure, Heard, ListenError};
use crate::audio::{Codec, FRAME, g711};
use crate::consent::SessionTime;
use crate::speech::endpoint::{Change, Endpointer, More};
use crate::speech::stt::{Expectation, RECOGNITION_RATE, Recogniser, RecognitionError};
use crate::speech::vad::{self, STEP, Vad};
use crate::speech::{EndpointSettings, Settings};

/// What comes from the media path.
pub(super) enum Input {
    /// A frame in the leg's codec and when its first sample was spoken.
    Frame { at: SessionTime, frame: Bytes },
    /// 20 ms that were sent and did not arrive.
    Lost,
    /// What the caller hears of the agent, and from when on.
    Agent { at: SessionTime, frame: Bytes },
    /// The time.
    Tick { at: SessionTime },
}

/// How far the sound may run ahead of its frames' times before the clock is set back: frames that waited somewhere and came all at once.
const AHEAD: Duration = Duration::from_millis(60);

/// Each sample of a telephone is so many of the recogniser's.
const TELEPHONE: usize = RECOGNITION_RATE as usize / echo::RATE;

/// The task behind the ears of one call: decoding, voice activity, endpoints; the engine is elsewhere.
pub(super) struct Listener {
    recogniser: Option<Arc<dyn Recogniser>>,
    expectation: watch::Receiver<Expectation>,
    events: mpsc::Sender<Heard>,
    endpoint: EndpointSettings,
    gap: Duration,
    limit: Duration,
    intake: Intake,
    vad: Vad,
    endpointer: Endpointer,
    clearness: Clearness,
    /// Absent where the other side takes its own echo out.
    echo: Option<Echo>,
    /// Frames that were lost since the last one came. They are made up for when the next comes, which may hold a copy.
    lost: u32,
    /// The end of the sound so far; absent while no sound comes.
    until: Option<SessionTime>,
    /// Where the next step of the detector begins.
    step_at: SessionTime,
    /// The end of `recent`.
    recent_until: SessionTime,
    /// The latest sound, for the pre-roll.
    recent: Samples,
    /// The sound that is being worked through.
    sound: Samples,
    utterance: Option<Result<Utterance, EngineFailure>>,
    /// Whether what is being said was begun as an answer to a consent question.
    answers_consent: bool,
}

impl Listener {
    pub(super) fn new(
        recogniser: Option<Arc<dyn Recogniser>>,
        settings: &Settings,
        codec: Codec,
        expectation: watch::Receiver<Expectation>,
        events: mpsc::Sender<Heard>,
    ) -> Result<Self, ListenError> {
        let endpoint = settings.endpoint;
        Ok(Listener {
            recogniser,
            expectation,
            events,
            endpoint,
            gap: Duration::from_millis(settings.vad.gap_ms),
            limit: Duration::from_millis(settings.recognition.time_limit_ms),
            intake: Intake::new(codec)?,
            vad: Vad::new(settings.vad),
            endpointer: Endpointer::new(endpoint),
            clearness: Clearness::default(),
            echo: Self::may_echo(codec).then(Echo::new),
            lost: 0,
            until: None,
            step_at: SessionTime::START,
            recent_until: SessionTime::START,
            recent: Zeroizing::new(Vec::with_capacity(2 * samples_in(kept(endpoint)))),
            sound: Zeroizing::new(Vec::with_capacity(samples_in(Duration::from_secs(2)))),
            utterance: None,
            answers_consent: false,
        })
    }

    /// Whether the agent's own voice may come back: a browser takes it out itself.
    pub(super) fn may_echo(codec: Codec) -> bool {
        codec == Codec::Ulaw
    }

    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        loop {
            let input = tokio::select! {
                input = inputs.recv() => input,
                () = self.events.closed() => None,
            };
            let heard = match input {
                Some(Input::Frame { at, frame }) => self.frame(at, &frame).await,
                Some(Input::Lost) => {
                    // While no sound comes, what is lost is silence like the rest.
                    self.lost += u32::from(self.until.is_some());
                    Ok(())
                }
                Some(Input::Agent { at, frame }) => {
                    self.agent(at, &frame);
                    Ok(())
                }
                Some(Input::Tick { at }) => self.tick(at).await,
                None => return,
            };
            if let Err(error) = heard {
                tracing::error!(%error, "the ears of a call stop: the caller has keys only");
                return;
            }
        }
    }

    async fn frame(&mut self, at: SessionTime, frame: &[u8]) -> Result<(), ListenError> {
        match self.until {
            Some(until) if at.since(until) > self.gap => self.silence_until(at).await?,
            Some(until) if until.since(at) > AHEAD && !self.endpointer.speaking() => self.set_back(until.since(at)),
            _ => {}
        }
        if self.until.is_none() {
            self.begin_stream(at);
        }
        self.make_up_for_lost(frame).await?;
        // A frame longer than a second is none of a telephone's; it is taken in parts, as buffers do not grow.
        for part in self.intake.parts(frame) {
            self.sound.clear();
            let length = self.intake.hear(part, &mut self.sound)?;
            self.work_through(length, true).await;
        }
        Ok(())
    }

    /// Fills the place of lost frames: the last from the copy that `next` may hold, those before it from the sound that went before.
    async fn make_up_for_lost(&mut self, next: &[u8]) -> Result<(), ListenError> {
        let longest = (self.gap.as_millis() / FRAME.as_millis()) as u32;
        for left in (0..std::mem::take(&mut self.lost).min(longest)).rev() {
            self.sound.clear();
            let said = match left {
                0 => self.intake.recover(next, &mut self.sound)?,
                _ => self.intake.conceal(&mut self.sound).map(|()| false)?,
            };
            self.work_through(Intake::SLOT, said).await;
        }
        Ok(())
    }

    fn agent(&mut self, at: SessionTime, frame: &[u8]) {
        if let Some(echo) = &mut self.echo {
            let samples = Zeroizing::new(g711::decode(frame));
            echo.agent(at, &samples);
        }
    }

    async fn tick(&mut self, at: SessionTime) -> Result<(), ListenError> {
        match self.until {
            Some(until) if at.since(until) > self.gap => self.silence_until(at - self.gap).await,
            _ => Ok(()),
        }
    }

    /// Fills a gap with silence as long as somebody may still be speaking; a gap after that ends the stream.
    async fn silence_until(&mut self, at: SessionTime) -> Result<(), ListenError> {
        self.lost = 0;
        let begun = self.until.unwrap_or(at);
        while let Some(until) = self.until
            && until + FRAME <= at
        {
            self.sound.clear();
            self.intake.silence(&mut self.sound)?;
            self.work_through(Intake::SLOT, true).await;
            if !self.endpointer.speaking() && at.since(begun) > Duration::from_millis(self.endpoint.longest_silence_ms()) {
                self.until = None;
            }
        }
        Ok(())
    }

    /// Sound comes again, or for the first time.
    fn begin_stream(&mut self, at: SessionTime) {
        self.intake.reset();
        self.lost = 0;
        self.vad.reset();
        self.endpointer = Endpointer::new(self.endpoint);
        self.recent.zeroize();
        if let Some(echo) = &mut self.echo {
            echo.begin(at);
        }
        (self.until, self.step_at, self.recent_until) = (Some(at), at, at);
    }

    fn set_back(&mut self, by: Duration) {
        self.until = self.until.map(|until| until - by);
        self.step_at = self.step_at - by;
        self.recent_until = self.recent_until - by;
    }

    /// Takes `sound`, which stands for `length`, into everything that listens. What nobody `said` (it was made up for a lost frame) goes on
    /// with a voice, but never begins one.
    async fn work_through(&mut self, length: Duration, said: bool) {
        self.until = self.until.map(|until| until + length);
        self.remember();
        if let Some(Ok(utterance)) = &mut self.utterance {
            utterance.push(Zeroizing::new(self.sound.to_vec()));
        }
        if let Some(echo) = &mut self.echo {
            // Nothing of a telephone's sound is above its band.
            echo.caller(self.sound.iter().copied().step_by(TELEPHONE));
        }
        let mut changes = Vec::new();
        let more = self.more();
        let (endpointer, step_at, echo) = (&mut self.endpointer, &mut self.step_at, &mut self.echo);
        let clearness = &mut self.clearness;
        self.vad.hear(&self.sound, |vad::Heard { voice, power }| {
            clearness.hear(voice, power, endpointer.speaking());
            let voice = voice && (said || endpointer.speaking());
            let voice = voice && !echo.as_mut().is_some_and(|echo| echo.is_it(samples_in(STEP) / TELEPHONE));
            changes.extend(endpointer.hear(*step_at, STEP, voice, more));
            *step_at = *step_at + STEP;
        });
        self.notice_pause();
        for change in changes {
            match change {
                Change::Began { at } => self.began(at).await,
                Change::Ended { began, ended, speech } => self.ended(began, ended, speech).await,
            }
        }
    }

    /// Tells the engine of a pause, and of its end.
    fn notice_pause(&mut self) {
        if let (Some(Ok(utterance)), Some(silent)) = (&mut self.utterance, self.endpointer.silent(self.step_at)) {
            if silent >= Duration::from_millis(self.endpoint.pause_ms) {
                utterance.pause();
            } else if silent.is_zero() {
                utterance.goes_on();
            }
        }
    }

    /// Whether more may come of what is being said. What answers a consent question is heard out, whatever it looks like: also where the
    /// question was put while the caller spoke.
    fn more(&self) -> More {
        if !self.endpointer.speaking() {
            return More::Perhaps;
        }
        let consent = self.answers_consent || self.expectation.borrow().second_look;
        match &self.utterance {
            _ if consent => More::HeardOut,
            Some(Ok(utterance)) => utterance.more(),
            _ => More::Perhaps,
        }
    }

    /// Keeps the latest sound, without ever moving to another place in memory.
    fn remember(&mut self) {
        let room = self.recent.capacity() - self.recent.len();
        if room < self.sound.len() {
            let keep = samples_in(kept(self.endpoint)).min(self.recent.len());
            let from = self.recent.len() - keep;
            self.recent.copy_within(from.., 0);
            self.recent[keep..].zeroize();
            self.recent.truncate(keep);
        }
        self.recent.extend_from_slice(&self.sound);
        self.recent_until = self.recent_until + length_of(self.sound.len());
    }

    async fn began(&mut self, at: SessionTime) {
        self.clearness.begin();
        self.answers_consent = self.expectation.borrow().second_look;
        if let Some(recogniser) = &self.recogniser {
            let pieces = 64 + (self.endpoint.longest_ms / FRAME.as_millis() as u64) as usize;
            let expectation = self.expectation.borrow().clone();
            let mut begun = Utterance::begin(Arc::clone(recogniser), expectation, pieces);
            if let Ok(utterance) = &mut begun {
                let from = at - Duration::from_millis(self.endpoint.pre_roll_ms);
                let count = samples_in(self.recent_until.since(from)).min(self.recent.len());
                utterance.push(Zeroizing::new(self.recent[self.recent.len() - count..].to_vec()));
            }
            // With no engine that answers it is as without one: callers have been offered keys.
            let nobody_hears = matches!(begun, Err(EngineFailure::Engine(RecognitionError::Stuck)));
            self.utterance = (!nobody_hears).then_some(begun);
        }
        self.tell(Heard::SpeechBegan { at }).await;
    }

    async fn ended(&mut self, began: SessionTime, ended: SessionTime, speech: Duration) {
        self.tell(Heard::SpeechEnded { began, ended }).await;
        let answer = match self.utterance.take() {
            None => return self.tell(Heard::NotUnderstood { began, ended }).await,
            Some(utterance) => utterance.and_then(Utterance::finish),
        };
        let (events, limit, above_noise) = (self.events.clone(), self.limit, self.clearness.decibels());
        tokio::spawn(async move {
            let answer = match answer {
                Err(failure) => Err(failure),
                Ok(mut answer) => tokio::select! {
                    answer = tokio::time::timeout(limit, answer.wait()) => match answer {
                        Ok(Some(answer)) => answer,
                        Ok(None) => Err(EngineFailure::Died),
                        Err(_) => Err(EngineFailure::TooSlow),
                    },
                    () = events.closed() => return,
                },
            };
            let heard = match answer {
                Ok(hypothesis) => Heard::Utterance { began, ended, speech, above_noise, hypothesis },
                Err(failure) => {
                    metrics::counter!("candor_ears_engine_failures_total", "class" => failure.class()).increment(1);
                    Heard::EngineFailed { began, ended, failure }
                }
            };
            // Nobody listens any more when the call has ended.
            let _ = events.send(heard).await;
        });
    }

    /// Takes itself whole, not shared: a decoder may go from one thread to another, but not be seen by two.
    async fn tell(&mut self, heard: Heard) {
        let _ = self.events.send(heard).await;
    }
}

/// How much sound is kept: the pre-roll, and the time that it may take to be sure of a beginning.
fn kept(endpoint: EndpointSettings) -> Duration {
    Duration::from_millis(endpoint.pre_roll_ms + 4 * endpoint.begin_ms + 500)
}

/// How many samples of the recogniser's rate last `duration`.
fn samples_in(duration: Duration) -> usize {
    (duration.as_micros() as u64 * u64::from(RECOGNITION_RATE) / 1_000_000) as usize
}
