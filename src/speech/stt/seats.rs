//! How many utterances are heard at once, each with a thread of its own: a bound on threads and memory, whatever callers do.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::RecognitionError;

/// The seats of all languages together.
#[derive(Clone, Debug)]
pub(super) struct Seats(Arc<Semaphore>);

/// Held for as long as an utterance is heard.
#[derive(Debug)]
pub struct Seat(#[allow(dead_code, reason = "held, not looked at")] Option<OwnedSemaphorePermit>);

impl Seats {
    pub(super) fn new(count: usize) -> Seats {
        Seats(Arc::new(Semaphore::new(count)))
    }

    pub(super) fn take(&self) -> Result<Seat, RecognitionError> {
        let permit = self.0.clone().try_acquire_owned();
        permit.map(|permit| Seat(Some(permit))).map_err(|_| RecognitionError::Busy)
    }
}

impl Seat {
    /// One of any number.
    pub fn free() -> Seat {
        Seat(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_no_seat_is_told_and_one_that_goes_leaves_its_seat() {
        let seats = Seats::new(1);
        let seat = seats.take().unwrap();
        assert_eq!(seats.take().unwrap_err(), RecognitionError::Busy);
        drop(seat);
        assert!(seats.take().is_ok());
    }
}
