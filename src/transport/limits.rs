//! What one connection of a phone system may do.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

/// What one connection may do. A connection beyond a limit is closed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Messages a second, in the long run. A phone system sends 50 frames a second.
    pub messages_per_second: u32,
    /// Messages at once: what a network that stood still may deliver late.
    pub burst: u32,
    /// How long a connection may take to say which call it is.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub start: Duration,
    /// How long a connection may be silent: no message, no answer to our pings. A caller who sends no sound is not silent in this sense.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub idle: Duration,
    /// How long the peer may take to accept one message of ours.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub write: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            messages_per_second: 100,
            burst: 1000,
            start: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            write: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// The key of a limit that would let nothing through.
    pub(in crate::transport) fn check(&self) -> Result<(), &'static str> {
        let zero = [
            ("messages_per_second", self.messages_per_second == 0),
            ("burst", self.burst == 0),
            ("start", self.start.is_zero()),
            ("idle", self.idle.is_zero()),
            ("write", self.write.is_zero()),
        ];
        zero.iter().find(|(_, zero)| *zero).map_or(Ok(()), |(key, _)| Err(*key))
    }

    /// How often the peer is pinged, so that one that is there is never idle.
    pub(in crate::transport) fn ping(&self) -> Duration {
        self.idle / 3
    }
}

/// A token bucket: `burst` at once, then a steady rate.
#[derive(Debug)]
pub(in crate::transport) struct Bucket {
    level: f64,
    burst: f64,
    per_second: f64,
    at: Instant,
}

impl Bucket {
    pub(in crate::transport) fn new(limits: &Limits, now: Instant) -> Bucket {
        let burst = f64::from(limits.burst);
        Bucket { level: burst, burst, per_second: f64::from(limits.messages_per_second), at: now }
    }

    /// Takes one, if there is one.
    pub(in crate::transport) fn take(&mut self, now: Instant) -> bool {
        let filled = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.level = (self.level + filled).min(self.burst);
        self.at = now;
        let enough = self.level >= 1.0;
        if enough {
            self.level -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let limits = Limits { messages_per_second: 10, burst: 3, ..Limits::default() };
        let start = Instant::now();
        let mut bucket = Bucket::new(&limits, start);
        assert_eq!([(); 4].map(|()| bucket.take(start)), [true, true, true, false]);
        assert!(bucket.take(start + Duration::from_millis(101)));
        assert!(!bucket.take(start + Duration::from_millis(150)));
        let later = start + Duration::from_secs(60);
        assert_eq!([(); 4].map(|()| bucket.take(later)), [true, true, true, false], "no more than a burst is saved up");
    }
}
