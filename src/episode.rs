//! Faults that last. One that many calls meet is told when it begins, once in a while as it goes on, and when it is over: never once for
//! each call. The counts tell how often.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long after it was told a fault that goes on is told again.
const AGAIN: Duration = Duration::from_secs(600);
/// How long a fault must not have been met before something that goes well counts as its end. Shorter, a fault that comes and goes would
/// be told each time.
const CALM: Duration = Duration::from_secs(30);

/// Faults of several kinds at one place, each by its name.
pub(crate) struct Episodes<K = &'static str>(Mutex<BTreeMap<K, State>>);

struct State {
    told: Instant,
    met: Instant,
    /// Since it was told last, and in all.
    untold: u64,
    times: u64,
}

impl<K> Episodes<K> {
    /// None goes on.
    pub(crate) const fn new() -> Self {
        Episodes(Mutex::new(BTreeMap::new()))
    }
}

impl<K: Ord> Episodes<K> {
    /// The fault is met once more. `Some`: it is to be told now, and so often it was met since it was last told.
    pub(crate) fn met(&self, fault: K) -> Option<u64> {
        self.met_at(fault, Instant::now())
    }

    /// What the fault prevented went well. `Some`: it is over, and so often it was met.
    pub(crate) fn over(&self, fault: K) -> Option<u64> {
        self.over_at(fault, Instant::now())
    }

    /// The same for all of `these`; so often they were met.
    pub(crate) fn over_among(&self, these: impl Fn(&K) -> bool) -> Option<u64> {
        let (mut times, now) = (None, Instant::now());
        self.lock().retain(|fault, state| {
            let over = these(fault) && now.saturating_duration_since(state.met) >= CALM;
            if over {
                *times.get_or_insert(0) += state.times;
            }
            !over
        });
        times
    }

    fn met_at(&self, fault: K, now: Instant) -> Option<u64> {
        let mut faults = self.lock();
        let Some(state) = faults.get_mut(&fault) else {
            faults.insert(fault, State { told: now, met: now, untold: 0, times: 1 });
            return Some(1);
        };
        state.met = now;
        state.times += 1;
        state.untold += 1;
        if now.saturating_duration_since(state.told) < AGAIN {
            return None;
        }
        state.told = now;
        Some(std::mem::take(&mut state.untold))
    }

    fn over_at(&self, fault: K, now: Instant) -> Option<u64> {
        let mut faults = self.lock();
        let calm = faults.get(&fault).is_some_and(|state| now.saturating_duration_since(state.met) >= CALM);
        if calm { faults.remove(&fault).map(|state| state.times) } else { None }
    }

    /// Held for a look-up, never across a wait.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<K, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_when_it_begins_and_now_and_then_as_it_goes_on() {
        let (faults, begun) = (Episodes::new(), Instant::now());
        assert_eq!(faults.met_at("disk", begun), Some(1));
        for second in 1..600 {
            assert_eq!(faults.met_at("disk", begun + Duration::from_secs(second)), None);
        }
        assert_eq!(faults.met_at("index", begun), Some(1), "another fault is told for itself");
        assert_eq!(faults.met_at("disk", begun + AGAIN), Some(600));
    }

    #[test]
    fn it_is_over_when_it_has_not_been_met_for_a_while() {
        let (faults, begun) = (Episodes::new(), Instant::now());
        assert_eq!(faults.over_at("disk", begun), None, "there was none");
        faults.met_at("disk", begun);
        faults.met_at("disk", begun + Duration::from_secs(10));
        assert_eq!(faults.over_at("disk", begun + Duration::from_secs(39)), None, "it may come and go");
        assert_eq!(faults.over_at("disk", begun + Duration::from_secs(40)), Some(2));
        assert_eq!(faults.over_at("disk", begun + Duration::from_secs(41)), None, "told once");
        assert_eq!(faults.met_at("disk", begun + Duration::from_secs(50)), Some(1), "the next is another");
    }
}
