//! Whether another call may begin, on any transport: not while the server is leaving, not beyond the calls that there may be at once, and not
//! faster than calls may begin. Whoever may not is told so in the words of their transport.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use serde_json::json;

use crate::episode::Episodes;

static FAULTS: Episodes = Episodes::new();

/// Why a call may not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// The server takes no new calls any more.
    Stopping,
    /// There are as many calls as there may be.
    Calls,
    /// Too many begin at once; another may in this time.
    Openings(Duration),
    /// There are as many connections as there may be.
    Connections,
    /// More callers speak than the recognisers can hear, and have for a while.
    Hearing,
}

impl NoRoom {
    /// For the metric, the log and programs.
    pub(super) fn reason(self) -> &'static str {
        match self {
            NoRoom::Stopping => "stopping",
            NoRoom::Calls => "calls",
            NoRoom::Openings(_) => "openings",
            NoRoom::Connections => "connections",
            NoRoom::Hearing => "hearing",
        }
    }

    /// Counts it, and says so when it begins.
    pub(super) fn tell(self) {
        let reason = self.reason();
        metrics::counter!("candor_calls_without_room_total", "reason" => reason).increment(1);
        if let Some(times) = FAULTS.met(reason) {
            tracing::warn!(
                reason,
                times,
                "new calls find no room: those of a phone system are passed to a person, browsers are told when to try again"
            );
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            NoRoom::Stopping => "this server takes no new calls: try again, another may",
            NoRoom::Calls => "as many calls are going on as there may be: try again later",
            NoRoom::Openings(_) => "too many calls begin at this moment: try again in a moment",
            NoRoom::Connections => "too many connections are open: try again later",
            NoRoom::Hearing => "more callers speak than can be heard: try again later",
        }
    }

    /// When it may be tried again, in seconds.
    fn retry_after(self) -> u64 {
        match self {
            NoRoom::Stopping => 5,
            NoRoom::Calls | NoRoom::Connections | NoRoom::Hearing => 10,
            NoRoom::Openings(wait) => wait.as_secs() + 1,
        }
    }
}

/// For clients of HTTP: 503 (RFC 9110, section 15.6.4).
impl IntoResponse for NoRoom {
    fn into_response(self) -> Response {
        let seconds = self.retry_after();
        let body = json!({"reason": self.reason(), "message": self.sentence(), "retryAfter": seconds});
        (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, seconds.to_string())], Json(body)).into_response()
    }
}

/// How far the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// It takes calls.
    Open,
    /// It takes none, and lets those in progress end by themselves.
    Draining,
    /// It tells those in progress that it stops.
    Stopping,
}

impl Phase {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Phase::Open => "open",
            Phase::Draining => "draining",
            Phase::Stopping => "stopping",
        }
    }
}

/// Who may begin a call.
pub(super) struct Admission<C: Clock = MonotonicClock> {
    phase: AtomicU8,
    openings: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
    clock: C,
}

impl Admission {
    /// For so many openings a second; as many at once may begin after a quiet second.
    pub(super) fn new(openings_per_second: NonZeroU32) -> Admission {
        Admission::with_clock(openings_per_second, MonotonicClock)
    }
}

impl<C: Clock + Clone> Admission<C> {
    fn with_clock(openings_per_second: NonZeroU32, clock: C) -> Admission<C> {
        let openings = RateLimiter::direct_with_clock(Quota::per_second(openings_per_second), clock.clone());
        Admission { phase: AtomicU8::new(Phase::Open as u8), openings, clock }
    }

    /// Takes an opening. `room`: whether another call would be served well.
    pub(super) fn admit(&self, room: Result<(), NoRoom>) -> Result<(), NoRoom> {
        if self.phase() != Phase::Open {
            return Err(NoRoom::Stopping);
        }
        room?;
        self.openings.check().map_err(|wait| NoRoom::Openings(wait.wait_time_from(self.clock.now())))?;
        for reason in ["calls", "openings", "hearing"] {
            if let Some(times) = FAULTS.over(reason) {
                tracing::info!(reason, times, "new calls find room again");
            }
        }
        Ok(())
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::Open,
            1 => Phase::Draining,
            _ => Phase::Stopping,
        }
    }

    /// There is no way back.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn three_a_second(clock: &FakeRelativeClock) -> Admission<FakeRelativeClock> {
        Admission::with_clock(NonZeroU32::new(3).unwrap(), clock.clone())
    }

    #[test]
    fn a_burst_is_let_in_up_to_the_limit_and_then_at_the_rate() {
        let clock = FakeRelativeClock::default();
        let admission = three_a_second(&clock);
        let begun = |number: usize| (0..number).filter(|_| admission.admit(Ok(())).is_ok()).count();
        assert_eq!(begun(10), 3);
        clock.advance(Duration::from_millis(400));
        assert_eq!(begun(10), 1);
        clock.advance(Duration::from_secs(60));
        assert_eq!(begun(10), 3, "no more than a second's worth is saved up");
        let Err(NoRoom::Openings(wait)) = admission.admit(Ok(())) else { panic!("one too many was let in") };
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(334), "{wait:?}");
    }

    #[test]
    fn who_finds_no_room_takes_no_opening() {
        let admission = three_a_second(&FakeRelativeClock::default());
        assert!((0..10).all(|_| admission.admit(Err(NoRoom::Calls)) == Err(NoRoom::Calls)));
        assert!((0..3).all(|_| admission.admit(Ok(())).is_ok()));
    }

    #[test]
    fn a_server_that_leaves_does_not_come_back() {
        let admission = three_a_second(&FakeRelativeClock::default());
        admission.enter(Phase::Stopping);
        admission.enter(Phase::Draining);
        assert_eq!((admission.phase(), admission.admit(Ok(()))), (Phase::Stopping, Err(NoRoom::Stopping)));
    }
}
