use std::time::Duration;

use super::jitter::FRAME_SAMPLES;
use crate::audio::FRAME;

/// How late a frame may come after the one before it and still continue it.
const CONTINUES: Duration = Duration::from_millis(60);

/// Where a packet stands in the outgoing stream: what its RTP header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Counts every packet by one.
    pub(super) number: u16,
    /// In samples at 48 000 Hz.
    pub(super) timestamp: u32,
    /// Whether it begins a spurt (RFC 3551, section 4.1).
    pub(super) begins: bool,
}

/// Stamps outgoing frames of 20 ms. The session sends on its own clock, sometimes a few at once; where it was silent for a while, the
/// timestamp goes on with the time that has passed. Pure: the time is handed in.
#[derive(Debug)]
pub(super) struct Timeline {
    number: u16,
    timestamp: u32,
    /// When the next frame continues the last.
    next_at: Option<Duration>,
}

impl Timeline {
    /// Both counters begin at a random place (RFC 3550, section 5.1).
    pub(super) fn new(number: u16, timestamp: u32) -> Timeline {
        Timeline { number, timestamp, next_at: None }
    }

    /// A frame goes out at `now`.
    pub(super) fn stamp(&mut self, now: Duration) -> Stamp {
        let silence = self.next_at.map(|next| now.saturating_sub(next));
        let begins = silence.is_none_or(|silence| silence > CONTINUES);
        let mut at = self.next_at.unwrap_or(now);
        if let Some(silence) = silence.filter(|_| begins) {
            let frames = (silence.as_micros() / FRAME.as_micros()) as u32;
            self.timestamp = self.timestamp.wrapping_add(frames.wrapping_mul(FRAME_SAMPLES as u32));
            at += FRAME * frames;
        }
        let stamp = Stamp { number: self.number, timestamp: self.timestamp, begins };
        self.number = self.number.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
        self.next_at = Some(at + FRAME);
        stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(times: &[u64]) -> Vec<(u16, u32, bool)> {
        let mut timeline = Timeline::new(u16::MAX, u32::MAX - 959);
        let stamps = times.iter().map(|ms| timeline.stamp(Duration::from_millis(*ms)));
        stamps.map(|stamp| (stamp.number, stamp.timestamp, stamp.begins)).collect()
    }

    #[test]
    fn frames_continue_each_other_also_when_they_come_unevenly() {
        assert_eq!(
            stamps(&[0, 20, 55, 60, 60, 100]),
            [
                (u16::MAX, u32::MAX - 959, true),
                (0, 0, false),
                (1, 960, false),
                (2, 1920, false),
                (3, 2880, false),
                (4, 3840, false)
            ]
        );
    }

    #[test]
    fn the_timestamp_goes_on_through_a_silence() {
        assert_eq!(
            stamps(&[0, 1000, 1020]),
            [(u16::MAX, u32::MAX - 959, true), (0, 49 * 960, true), (1, 50 * 960, false)],
            "a second after the first frame"
        );
    }
}
