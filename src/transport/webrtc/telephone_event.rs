use std::time::Duration;

/// How long after its last packet a key counts as released, when its end was lost.
const END_LOST: Duration = Duration::from_secs(1);

/// Keys in RTP: telephone events (RFC 4733). Each comes in many packets and its end three times; here it comes out once, at its end. Pure.
#[derive(Debug, Default)]
pub(super) struct TelephoneEvents {
    /// Timestamp of the event that is held, its key, and when its last packet came.
    held: Option<(u32, char, Duration)>,
    /// Timestamp of the last event that has ended.
    ended: Option<u32>,
}

impl TelephoneEvents {
    /// Takes the payload of a packet of the event that began at `timestamp`; gives a key that has ended.
    pub(super) fn packet(&mut self, now: Duration, timestamp: u32, payload: &[u8]) -> Option<char> {
        let [event, flags, _, _, ..] = *payload else { return None };
        let key = key(event)?;
        // Also events that are older than the last, which come late.
        if self.ended.is_some_and(|ended| (timestamp.wrapping_sub(ended) as i32) <= 0) {
            return None;
        }
        let ends = flags & 0x80 != 0;
        let before = match self.held {
            // Another event has begun: the end of the one before was lost.
            Some((begun, key, _)) if begun != timestamp => {
                self.held = None;
                self.ended = Some(begun);
                Some(key)
            }
            _ => None,
        };
        if !ends {
            self.held = Some((timestamp, key, now));
            return before;
        }
        if before.is_some() {
            // Both are over: this one comes out with one of its two other ends, or after its time.
            self.held = Some((timestamp, key, now));
            return before;
        }
        self.held = None;
        self.ended = Some(timestamp);
        Some(key)
    }

    /// A key whose end was lost.
    pub(super) fn overdue(&mut self, now: Duration) -> Option<char> {
        let (timestamp, key, _) = self.held.filter(|(_, _, at)| now.saturating_sub(*at) >= END_LOST)?;
        self.held = None;
        self.ended = Some(timestamp);
        Some(key)
    }
}

/// RFC 4733, section 3.2. The letters A to D have no meaning for us.
fn key(event: u8) -> Option<char> {
    match event {
        0..=9 => Some(char::from(b'0' + event)),
        10 => Some('*'),
        11 => Some('#'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_key_comes_once_at_its_end() {
        let mut events = TelephoneEvents::default();
        for step in 1..=5u64 {
            assert_eq!(events.packet(at(20 * step), 1000, &[5, 10, 0, 160]), None);
        }
        let ends = [(); 3].map(|()| events.packet(at(120), 1000, &[5, 0x8a, 3, 32]));
        assert_eq!(ends, [Some('5'), None, None]);
        assert_eq!(events.packet(at(140), 1000, &[5, 10, 0, 160]), None, "a late copy of the beginning");
    }

    #[test]
    fn the_same_key_twice_is_two_keys() {
        let mut events = TelephoneEvents::default();
        assert_eq!(events.packet(at(0), 1000, &[11, 0x80, 0, 160]), Some('#'));
        assert_eq!(events.packet(at(200), 9000, &[11, 0x80, 0, 160]), Some('#'));
    }

    #[test]
    fn a_key_whose_end_was_lost_comes_after_a_second_or_before_the_next() {
        let mut events = TelephoneEvents::default();
        events.packet(at(0), 1000, &[1, 0, 0, 160]);
        assert_eq!(events.overdue(at(999)), None);
        assert_eq!(events.overdue(at(1000)), Some('1'));
        events.packet(at(2000), 5000, &[2, 0, 0, 160]);
        assert_eq!(events.packet(at(2100), 9000, &[3, 0, 0, 160]), Some('2'));
        assert_eq!(events.packet(at(2200), 9000, &[3, 0x80, 3, 32]), Some('3'));
    }

    #[test]
    fn only_the_end_of_a_key_arrives_after_one_without_an_end() {
        let mut events = TelephoneEvents::default();
        events.packet(at(0), 1000, &[1, 0, 0, 160]);
        assert_eq!(events.packet(at(100), 5000, &[2, 0x80, 3, 32]), Some('1'));
        assert_eq!(events.packet(at(100), 5000, &[2, 0x80, 3, 32]), Some('2'));
        assert_eq!(events.packet(at(100), 5000, &[2, 0x80, 3, 32]), None);
    }

    #[test]
    fn the_clock_wraps() {
        let mut events = TelephoneEvents::default();
        assert_eq!(events.packet(at(0), u32::MAX - 10, &[0, 0x80, 0, 160]), Some('0'));
        assert_eq!(events.packet(at(100), 500, &[0, 0x80, 0, 160]), Some('0'));
    }

    #[test]
    fn what_is_no_key_is_passed_over() {
        let mut events = TelephoneEvents::default();
        assert_eq!(events.packet(at(0), 1, &[12, 0x80, 0, 160]), None);
        assert_eq!(events.packet(at(0), 1, &[1, 0x80, 0]), None);
        assert_eq!(events.packet(at(0), 1, &[]), None);
    }
}
