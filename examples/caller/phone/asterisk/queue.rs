//! The channel's queue: frames and reports in their order, one frame every 20 ms.
//!
//! Pure. It cuts what comes into frames and drops what is less than one, unless it is told to buffer; it says when it is nearly full and when it
//! has room again; it reports a mark in the tick that takes it out, before the frame behind it.

use std::collections::VecDeque;

const FULL: usize = 1000;
const XOFF: usize = 900;
const XON: usize = 800;

/// What stands in the queue.
enum Item {
    Frame(Vec<u8>),
    Report(Report),
}

/// What is to be reported when it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    Mark(String),
    Completed(String),
}

/// What a tick gives.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tick {
    pub reports: Vec<Report>,
    /// The frame that sounds from now on.
    pub frame: Option<Vec<u8>>,
    pub has_room_again: bool,
    pub drained: bool,
}

/// What became of sound that came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// The queue is nearly full now.
    pub nearly_full: bool,
    /// Bytes that were dropped: less than a frame without a buffer, or beyond the queue.
    pub dropped: usize,
}

pub(super) struct FrameQueue {
    frame: usize,
    items: VecDeque<Item>,
    frames: usize,
    buffering: bool,
    left_over: Vec<u8>,
    paused: bool,
    full: bool,
    reports_drained: bool,
}

impl FrameQueue {
    /// For frames of so many bytes.
    pub fn new(frame: usize) -> Self {
        Self {
            frame,
            items: VecDeque::new(),
            frames: 0,
            buffering: false,
            left_over: Vec::new(),
            paused: false,
            full: false,
            reports_drained: false,
        }
    }

    /// Sound has come.
    pub fn sound(&mut self, sound: &[u8]) -> Taken {
        if self.frames >= FULL {
            return Taken { nearly_full: false, dropped: sound.len() };
        }
        let mut all = if self.buffering { std::mem::take(&mut self.left_over) } else { Vec::new() };
        all.extend_from_slice(sound);
        let whole = all.len() / self.frame * self.frame;
        all[..whole].chunks(self.frame).for_each(|frame| self.push(frame.to_vec()));
        let rest = all.len() - whole;
        let nearly_full = !self.full && self.frames >= XOFF;
        self.full |= nearly_full;
        if self.buffering {
            self.left_over = all[whole..].to_vec();
            return Taken { nearly_full, dropped: 0 };
        }
        Taken { nearly_full, dropped: rest }
    }

    fn push(&mut self, frame: Vec<u8>) {
        self.items.push_back(Item::Frame(frame));
        self.frames += 1;
    }

    pub fn start_buffering(&mut self) {
        self.buffering = true;
    }

    pub fn stop_buffering(&mut self, id: String) {
        self.buffering = false;
        let rest = std::mem::take(&mut self.left_over);
        if !rest.is_empty() {
            self.push(rest);
        }
        self.items.push_back(Item::Report(Report::Completed(id)));
    }

    pub fn mark(&mut self, id: String) {
        self.items.push_back(Item::Report(Report::Mark(id)));
    }

    /// Empties the queue, and forgets the reports in it. Gives how many bytes will not be heard.
    pub fn flush(&mut self) -> usize {
        let dropped = self.items.drain(..).map(|item| if let Item::Frame(frame) = item { frame.len() } else { 0 }).sum();
        (self.frames, self.buffering) = (0, false);
        self.left_over.clear();
        dropped
    }

    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    pub fn report_drained(&mut self) {
        self.reports_drained = true;
    }

    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The frames that wait.
    pub fn waiting(&self) -> impl Iterator<Item = &[u8]> {
        self.items.iter().filter_map(|item| if let Item::Frame(frame) = item { Some(frame.as_slice()) } else { None })
    }

    /// Goes 20 ms on.
    pub fn tick(&mut self) -> Tick {
        let mut tick = Tick::default();
        if self.paused {
            return tick;
        }
        if self.full && self.frames < XON {
            self.full = false;
            tick.has_room_again = true;
        }
        if self.items.is_empty() {
            tick.drained = std::mem::take(&mut self.reports_drained);
        }
        while let Some(item) = self.items.pop_front() {
            match item {
                Item::Report(report) => tick.reports.push(report),
                Item::Frame(frame) => {
                    self.frames -= 1;
                    tick.frame = Some(frame);
                    break;
                }
            }
        }
        tick
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_reported_before_the_frame_behind_it() {
        let mut queue = FrameQueue::new(2);
        queue.sound(&[1, 1]);
        queue.mark("a".into());
        queue.sound(&[2, 2]);
        assert_eq!(queue.tick(), Tick { frame: Some(vec![1, 1]), ..Tick::default() });
        let tick = queue.tick();
        assert_eq!((tick.reports, tick.frame), (vec![Report::Mark("a".into())], Some(vec![2, 2])));
    }

    #[test]
    fn less_than_a_frame_is_kept_in_a_buffer_alone() {
        let mut queue = FrameQueue::new(4);
        assert_eq!(queue.sound(&[1; 6]).dropped, 2);
        queue.start_buffering();
        assert_eq!(queue.sound(&[2; 6]).dropped, 0);
        queue.sound(&[3; 3]);
        queue.stop_buffering("b".into());
        let frames: Vec<_> = std::iter::from_fn(|| queue.tick().frame).collect();
        assert_eq!(frames, [vec![1; 4], vec![2; 4], vec![2, 2, 3, 3], vec![3]]);
    }

    #[test]
    fn it_says_when_it_is_nearly_full_and_when_there_is_room_and_drops_beyond() {
        let mut queue = FrameQueue::new(1);
        assert!(queue.sound(&[0; 900]).nearly_full);
        assert!(!queue.sound(&[0; 100]).nearly_full);
        assert_eq!(queue.sound(&[0; 5]).dropped, 5);
        assert_eq!((0..300).filter(|_| queue.tick().has_room_again).count(), 1);
    }

    #[test]
    fn a_flush_forgets_marks_and_the_buffer_and_not_a_pause() {
        let mut queue = FrameQueue::new(2);
        queue.start_buffering();
        queue.sound(&[1, 1, 1]);
        queue.mark("a".into());
        queue.pause(true);
        assert_eq!(queue.flush(), 2);
        queue.sound(&[2, 2, 2]);
        assert_eq!(queue.tick(), Tick::default());
        queue.pause(false);
        assert_eq!(queue.tick().frame, Some(vec![2, 2]));
        assert_eq!(queue.tick(), Tick::default());
    }
}
