//! The playout buffer: what the server has sent and the caller has not heard yet.
//!
//! Pure: it knows no clock and no socket. Whoever owns it calls [`Playout::tick`] every 20 ms and hears the 160 bytes it
//! gives. A mark comes back when all that was received before it has been played, at once when there was nothing to wait
//! for, and when the buffer is cleared, together with every other mark that was still waiting.

use std::collections::VecDeque;

/// Bytes of μ-law in 20 ms at 8 kHz.
pub const FRAME_BYTES: usize = 160;
/// μ-law silence (positive zero).
pub const SILENCE: u8 = 0xFF;

/// What one tick of 20 ms gives.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// The marks whose audio had been played when this tick began, in order.
    pub played_marks: Vec<usize>,
    /// The 20 ms that are heard from now on: always [`FRAME_BYTES`] bytes, silence where nothing is queued.
    pub frame: Vec<u8>,
}

/// Received media and marks, in order.
#[derive(Debug, Default)]
pub struct Playout {
    audio: VecDeque<u8>,
    /// Each waiting mark with the number of bytes that must still begin to play before it.
    marks: VecDeque<(usize, usize)>,
    /// Whether the last tick's frame held audio: it sounds until the next tick.
    sounding: bool,
    largest_backlog: usize,
}

impl Playout {
    /// Queues received media: μ-law bytes, any number.
    pub fn receive_audio(&mut self, ulaw: &[u8]) {
        self.audio.extend(ulaw);
        self.largest_backlog = self.largest_backlog.max(self.audio.len());
    }

    /// Queues a mark, by its number. `true`: there is nothing to play before it, it comes back at once.
    pub fn receive_mark(&mut self, mark: usize) -> bool {
        if self.audio.is_empty() && !self.sounding && self.marks.is_empty() {
            return true;
        }
        self.marks.push_back((mark, self.audio.len()));
        false
    }

    /// Empties the buffer. Gives the marks that were still waiting, in order, and the number of bytes that will not be heard.
    pub fn clear(&mut self) -> (Vec<usize>, usize) {
        let dropped = self.audio.len();
        self.audio.clear();
        self.sounding = false;
        (self.marks.drain(..).map(|(mark, _)| mark).collect(), dropped)
    }

    /// Goes 20 ms on.
    pub fn tick(&mut self) -> Tick {
        let mut played_marks = Vec::new();
        while let Some(&(mark, 0)) = self.marks.front() {
            self.marks.pop_front();
            played_marks.push(mark);
        }
        let taken = self.audio.len().min(FRAME_BYTES);
        let mut frame: Vec<u8> = self.audio.drain(..taken).collect();
        for (_, before) in &mut self.marks {
            *before = before.saturating_sub(taken);
        }
        self.sounding = taken > 0;
        frame.resize(FRAME_BYTES, SILENCE);
        Tick { played_marks, frame }
    }

    /// Whether anything other than silence is still waiting to be played.
    pub fn holds_sound(&self) -> bool {
        self.audio.iter().any(|byte| super::heard::is_audible(*byte))
    }

    /// The most that ever waited, in bytes (8 a millisecond).
    pub fn largest_backlog(&self) -> usize {
        self.largest_backlog
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_only_after_the_last_of_its_audio_has_sounded() {
        let mut playout = Playout::default();
        playout.receive_audio(&[1; 200]);
        assert!(!playout.receive_mark(1));
        let first = playout.tick();
        assert_eq!((first.played_marks, first.frame), (vec![], vec![1; 160]));
        let second = playout.tick();
        assert!(second.played_marks.is_empty(), "the last 40 bytes only begin to sound now");
        assert_eq!(&second.frame[..40], &[1; 40]);
        assert!(second.frame[40..].iter().all(|byte| *byte == SILENCE));
        assert_eq!(playout.tick().played_marks, vec![1]);
        assert!(playout.tick().played_marks.is_empty());
    }

    #[test]
    fn a_mark_waits_while_the_frame_before_it_still_sounds() {
        let mut playout = Playout::default();
        playout.receive_audio(&[1; 160]);
        playout.tick();
        assert!(!playout.receive_mark(7));
        assert_eq!(playout.tick().played_marks, vec![7]);
    }

    #[test]
    fn a_mark_on_an_empty_buffer_comes_back_at_once() {
        let mut playout = Playout::default();
        assert!(playout.receive_mark(1));
        playout.tick();
        assert!(playout.receive_mark(2));
    }

    #[test]
    fn marks_keep_their_order_between_and_inside_frames() {
        let mut playout = Playout::default();
        playout.receive_audio(&[1; 50]);
        playout.receive_mark(1);
        playout.receive_audio(&[2; 50]);
        playout.receive_mark(2);
        playout.receive_audio(&[3; 160]);
        playout.receive_mark(3);
        let first = playout.tick();
        assert!(first.played_marks.is_empty());
        assert_eq!((first.frame[49], first.frame[50], first.frame[100]), (1, 2, 3), "no gap between prompts");
        assert_eq!(playout.tick().played_marks, vec![1, 2]);
        assert_eq!(playout.tick().played_marks, vec![3]);
    }

    #[test]
    fn clearing_gives_all_waiting_marks_back_and_nothing_more_is_heard() {
        let mut playout = Playout::default();
        playout.receive_audio(&[1; 480]);
        playout.receive_mark(1);
        playout.receive_audio(&[2; 160]);
        playout.receive_mark(2);
        playout.tick();
        assert_eq!(playout.clear(), (vec![1, 2], 480));
        assert_eq!(playout.tick(), Tick { played_marks: vec![], frame: vec![SILENCE; 160] });
        assert_eq!(playout.clear(), (vec![], 0));
        assert_eq!(playout.largest_backlog(), 640);
    }
}
