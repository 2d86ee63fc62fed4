//! Whether the agent's sound comes in time, judged by the caller's own clock.
//!
//! Pure: it is told what came and when. The caller plays by itself, so a server may send ahead; what counts is its schedule. Within a line
//! (from its first frame to its mark) each frame is due when the one before it ends, and the line's schedule is the best that the
//! server has kept in it: a server that was 380 ms ahead of the ear and is 350 ms ahead now is 30 ms late, though nobody hears that. What is
//! heard is counted beside it: a hole, when the buffer ran dry in the middle of a line.

use std::time::Duration;

/// How long a frame lasts.
const FRAME: Duration = Duration::from_millis(20);
/// How far a frame may be behind the line's schedule.
const TOLERANCE: Duration = Duration::from_millis(20);

/// What became of the agent's frames.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pace {
    /// How many came; a message may hold several.
    pub frames: u64,
    /// How many of them were more than 20 ms behind the schedule of their line.
    pub late: u64,
    /// The latest of all.
    pub latest: Duration,
    /// How often the caller heard a hole in the middle of a line.
    pub holes: u64,
    line: Option<Line>,
    /// When all that has come is played.
    played: Duration,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Line {
    /// How far ahead of the ear the server has been at best.
    ahead: Duration,
}

impl Pace {
    /// Sound that lasts `length` came at `at`.
    pub fn sound(&mut self, at: Duration, length: Duration) {
        let frames = length.as_nanos().div_ceil(FRAME.as_nanos()) as u64;
        self.frames += frames;
        let ahead = self.played.saturating_sub(at);
        match &mut self.line {
            None => self.line = Some(Line { ahead }),
            Some(line) => {
                // Behind by what the ear had to wait, and by what was lost of the lead.
                let behind = line.ahead.saturating_sub(ahead) + at.saturating_sub(self.played);
                // Each is due when the one before it ends, and they came together.
                let late = (0..frames).take_while(|before| behind > TOLERANCE + FRAME * *before as u32);
                self.late += late.count() as u64;
                self.latest = self.latest.max(behind);
                self.holes += u64::from(at > self.played);
                line.ahead = line.ahead.max(ahead);
            }
        }
        self.played = self.played.max(at) + length;
    }

    /// The line has been sent to its end.
    pub fn line_ends(&mut self) {
        self.line = None;
    }

    /// What was not played yet never will be.
    pub fn cleared(&mut self, at: Duration) {
        self.line = None;
        self.played = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Twenty frames at once, then one every 20 ms, of which some come as late as `late` says.
    fn line(pace: &mut Pace, begins: u64, frames: u64, late: impl Fn(u64) -> u64) {
        for frame in 0..frames {
            pace.sound(ms(begins + 20 * frame.saturating_sub(19) + late(frame)), FRAME);
        }
        pace.line_ends();
    }

    #[test]
    fn a_burst_ahead_and_a_steady_pace_are_in_time() {
        let mut pace = Pace::default();
        line(&mut pace, 1000, 200, |_| 0);
        line(&mut pace, 9000, 200, |frame| frame % 3 * 9);
        assert_eq!((pace.frames, pace.late, pace.holes), (400, 0, 0));
        assert!(pace.latest <= ms(18));
    }

    #[test]
    fn each_frame_behind_the_schedule_counts_although_nobody_hears_it() {
        let mut pace = Pace::default();
        // The server stands still for 100 ms, and then makes up for it at once: 100, 80, 60 and 40 ms late, and one just in time.
        line(&mut pace, 0, 100, |frame| {
            100u64.saturating_sub(20 * frame.saturating_sub(50)) * u64::from((50..56).contains(&frame))
        });
        assert_eq!((pace.late, pace.holes, pace.latest), (4, 0, ms(100)));
    }

    #[test]
    fn two_frames_in_each_message_are_in_time_and_count_as_two() {
        let mut pace = Pace::default();
        for message in 0..50 {
            let late = if message == 30 { 25 } else { 0 };
            pace.sound(ms(40 * u64::saturating_sub(message, 10) + late), FRAME * 2);
        }
        assert_eq!((pace.frames, pace.late, pace.holes), (100, 1, 0), "the second of the late message is 5 ms late");
    }

    #[test]
    fn a_buffer_that_runs_dry_in_a_line_is_a_hole_and_between_lines_none() {
        let mut pace = Pace::default();
        line(&mut pace, 0, 30, |frame| if frame >= 25 { 500 } else { 0 });
        assert_eq!(pace.holes, 1, "what comes late is played when it comes, and the rest follows");
        line(&mut pace, 5000, 30, |_| 0);
        assert_eq!(pace.holes, 1, "nobody waits for a line that has not begun");
    }

    #[test]
    fn what_was_cleared_is_not_played_before_what_follows() {
        let mut pace = Pace::default();
        for frame in 0..40 {
            pace.sound(ms(20 * u64::saturating_sub(frame, 19)), FRAME);
        }
        pace.cleared(ms(430));
        line(&mut pace, 440, 60, |_| 0);
        assert_eq!((pace.late, pace.holes), (0, 0));
    }
}
