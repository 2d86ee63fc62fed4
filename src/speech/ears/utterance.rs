use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use tokio::sync::{oneshot, watch};
use zeroize::Zeroizing;

use super::EngineFailure;
use crate::speech::endpoint::More;
use crate::speech::stt::{Expectation, Hypothesis, RECOGNITION_RATE, Recogniser, Recognition, RecognitionError, THREAD};

/// Linear sound at [`RECOGNITION_RATE`], wiped when it is dropped.
pub(super) type Samples = Zeroizing<Vec<i16>>;

/// What becomes of an utterance.
pub(super) type Answer = Result<Hypothesis, EngineFailure>;

/// How much sound the engine is given at once when it has fallen behind, in samples: 200 ms.
const BATCH: usize = RECOGNITION_RATE as usize / 5;

/// How much new sound there has to be before the engine is asked again what it has heard so far, in samples: 80 ms.
const SO_FAR: usize = RECOGNITION_RATE as usize * 2 / 25;

/// What goes to the engine's thread.
enum Piece {
    Sound(Samples),
    /// A pause has begun.
    Pause(Arc<AtomicBool>),
    /// The caller goes on after it.
    GoesOn,
}

/// Says that work is of no use any more when it is dropped.
struct Stale(Option<Arc<AtomicBool>>);

impl Stale {
    /// It is of use after all.
    fn let_be(mut self) {
        self.0 = None;
    }
}

impl Drop for Stale {
    fn drop(&mut self) {
        if let Some(gone_on) = &self.0 {
            gone_on.store(true, Ordering::Relaxed);
        }
    }
}

/// An utterance in progress: its engine runs on a thread of its own, which ends with the utterance. Dropping this, or the receiver
/// that [`Utterance::finish`] gives, makes the thread stop at its next piece of sound.
pub(super) struct Utterance {
    pieces: SyncSender<Piece>,
    /// Set when the pause that lasts is over: what an engine makes of the utterance up to it is of no use any more.
    gone_on: Option<Stale>,
    answer: Answered,
    more: watch::Receiver<More>,
    overloaded: bool,
}

/// The answer to come. Dropping it tells the engine that nobody waits any more.
pub(super) struct Answered {
    answer: oneshot::Receiver<Answer>,
    _abandoned: Stale,
}

impl Answered {
    /// Waits for it; nothing when the thread has ended without one.
    pub(super) async fn wait(&mut self) -> Option<Answer> {
        (&mut self.answer).await.ok()
    }
}

impl Utterance {
    /// Begins with an utterance. `pieces` bounds how many pieces may wait for the engine.
    pub(super) fn begin(recogniser: Arc<dyn Recogniser>, expectation: Expectation, pieces: usize) -> Result<Self, EngineFailure> {
        let seat = recogniser.seat()?;
        let (sender, receiver) = sync_channel(pieces);
        let (given, answer) = oneshot::channel();
        let (tell, more) = watch::channel(More::Perhaps);
        let abandoned = Arc::new(AtomicBool::new(false));
        let answer = Answered { answer, _abandoned: Stale(Some(abandoned.clone())) };
        thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || {
                recognise(&*recogniser, &expectation, &receiver, &tell, given, &abandoned);
                drop(seat);
            })
            .map_err(|_| EngineFailure::Died)?;
        Ok(Utterance { pieces: sender, gone_on: None, answer, more, overloaded: false })
    }

    /// Hands sound to the engine; never waits.
    pub(super) fn push(&mut self, samples: Samples) {
        self.send(Piece::Sound(samples));
    }

    /// The caller is silent, and may have finished.
    pub(super) fn pause(&mut self) {
        if self.gone_on.is_none() {
            let gone_on = Arc::new(AtomicBool::new(false));
            self.gone_on = Some(Stale(Some(gone_on.clone())));
            self.send(Piece::Pause(gone_on));
        }
    }

    /// The caller is speaking.
    pub(super) fn goes_on(&mut self) {
        if self.gone_on.take().is_some() {
            self.send(Piece::GoesOn);
        }
    }

    fn send(&mut self, piece: Piece) {
        if let Err(TrySendError::Full(_)) = self.pieces.try_send(piece) {
            self.overloaded = true;
        }
    }

    /// Whether more may come of it, as far as the engine has heard.
    pub(super) fn more(&self) -> More {
        *self.more.borrow()
    }

    /// Ends the utterance: the answer will come.
    pub(super) fn finish(mut self) -> Result<Answered, EngineFailure> {
        // What has been begun in the last pause is what is wanted.
        if let Some(gone_on) = self.gone_on.take() {
            gone_on.let_be();
        }
        if self.overloaded { Err(EngineFailure::Overloaded) } else { Ok(self.answer) }
    }
}

/// The engine's thread.
fn recognise(
    recogniser: &dyn Recogniser,
    expectation: &Expectation,
    pieces: &Receiver<Piece>,
    more: &watch::Sender<More>,
    given: oneshot::Sender<Answer>,
    abandoned: &AtomicBool,
) {
    let answer = (|| {
        let mut recognition = recogniser.start(expectation)?;
        let mut batch = Samples::new(Vec::with_capacity(2 * BATCH));
        let mut unasked = 0;
        let mut next = pieces.recv().ok();
        while let Some(piece) = next.take() {
            if given.is_closed() {
                return Ok(None);
            }
            match piece {
                Piece::Sound(first) => {
                    next = gather(first, pieces, &mut batch, &mut *recognition, &mut unasked)?;
                }
                Piece::Pause(gone_on) => {
                    recognition.pause(&gone_on)?;
                    unasked = SO_FAR;
                }
                Piece::GoesOn => recognition.goes_on(),
            }
            if unasked >= SO_FAR {
                unasked = 0;
                let so_far = recognition.so_far();
                more.send_replace(
                    so_far.map_or(More::Perhaps, |so_far| More::after(&so_far, expectation, recogniser.language())),
                );
            }
            next = next.or_else(|| pieces.recv().ok());
        }
        if given.is_closed() { Ok(None) } else { recognition.finish(abandoned).map(Some) }
    })();
    if let Some(answer) = answer.map_err(EngineFailure::Engine).transpose() {
        // Nobody waits any more when the call has ended.
        let _ = given.send(answer);
    }
}

/// Gives the engine a piece of sound, with what has come behind it meanwhile, up to a batch; gives what came that is no sound.
fn gather(
    first: Samples,
    pieces: &Receiver<Piece>,
    batch: &mut Samples,
    recognition: &mut dyn Recognition,
    given: &mut usize,
) -> Result<Option<Piece>, RecognitionError> {
    *given += first.len();
    if first.len() >= BATCH {
        recognition.push(&first)?;
        return Ok(None);
    }
    batch.extend_from_slice(&first);
    let mut other = None;
    while batch.len() < BATCH
        && let Ok(piece) = pieces.try_recv()
    {
        let Piece::Sound(next) = piece else {
            other = Some(piece);
            break;
        };
        *given += next.len();
        // The capacity holds a piece beyond the batch, so that the buffer never moves and leaves a copy behind.
        if batch.len() + next.len() > batch.capacity() {
            recognition.push(batch)?;
            batch.clear();
            recognition.push(&next)?;
        } else {
            batch.extend_from_slice(&next);
        }
    }
    recognition.push(batch)?;
    batch.clear();
    Ok(other)
}
