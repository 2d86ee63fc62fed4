//! A leg over a WebSocket that a phone system opens: what every transport of that kind does in the same way.
//!
//! [`Incoming`] keeps one connection within its limits, [`pump`] runs both of its directions at once, [`close`] ends it in an orderly manner. A
//! transport brings its dialect: what a message means ([`Hears`]), how something is said ([`Says`]), what counts as a breach of it
//! ([`Breach`]) and under which names it is counted ([`Counts`]).

use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;

use super::PeerEnd;

mod close;
mod incoming;
mod pump;

pub(in crate::transport) use close::{close, drain};
pub(in crate::transport) use incoming::Incoming;
pub(in crate::transport) use pump::{Hears, Says, pump};

/// The longest message that is read, in bytes. A frame of 20 ms is 400 bytes of Twilio's, and 7,680 of Asterisk's at its highest rate.
pub(in crate::transport) const MESSAGE_BYTES: usize = 64 * 1024;

/// How much is read from a connection at once, in bytes: some frames. The library fills all of it with zeros before every read, and a buffer of
/// its own choice is 128 KB.
const READ_BUFFER: usize = 4 * 1024;

/// How long the peer may take to close after we have.
const DRAIN: Duration = Duration::from_secs(5);

/// How much a peer may send in that time: what lies in the buffers of both ends, and not all that it has.
const DRAIN_BYTES: usize = 1024 * 1024;

/// Sets the size limits of a connection that is about to be accepted.
pub fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES).max_frame_size(MESSAGE_BYTES).max_write_buffer_size(1024 * 1024);
    upgrade.read_buffer_size(READ_BUFFER)
}

/// How a connection ended. `V` is what its dialect calls a violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended<V> {
    /// The session asked for it, or is gone.
    Asked,
    /// The other side ended it, in this way.
    Peer(PeerEnd),
    /// The other side broke the protocol or a limit.
    Violation(V),
}

/// Why one direction stopped.
#[derive(Debug)]
pub(in crate::transport) enum End<V> {
    /// The peer ended it.
    Peer(PeerEnd),
    /// The peer is to be turned away.
    Violation(V),
}

impl<V> From<V> for End<V> {
    fn from(violation: V) -> End<V> {
        End::Violation(violation)
    }
}

impl<V> From<End<V>> for Ended<V> {
    fn from(end: End<V>) -> Ended<V> {
        match end {
            End::Peer(end) => Ended::Peer(end),
            End::Violation(violation) => Ended::Violation(violation),
        }
    }
}

/// A limit that every dialect has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transport) enum Beyond {
    /// A message of more than [`MESSAGE_BYTES`].
    TooLong,
    /// More messages than [`super::Limits`] allow.
    TooMany,
    /// Text that is not UTF-8.
    NotUtf8,
}

/// What a peer did that its phone system does not do. Never quotes what it sent.
pub(in crate::transport) trait Breach: std::error::Error {
    /// The violation that this is in the dialect.
    fn beyond(limit: Beyond) -> Self;
    /// The close code (RFC 6455, section 7.4.1): 1003 for what we cannot take, 1007 for data that is not what it says, 1009 for too much, 1008 for the rest.
    fn close_code(&self) -> u16;
    /// A label for the count.
    fn label(&self) -> &'static str;
}

/// How a transport counts what happens on its legs, each thing under a name of its own.
pub(in crate::transport) struct Counts {
    /// The transport's name, as in its profile.
    pub(in crate::transport) transport: &'static str,
    /// A leg has ended in this way.
    pub(in crate::transport) ended: fn(&'static str),
    /// A message meant nothing, for this reason.
    pub(in crate::transport) ignored: fn(&'static str),
    /// A frame found no room on its way to the session.
    pub(in crate::transport) dropped: fn(),
}
