//! Where those wait who have come in and not said yet what they want. It never turns anybody away: when it is full, the one who has
//! waited longest goes. So a thousand who say nothing keep nobody out who does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// A lobby. Clones are the same one.
#[derive(Clone)]
pub(super) struct Lobby(Arc<Inner>);

struct Inner {
    most: usize,
    guests: Mutex<Guests>,
}

#[derive(Default)]
struct Guests {
    next: u64,
    waiting: BTreeMap<u64, CancellationToken>,
}

impl Lobby {
    /// For so many at once.
    pub(super) fn of(most: usize) -> Lobby {
        Lobby(Arc::new(Inner { most: most.max(1), guests: Mutex::default() }))
    }

    /// One more comes in. The second value is true where somebody had to go for it.
    pub(super) fn enter(&self) -> (Guest, bool) {
        let gone = CancellationToken::new();
        let mut guests = self.lock();
        let number = guests.next;
        guests.next += 1;
        let oldest = if guests.waiting.len() >= self.0.most { guests.waiting.pop_first() } else { None };
        guests.waiting.insert(number, gone.clone());
        drop(guests);
        let full = oldest.is_some();
        if let Some((_, oldest)) = oldest {
            oldest.cancel();
        }
        (Guest { lobby: self.clone(), number, gone }, full)
    }

    /// Held for a look-up, never across a wait.
    fn lock(&self) -> MutexGuard<'_, Guests> {
        self.0.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody in the lobby; dropped when they have said what they want.
pub(super) struct Guest {
    lobby: Lobby,
    number: u64,
    gone: CancellationToken,
}

impl Guest {
    /// Waits until this one has to go.
    pub(super) fn has_to_go(&self) -> impl Future<Output = ()> + Send + use<> {
        let gone = self.gone.clone();
        async move { gone.cancelled().await }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.lobby.lock().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_waited_longest_goes_for_the_next() {
        let lobby = Lobby::of(2);
        let (first, full) = lobby.enter();
        assert!(!full);
        let (second, _) = lobby.enter();
        let (third, full) = lobby.enter();
        assert!(full && first.gone.is_cancelled() && !second.gone.is_cancelled());
        // Who has said what they want makes room, and cannot be sent away any more.
        let kept = second.gone.clone();
        drop(second);
        let (_fourth, full) = lobby.enter();
        assert!(!full && !kept.is_cancelled() && !third.gone.is_cancelled());
        drop(first);
        assert_eq!(lobby.lock().waiting.len(), 2);
    }
}
