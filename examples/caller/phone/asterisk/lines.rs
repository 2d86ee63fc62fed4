//! What the agent has said to its end, by ear: a peer without marks leaves nothing else to go by.
//!
//! Pure. A line that is known is recognised by its sound; another one counts as over when nothing was heard behind it for a while.

use super::super::heard::is_audible;
use super::super::playout::FRAME_BYTES;

/// So many frames of silence end a line that is not known.
const PAUSE: usize = 40;
/// So many frames are a line; fewer are the rest of something.
const LEAST: usize = 10;
/// The server knows the end of a line a moment after it was heard.
const LATER: usize = 5;

/// Frames in which something can be heard, and how many follow in which nothing can.
struct Known {
    frames: Vec<Vec<u8>>,
    silent_end: usize,
}

/// Listens for the ends of lines.
pub(super) struct Lines {
    known: Vec<Known>,
    /// What was heard since the last line ended; frames in which nothing can be heard are left out.
    current: Vec<Vec<u8>>,
    silent: usize,
    now: usize,
    /// Ends that the server does not know yet.
    due: Vec<usize>,
}

impl Lines {
    /// Knows lines by their μ-law.
    pub fn new(known: &[Vec<u8>]) -> Self {
        let known = known.iter().map(|ulaw| {
            let frames: Vec<Vec<u8>> = ulaw.chunks(FRAME_BYTES).map(whole).collect();
            let silent_end = frames.iter().rev().take_while(|frame| !audible(frame)).count();
            Known { frames: frames.into_iter().filter(|frame| audible(frame)).collect(), silent_end }
        });
        Self {
            known: known.filter(|line| !line.frames.is_empty()).collect(),
            current: Vec::new(),
            silent: 0,
            now: 0,
            due: Vec::new(),
        }
    }

    /// 20 ms were heard. Gives how many lines the server knows to be over now.
    pub fn hear(&mut self, frame: &[u8]) -> usize {
        self.now += 1;
        let frame = whole(frame);
        if audible(&frame) {
            self.silent = 0;
            self.current.push(frame);
            if let Some((length, silent_end)) = self.recognised() {
                let before = self.current.len() - length;
                let due = self.now + silent_end + LATER;
                // Something was said right before it, and was not broken off.
                if before >= LEAST && !self.is_beginning(before) {
                    self.due.push(due);
                }
                self.due.push(due);
                self.current.clear();
            }
        } else {
            self.silent += 1;
            if self.silent == PAUSE && self.current.len() >= LEAST && !self.is_beginning(self.current.len()) {
                self.due.push(self.now);
                self.current.clear();
            }
        }
        let before = self.due.len();
        self.due.retain(|due| *due > self.now);
        before - self.due.len()
    }

    /// The known line that ends here, by its length in frames, and the silence behind it.
    fn recognised(&self) -> Option<(usize, usize)> {
        let ends = self.known.iter().filter(|line| self.current.ends_with(&line.frames));
        ends.map(|line| (line.frames.len(), line.silent_end)).max()
    }

    /// Whether the first so many frames are the beginning of a known line.
    fn is_beginning(&self, length: usize) -> bool {
        self.known.iter().any(|line| line.frames.starts_with(&self.current[..length]))
    }
}

/// Filled up with silence, and with one zero for the two that μ-law has.
fn whole(frame: &[u8]) -> Vec<u8> {
    let mut frame: Vec<u8> = frame.iter().map(|byte| if *byte == 0x7f { 0xff } else { *byte }).collect();
    frame.resize(FRAME_BYTES, 0xff);
    frame
}

fn audible(frame: &[u8]) -> bool {
    frame.iter().any(|byte| is_audible(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of so many frames, all of them different, and some of silence.
    fn line(seed: u8, frames: u8, silence: usize) -> Vec<u8> {
        let mut ulaw: Vec<u8> = (0..frames).flat_map(|frame| [seed, frame % 8].repeat(FRAME_BYTES / 2)).collect();
        ulaw.resize(ulaw.len() + silence * FRAME_BYTES, 0xff);
        ulaw
    }

    /// After which frame how many lines were over.
    fn over(lines: &mut Lines, ulaw: &[u8]) -> Vec<(usize, usize)> {
        let heard = ulaw.chunks(FRAME_BYTES).enumerate().map(|(number, frame)| (number, lines.hear(frame)));
        heard.filter(|(_, over)| *over > 0).collect()
    }

    #[test]
    fn a_known_line_is_over_after_the_silence_that_belongs_to_it() {
        let mut lines = Lines::new(&[line(0, 20, 3), line(1, 20, 0)]);
        let heard = [line(0, 20, 3), line(1, 20, 0), line(9, 0, 60)].concat();
        assert_eq!(over(&mut lines, &heard), [(19 + 3 + LATER, 1), (42 + LATER, 1)]);
    }

    #[test]
    fn a_line_that_is_broken_off_is_never_over_and_does_not_hide_the_next() {
        let mut lines = Lines::new(&[line(0, 30, 0), line(1, 20, 0)]);
        let heard = [line(0, 15, 50), line(1, 20, 10)].concat();
        assert_eq!(over(&mut lines, &heard), [(84 + LATER, 1)]);
    }

    #[test]
    fn a_line_that_is_not_known_is_over_when_something_else_or_nothing_follows() {
        let mut lines = Lines::new(&[line(1, 20, 0)]);
        assert_eq!(over(&mut lines, &line(7, 20, PAUSE)), [(19 + PAUSE, 1)]);
        assert_eq!(over(&mut lines, &[line(7, 20, 0), line(1, 20, 10)].concat()), [(39 + LATER, 2)]);
    }

    #[test]
    fn a_hole_in_the_middle_of_a_line_changes_nothing() {
        let mut lines = Lines::new(&[line(0, 20, 0)]);
        let whole = line(0, 20, 0);
        let heard =
            [&whole[..8 * FRAME_BYTES], &[0xff; 4 * FRAME_BYTES], &whole[8 * FRAME_BYTES..], &[0xff; 10 * FRAME_BYTES]].concat();
        assert_eq!(over(&mut lines, &heard), [(23 + LATER, 1)]);
    }
}
