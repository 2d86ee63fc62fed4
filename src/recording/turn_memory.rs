use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The memory that the sound of all turns together may take, until each is sealed. Clones share it.
#[derive(Clone, Debug)]
pub struct TurnMemory(Arc<Account>);

#[derive(Debug)]
struct Account {
    most: usize,
    held: AtomicUsize,
}

impl TurnMemory {
    /// So many bytes at most.
    pub fn of(most: usize) -> TurnMemory {
        TurnMemory(Arc::new(Account { most, held: AtomicUsize::new(0) }))
    }

    /// How many bytes are held now.
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    pub(super) fn nothing(&self) -> Held {
        Held { account: self.0.clone(), bytes: 0 }
    }
}

/// What one turn holds of it; given back when this is dropped.
pub(super) struct Held {
    account: Arc<Account>,
    bytes: usize,
}

impl Held {
    /// Takes as much more as is missing to `bytes`; `false`, and nothing is taken, where there is not so much.
    pub(super) fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return true;
        }
        let fits = |held: usize| held.checked_add(more).filter(|all| *all <= self.account.most);
        let took = self.account.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        if took {
            self.bytes = bytes;
        }
        took
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.account.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Codec;
    use crate::recording::TurnAudio;

    #[test]
    fn turns_share_what_there_is_and_give_it_back() {
        let memory = TurnMemory::of(100_000);
        let second = |audio: &mut TurnAudio| {
            audio.push(&[1; 8000], &[2; 8000]);
            audio.has_room()
        };
        let (mut one, mut other) = (TurnAudio::within(Codec::Ulaw, &memory), TurnAudio::within(Codec::Ulaw, &memory));
        assert!(second(&mut one) && second(&mut other));
        assert!(memory.held() >= 32_000 && memory.held() <= 100_000);
        assert!((0..10).any(|_| !second(&mut other)), "it grows beyond what there is");
        drop(other);
        assert!(second(&mut one), "what the other held is there again");
        drop(one);
        assert_eq!(memory.held(), 0);
        let mut free = TurnAudio::new(Codec::Ulaw);
        assert!((0..100).all(|_| second(&mut free)));
    }
}
