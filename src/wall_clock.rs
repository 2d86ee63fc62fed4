//! The wall clock, held against the clock that nobody sets: what is deleted by the time of day must not be deleted by a clock that was
//! just moved.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// How far both clocks may have gone apart between two looks. Time servers move a clock in smaller steps.
const APART: Duration = Duration::from_secs(300);
/// How long after its last entry a server may be started by a clock that is believed at once, in seconds.
const A_DAY: i64 = 24 * 3600;
/// How long nothing is deleted after the clock was moved: time to see it and set it right.
const PUT_OFF: Duration = Duration::from_secs(3600);

/// Looks at both clocks again and again.
pub(crate) struct WallClock {
    seen: (Timestamp, Instant),
    moved: Option<Instant>,
    /// Whether this one tells of a move: one watcher does.
    tells: bool,
}

impl WallClock {
    /// From now on; a move is told and counted.
    pub(crate) fn watch() -> WallClock {
        WallClock { seen: (Timestamp::now(), Instant::now()), moved: None, tells: true }
    }

    /// The same, when the clock was last known to stand at `last`: a start has no clock to hold the time of day against but what was written
    /// before it. One that is not soon after it is believed in an hour.
    pub(crate) fn watch_from(last: Option<Timestamp>) -> WallClock {
        let mut clock = WallClock::watch();
        let seconds = last.map_or(0, |last| clock.seen.0.duration_since(last).as_secs());
        if seconds >= A_DAY || seconds < -(APART.as_secs() as i64) {
            clock.moved = Some(clock.seen.1);
            tracing::warn!(
                hours = seconds / 3600,
                "the last entry of the ledger is not of today: nothing is deleted for an hour because its time is over; see that the clock is right"
            );
        }
        clock
    }

    /// From now on, beside one that tells.
    pub(crate) fn watch_silently() -> WallClock {
        WallClock { tells: false, ..WallClock::watch() }
    }

    /// Looks at the clocks. The time of day, unless the clock was moved within the last hour.
    pub(crate) fn steady(&mut self) -> Option<Timestamp> {
        self.steady_at(Timestamp::now(), Instant::now())
    }

    fn steady_at(&mut self, wall: Timestamp, now: Instant) -> Option<Timestamp> {
        let (wall_before, before) = std::mem::replace(&mut self.seen, (wall, now));
        let passed = now.saturating_duration_since(before).as_secs() as i64;
        let seconds = wall.duration_since(wall_before).as_secs() - passed;
        if seconds.unsigned_abs() > APART.as_secs() {
            self.moved = Some(now);
        }
        if self.moved == Some(now) && self.tells {
            metrics::counter!("candor_clock_moves_total").increment(1);
            tracing::warn!(
                seconds,
                "the clock of this machine was moved: nothing is deleted for an hour because its time is over; see that the clock is right"
            );
        }
        self.moved.is_none_or(|moved| now.saturating_duration_since(moved) >= PUT_OFF).then_some(wall)
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    #[test]
    fn a_clock_that_is_moved_is_not_believed_for_an_hour() {
        let (wall, now) = (Timestamp::now(), Instant::now());
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        for moved in [48, -48] {
            let mut clock = WallClock { seen: (wall, now), moved: None, tells: true };
            let at = |minute: i64, off: i64| wall + minute.minutes() + off.hours();
            assert_eq!(clock.steady_at(at(1, 0), now + minutes(1)), Some(at(1, 0)));
            assert_eq!(clock.steady_at(at(2, moved), now + minutes(2)), None);
            assert_eq!(clock.steady_at(at(61, moved), now + minutes(61)), None, "it has not been for an hour");
            // Nobody has set it back: the time of day is what it says.
            assert_eq!(clock.steady_at(at(62, moved), now + minutes(62)), Some(at(62, moved)));
        }
    }

    #[test]
    fn a_start_long_after_the_last_entry_or_before_it_waits_an_hour() {
        let now = Timestamp::now();
        for (last, believed) in [
            (None, true),
            (Some(now - 5.hours()), true),
            (Some(now + 60.seconds()), true),
            (Some(now - 25.hours()), false),
            (Some(now - 9_000.hours()), false),
            (Some(now + 1.hours()), false),
        ] {
            let mut clock = WallClock::watch_from(last);
            assert_eq!(clock.steady().is_some(), believed, "{last:?}");
            let (wall, monotonic) = clock.seen;
            assert!(clock.steady_at(wall + 61.minutes(), monotonic + Duration::from_secs(61 * 60)).is_some());
        }
    }

    #[test]
    fn what_a_time_server_does_is_no_move() {
        let (wall, now) = (Timestamp::now(), Instant::now());
        let mut clock = WallClock { seen: (wall, now), moved: None, tells: true };
        assert!(clock.steady_at(wall + 62.seconds(), now + Duration::from_secs(60)).is_some());
        assert!(clock.steady_at(wall + 2.minutes() + 58.seconds(), now + Duration::from_secs(120)).is_some());
    }
}
