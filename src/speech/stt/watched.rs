//! An engine that is watched: each of its calls either comes back in time, or counts as stuck until it does. One that is stuck several
//! times over is not asked any more, so that it takes neither callers' time nor a thread for every utterance.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::{Expectation, Hypothesis, Recogniser, Recognition, RecognitionError};
use crate::episode::Episodes;

/// With so many calls that do not come back the engine is given up, until some do.
const STUCK: usize = 4;

static FAULTS: Episodes = Episodes::new();

/// A recogniser and its calls that are going on.
pub(super) struct Watched {
    engine: Arc<dyn Recogniser>,
    calls: Arc<Calls>,
}

/// The calls into the engine, each since when.
struct Calls {
    limit: Duration,
    next: AtomicU64,
    going_on: Mutex<HashMap<u64, Instant>>,
}

impl Watched {
    /// `limit`: how long one call may take.
    pub(super) fn new(engine: Arc<dyn Recogniser>, limit: Duration) -> Watched {
        Watched { engine, calls: Arc::new(Calls { limit, next: AtomicU64::new(0), going_on: Mutex::default() }) }
    }

    /// Whether the engine can be asked.
    pub(super) fn answers(&self) -> bool {
        let (language, stuck) = (self.engine.language(), self.calls.stuck());
        if stuck >= STUCK {
            if let Some(times) = FAULTS.met("stuck") {
                tracing::error!(
                    language,
                    stuck,
                    times,
                    "the recogniser does not answer: callers go on by keys until it does. Restart the server if it stays so"
                );
            }
        } else if stuck == 0
            && let Some(times) = FAULTS.over("stuck")
        {
            tracing::info!(language, times, "the recogniser answers again");
        }
        stuck < STUCK
    }
}

impl Calls {
    /// How many have not come back in time.
    fn stuck(&self) -> usize {
        self.lock().values().filter(|since| since.elapsed() > self.limit).count()
    }

    fn enter(self: &Arc<Calls>) -> GoingOn {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, Instant::now());
        GoingOn { calls: self.clone(), number }
    }

    /// Held for a look-up, never across a call.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Instant>> {
        self.going_on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that has not come back yet; it has when this is dropped, also by a panic.
struct GoingOn {
    calls: Arc<Calls>,
    number: u64,
}

impl Drop for GoingOn {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.number);
    }
}

impl Recogniser for Watched {
    fn language(&self) -> &str {
        self.engine.language()
    }

    fn start(&self, expectation: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError> {
        if !self.answers() {
            return Err(RecognitionError::Stuck);
        }
        let _going_on = self.calls.enter();
        let engine = self.engine.start(expectation)?;
        Ok(Box::new(WatchedRecognition { engine, calls: self.calls.clone() }))
    }

    fn unknown_words(&self, phrases: &[String]) -> Vec<String> {
        self.engine.unknown_words(phrases)
    }

    fn has_grammar(&self) -> bool {
        self.engine.has_grammar()
    }
}

struct WatchedRecognition {
    engine: Box<dyn Recognition>,
    calls: Arc<Calls>,
}

impl Recognition for WatchedRecognition {
    fn push(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        let _going_on = self.calls.enter();
        self.engine.push(samples)
    }

    fn pause(&mut self, gone_on: &AtomicBool) -> Result<(), RecognitionError> {
        let _going_on = self.calls.enter();
        self.engine.pause(gone_on)
    }

    fn goes_on(&mut self) {
        let _going_on = self.calls.enter();
        self.engine.goes_on();
    }

    fn so_far(&mut self) -> Option<Zeroizing<String>> {
        let _going_on = self.calls.enter();
        self.engine.so_far()
    }

    fn finish(self: Box<Self>) -> Result<Hypothesis, RecognitionError> {
        let _going_on = self.calls.enter();
        self.engine.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::speech::stt::Source;

    /// An engine whose calls come back when they are let go.
    struct Hanging(Mutex<Option<Receiver<()>>>);

    impl Recogniser for Hanging {
        fn language(&self) -> &str {
            "nl"
        }

        fn start(&self, _: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError> {
            Ok(Box::new(Hanging(Mutex::new(self.0.lock().unwrap().take()))))
        }

        fn unknown_words(&self, _: &[String]) -> Vec<String> {
            Vec::new()
        }

        fn has_grammar(&self) -> bool {
            false
        }
    }

    impl Recognition for Hanging {
        fn push(&mut self, _: &[i16]) -> Result<(), RecognitionError> {
            Ok(())
        }

        fn pause(&mut self, _: &AtomicBool) -> Result<(), RecognitionError> {
            Ok(())
        }

        fn goes_on(&mut self) {}

        fn so_far(&mut self) -> Option<Zeroizing<String>> {
            Some("so far".to_owned().into())
        }

        fn finish(self: Box<Self>) -> Result<Hypothesis, RecognitionError> {
            let wait = self.0.lock().unwrap().take();
            wait.map(|wait| wait.recv());
            Ok(Hypothesis::empty(Source::Open))
        }
    }

    #[test]
    fn an_engine_that_is_stuck_is_not_asked_until_it_comes_back() {
        let watched = Arc::new(Watched::new(Arc::new(Hanging(Mutex::new(None))), Duration::from_millis(50)));
        let mut stuck: Vec<(Sender<()>, std::thread::JoinHandle<()>)> = Vec::new();
        for _ in 0..STUCK {
            let (go, wait) = channel();
            let engine =
                Box::new(WatchedRecognition { engine: Box::new(Hanging(Mutex::new(Some(wait)))), calls: watched.calls.clone() });
            stuck.push((go, std::thread::spawn(move || drop(engine.finish()))));
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while watched.answers() {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(matches!(watched.start(&Expectation::default()), Err(RecognitionError::Stuck)));
        for (go, thread) in stuck {
            go.send(()).unwrap();
            thread.join().unwrap();
        }
        assert!(watched.answers() && watched.start(&Expectation::default()).is_ok());
    }

    #[test]
    fn what_the_engine_says_comes_through() {
        let watched = Watched::new(Arc::new(Hanging(Mutex::new(None))), Duration::from_secs(60));
        let mut recognition = watched.start(&Expectation::default()).unwrap();
        assert_eq!(recognition.so_far().as_deref().map(String::as_str), Some("so far"));
        assert!(recognition.push(&[0; 320]).is_ok() && recognition.finish().is_ok());
    }

    #[test]
    fn a_panic_is_no_call_that_goes_on() {
        let calls = Arc::new(Calls { limit: Duration::ZERO, next: AtomicU64::new(0), going_on: Mutex::default() });
        let inside = calls.clone();
        let died = std::thread::spawn(move || {
            let _going_on = inside.enter();
            panic!("an engine that dies");
        });
        assert!(died.join().is_err());
        assert_eq!(calls.stuck(), 0);
    }
}
