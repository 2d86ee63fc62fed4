use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Mark;

/// How many marks may be on their way; the oldest is forgotten beyond that.
const OUTSTANDING: usize = 4096;

/// Marks that a phone system has been asked to report.
///
/// Some peers return all outstanding marks at once when they are told to clear, and others say nothing of them any more. So a mark that
/// comes back proves that it was played only if no clear was sent after it: they count as cleared from the moment the clear is sent, and
/// what the peer still says about them is passed over. The number of clears before a mark is part of its name on the wire: `4.17` is mark
/// 17, sent after 4 clears.
#[derive(Debug)]
pub(in crate::transport) struct Marks {
    clears: u64,
    outstanding: BTreeSet<Mark>,
    cleared: VecDeque<Mark>,
    /// Counts why a mark meant nothing.
    ignored: fn(&'static str),
}

impl Marks {
    fn new(ignored: fn(&'static str)) -> Marks {
        Marks { clears: 0, outstanding: BTreeSet::new(), cleared: VecDeque::new(), ignored }
    }

    /// A mark is about to be sent; this is its name.
    pub(in crate::transport) fn sent(&mut self, mark: Mark) -> String {
        self.outstanding.insert(mark);
        if self.outstanding.len() > OUTSTANDING {
            self.outstanding.pop_first();
            (self.ignored)("mark-forgotten");
        }
        self.name(mark)
    }

    fn name(&self, mark: Mark) -> String {
        format!("{}.{}", self.clears, mark.0)
    }

    /// The names of the marks that have not come back, in order.
    pub(in crate::transport) fn outstanding(&self) -> Vec<String> {
        self.outstanding.iter().map(|mark| self.name(*mark)).collect()
    }

    fn clear(&mut self) {
        self.clears += 1;
        self.cleared.extend(std::mem::take(&mut self.outstanding));
    }

    fn next_cleared(&mut self) -> Option<Mark> {
        self.cleared.pop_front()
    }

    /// A mark came back under `name`: the mark, if it was played; `None` if it was never sent, has come back before or was cleared.
    pub(in crate::transport) fn played(&mut self, name: &str) -> Option<Mark> {
        let (clears, mark) = name.split_once('.')?;
        let mark = Mark(number(mark)?);
        (number(clears)? == self.clears && self.outstanding.remove(&mark)).then_some(mark)
    }
}

/// The marks of a leg, known to both of its directions.
pub(in crate::transport) struct SharedMarks {
    marks: Mutex<Marks>,
    /// Wakes the reading direction, which is the one that talks to the session.
    cleared: Notify,
}

impl SharedMarks {
    /// `ignored` counts why a mark meant nothing.
    pub(in crate::transport) fn new(ignored: fn(&'static str)) -> SharedMarks {
        SharedMarks { marks: Mutex::new(Marks::new(ignored)), cleared: Notify::new() }
    }

    /// The lock is held for a look-up, never across a wait.
    pub(in crate::transport) fn lock(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A clear is about to be sent: a mark that returns from now on proves nothing.
    pub(in crate::transport) fn clear(&self) {
        self.lock().clear();
        self.cleared.notify_one();
    }

    /// Waits until marks were cleared.
    pub(in crate::transport) async fn cleared(&self) {
        self.cleared.notified().await;
    }

    /// Takes the first mark that was cleared and not yet told to the session.
    pub(in crate::transport) fn next_cleared(&self) -> Option<Mark> {
        self.lock().next_cleared()
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
        let mut marks = Marks::new(|_| {});
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
        let mut marks = Marks::new(|_| {});
        let name = marks.sent(Mark(7));
        for forged in ["", "7", "1.7", "0.8", "+0.7", "0.+7", "0.7.", "p1", "0.99999999999999999999999"] {
            assert_eq!(marks.played(forged), None, "{forged}");
        }
        assert_eq!(marks.played(&name), Some(Mark(7)));
        assert_eq!(marks.played(&name), None);
    }

    #[test]
    fn marks_that_never_return_do_not_fill_memory() {
        let mut marks = Marks::new(|_| {});
        for mark in 0..10_000 {
            marks.sent(Mark(mark));
        }
        assert_eq!(marks.outstanding().len(), OUTSTANDING);
        assert_eq!(marks.played("0.9999"), Some(Mark(9999)));
        assert_eq!(marks.played("0.0"), None);
    }
}
