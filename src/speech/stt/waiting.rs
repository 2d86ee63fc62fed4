use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::RecognitionError;

/// How often somebody who waits for an answer looks whether there is still use in it.
const LOOK: Duration = Duration::from_millis(20);

/// Waits for what somebody else has been asked for, for `limit` at most and as long as `of_use` says so.
///
/// # Errors
/// [`RecognitionError::Late`], [`RecognitionError::Abandoned`], and [`RecognitionError::Decode`] where who was asked is gone without a word.
pub(super) fn wait_for<T>(
    answer: &Receiver<T>,
    limit: Duration,
    mut of_use: impl FnMut() -> bool,
) -> Result<T, RecognitionError> {
    let begun = Instant::now();
    loop {
        match answer.recv_timeout(LOOK) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Disconnected) => return Err(RecognitionError::Decode),
            Err(RecvTimeoutError::Timeout) if !of_use() => return Err(RecognitionError::Abandoned),
            Err(RecvTimeoutError::Timeout) if begun.elapsed() >= limit => return Err(RecognitionError::Late),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
