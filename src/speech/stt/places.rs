//! Places at an engine: how many of its calls compute at the same time. Who waits for one is served in the order in which they came, a piece of sound
//! each, so that nobody's long story holds up another's yes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::RecognitionError;

/// How often somebody who waits looks whether there is still use in it.
const LOOK: Duration = Duration::from_millis(20);
/// Who has waited for longer than this waits too long: the engine is behind.
const BEHIND: Duration = Duration::from_millis(500);
/// How long after somebody waited too long the engine still counts as behind. Shorter, callers would be offered voice and keys in turns.
const CALM: Duration = Duration::from_secs(5);

/// The places at an engine.
pub(super) struct Places {
    limit: Duration,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    free: usize,
    /// Places made for those that are taken by a call which does not come back.
    spare: usize,
    next: u64,
    owners: u32,
    /// Who waits, in order, since when.
    waiting: VecDeque<(u64, Instant)>,
    /// Who computes, for which engine and since when.
    taken: BTreeMap<u64, (Owner, Instant)>,
    /// From when to when the engine was behind the last time.
    behind: Option<(Instant, Instant)>,
}

/// One of the engines that share places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner(u32);

/// A place that is taken; free again when it is dropped, also by a panic.
pub(super) struct Place<'a> {
    places: &'a Places,
    number: u64,
}

impl Places {
    /// So many places, at each of which a call may take so long.
    pub(super) fn new(count: usize, limit: Duration) -> Places {
        let (waiting, taken) = (VecDeque::new(), BTreeMap::new());
        let state = State { free: count.max(1), spare: 0, next: 0, owners: 0, waiting, taken, behind: None };
        Places { limit, state: Mutex::new(state), freed: Condvar::new() }
    }

    /// One more engine that shares these places.
    pub(super) fn owner(&self) -> Owner {
        let mut state = self.lock();
        state.owners += 1;
        Owner(state.owners)
    }

    /// Takes a place for an engine, behind those who came before. Nothing where `of_no_use` became true meanwhile. Blocks.
    ///
    /// # Errors
    /// [`RecognitionError::Busy`] when none became free within the time that a call may take.
    pub(super) fn take(&self, owner: Owner, of_no_use: impl Fn() -> bool) -> Result<Option<Place<'_>>, RecognitionError> {
        let begun = Instant::now();
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.waiting.push_back((number, begun));
        loop {
            state.make_up_for_stuck(self.limit);
            if state.free > 0 && state.waiting.front().is_some_and(|(first, _)| *first == number) {
                state.note_waits();
                state.waiting.pop_front();
                state.free -= 1;
                state.taken.insert(number, (owner, Instant::now()));
                self.freed.notify_all();
                return Ok(Some(Place { places: self, number }));
            }
            let late = begun.elapsed() > self.limit;
            if late || of_no_use() {
                state.note_waits();
                state.waiting.retain(|(waiting, _)| *waiting != number);
                self.freed.notify_all();
                return if late { Err(RecognitionError::Busy) } else { Ok(None) };
            }
            state = self.freed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How long a call may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// How many calls into an engine have not come back in time.
    pub(super) fn stuck(&self, owner: Owner) -> usize {
        self.lock().stuck(self.limit).filter(|by| *by == owner).count()
    }

    /// For how long the engine has been behind; nothing while it keeps up.
    pub(super) fn behind(&self) -> Option<Duration> {
        let mut state = self.lock();
        state.note_waits();
        let (since, last) = state.behind?;
        (last.elapsed() < CALM).then(|| since.elapsed())
    }

    /// Held for a look, never across a call.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn stuck(&self, limit: Duration) -> impl Iterator<Item = Owner> {
        self.taken.values().filter(move |(_, since)| since.elapsed() > limit).map(|(owner, _)| *owner)
    }

    /// A call that does not come back takes no place from the others.
    fn make_up_for_stuck(&mut self, limit: Duration) {
        let stuck = self.stuck(limit).count();
        self.free += stuck.saturating_sub(self.spare);
        self.spare = self.spare.max(stuck);
    }

    /// Notes that the one in front has waited too long.
    fn note_waits(&mut self) {
        if self.waiting.front().is_some_and(|(_, since)| since.elapsed() > BEHIND) {
            let now = Instant::now();
            let since = self.behind.filter(|(_, last)| last.elapsed() < CALM).map_or(now, |(since, _)| since);
            self.behind = Some((since, now));
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.places.lock();
        state.taken.remove(&self.number);
        // Where another was made for it meanwhile, this one is that other.
        if state.spare > state.stuck(self.places.limit).count() {
            state.spare -= 1;
        } else {
            state.free += 1;
        }
        self.places.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::mpsc::{Sender, channel};
    use std::thread::{self, JoinHandle};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn until(what: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !what() {
            assert!(Instant::now() < deadline);
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// A thread that has a place until it is let go.
    fn holder(places: &Arc<Places>) -> (Sender<()>, JoinHandle<()>) {
        let (go, wait) = channel();
        let mine = places.clone();
        let before = places.lock().taken.len();
        let thread = thread::spawn(move || {
            let _place = mine.take(Owner(0), || false).unwrap();
            wait.recv().unwrap();
        });
        until(|| places.lock().taken.len() > before);
        (go, thread)
    }

    #[test]
    fn no_more_compute_than_there_are_places_and_all_come_to_it_in_order() {
        let places = Arc::new(Places::new(2, LONG));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let held = [holder(&places), holder(&places)];
        let order = Arc::new(Mutex::new(Vec::new()));
        let waiting: Vec<_> = (0..8)
            .map(|turn| {
                let (places, now, most, order) = (places.clone(), now.clone(), most.clone(), order.clone());
                let before = places.lock().waiting.len();
                let thread = thread::spawn({
                    let places = places.clone();
                    move || {
                        let _place = places.take(Owner(0), || false).unwrap();
                        order.lock().unwrap().push(turn);
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(5));
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                });
                until(|| places.lock().waiting.len() > before);
                thread
            })
            .collect();
        // One place: then their order is that of the queue.
        let [first, second] = held;
        first.0.send(()).unwrap();
        waiting.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*order.lock().unwrap(), (0..8).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 1);
        second.0.send(()).unwrap();
        [first.1, second.1].into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(places.lock().free, 2);
    }

    #[test]
    fn who_gives_up_waiting_leaves_the_queue() {
        let places = Arc::new(Places::new(1, LONG));
        let held = holder(&places);
        let of_no_use = AtomicBool::new(true);
        assert!(matches!(places.take(Owner(0), || of_no_use.load(Ordering::Relaxed)), Ok(None)));
        held.0.send(()).unwrap();
        held.1.join().unwrap();
        assert!(matches!(places.take(Owner(0), || false), Ok(Some(_))));
    }

    #[test]
    fn nobody_waits_longer_than_a_call_may_take_and_one_that_hangs_takes_no_place_from_others() {
        let places = Arc::new(Places::new(1, Duration::from_millis(60)));
        let hanging = holder(&places);
        until(|| places.stuck(Owner(0)) == 1 && places.stuck(Owner(1)) == 0);
        let second = holder(&places);
        assert_eq!(places.lock().spare, 1);
        hanging.0.send(()).unwrap();
        hanging.1.join().unwrap();
        second.0.send(()).unwrap();
        second.1.join().unwrap();
        let state = places.lock();
        assert_eq!((state.free, state.spare, state.taken.len()), (1, 0, 0));
    }

    #[test]
    fn a_wait_that_is_too_long_is_noticed_and_goes_on_to_count_for_a_while() {
        let places = Arc::new(Places::new(1, LONG));
        assert_eq!(places.behind(), None);
        let held = holder(&places);
        let waiting = {
            let places = places.clone();
            thread::spawn(move || drop(places.take(Owner(0), || false).unwrap()))
        };
        until(|| places.behind().is_some());
        held.0.send(()).unwrap();
        [held.1, waiting].into_iter().for_each(|thread| thread.join().unwrap());
        assert!(places.behind().is_some(), "callers are not offered one and the other in turns");
    }

    #[test]
    fn a_panic_frees_its_place() {
        let places = Arc::new(Places::new(1, LONG));
        let inside = places.clone();
        let died = thread::spawn(move || {
            let _place = inside.take(Owner(0), || false).unwrap();
            panic!("an engine that dies");
        });
        assert!(died.join().is_err());
        assert!(matches!(places.take(Owner(0), || false), Ok(Some(_))));
    }
}
