use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;

use super::{Breach, Counts, DRAIN, DRAIN_BYTES, Ended};
use crate::episode::Episodes;
use crate::transport::{Limits, PeerEnd};

/// Of all connections together, by transport and kind.
static FAULTS: Episodes<(&str, &str)> = Episodes::new();
/// What a frame costs besides what it holds.
const FRAME_BYTES: usize = 16;

/// Closes as `ended` demands and reads what is still coming, for a while: a socket that is closed with unread data is reset.
pub(in crate::transport) async fn close<V: Breach>(
    sink: &mut SplitSink<WebSocket, Frame>,
    stream: &mut SplitStream<WebSocket>,
    ended: &Ended<V>,
    limits: &Limits,
    counts: &Counts,
) {
    let (code, reason, label) = match ended {
        Ended::Asked => (1000, String::new(), "asked"),
        Ended::Peer(PeerEnd::HungUp) => (1000, String::new(), "hung-up"),
        Ended::Peer(_) => (1001, String::new(), "lost"),
        Ended::Violation(violation) => (violation.close_code(), violation.to_string(), violation.label()),
    };
    (counts.ended)(label);
    if let Ended::Violation(violation) = ended {
        let transport = counts.transport;
        tracing::debug!(transport, %violation, "a stream of a phone system was closed");
        if let Some(times) = FAULTS.met((transport, label)) {
            tracing::warn!(transport, %violation, times, "a stream of a phone system was closed");
        }
    }
    // A close frame holds 123 bytes of reason (RFC 6455, section 5.5); ours are ASCII but for nothing.
    let reason: String = reason.chars().filter(char::is_ascii).take(123).collect();
    let frame = Frame::Close(Some(CloseFrame { code, reason: reason.into() }));
    let sent = timeout(limits.write, sink.send(frame)).await;
    if matches!(sent, Ok(Ok(()))) {
        let _ = timeout(DRAIN, drain(stream, counts)).await;
    }
}

/// Reads until the other side closes, or sends on as if nothing had been said.
pub(in crate::transport) async fn drain(stream: &mut SplitStream<WebSocket>, counts: &Counts) {
    let mut read = 0;
    while let Some(Ok(frame)) = stream.next().await {
        read += frame.into_data().len() + FRAME_BYTES;
        if read > DRAIN_BYTES {
            return (counts.ignored)("after-the-end");
        }
    }
}
