use std::time::Duration;

/// What became of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing has come for so long that nobody can be assumed to be there.
    Lapsed,
    /// They are back.
    Resumed,
    /// They have not come back in time.
    Gone,
}

/// Whether the caller is there, by what comes from them. Pure: the time is handed in.
///
/// Anything counts: sound, reports, answers to our connectivity checks. A browser that is muted or says nothing still answers those,
/// twice a second, so that silence is never taken for absence.
#[derive(Debug)]
pub(super) struct Presence {
    lapse: Duration,
    give_up: Duration,
    heard: Duration,
    lapsed: bool,
}

impl Presence {
    /// The caller was heard at `now`; a silence of `lapse` is a lapse, and `give_up` after that they are gone.
    pub(super) fn new(lapse: Duration, give_up: Duration, now: Duration) -> Presence {
        Presence { lapse, give_up, heard: now, lapsed: false }
    }

    /// Judges the moment `now`, at which the caller was last heard at `heard`.
    pub(super) fn judge(&mut self, heard: Duration, now: Duration) -> Option<Change> {
        self.heard = self.heard.max(heard);
        let silent = now.saturating_sub(self.heard);
        match self.lapsed {
            false if silent >= self.lapse => {
                self.lapsed = true;
                Some(Change::Lapsed)
            }
            true if silent < self.lapse => {
                self.lapsed = false;
                Some(Change::Resumed)
            }
            true if silent >= self.lapse + self.give_up => Some(Change::Gone),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_caller_lapses_comes_back_and_is_given_up() {
        let mut presence = Presence::new(ms(1500), ms(15_000), ms(0));
        assert_eq!(presence.judge(ms(100), ms(1599)), None);
        assert_eq!(presence.judge(ms(100), ms(1600)), Some(Change::Lapsed));
        assert_eq!(presence.judge(ms(100), ms(1700)), None);
        assert_eq!(presence.judge(ms(8000), ms(8010)), Some(Change::Resumed));
        assert_eq!(presence.judge(ms(8000), ms(9500)), Some(Change::Lapsed));
        assert_eq!(presence.judge(ms(8000), ms(24_499)), None);
        assert_eq!(presence.judge(ms(8000), ms(24_500)), Some(Change::Gone));
    }
}
