//! An engine that is watched. Each of its calls has a place at it, comes back in time or counts as stuck until it does; one that is stuck several times
//! over, or fails again and again, is not asked for a while, so that it takes neither callers' time nor a thread for every utterance.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::panics;
use super::places::{Owner, Place, Places};
use super::{Expectation, Hypothesis, Recogniser, Recognition, RecognitionError};
use crate::episode::Episodes;

/// With so many calls that do not come back the engine is given up, until some do.
const STUCK: usize = 4;
/// After so many utterances in a row that it failed, it is left alone for a while.
const FAILED: u32 = 3;
/// How long: then the next utterance tries it again.
const REST: Duration = Duration::from_secs(30);

/// By engine and kind of fault.
static FAULTS: Episodes<(String, &'static str)> = Episodes::new();

/// A recogniser, its places, and how it fares.
pub(super) struct Watched {
    name: String,
    engine: Arc<dyn Recogniser>,
    places: Arc<Places>,
    owner: Owner,
    health: Arc<Health>,
}

impl Watched {
    /// `name`: for the log. The places may be shared with other languages of the same engine.
    pub(super) fn new(name: &str, engine: Arc<dyn Recogniser>, places: Arc<Places>) -> Watched {
        panics::hush();
        let health = Arc::new(Health { name: name.to_owned(), rest: REST, failing: Mutex::default() });
        let owner = places.owner();
        Watched { name: name.to_owned(), engine, places, owner, health }
    }

    #[cfg(test)]
    fn resting_for(mut self, rest: Duration) -> Watched {
        self.health = Arc::new(Health { name: self.name.clone(), rest, failing: Mutex::default() });
        self
    }

    /// How long one of its calls may take.
    pub(super) fn limit(&self) -> Duration {
        self.places.limit()
    }

    /// It took so long that another was asked. That others were being heard meanwhile is no failure.
    pub(super) fn left(&self) {
        if self.behind().is_none() {
            let _ = self.health.note::<()>(Err(RecognitionError::Late), true);
        }
    }

    /// Whether the engine can be asked.
    pub(super) fn answers(&self) -> bool {
        let (language, stuck) = (self.engine.language(), self.places.stuck(self.owner));
        let fault = || (self.name.clone(), "stuck");
        if stuck >= STUCK {
            if let Some(times) = FAULTS.met(fault()) {
                let engine = &self.name;
                tracing::error!(
                    language,
                    engine,
                    stuck,
                    times,
                    "the recogniser does not answer: callers go on by keys until it does. Restart the server if it stays so"
                );
            }
            return false;
        }
        if stuck == 0
            && let Some(times) = FAULTS.over(fault())
        {
            tracing::info!(language, engine = self.name, times, "the recogniser answers again");
        }
        !self.health.rests()
    }

    /// For how long it has had more to do than it can; nothing while it keeps up.
    pub(super) fn behind(&self) -> Option<Duration> {
        let behind = self.places.behind();
        let fault = || (self.name.clone(), "behind");
        if behind.is_none() {
            if let Some(times) = FAULTS.over(fault()) {
                tracing::info!(engine = self.name, times, "a recogniser keeps up again");
            }
        } else if let Some(times) = FAULTS.met(fault()) {
            tracing::warn!(
                engine = self.name,
                times,
                "more callers speak than a recogniser can hear: they are offered another or keys until it keeps up"
            );
        }
        behind
    }
}

/// How an engine has fared lately.
struct Health {
    name: String,
    rest: Duration,
    failing: Mutex<Failing>,
}

#[derive(Default)]
struct Failing {
    in_a_row: u32,
    rests_until: Option<Instant>,
}

impl Health {
    fn rests(&self) -> bool {
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        failing.rests_until.is_some_and(|until| Instant::now() < until)
    }

    /// What came of an utterance, or of a part of one. Says so where something has changed.
    fn note<T>(&self, came: Result<T, RecognitionError>, whole: bool) -> Result<T, RecognitionError> {
        let fault = || (self.name.clone(), "failing");
        match &came {
            // That others are being heard, or that the caller has gone, is no failure of the engine.
            Err(RecognitionError::Busy | RecognitionError::Abandoned) => {}
            Err(error) => {
                let class = error.class();
                metrics::counter!("candor_recogniser_errors_total", "engine" => self.name.clone(), "class" => class).increment(1);
                let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
                failing.in_a_row += 1;
                if failing.in_a_row >= FAILED {
                    failing.rests_until = Some(Instant::now() + self.rest);
                }
                drop(failing);
                if let Some(times) = FAULTS.met(fault()) {
                    tracing::warn!(
                        engine = self.name,
                        class,
                        times,
                        "a recogniser fails, and callers are heard by the next or go on by keys: {error}"
                    );
                }
            }
            Ok(_) if whole => {
                *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = Failing::default();
                if let Some(times) = FAULTS.over(fault()) {
                    tracing::info!(engine = self.name, times, "a recogniser that failed hears again");
                }
            }
            Ok(_) => {}
        }
        came
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
        let place = taken(self.places.take(self.owner, || false))?;
        let engine = self.health.note(panics::caught(|| self.engine.start(expectation)), false)?;
        drop(place);
        Ok(Box::new(WatchedRecognition { engine, places: self.places.clone(), owner: self.owner, health: self.health.clone() }))
    }

    fn unknown_words(&self, phrases: &[String]) -> Vec<String> {
        self.engine.unknown_words(phrases)
    }

    fn has_grammar(&self) -> bool {
        self.engine.has_grammar()
    }
}

/// A place that nobody gave up waiting for.
fn taken<'a>(place: Result<Option<Place<'a>>, RecognitionError>) -> Result<Place<'a>, RecognitionError> {
    place?.ok_or(RecognitionError::Busy)
}

struct WatchedRecognition {
    engine: Box<dyn Recognition>,
    places: Arc<Places>,
    owner: Owner,
    health: Arc<Health>,
}

impl Recognition for WatchedRecognition {
    fn push(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        let _place = taken(self.places.take(self.owner, || false))?;
        self.health.note(panics::caught(|| self.engine.push(samples)), false)
    }

    fn pause(&mut self, gone_on: &AtomicBool) -> Result<(), RecognitionError> {
        match self.places.take(self.owner, || gone_on.load(Ordering::Relaxed))? {
            Some(_place) => self.health.note(panics::caught(|| self.engine.pause(gone_on)), false),
            // The caller went on before it came to that.
            None => Ok(()),
        }
    }

    fn goes_on(&mut self) {
        self.engine.goes_on();
    }

    fn so_far(&mut self) -> Option<Zeroizing<String>> {
        let _place = taken(self.places.take(self.owner, || false)).ok()?;
        self.engine.so_far()
    }

    fn finish(self: Box<Self>, abandoned: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
        let of_no_use = || abandoned.load(Ordering::Relaxed);
        let _place = self.places.take(self.owner, of_no_use)?.ok_or(RecognitionError::Abandoned)?;
        let engine = self.engine;
        let came = panics::caught(|| engine.finish(abandoned));
        // What comes when nobody waits says little for an engine: it may have taken minutes.
        if came.is_ok() && of_no_use() { came } else { self.health.note(came, true) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::speech::stt::Source;

    const LONG: Duration = Duration::from_secs(60);

    /// An engine whose calls come back when they are let go, and fail where that is wanted.
    #[derive(Default)]
    struct Hanging {
        wait: Mutex<Option<Receiver<()>>>,
        fails: Arc<AtomicBool>,
    }

    impl Recogniser for Hanging {
        fn language(&self) -> &str {
            "nl"
        }

        fn start(&self, _: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError> {
            Ok(Box::new(Hanging { wait: Mutex::new(self.wait.lock().unwrap().take()), fails: self.fails.clone() }))
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

        fn finish(self: Box<Self>, _: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
            let wait = self.wait.lock().unwrap().take();
            wait.map(|wait| wait.recv());
            if self.fails.load(Ordering::Relaxed) { Err(RecognitionError::Decode) } else { Ok(Hypothesis::empty(Source::Open)) }
        }
    }

    fn watched(limit: Duration) -> Watched {
        Watched::new("hanging", Arc::new(Hanging::default()), Arc::new(Places::new(8, limit)))
    }

    fn hear(watched: &Watched) -> Result<Hypothesis, RecognitionError> {
        watched.start(&Expectation::default())?.finish(&AtomicBool::new(false))
    }

    #[test]
    fn an_engine_that_is_stuck_is_not_asked_until_it_comes_back() {
        let watched = watched(Duration::from_millis(50));
        let mut stuck: Vec<(Sender<()>, std::thread::JoinHandle<()>)> = Vec::new();
        for _ in 0..STUCK {
            let (go, wait) = channel();
            let engine: Box<dyn Recognition> = Box::new(Hanging { wait: Mutex::new(Some(wait)), ..Default::default() });
            let (places, health) = (watched.places.clone(), watched.health.clone());
            let engine = Box::new(WatchedRecognition { engine, places, owner: watched.owner, health });
            stuck.push((go, std::thread::spawn(move || drop(engine.finish(&AtomicBool::new(false))))));
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
        let watched = watched(LONG);
        let mut recognition = watched.start(&Expectation::default()).unwrap();
        assert_eq!(recognition.so_far().as_deref().map(String::as_str), Some("so far"));
        assert!(recognition.push(&[0; 320]).is_ok() && recognition.finish(&AtomicBool::new(false)).is_ok());
    }

    #[test]
    fn an_engine_that_fails_again_and_again_rests_and_is_tried_again() {
        let fails = Arc::new(AtomicBool::new(true));
        let engine = Arc::new(Hanging { fails: fails.clone(), ..Default::default() });
        let watched = Watched::new("failing", engine, Arc::new(Places::new(1, LONG))).resting_for(Duration::from_millis(200));
        for _ in 0..FAILED {
            assert!(watched.answers());
            assert_eq!(hear(&watched), Err(RecognitionError::Decode));
        }
        assert!(!watched.answers() && hear(&watched) == Err(RecognitionError::Stuck));
        std::thread::sleep(Duration::from_millis(220));
        fails.store(false, Ordering::Relaxed);
        assert!(watched.answers() && hear(&watched).is_ok());
        // One that goes well pays for those before.
        fails.store(true, Ordering::Relaxed);
        assert!(hear(&watched).is_err() && watched.answers());
    }

    #[test]
    fn an_engine_that_was_tried_in_vain_rests_again_at_once() {
        let engine = Arc::new(Hanging { fails: Arc::new(AtomicBool::new(true)), ..Default::default() });
        let watched = Watched::new("vain", engine, Arc::new(Places::new(1, LONG))).resting_for(Duration::from_millis(200));
        for _ in 0..FAILED {
            assert!(hear(&watched).is_err());
        }
        std::thread::sleep(Duration::from_millis(220));
        assert_eq!(hear(&watched), Err(RecognitionError::Decode));
        assert!(!watched.answers());
    }
}
