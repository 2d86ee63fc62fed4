use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Time since the session began. The pure core knows no other clock: wall time is read once, at the edge, when something is
/// written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionTime(pub Duration);

impl SessionTime {
    /// The moment the session began.
    pub const START: SessionTime = SessionTime(Duration::ZERO);

    /// Whole milliseconds since the session began.
    pub fn millis(self) -> u64 {
        self.0.as_millis() as u64
    }

    /// The time from `earlier` until now; zero when `earlier` is later.
    pub fn since(self, earlier: SessionTime) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for SessionTime {
    type Output = SessionTime;
    fn add(self, duration: Duration) -> SessionTime {
        SessionTime(self.0 + duration)
    }
}

impl Sub<Duration> for SessionTime {
    type Output = SessionTime;
    fn sub(self, duration: Duration) -> SessionTime {
        SessionTime(self.0.saturating_sub(duration))
    }
}
