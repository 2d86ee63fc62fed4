//! Panics of engines: caught, so that another engine can go on with the utterance, and not reported, as their words may be the caller's.

use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::thread;

use super::{RecognitionError, THREAD};

/// What an engine does, with a panic of it as an error. Nothing of an engine that has panicked is used again.
pub(super) fn caught<T>(what: impl FnOnce() -> Result<T, RecognitionError>) -> Result<T, RecognitionError> {
    catch_unwind(AssertUnwindSafe(what)).unwrap_or(Err(RecognitionError::Decode))
}

/// Keeps what an engine puts into its panic away from the process's standard error. Panics of other threads are reported as before.
pub(super) fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if thread::current().name() != Some(THREAD) {
                before(panic);
            }
        }));
    });
}
