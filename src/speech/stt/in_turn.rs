//! The engines of a language, one after the other: an utterance is heard by the first that answers, and where that one fails in the middle of it by the
//! next, from its first sound on.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use zeroize::Zeroizing;

use super::kept::Kept;
use super::watched::Watched;
use super::{Expectation, Hypothesis, RECOGNITION_RATE, Recogniser, Recognition, RecognitionError, Seat, Seats};

/// More than an utterance may last, in samples: a minute.
const LONGEST: usize = 60 * RECOGNITION_RATE as usize;

/// The engines of one language, the one to be asked first in front; at least one.
#[derive(Clone)]
pub(super) struct InTurn {
    engines: Arc<[Arc<Watched>]>,
    seats: Seats,
}

impl InTurn {
    /// Nothing where there is no engine.
    pub(super) fn of(engines: Vec<Arc<Watched>>, seats: &Seats) -> Option<InTurn> {
        (!engines.is_empty()).then(|| InTurn { engines: engines.into(), seats: seats.clone() })
    }

    /// Whether one of them can hear callers now.
    pub(super) fn hears(&self) -> bool {
        self.engines.iter().any(|engine| engine.answers() && engine.behind().is_none())
    }

    /// For how long all that answer have had more to do than they can; nothing while one keeps up, or none answers.
    pub(super) fn behind(&self) -> Option<Duration> {
        let behind: Option<Vec<_>> =
            self.engines.iter().filter(|engine| engine.answers()).map(|engine| engine.behind()).collect();
        behind?.into_iter().min()
    }

    /// The engines from `from` on, those that keep up before those that do not.
    fn begin(&self, expectation: &Expectation, from: usize) -> Result<(usize, Box<dyn Recognition>), RecognitionError> {
        let mut failed = RecognitionError::Stuck;
        let engines = || self.engines.iter().enumerate().skip(from).filter(|(_, engine)| engine.answers());
        let keeps_up = |(_, engine): &(usize, &Arc<Watched>)| engine.behind().is_none();
        let order: Vec<_> = engines().filter(keeps_up).chain(engines().filter(|engine| !keeps_up(engine))).collect();
        for (place, engine) in order {
            match engine.start(expectation) {
                Ok(recognition) => return Ok((place, recognition)),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

impl Recogniser for InTurn {
    fn language(&self) -> &str {
        self.engines[0].language()
    }

    fn start(&self, expectation: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError> {
        let (at, engine) = self.begin(expectation, 0)?;
        let kept = (at + 1 < self.engines.len()).then(|| Kept::at_most(LONGEST));
        Ok(Box::new(HeardInTurn { in_turn: self.clone(), expectation: expectation.clone(), at, engine, kept }))
    }

    fn seat(&self) -> Result<Seat, RecognitionError> {
        if self.engines.iter().any(|engine| engine.answers()) { self.seats.take() } else { Err(RecognitionError::Stuck) }
    }

    /// What none of them knows.
    fn unknown_words(&self, phrases: &[String]) -> Vec<String> {
        let mut unknown = self.engines[0].unknown_words(phrases);
        for engine in &self.engines[1..] {
            let theirs = engine.unknown_words(&unknown);
            unknown.retain(|word| theirs.contains(word));
        }
        unknown
    }

    fn has_grammar(&self) -> bool {
        self.engines[0].has_grammar()
    }
}

/// An utterance, and the engine that hears it.
struct HeardInTurn {
    in_turn: InTurn,
    expectation: Expectation,
    at: usize,
    engine: Box<dyn Recognition>,
    /// All of its sound, while there is another engine that may have to hear it. Wiped when it goes.
    kept: Option<Kept>,
}

impl HeardInTurn {
    /// The next engine hears all of it.
    fn next(&mut self, failed: RecognitionError) -> Result<(), RecognitionError> {
        let mut failed = failed;
        loop {
            let Some(kept) = &self.kept else { return Err(failed) };
            let (at, mut engine) = self.in_turn.begin(&self.expectation, self.at + 1).map_err(|_| failed)?;
            metrics::counter!("candor_recogniser_changes_total").increment(1);
            self.at = at;
            match engine.push(kept.samples()) {
                Ok(()) => {
                    self.engine = engine;
                    if at + 1 >= self.in_turn.engines.len() {
                        self.kept = None;
                    }
                    return Ok(());
                }
                Err(error) => failed = error,
            }
        }
    }
}

impl Recognition for HeardInTurn {
    fn push(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        if let Some(kept) = &mut self.kept {
            kept.push(samples);
        }
        self.engine.push(samples).or_else(|failed| self.next(failed))
    }

    fn pause(&mut self, gone_on: &AtomicBool) -> Result<(), RecognitionError> {
        match self.engine.pause(gone_on) {
            Err(failed) => {
                self.next(failed)?;
                self.engine.pause(gone_on)
            }
            paused => paused,
        }
    }

    fn goes_on(&mut self) {
        self.engine.goes_on();
    }

    fn so_far(&mut self) -> Option<Zeroizing<String>> {
        self.engine.so_far()
    }

    fn finish(mut self: Box<Self>, abandoned: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
        loop {
            let engine = std::mem::replace(&mut self.engine, Box::new(Over));
            match engine.finish(abandoned) {
                Err(failed) => self.next(failed)?,
                heard => return heard,
            }
        }
    }
}

/// In the place of an engine that has given its answer.
struct Over;

impl Recognition for Over {
    fn push(&mut self, _: &[i16]) -> Result<(), RecognitionError> {
        Err(RecognitionError::Decode)
    }

    fn pause(&mut self, _: &AtomicBool) -> Result<(), RecognitionError> {
        Err(RecognitionError::Decode)
    }

    fn goes_on(&mut self) {}

    fn so_far(&mut self) -> Option<Zeroizing<String>> {
        None
    }

    fn finish(self: Box<Self>, _: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
        Err(RecognitionError::Decode)
    }
}
