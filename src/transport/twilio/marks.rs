use std::collections::{BTreeSet, VecDeque};

use crate::transport::Mark;

/// How many marks may be on their way; the oldest is forgotten beyond that.
const OUTSTANDING: usize = 4096;

/// Marks that Twilio has been asked to report.
///
/// `clear` makes Twilio return all outstanding marks at once, so a mark that comes back proves that it was played only if no clear was
/// sent after it. They count as cleared from the moment the clear is sent; what the peer still says about them is passed over (some peers
/// say nothing). The number of clears before a mark is part of its name on the wire: `4.17` is mark 17, sent after 4 clears.
#[derive(Debug, Default)]
pub(super) struct Marks {
    clears: u64,
    outstanding: BTreeSet<Mark>,
    cleared: VecDeque<Mark>,
}

impl Marks {
    /// A mark is about to be sent; this is its name.
    pub(super) fn sent(&mut self, mark: Mark) -> String {
        self.outstanding.insert(mark);
        if self.outstanding.len() > OUTSTANDING {
            self.outstanding.pop_first();
            metrics::counter!("candor_twilio_ignored_total", "reason" => "mark-forgotten").increment(1);
        }
        format!("{}.{}", self.clears, mark.0)
    }

    /// A clear is about to be sent.
    pub(super) fn clear(&mut self) {
        self.clears += 1;
        self.cleared.extend(std::mem::take(&mut self.outstanding));
    }

    /// Takes the first mark that was cleared and not yet told to the session.
    pub(super) fn next_cleared(&mut self) -> Option<Mark> {
        self.cleared.pop_front()
    }

    /// A mark came back under `name`: the mark, if it was played; `None` if it was never sent, has come back before or was cleared.
    pub(super) fn played(&mut self, name: &str) -> Option<Mark> {
        let (clears, mark) = name.split_once('.')?;
        let mark = Mark(number(mark)?);
        (number(clears)? == self.clears && self.outstanding.remove(&mark)).then_some(mark)
    }
}

/// Digits alone: `parse` would also take a sign, and one mark has one name.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_returns_after_a_clear_was_not_played() {
        let mut marks = Marks::default();
        let before = marks.sent(Mark(1));
        let cut = marks.sent(Mark(2));
        assert_eq!(marks.played(&before), Some(Mark(1)));
        assert_eq!(marks.next_cleared(), None);
        marks.clear();
        assert_eq!(marks.played(&cut), None);
        assert_eq!((marks.next_cleared(), marks.next_cleared()), (Some(Mark(2)), None));
        let after = marks.sent(Mark(3));
        assert_eq!(marks.played(&after), Some(Mark(3)));
    }

    #[test]
    fn a_mark_returns_once_and_only_if_it_was_sent() {
        let mut marks = Marks::default();
        let name = marks.sent(Mark(7));
        for forged in ["", "7", "1.7", "0.8", "+0.7", "0.+7", "0.7.", "p1", "0.99999999999999999999999"] {
            assert_eq!(marks.played(forged), None, "{forged}");
        }
        assert_eq!(marks.played(&name), Some(Mark(7)));
        assert_eq!(marks.played(&name), None);
    }

    #[test]
    fn marks_that_never_return_do_not_fill_memory() {
        let mut marks = Marks::default();
        for mark in 0..10_000 {
            marks.sent(Mark(mark));
        }
        assert_eq!(marks.outstanding.len(), OUTSTANDING);
        assert_eq!(marks.played("0.9999"), Some(Mark(9999)));
        assert_eq!(marks.played("0.0"), None);
    }
}
