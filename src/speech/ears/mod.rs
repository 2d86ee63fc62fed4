mod clearness;
mod echo;
mod intake;
mod listener;
mod utterance;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use self::listener::{Input, Listener};
use super::Settings;
use super::stt::{Expectation, Hypothesis, Recogniser, RecognitionError};
use crate::audio::Codec;
use crate::audio::opus::OpusError;
use crate::audio::resample::ResampleError;
use crate::consent::SessionTime;

/// How many frames and ticks may wait for the ears: five seconds of both.
const CHANNEL: usize = 512;

/// How many events may wait for the session; the ears wait when it is full, nobody else does.
const EVENTS: usize = 64;

/// The ears of one call in one language. A call that changes its language gets new ones.
pub struct Ears;

impl Ears {
    /// Starts to listen to a leg with this codec, in a task of its own that ends when the handle or the receiver is dropped. Without a recogniser speech
    /// is found but not understood.
    ///
    /// # Errors
    /// [`ListenError`] when resampler or decoder cannot be made, which no setting can bring about.
    ///
    /// # Panics
    /// When it is called outside a tokio runtime.
    pub fn start(
        recogniser: Option<Arc<dyn Recogniser>>,
        settings: &Settings,
        codec: Codec,
    ) -> Result<(EarsHandle, mpsc::Receiver<Heard>), ListenError> {
        let (input, inputs) = mpsc::channel(CHANNEL);
        let (expectation, expectations) = watch::channel(Expectation::default());
        let (events, heard) = mpsc::channel(EVENTS);
        let listener = Listener::new(recogniser, settings, codec, expectations, events)?;
        tokio::spawn(listener.run(inputs));
        Ok((EarsHandle { input, expectation, may_echo: Listener::may_echo(codec) }, heard))
    }
}

/// The media path's end of the ears. No call of it ever waits.
pub struct EarsHandle {
    input: mpsc::Sender<Input>,
    expectation: watch::Sender<Expectation>,
    may_echo: bool,
}

impl EarsHandle {
    /// Hands over a frame in the leg's codec whose first sample was spoken at `at`. When the ears are behind by seconds, the frame is
    /// dropped and counted (`candor_ears_dropped_total`); to them it was silence. A packet that cannot be decoded is silence too, and
    /// counted (`candor_ears_undecodable_total`).
    pub fn frame(&self, at: SessionTime, frame: Bytes) {
        self.send(Input::Frame { at, frame }, "frame");
    }

    /// Says that 20 ms were sent and did not arrive, before the frame that came after them. They are made up for with the copy that
    /// the next frame may hold, or concealed; what is concealed is never the beginning of a voice.
    pub fn lost(&self) {
        self.send(Input::Lost, "loss");
    }

    /// Says that it is `at` now. Called regularly (every 20 to 100 ms), it makes the ears notice the end of speech when the
    /// phone system sends no frames for silence.
    pub fn tick(&self, at: SessionTime) {
        self.send(Input::Tick { at }, "tick");
    }

    /// Says that the caller hears this frame of the agent's, in the leg's codec, from `at` on. What comes back of it within a second is no voice to the ears.
    /// Frames follow each other; where there is none the agent is silent. On a leg whose other side takes its own echo out (a browser) nothing is done with it.
    pub fn agent(&self, at: SessionTime, frame: Bytes) {
        if self.may_echo && !frame.is_empty() {
            self.send(Input::Agent { at, frame }, "agent");
        }
    }

    /// Says what the caller is expected to say from now on. An utterance that has begun keeps the expectation it began with.
    pub fn expect(&self, expectation: Expectation) {
        self.expectation.send_replace(expectation);
    }

    fn send(&self, input: Input, what: &'static str) {
        if self.input.try_send(input).is_err() {
            metrics::counter!("candor_ears_dropped_total", "what" => what).increment(1);
        }
    }
}

/// Why the ears cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The resampler failed.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// The decoder could not be made.
    #[error(transparent)]
    Opus(#[from] OpusError),
}

/// What the ears heard. Times are those of the sound, not of its processing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Heard {
    /// The caller has begun to speak (or something sounds like it).
    SpeechBegan {
        /// When the voice began.
        at: SessionTime,
    },
    /// The caller has finished; what they said follows as one of the three below.
    SpeechEnded {
        /// When the voice began.
        began: SessionTime,
        /// When the last voice ended.
        ended: SessionTime,
    },
    /// What the caller said.
    Utterance {
        /// When the voice began.
        began: SessionTime,
        /// When the last voice ended.
        ended: SessionTime,
        /// How much of it was voice.
        speech: Duration,
        /// How far the voice was above the noise of the line, in decibels; infinite where there was none, or none is known.
        above_noise: f32,
        /// The words.
        hypothesis: Hypothesis,
    },
    /// The caller said something, and there is no recogniser for the language.
    NotUnderstood {
        /// When the voice began.
        began: SessionTime,
        /// When the last voice ended.
        ended: SessionTime,
    },
    /// The caller said something, and the recogniser failed.
    EngineFailed {
        /// When the voice began.
        began: SessionTime,
        /// When the last voice ended.
        ended: SessionTime,
        /// In which way.
        failure: EngineFailure,
    },
}

/// In which way a recogniser failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineFailure {
    /// The engine said so.
    #[error(transparent)]
    Engine(#[from] RecognitionError),
    /// The words did not come within the limit.
    #[error("the recogniser took too long")]
    TooSlow,
    /// The engine could not take sound as fast as it came.
    #[error("the recogniser fell behind the caller by a whole utterance")]
    Overloaded,
    /// The thread of the engine ended without an answer, or could not be started.
    #[error("the recogniser's thread ended without an answer")]
    Died,
}

impl EngineFailure {
    /// A short name for metrics and the ledger.
    pub fn class(self) -> &'static str {
        match self {
            EngineFailure::Engine(error) => error.class(),
            EngineFailure::TooSlow => "too-slow",
            EngineFailure::Overloaded => "overloaded",
            EngineFailure::Died => "died",
        }
    }
}
