//! The engines of a language, one after the other: an utterance is heard by the first that answers, and where that one fails in the middle of it, or takes too
//! long, by the next, from its first sound on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::kept::Kept;
use super::waiting::wait_for;
use super::watched::Watched;
use super::{Expectation, Hypothesis, RECOGNITION_RATE, Recogniser, Recognition, RecognitionError, Seat, Seats, THREAD};

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

    /// Begins with the first that was not tried yet, those that keep up before those that do not.
    fn begin(&self, expectation: &Expectation, tried: &[usize]) -> Result<(usize, Box<dyn Recognition>), RecognitionError> {
        let mut failed = RecognitionError::Stuck;
        let engines = || self.engines.iter().enumerate().filter(|(place, engine)| !tried.contains(place) && engine.answers());
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
        let (at, engine) = self.begin(expectation, &[])?;
        let kept = (self.engines.len() > 1).then(|| Kept::at_most(LONGEST));
        Ok(Box::new(HeardInTurn {
            in_turn: self.clone(),
            expectation: expectation.clone(),
            tried: vec![at],
            engine,
            since: None,
            kept,
        }))
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
    /// The engines that were asked so far; the last of them hears it.
    tried: Vec<usize>,
    engine: Box<dyn Recognition>,
    /// Since when its answer is waited for, after what may have been the end.
    since: Option<Instant>,
    /// All of its sound, while there is another engine that may have to hear it. Wiped when it goes.
    kept: Option<Kept>,
}

impl HeardInTurn {
    /// Whether there is an engine that was not asked yet and can be.
    fn another(&self) -> bool {
        let engines = self.in_turn.engines.iter().enumerate();
        self.kept.is_some() && engines.filter(|(place, _)| !self.tried.contains(place)).any(|(_, engine)| engine.answers())
    }

    /// The next engine hears all of it.
    fn next(&mut self, failed: RecognitionError) -> Result<(), RecognitionError> {
        let mut failed = failed;
        loop {
            let Some(kept) = &self.kept else { return Err(failed) };
            let (at, mut engine) = self.in_turn.begin(&self.expectation, &self.tried).map_err(|_| failed)?;
            metrics::counter!("candor_recogniser_changes_total").increment(1);
            self.tried.push(at);
            self.since = None;
            match engine.push(kept.samples()) {
                Ok(()) => {
                    self.engine = engine;
                    if self.tried.len() >= self.in_turn.engines.len() {
                        self.kept = None;
                    }
                    return Ok(());
                }
                Err(error) => failed = error,
            }
        }
    }

    /// Lets the engine do something that may take long, on a thread of its own. One that takes longer than its share of the time, while there is another to ask,
    /// is left to itself. `of_use` is asked now and then, and may tell the engine something.
    fn in_time<T: Send + 'static>(
        &mut self,
        engine: Box<dyn Recognition>,
        work: impl FnOnce(Box<dyn Recognition>, &AtomicBool) -> T + Send + 'static,
        mut of_use: impl FnMut(&AtomicBool) -> bool,
    ) -> Result<T, RecognitionError> {
        let Some(watched) = self.tried.last().and_then(|at| self.in_turn.engines.get(*at)).cloned() else {
            return Err(RecognitionError::Stuck);
        };
        let since = *self.since.get_or_insert_with(Instant::now);
        let share = watched.limit() / u32::try_from(self.in_turn.engines.len()).unwrap_or(u32::MAX);
        let (give, done) = sync_channel(1);
        let left = Arc::new(AtomicBool::new(false));
        let of_no_use = left.clone();
        let work = move || drop(give.try_send(work(engine, &of_no_use)));
        thread::Builder::new().name(THREAD.to_owned()).spawn(work).map_err(|_| RecognitionError::Start)?;
        let mut came = wait_for(&done, share.saturating_sub(since.elapsed()), || of_use(&left));
        if matches!(came, Err(RecognitionError::Late)) {
            if self.another() {
                watched.left();
            } else {
                // Nobody else can be asked meanwhile: it has all the time that there is. Who waits gives up by themselves.
                came = wait_for(&done, Duration::MAX, || of_use(&left));
            }
        }
        left.store(true, Ordering::Relaxed);
        came
    }

    fn pause_in_time(&mut self, gone_on: &AtomicBool) -> Result<(), RecognitionError> {
        let engine = std::mem::replace(&mut self.engine, Box::new(Over));
        let pause = |mut engine: Box<dyn Recognition>, of_no_use: &AtomicBool| {
            let came = engine.pause(of_no_use);
            (engine, came)
        };
        // The engine is wanted back when the caller goes on.
        let pass_on = |of_no_use: &AtomicBool| {
            of_no_use.store(gone_on.load(Ordering::Relaxed), Ordering::Relaxed);
            true
        };
        let (engine, came) = self.in_time(engine, pause, pass_on)?;
        came?;
        self.engine = engine;
        Ok(())
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
        if gone_on.load(Ordering::Relaxed) {
            return Ok(());
        }
        if !self.another() {
            return self.engine.pause(gone_on);
        }
        // What has failed or was left is out of its place now. The next is asked when more comes, or all has come: whether somebody still waits is known then.
        let _ = self.pause_in_time(gone_on);
        Ok(())
    }

    fn goes_on(&mut self) {
        self.since = None;
        self.engine.goes_on();
    }

    fn so_far(&mut self) -> Option<Zeroizing<String>> {
        self.engine.so_far()
    }

    fn finish(mut self: Box<Self>, abandoned: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
        loop {
            let engine = std::mem::replace(&mut self.engine, Box::new(Over));
            let answer = if abandoned.load(Ordering::Relaxed) {
                Err(RecognitionError::Abandoned)
            } else if self.another() {
                let finish = |engine: Box<dyn Recognition>, of_no_use: &AtomicBool| engine.finish(of_no_use);
                self.in_time(engine, finish, |_| !abandoned.load(Ordering::Relaxed)).flatten()
            } else {
                engine.finish(abandoned)
            };
            match answer {
                // Nobody is there to hear another's answer, and no other machine needs what they said.
                Err(_) if abandoned.load(Ordering::Relaxed) => return Err(RecognitionError::Abandoned),
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    use super::super::places::Places;
    use super::super::{HeardWord, Source};
    use super::*;

    /// What an engine of the tests does with an utterance.
    #[derive(Clone, Copy, PartialEq)]
    enum Does {
        Answers,
        Fails,
        /// Comes back when it is let go.
        Hangs,
        HangsInPause,
    }

    #[derive(Clone)]
    struct Engine {
        name: &'static str,
        does: Does,
        go: Arc<AtomicBool>,
        /// How much sound each utterance had.
        heard: Arc<Mutex<Vec<usize>>>,
        ended: Arc<AtomicUsize>,
        samples: usize,
    }

    impl Engine {
        fn new(name: &'static str, does: Does) -> Engine {
            Engine { name, does, go: Arc::default(), heard: Arc::default(), ended: Arc::default(), samples: 0 }
        }

        fn hang(&self) {
            let begun = Instant::now();
            while !self.go.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_secs(20) {
                thread::sleep(Duration::from_millis(2));
            }
        }

        fn let_go(&self) {
            self.go.store(true, Ordering::Relaxed);
        }
    }

    impl Recogniser for Engine {
        fn language(&self) -> &str {
            "nl"
        }

        fn start(&self, _: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError> {
            Ok(Box::new(self.clone()))
        }

        fn unknown_words(&self, _: &[String]) -> Vec<String> {
            Vec::new()
        }

        fn has_grammar(&self) -> bool {
            false
        }
    }

    impl Recognition for Engine {
        fn push(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
            self.samples += samples.len();
            Ok(())
        }

        fn pause(&mut self, _: &AtomicBool) -> Result<(), RecognitionError> {
            if self.does == Does::HangsInPause {
                self.hang();
            }
            Ok(())
        }

        fn goes_on(&mut self) {}

        fn so_far(&mut self) -> Option<Zeroizing<String>> {
            None
        }

        fn finish(self: Box<Self>, _: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
            self.heard.lock().unwrap().push(self.samples);
            match self.does {
                Does::Fails => return Err(RecognitionError::Decode),
                Does::Hangs => self.hang(),
                Does::Answers | Does::HangsInPause => {}
            }
            self.ended.fetch_add(1, Ordering::Relaxed);
            let word = HeardWord { text: self.name.to_owned(), start: Duration::ZERO, end: Duration::ZERO, confidence: 1.0 };
            Ok(Hypothesis::of_words(vec![word], Source::Open))
        }
    }

    fn until(what: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !what() {
            assert!(Instant::now() < deadline);
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// These engines, which have so long for an utterance.
    fn in_turn(engines: &[&Engine], limit: Duration) -> InTurn {
        let watched =
            |engine: &&Engine| Arc::new(Watched::new(engine.name, Arc::new((*engine).clone()), Arc::new(Places::new(8, limit))));
        InTurn::of(engines.iter().map(watched).collect(), &Seats::new(8)).unwrap()
    }

    /// Says a second, with a pause in it, and gives who has heard it.
    fn say(in_turn: &InTurn, abandoned: &AtomicBool) -> Result<String, RecognitionError> {
        let mut utterance = in_turn.start(&Expectation::default())?;
        utterance.push(&[0; 8_000])?;
        utterance.pause(&AtomicBool::new(false))?;
        utterance.goes_on();
        utterance.push(&[0; 8_000])?;
        utterance.finish(abandoned).map(|hypothesis| hypothesis.text.clone())
    }

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(400);

    #[test]
    fn the_next_hears_all_that_one_which_fails_has_heard() {
        let (first, second) = (Engine::new("first", Does::Fails), Engine::new("second", Does::Answers));
        let heard = say(&in_turn(&[&first, &second], LONG), &AtomicBool::new(false));
        assert_eq!(heard.as_deref(), Ok("second"));
        assert_eq!((&*first.heard.lock().unwrap(), &*second.heard.lock().unwrap()), (&vec![16_000], &vec![16_000]));
    }

    #[test]
    fn one_that_is_slow_is_left_for_the_next() {
        for does in [Does::Hangs, Does::HangsInPause] {
            let (slow, second) = (Engine::new("slow", does), Engine::new("second", Does::Answers));
            let heard = say(&in_turn(&[&slow, &second], SHORT), &AtomicBool::new(false));
            assert_eq!(heard.as_deref(), Ok("second"));
            assert_eq!(*second.heard.lock().unwrap(), vec![16_000], "from its first sound on");
            slow.let_go();
        }
    }

    #[test]
    fn one_that_is_alone_is_waited_for() {
        let alone = Engine::new("alone", Does::Hangs);
        let in_turn = in_turn(&[&alone], SHORT);
        let heard = thread::spawn(move || say(&in_turn, &AtomicBool::new(false)));
        // Longer than it would have if there were another.
        thread::sleep(SHORT);
        alone.let_go();
        assert_eq!(heard.join().unwrap().as_deref(), Ok("alone"));
    }

    #[test]
    fn what_a_caller_said_who_is_gone_goes_to_nobody_else() {
        let (slow, second) = (Engine::new("slow", Does::Hangs), Engine::new("second", Does::Answers));
        let in_turn = in_turn(&[&slow, &second], LONG);
        for _ in 0..4 {
            let (gone, after) = (Arc::new(AtomicBool::new(false)), Duration::from_millis(50));
            let hangs_up = gone.clone();
            let caller = thread::spawn(move || {
                thread::sleep(after);
                hangs_up.store(true, Ordering::Relaxed);
            });
            assert_eq!(say(&in_turn, &gone), Err(RecognitionError::Abandoned));
            caller.join().unwrap();
        }
        slow.let_go();
        until(|| slow.ended.load(Ordering::Relaxed) == 4);
        assert!(second.heard.lock().unwrap().is_empty());
        // Nor is it the engine's fault.
        assert!(in_turn.engines[0].answers());
    }

    #[test]
    fn one_that_is_slow_again_and_again_rests() {
        let (slow, second) = (Engine::new("slow", Does::Hangs), Engine::new("second", Does::Answers));
        let in_turn = in_turn(&[&slow, &second], SHORT);
        for _ in 0..3 {
            assert!(in_turn.engines[0].answers());
            assert_eq!(say(&in_turn, &AtomicBool::new(false)).as_deref(), Ok("second"));
        }
        assert!(!in_turn.engines[0].answers());
        assert_eq!((say(&in_turn, &AtomicBool::new(false)).as_deref(), slow.heard.lock().unwrap().len()), (Ok("second"), 3));
        slow.let_go();
    }

    #[test]
    fn with_all_of_them_failing_there_is_an_error_and_each_was_asked_once() {
        let (first, second) = (Engine::new("first", Does::Fails), Engine::new("second", Does::Fails));
        assert_eq!(say(&in_turn(&[&first, &second], LONG), &AtomicBool::new(false)), Err(RecognitionError::Decode));
        assert_eq!((first.heard.lock().unwrap().len(), second.heard.lock().unwrap().len()), (1, 1));
    }
}
