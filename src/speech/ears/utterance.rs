use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use tokio::sync::{oneshot, watch};
use zeroize::Zeroizing;

use super::EngineFailure;
use crate::speech::endpoint::More;
use crate::speech::stt::{Expectation, Hypothesis, RECOGNITION_RATE, Recogniser, THREAD};

/// Linear sound at [`RECOGNITION_RATE`], wiped when it is dropped.
pub(super) type Samples = Zeroizing<Vec<i16>>;

/// What becomes of an utterance.
pub(super) type Answer = Result<Hypothesis, EngineFailure>;

/// How much sound the engine is given at once when it has fallen behind, in samples: 200 ms.
const BATCH: usize = RECOGNITION_RATE as usize / 5;

/// How much new sound there has to be before the engine is asked again what it has heard so far, in samples: 80 ms.
const SO_FAR: usize = RECOGNITION_RATE as usize * 2 / 25;

/// An utterance in progress: its engine runs on a thread of its own, which ends with the utterance. Dropping this, or the receiver
/// that [`Utterance::finish`] gives, makes the thread stop at its next piece of sound.
pub(super) struct Utterance {
    sound: SyncSender<Samples>,
    answer: oneshot::Receiver<Answer>,
    more: watch::Receiver<More>,
    overloaded: bool,
}

impl Utterance {
    /// Begins with an utterance. `pieces` bounds how many pieces of sound may wait for the engine.
    pub(super) fn begin(recogniser: Arc<dyn Recogniser>, expectation: Expectation, pieces: usize) -> Result<Self, EngineFailure> {
        let (sound, sounds) = sync_channel(pieces);
        let (given, answer) = oneshot::channel();
        let (tell, more) = watch::channel(More::Perhaps);
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || recognise(&*recogniser, &expectation, &sounds, &tell, given))
            .map_err(|_| EngineFailure::Died)?;
        Ok(Utterance { sound, answer, more, overloaded: false })
    }

    /// Hands sound to the engine; never waits.
    pub(super) fn push(&mut self, samples: Samples) {
        if let Err(TrySendError::Full(_)) = self.sound.try_send(samples) {
            self.overloaded = true;
        }
    }

    /// Whether more may come of it, as far as the engine has heard.
    pub(super) fn more(&self) -> More {
        *self.more.borrow()
    }

    /// Ends the utterance: the answer will come.
    pub(super) fn finish(self) -> Result<oneshot::Receiver<Answer>, EngineFailure> {
        if self.overloaded { Err(EngineFailure::Overloaded) } else { Ok(self.answer) }
    }
}

/// The engine's thread.
fn recognise(
    recogniser: &dyn Recogniser,
    expectation: &Expectation,
    sounds: &Receiver<Samples>,
    more: &watch::Sender<More>,
    given: oneshot::Sender<Answer>,
) {
    let answer = (|| {
        let mut recognition = recogniser.start(expectation)?;
        let mut unasked = 0;
        let mut batch = Samples::new(Vec::with_capacity(2 * BATCH));
        while let Ok(first) = sounds.recv() {
            if given.is_closed() {
                return Ok(None);
            }
            unasked += first.len();
            if first.len() >= BATCH {
                recognition.push(&first)?;
                continue;
            }
            batch.extend_from_slice(&first);
            while batch.len() < BATCH
                && let Ok(next) = sounds.try_recv()
            {
                unasked += next.len();
                // The capacity holds a piece beyond the batch, so that the buffer never moves and leaves a copy behind.
                if batch.len() + next.len() > batch.capacity() {
                    recognition.push(&batch)?;
                    batch.clear();
                    recognition.push(&next)?;
                } else {
                    batch.extend_from_slice(&next);
                }
            }
            recognition.push(&batch)?;
            batch.clear();
            if unasked >= SO_FAR {
                unasked = 0;
                let so_far = recognition.so_far();
                more.send_replace(so_far.map_or(More::Perhaps, |so_far| More::after(&so_far, &expectation.phrases)));
            }
        }
        if given.is_closed() { Ok(None) } else { recognition.finish().map(Some) }
    })();
    if let Some(answer) = answer.map_err(EngineFailure::Engine).transpose() {
        // Nobody waits any more when the call has ended.
        let _ = given.send(answer);
    }
}
