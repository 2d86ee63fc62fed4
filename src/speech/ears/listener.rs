use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use zeroize::{Zeroize, Zeroizing};

use super::utterance::{Samples, Utterance};
use super::{EngineFailure, Heard};
use crate::audio::resample::{ResampleError, Resampler};
use crate::audio::{Codec, FRAME, g711};
use crate::consent::SessionTime;
use crate::speech::endpoint::{Change, Endpointer};
use crate::speech::stt::{Expectation, RECOGNITION_RATE, Recogniser};
use crate::speech::vad::{STEP, Vad};
use crate::speech::{EndpointSettings, Settings};

/// What comes from the media path.
pub(super) enum Input {
    /// A frame of μ-law and when its first sample was spoken.
    Frame { at: SessionTime, ulaw: Bytes },
    /// The time.
    Tick { at: SessionTime },
}

/// How far the sound may run ahead of its frames' times before the clock is set back: frames that waited somewhere and came all at once.
const AHEAD: Duration = Duration::from_millis(60);

/// The task behind the ears of one call: resampling, voice activity, endpoints; the engine is elsewhere.
pub(super) struct Listener {
    recogniser: Option<Arc<dyn Recogniser>>,
    expectation: watch::Receiver<Expectation>,
    events: mpsc::Sender<Heard>,
    endpoint: EndpointSettings,
    gap: Duration,
    limit: Duration,
    resampler: Resampler,
    vad: Vad,
    endpointer: Endpointer,
    /// The end of the sound so far; absent while no sound comes.
    until: Option<SessionTime>,
    /// Where the next step of the detector begins.
    step_at: SessionTime,
    /// The end of `recent`.
    recent_until: SessionTime,
    /// The latest resampled sound, for the pre-roll.
    recent: Samples,
    frame: Samples,
    resampled: Samples,
    utterance: Option<Result<Utterance, EngineFailure>>,
}

impl Listener {
    pub(super) fn new(
        recogniser: Option<Arc<dyn Recogniser>>,
        settings: &Settings,
        expectation: watch::Receiver<Expectation>,
        events: mpsc::Sender<Heard>,
    ) -> Result<Self, ResampleError> {
        let endpoint = settings.endpoint;
        Ok(Listener {
            recogniser,
            expectation,
            events,
            endpoint,
            gap: Duration::from_millis(settings.vad.gap_ms),
            limit: Duration::from_millis(settings.recognition.time_limit_ms),
            resampler: Resampler::new(Codec::Ulaw.sample_rate(), RECOGNITION_RATE)?,
            vad: Vad::new(settings.vad),
            endpointer: Endpointer::new(endpoint),
            until: None,
            step_at: SessionTime::START,
            recent_until: SessionTime::START,
            recent: Zeroizing::new(Vec::with_capacity(2 * samples_in(kept(endpoint)))),
            frame: Zeroizing::new(Vec::with_capacity(Codec::Ulaw.bytes_in(Duration::from_secs(1)))),
            resampled: Zeroizing::new(Vec::with_capacity(samples_in(Duration::from_secs(2)))),
            utterance: None,
        })
    }

    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        loop {
            let input = tokio::select! {
                input = inputs.recv() => input,
                () = self.events.closed() => None,
            };
            let heard = match input {
                Some(Input::Frame { at, ulaw }) => self.frame(at, &ulaw).await,
                Some(Input::Tick { at }) => self.tick(at).await,
                None => return,
            };
            if let Err(error) = heard {
                tracing::error!(%error, "the ears of a call stop: the caller has keys only");
                return;
            }
        }
    }

    async fn frame(&mut self, at: SessionTime, ulaw: &[u8]) -> Result<(), ResampleError> {
        match self.until {
            Some(until) if at.since(until) > self.gap => self.silence_until(at).await?,
            Some(until) if until.since(at) > AHEAD && !self.endpointer.speaking() => self.set_back(until.since(at)),
            _ => {}
        }
        if self.until.is_none() {
            self.begin_stream(at);
        }
        // A frame longer than a second is none of a telephone's; it is taken in parts, as buffers do not grow.
        for part in ulaw.chunks(Codec::Ulaw.sample_rate() as usize) {
            self.sound(part).await?;
        }
        Ok(())
    }

    async fn tick(&mut self, at: SessionTime) -> Result<(), ResampleError> {
        match self.until {
            Some(until) if at.since(until) > self.gap => self.silence_until(at - self.gap).await,
            _ => Ok(()),
        }
    }

    /// Fills a gap with silence as long as somebody may still be speaking; a gap after that ends the stream.
    async fn silence_until(&mut self, at: SessionTime) -> Result<(), ResampleError> {
        let silence = [Codec::Ulaw.silence(); 160];
        let begun = self.until.unwrap_or(at);
        while let Some(until) = self.until
            && until + FRAME <= at
        {
            self.sound(&silence).await?;
            if !self.endpointer.speaking() && at.since(begun) > Duration::from_millis(self.endpoint.trailing_silence_ms) {
                self.until = None;
            }
        }
        Ok(())
    }

    /// Sound comes again, or for the first time.
    fn begin_stream(&mut self, at: SessionTime) {
        self.resampler.reset();
        self.vad.reset();
        self.endpointer = Endpointer::new(self.endpoint);
        self.recent.zeroize();
        (self.until, self.step_at, self.recent_until) = (Some(at), at, at);
    }

    fn set_back(&mut self, by: Duration) {
        self.until = self.until.map(|until| until - by);
        self.step_at = self.step_at - by;
        self.recent_until = self.recent_until - by;
    }

    async fn sound(&mut self, ulaw: &[u8]) -> Result<(), ResampleError> {
        self.frame.clear();
        g711::decode_into(ulaw, &mut self.frame);
        self.resampled.clear();
        self.resampler.push(&self.frame, &mut self.resampled)?;
        self.until = self.until.map(|until| until + Codec::Ulaw.duration(ulaw.len()));
        self.remember();
        if let Some(Ok(utterance)) = &mut self.utterance {
            utterance.push(Zeroizing::new(self.resampled.to_vec()));
        }
        let mut changes = Vec::new();
        let (endpointer, step_at) = (&mut self.endpointer, &mut self.step_at);
        self.vad.hear(&self.resampled, |voice| {
            changes.extend(endpointer.hear(*step_at, STEP, voice));
            *step_at = *step_at + STEP;
        });
        for change in changes {
            match change {
                Change::Began { at } => self.began(at).await,
                Change::Ended { began, ended, speech } => self.ended(began, ended, speech).await,
            }
        }
        Ok(())
    }

    /// Keeps the latest sound, without ever moving to another place in memory.
    fn remember(&mut self) {
        let room = self.recent.capacity() - self.recent.len();
        if room < self.resampled.len() {
            let keep = samples_in(kept(self.endpoint)).min(self.recent.len());
            let from = self.recent.len() - keep;
            self.recent.copy_within(from.., 0);
            self.recent[keep..].zeroize();
            self.recent.truncate(keep);
        }
        self.recent.extend_from_slice(&self.resampled);
        self.recent_until = self.recent_until + length_of(self.resampled.len());
    }

    async fn began(&mut self, at: SessionTime) {
        if let Some(recogniser) = &self.recogniser {
            let pieces = 64 + (self.endpoint.longest_ms / FRAME.as_millis() as u64) as usize;
            let expectation = self.expectation.borrow().clone();
            let mut begun = Utterance::begin(Arc::clone(recogniser), expectation, pieces);
            if let Ok(utterance) = &mut begun {
                let from = at - Duration::from_millis(self.endpoint.pre_roll_ms);
                let count = samples_in(self.recent_until.since(from)).min(self.recent.len());
                utterance.push(Zeroizing::new(self.recent[self.recent.len() - count..].to_vec()));
            }
            self.utterance = Some(begun);
        }
        self.tell(Heard::SpeechBegan { at }).await;
    }

    async fn ended(&mut self, began: SessionTime, ended: SessionTime, speech: Duration) {
        self.tell(Heard::SpeechEnded { began, ended }).await;
        let answer = match self.utterance.take() {
            None => return self.tell(Heard::NotUnderstood { began, ended }).await,
            Some(utterance) => utterance.and_then(Utterance::finish),
        };
        let (events, limit) = (self.events.clone(), self.limit);
        tokio::spawn(async move {
            let answer = match answer {
                Err(failure) => Err(failure),
                Ok(answer) => tokio::select! {
                    answer = tokio::time::timeout(limit, answer) => match answer {
                        Ok(Ok(answer)) => answer,
                        Ok(Err(_)) => Err(EngineFailure::Died),
                        Err(_) => Err(EngineFailure::TooSlow),
                    },
                    () = events.closed() => return,
                },
            };
            let heard = match answer {
                Ok(hypothesis) => Heard::Utterance { began, ended, speech, hypothesis },
                Err(failure) => {
                    metrics::counter!("candor_ears_engine_failures_total", "class" => failure.class()).increment(1);
                    Heard::EngineFailed { began, ended, failure }
                }
            };
            // Nobody listens any more when the call has ended.
            let _ = events.send(heard).await;
        });
    }

    async fn tell(&self, heard: Heard) {
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

/// How long `samples` of the recogniser's rate last.
fn length_of(samples: usize) -> Duration {
    Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(RECOGNITION_RATE))
}
