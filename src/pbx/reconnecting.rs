//! What connections to an Asterisk that are kept have in common: the pauses after which it is looked for again, and who is told whether it is there.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::watch;

/// How long a connection may take to be there, with its login, or a sign of life of ours to be written. Asterisk waits a second before it refuses somebody.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// How often a silent Asterisk is asked whether it is there; one that has not answered by the next time is not.
pub(super) const PING: Duration = Duration::from_secs(15);
/// The pause after a refusal: what guards a PBX counts those.
pub(super) const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(60);
/// Pauses between tries to connect, to which up to as much again is added by chance.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Growing pauses between tries.
pub(super) struct Pauses(ExponentialBackoff);

impl Pauses {
    /// From the shortest on: at the beginning, and after a connection that was there.
    pub(super) fn new() -> Pauses {
        let pauses = ExponentialBuilder::default().with_min_delay(FIRST_PAUSE).with_max_delay(LONGEST_PAUSE);
        Pauses(pauses.with_jitter().with_jitter_seed(rand::random()).without_max_times().build())
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Duration {
        self.0.next().unwrap_or(LONGEST_PAUSE)
    }
}

/// Tells those who would give orders, and those who look at the counts, whether Asterisk is there.
pub(super) fn say_whether_up(up: &watch::Sender<bool>, is_there: bool) {
    up.send_replace(is_there);
    metrics::gauge!("candor_pbx_connected").set(if is_there { 1.0 } else { 0.0 });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_never_end() {
        let pauses: Vec<Duration> = Pauses::new().0.take(50).collect();
        assert_eq!(pauses.len(), 50);
        assert!((FIRST_PAUSE..=2 * FIRST_PAUSE).contains(&pauses[0]), "{pauses:?}");
        assert!((2 * FIRST_PAUSE..=4 * FIRST_PAUSE).contains(&pauses[1]), "{pauses:?}");
        assert!(pauses[20..].iter().all(|pause| (LONGEST_PAUSE..=2 * LONGEST_PAUSE).contains(pause)), "{pauses:?}");
    }
}
