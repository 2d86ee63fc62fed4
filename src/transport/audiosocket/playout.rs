use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::audio::FRAME;
use crate::transport::{Inbound, Mark};

/// How many frames may wait. More is what an agent says to somebody whose telephone has stood still.
const MOST: usize = 10;
/// How many may wait before two go out in one tick: the clock had missed one, and what waits is between the agent and the caller's ear.
const CUSHION: usize = 3;
/// The clock of 20 ms is a little uneven.
const UNEVEN: Duration = Duration::from_millis(5);

/// What the agent says, between the session's clock and that of the wire.
///
/// Asterisk plays what it gets when it gets it. So one frame goes out in every tick, and what waits is no more than evens out that two
/// tasks do not wake in the same order every time: the first frame after silence waits for a second one, or for one tick.
#[derive(Default)]
pub(super) struct Playout {
    waiting: VecDeque<Waiting>,
    /// How much of that is sound.
    frames: usize,
    /// Frames go out; if not, the next that comes begins something.
    sounding: bool,
    /// A first frame waits since the last tick.
    held: bool,
    /// The sound before the next mark has a hole.
    torn: bool,
    /// How many packets have gone out, those of silence included.
    sent: u64,
    /// How many of them the socket has taken, and when the last of those has been heard.
    taken: u64,
    heard: Option<Instant>,
    /// Marks whose sound has gone out.
    behind: VecDeque<Sent>,
}

/// A mark whose sound has gone out.
struct Sent {
    mark: Mark,
    /// Something is missing before it.
    torn: bool,
    /// How many packets had gone out before it. Two may go out in one tick, so the last one that was taken tells nothing of it.
    behind: u64,
}

enum Waiting {
    Sound(Bytes),
    /// A mark, and whether something is missing before it.
    Mark(Mark, bool),
}

impl Playout {
    /// Sound to say. `true`: there was no room, and the oldest that waited is not said.
    pub(super) fn sound(&mut self, sound: Bytes) -> bool {
        self.waiting.push_back(Waiting::Sound(sound));
        self.frames += 1;
        let too_many = self.frames > MOST;
        if too_many {
            self.drop_oldest();
        }
        too_many
    }

    fn drop_oldest(&mut self) {
        let Some(place) = self.waiting.iter().position(|waiting| matches!(waiting, Waiting::Sound(_))) else { return };
        self.waiting.remove(place);
        self.frames -= 1;
        let next = self.waiting.iter_mut().skip(place).find_map(|waiting| match waiting {
            Waiting::Mark(_, torn) => Some(torn),
            Waiting::Sound(_) => None,
        });
        *next.unwrap_or(&mut self.torn) = true;
    }

    /// A place to report.
    pub(super) fn mark(&mut self, mark: Mark) {
        let torn = std::mem::take(&mut self.torn);
        self.waiting.push_back(Waiting::Mark(mark, torn));
    }

    /// Throws away what waits, and gives the marks in it. What has gone out will have been heard: its marks stay.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Mark> {
        self.settle_front();
        (self.frames, self.sounding, self.held, self.torn) = (0, false, false, false);
        std::mem::take(&mut self.waiting).into_iter().filter_map(|waiting| match waiting {
            Waiting::Mark(mark, _) => Some(mark),
            Waiting::Sound(_) => None,
        })
    }

    /// The next frame to send; `None`: silence.
    pub(super) fn next_frame(&mut self) -> Option<Bytes> {
        self.settle_front();
        self.sent += 1;
        if !self.sounding {
            let ready = self.frames > 1 || self.held;
            self.held = self.frames > 0;
            if !ready || self.frames == 0 {
                return None;
            }
            self.sounding = true;
        }
        match self.waiting.pop_front() {
            Some(Waiting::Sound(sound)) => {
                self.frames -= 1;
                Some(sound)
            }
            // A mark cannot be at the front.
            _ => {
                (self.sounding, self.held) = (false, false);
                None
            }
        }
    }

    /// Whether another frame is to go out in the same tick.
    pub(super) fn is_behind(&self) -> bool {
        self.sounding && self.frames > CUSHION
    }

    /// The socket has taken all that was sent: so many packets of 20 ms.
    pub(super) fn taken(&mut self, packets: u32, now: Instant) {
        let before = self.heard.map_or(now, |heard| heard.max(now));
        self.heard = Some(before + FRAME * packets);
        self.taken += u64::from(packets);
    }

    /// What has become of the next mark whose sound is over.
    pub(super) fn over(&mut self, now: Instant) -> Option<Inbound> {
        self.settle_front();
        let next = self.behind.front()?;
        let after = self.taken.checked_sub(next.behind)?;
        // What went out after it is not waited for.
        let after = FRAME * u32::try_from(after).unwrap_or(u32::MAX);
        if self.heard.is_some_and(|heard| heard > now + UNEVEN + after) {
            return None;
        }
        let Sent { mark, torn, .. } = self.behind.pop_front()?;
        Some(if torn { Inbound::Garbled(mark) } else { Inbound::Played(mark) })
    }

    /// Marks that no sound waits before.
    fn settle_front(&mut self) {
        while let Some(Waiting::Mark(mark, torn)) = self.waiting.pop_front_if(|waiting| matches!(waiting, Waiting::Mark(..))) {
            self.behind.push_back(Sent { mark, torn, behind: self.sent });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number `n`, for telling frames apart.
    fn frame(n: u8) -> Bytes {
        Bytes::from(vec![n])
    }

    /// The pump's part: each tick what is over, and a frame that is taken at once.
    struct Clock {
        playout: Playout,
        now: Instant,
        marks: Vec<Inbound>,
    }

    impl Clock {
        fn new() -> Clock {
            Clock { playout: Playout::default(), now: Instant::now(), marks: Vec::new() }
        }

        fn tick(&mut self) -> Option<u8> {
            self.now += FRAME;
            while let Some(over) = self.playout.over(self.now) {
                self.marks.push(over);
            }
            let sent = self.playout.next_frame();
            self.playout.taken(1, self.now);
            sent.map(|frame| frame[0])
        }
    }

    #[test]
    fn a_session_that_is_a_little_early_or_late_leaves_no_hole_in_a_word() {
        for late in [[false, true, false], [true, false, true], [true, true, false]] {
            let mut clock = Clock::new();
            let mut sent = Vec::new();
            for (number, late) in (0..30).zip(late.into_iter().cycle()) {
                if late {
                    sent.push(clock.tick());
                    clock.playout.sound(frame(number));
                } else {
                    clock.playout.sound(frame(number));
                    sent.push(clock.tick());
                }
            }
            sent.extend((0..3).map(|_| clock.tick()));
            let said: Vec<u8> = sent.iter().flatten().copied().collect();
            assert_eq!(said, (0..30).collect::<Vec<u8>>());
            let first = sent.iter().position(Option::is_some).unwrap();
            assert!(first <= 2 && sent[first..first + 30].iter().all(Option::is_some), "{sent:?}");
        }
    }

    #[test]
    fn a_lone_frame_is_said_a_tick_later() {
        let mut clock = Clock::new();
        assert_eq!(clock.tick(), None);
        clock.playout.sound(frame(1));
        assert_eq!([clock.tick(), clock.tick(), clock.tick()], [None, Some(1), None]);
    }

    #[test]
    fn a_mark_is_played_when_the_frame_before_it_is_over_and_not_before() {
        let mut clock = Clock::new();
        clock.playout.sound(frame(1));
        clock.playout.sound(frame(2));
        clock.playout.mark(Mark(1));
        assert_eq!(clock.tick(), Some(1));
        assert_eq!(clock.tick(), Some(2));
        assert_eq!(clock.marks, [], "taken, and not over");
        clock.now += Duration::from_millis(10);
        assert_eq!(clock.playout.over(clock.now), None);
        clock.now -= Duration::from_millis(10);
        clock.tick();
        assert_eq!(clock.marks, [Inbound::Played(Mark(1))]);
    }

    #[test]
    fn a_mark_behind_nothing_is_played() {
        let mut clock = Clock::new();
        clock.playout.mark(Mark(1));
        clock.tick();
        clock.tick();
        assert_eq!(clock.marks, [Inbound::Played(Mark(1))]);
    }

    #[test]
    fn what_is_cleared_is_not_said_and_what_was_said_keeps_its_mark() {
        let mut clock = Clock::new();
        clock.playout.sound(frame(1));
        clock.playout.mark(Mark(1));
        clock.tick();
        assert_eq!(clock.tick(), Some(1));
        clock.playout.sound(frame(2));
        clock.playout.mark(Mark(2));
        assert_eq!(clock.playout.clear().collect::<Vec<_>>(), [Mark(2)]);
        assert_eq!(clock.tick(), None);
        assert_eq!(clock.marks, [Inbound::Played(Mark(1))]);
        clock.playout.sound(frame(3));
        assert_eq!([clock.tick(), clock.tick()], [None, Some(3)]);
    }

    #[test]
    fn a_clock_that_misses_ticks_does_not_leave_the_agent_behind() {
        let mut clock = Clock::new();
        let (mut said, mut most) = (Vec::new(), 0);
        for number in 0..100 {
            assert!(!clock.playout.sound(frame(number)));
            if number % 5 == 4 {
                clock.now += FRAME;
            } else {
                said.extend(clock.tick());
                while clock.playout.is_behind() {
                    said.extend(clock.playout.next_frame().map(|frame| frame[0]));
                    clock.playout.taken(1, clock.now);
                }
            }
            most = most.max(clock.playout.frames);
        }
        clock.playout.mark(Mark(1));
        said.extend((0..6).filter_map(|_| clock.tick()));
        assert_eq!(said, (0..100).collect::<Vec<u8>>());
        assert!(most <= CUSHION + 1, "{most} waited");
        assert_eq!(clock.marks, [Inbound::Played(Mark(1))]);
    }

    #[test]
    fn two_frames_that_go_out_together_last_twice_as_long() {
        let mut clock = Clock::new();
        clock.playout.sound(frame(1));
        clock.playout.sound(frame(2));
        clock.playout.mark(Mark(1));
        assert_eq!(clock.tick(), Some(1));
        assert!(clock.playout.next_frame().is_some());
        clock.playout.taken(1, clock.now);
        assert_eq!(clock.playout.over(clock.now + FRAME), None);
        assert_eq!(clock.playout.over(clock.now + FRAME * 2), Some(Inbound::Played(Mark(1))));
    }

    #[test]
    fn a_tick_with_two_frames_does_not_keep_later_marks_back() {
        let mut clock = Clock::new();
        clock.playout.sound(frame(1));
        clock.playout.sound(frame(2));
        clock.tick();
        clock.playout.next_frame();
        clock.playout.taken(1, clock.now);
        // From here on what was sent is a frame ahead, and silence goes out in every tick.
        for number in 1..=3 {
            clock.playout.sound(frame(3));
            clock.playout.mark(Mark(number));
            let _ = (0..4).map(|_| clock.tick()).last();
        }
        assert_eq!(clock.marks, [1, 2, 3].map(|number| Inbound::Played(Mark(number))));
    }

    #[test]
    fn a_wire_that_stands_still_has_a_hole_and_the_marks_behind_it_say_so() {
        let mut clock = Clock::new();
        for number in 0..15 {
            let dropped = clock.playout.sound(frame(number));
            assert_eq!(dropped, number >= 10);
            if number == 12 {
                clock.playout.mark(Mark(1));
            }
        }
        clock.playout.mark(Mark(2));
        let said: Vec<u8> = (0..12).filter_map(|_| clock.tick()).collect();
        assert_eq!(said, (5..15).collect::<Vec<u8>>());
        assert_eq!(clock.marks, [Inbound::Garbled(Mark(1)), Inbound::Played(Mark(2))]);
        for number in 0..12 {
            clock.playout.sound(frame(number));
        }
        clock.playout.mark(Mark(3));
        clock.playout.mark(Mark(4));
        let _ = (0..13).map(|_| clock.tick()).last();
        assert_eq!(clock.marks[2..], [Inbound::Garbled(Mark(3)), Inbound::Played(Mark(4))]);
    }
}
