//! How much one address, and everybody together, may ask of this server.
//!
//! The tables hold addresses in memory only, never more than [`ADDRESSES`] of them, and none appears in a log or a metric. Twilio's routes are
//! not limited by address: many callers come from few of its machines, and its requests are signed.

use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use serde::Deserialize;

use crate::at_once::{AtOnce, Place, subscriber};

/// How many addresses a table of rates remembers. Beyond that, those it does not know share one allowance.
const ADDRESSES: usize = 50_000;
/// How often a full table is searched for addresses that can be forgotten.
const SWEEP: Duration = Duration::from_secs(5);

/// The `[server.limits]` part of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Connections that may be open at once, WebSockets included.
    pub connections: NonZeroUsize,
    /// Of those, how many from one address; trusted proxies may have all.
    pub connections_per_address: NonZeroUsize,
    /// Requests to `/webrtc` and `/desk` from one address, a minute.
    pub requests_per_minute: NonZeroU32,
    /// New WebRTC calls from one address, a minute.
    pub calls_per_minute: NonZeroU32,
    /// WebRTC calls of one address at once.
    pub calls_per_address: NonZeroUsize,
    /// Calls that may begin in a second, on all transports and from all addresses together; so many may begin at once.
    pub openings_per_second: NonZeroU32,
    /// Seconds in which a client has to have sent the head of a request, the next one on an open connection included.
    pub head_seconds: NonZeroU64,
    /// Seconds in which a request has to be received and answered, and in which a client has to take what was sent.
    pub request_seconds: NonZeroU64,
}

impl Default for Settings {
    fn default() -> Settings {
        const fn of(number: usize) -> NonZeroUsize {
            NonZeroUsize::MIN.saturating_add(number - 1)
        }
        const fn rate(number: u32) -> NonZeroU32 {
            NonZeroU32::MIN.saturating_add(number - 1)
        }
        const fn seconds(number: u64) -> NonZeroU64 {
            NonZeroU64::MIN.saturating_add(number - 1)
        }
        Settings {
            connections: of(1024),
            connections_per_address: of(256),
            requests_per_minute: rate(600),
            calls_per_minute: rate(30),
            calls_per_address: of(10),
            openings_per_second: rate(20),
            head_seconds: seconds(15),
            request_seconds: seconds(30),
        }
    }
}

/// Why a request was one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    /// For the metric.
    pub(super) what: &'static str,
    /// For the client.
    pub(super) sentence: &'static str,
    /// When it may be tried again.
    pub(super) retry_after: Duration,
}

/// The limits of routes for browsers.
pub(super) struct Limits {
    requests: Rate,
    new_calls: Rate,
    calls: AtOnce,
    calls_per_address: usize,
}

impl Limits {
    pub(super) fn new(settings: &Settings) -> Limits {
        Limits {
            requests: Rate::per_minute(settings.requests_per_minute),
            new_calls: Rate::per_minute(settings.calls_per_minute),
            calls: AtOnce::default(),
            calls_per_address: settings.calls_per_address.get(),
        }
    }

    /// One more request from this address.
    pub(super) fn request(&self, address: IpAddr) -> Result<(), TooMany> {
        let too_many = |retry_after| TooMany {
            what: "requests",
            sentence: "too many requests from your address: wait a little and try again\n",
            retry_after,
        };
        self.requests.take(address).map_err(too_many)
    }

    /// One more call from this address. The place is the call's for as long as it lasts.
    pub(super) fn new_call(&self, address: IpAddr) -> Result<Place, TooMany> {
        let place = self.calls.enter(address, self.calls_per_address).ok_or(TooMany {
            what: "calls-at-once",
            sentence: "too many calls from your address at once: end one and try again\n",
            retry_after: Duration::from_secs(10),
        })?;
        let too_many = |retry_after| TooMany {
            what: "new-calls",
            sentence: "too many new calls from your address: wait a little and try again\n",
            retry_after,
        };
        self.new_calls.take(address).map(|()| place).map_err(too_many)
    }
}

/// So many a minute for each address, in a table that does not grow beyond its bound.
struct Rate<C: Clock = MonotonicClock> {
    limiter: RateLimiter<IpAddr, HashMapStateStore<IpAddr>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    most: usize,
    swept: Mutex<Option<Instant>>,
}

impl Rate {
    fn per_minute(number: NonZeroU32) -> Rate {
        Rate::new(Quota::per_minute(number), MonotonicClock, ADDRESSES)
    }
}

impl<C: Clock + Clone> Rate<C> {
    fn new(quota: Quota, clock: C, most: usize) -> Rate<C> {
        let limiter = RateLimiter::hashmap_with_clock(quota, clock.clone());
        Rate { limiter, clock, most, swept: Mutex::new(None) }
    }

    /// Takes one, or says how long to wait.
    fn take(&self, address: IpAddr) -> Result<(), Duration> {
        // An address leaves the table as soon as its allowance is whole again, so only a flood from very many addresses fills it.
        let key = if self.has_room() { subscriber(address) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
        self.limiter.check_key(&key).map_err(|wait| wait.wait_time_from(self.clock.now()))
    }

    fn has_room(&self) -> bool {
        if self.limiter.len() < self.most {
            return true;
        }
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            *swept = Some(Instant::now());
            self.limiter.retain_recent();
        }
        self.limiter.len() < self.most
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn three_a_minute(clock: &FakeRelativeClock, most: usize) -> Rate<FakeRelativeClock> {
        Rate::new(Quota::per_minute(NonZeroU32::new(3).unwrap()), clock.clone(), most)
    }

    #[test]
    fn each_address_has_its_own_rate_and_learns_how_long_to_wait() {
        let clock = FakeRelativeClock::default();
        let rate = three_a_minute(&clock, 10);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        assert!((0..3).all(|_| rate.take(one).is_ok()));
        let wait = rate.take(one).unwrap_err();
        assert!(wait > Duration::from_secs(19) && wait <= Duration::from_secs(20), "{wait:?}");
        assert!(rate.take(other).is_ok());
        clock.advance(wait);
        assert!(rate.take(one).is_ok());
    }

    #[test]
    fn a_network_of_one_subscriber_is_one_address() {
        let clock = FakeRelativeClock::default();
        let rate = three_a_minute(&clock, 10);
        for host in 1..=3 {
            rate.take(address(&format!("2001:db8::{host}"))).unwrap();
        }
        assert!(rate.take(address("2001:db8::ffff")).is_err());
        assert!(rate.take(address("2001:db8:0:1::1")).is_ok());
        assert_eq!(subscriber(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }

    #[test]
    fn the_table_is_bounded_and_those_beyond_share_one_allowance() {
        let clock = FakeRelativeClock::default();
        let rate = three_a_minute(&clock, 100);
        let sender = |n: u32| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n));
        let passed = (0..10_000).filter(|n| rate.take(sender(*n)).is_ok()).count();
        assert_eq!(passed, 100 + 3, "the table's own, and one shared allowance");
        assert!(rate.limiter.len() <= 101);
        // After a while they are forgotten, and whoever is new is counted alone again.
        clock.advance(Duration::from_secs(120));
        *rate.swept.lock().unwrap() = None;
        assert!((0..3).all(|_| rate.take(address("192.0.2.1")).is_ok()));
        assert!(rate.limiter.len() <= 2);
    }

    #[test]
    fn places_are_given_back_and_forgotten() {
        let open = AtOnce::default();
        let one = address("192.0.2.1");
        let first = open.enter(one, 2).unwrap();
        let second = open.enter(one, 2).unwrap();
        assert!(open.enter(one, 2).is_none());
        assert!(open.enter(address("192.0.2.2"), 2).is_some());
        let clone = first.clone();
        drop(first);
        assert!(open.enter(one, 2).is_none(), "the clone still holds it");
        drop(clone);
        assert!(open.enter(one, 2).is_some());
        drop(second);
        assert!(open.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_call_that_finds_no_place_is_told_when_to_come_back() {
        let settings = Settings {
            calls_per_minute: NonZeroU32::new(3).unwrap(),
            calls_per_address: NonZeroUsize::new(2).unwrap(),
            ..Settings::default()
        };
        let limits = Limits::new(&settings);
        let one = address("192.0.2.1");
        let places: Vec<Place> = (0..2).map(|_| limits.new_call(one).ok().unwrap()).collect();
        assert_eq!(limits.new_call(one).err().unwrap().what, "calls-at-once");
        drop(places);
        assert!(limits.new_call(one).is_ok());
        let refused = limits.new_call(one).err().unwrap();
        assert_eq!(refused.what, "new-calls");
        assert!(refused.retry_after > Duration::from_secs(10));
    }
}
