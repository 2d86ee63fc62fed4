use axum::extract::ws::Message as Frame;

use super::{Beyond, Breach, End, MESSAGE_BYTES};
use crate::transport::limits::Bucket;
use crate::transport::{Limits, PeerEnd};

/// What comes from a connection, within its limits.
pub(in crate::transport) struct Incoming {
    bucket: Bucket,
}

impl Incoming {
    pub(in crate::transport) fn new(limits: &Limits) -> Incoming {
        Incoming { bucket: Bucket::new(limits, tokio::time::Instant::now()) }
    }

    /// Judges what came from the socket: text or a binary message. `None`: nothing to act on.
    pub(in crate::transport) fn judge<V: Breach>(
        &mut self,
        frame: Option<Result<Frame, axum::Error>>,
    ) -> Result<Option<Frame>, End<V>> {
        let frame = match frame {
            None => return Err(End::Peer(PeerEnd::Lost)),
            Some(Err(error)) => return Err(end_of(&error)),
            Some(Ok(frame)) => frame,
        };
        if !self.bucket.take(tokio::time::Instant::now()) {
            return Err(V::beyond(Beyond::TooMany).into());
        }
        let length = match &frame {
            Frame::Ping(_) | Frame::Pong(_) => return Ok(None),
            Frame::Close(_) => return Err(End::Peer(PeerEnd::HungUp)),
            Frame::Text(text) => text.len(),
            Frame::Binary(bytes) => bytes.len(),
        };
        if length > MESSAGE_BYTES { Err(V::beyond(Beyond::TooLong).into()) } else { Ok(Some(frame)) }
    }
}

/// Whether reading failed because of what the peer sent or because the connection broke. The error's type is not ours to name; its
/// first words are part of no promise, so `tests/behaviour/twilio_limits.rs` holds them.
fn end_of<V: Breach>(error: &axum::Error) -> End<V> {
    let text = error.to_string();
    if text.starts_with("Space limit exceeded") {
        V::beyond(Beyond::TooLong).into()
    } else if text.starts_with("UTF-8") {
        V::beyond(Beyond::NotUtf8).into()
    } else {
        End::Peer(PeerEnd::Lost)
    }
}
