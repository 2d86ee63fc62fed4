//! One connection from Twilio, from the upgrade to the close: who it is, then sound and marks both ways until somebody ends it.

use std::time::Instant;

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::message::{Event, Message, MessageError};
use super::order::Seen;
use super::token::{PARAMETER, StreamClaim, TokenError, Tokens};
use super::webhook::is_sid;
use super::{Limits, PROFILE, pump};
use crate::episode::Episodes;
use crate::transport::limits::Bucket;
use crate::transport::{CHANNEL, Leg, PeerEnd};

/// The longest message from Twilio that is read, in bytes. A frame of 20 ms is 400 bytes on the wire.
const MESSAGE_BYTES: usize = 64 * 1024;

/// How much is read from a connection at once, in bytes: some frames. The library fills all of it with zeros before every read, and a buffer of
/// its own choice is 128 KB.
const READ_BUFFER: usize = 4 * 1024;

/// How long the peer may take to close after we have.
const DRAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// How much a peer may send in that time: what lies in the buffers of both ends, and not all that it has.
const DRAIN_BYTES: usize = 1024 * 1024;

/// Of all connections together.
static FAULTS: Episodes = Episodes::new();
/// What a frame costs besides what it holds.
const FRAME_BYTES: usize = 16;

/// A stream that has shown its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What the token stood for.
    pub claim: StreamClaim,
    /// Twilio's id of the call.
    pub call_sid: String,
    /// Twilio's id of the stream.
    pub stream_sid: String,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The session asked for it, or is gone.
    Asked,
    /// The other side ended it, in this way.
    Peer(PeerEnd),
    /// The other side broke the protocol or a limit.
    Violation(Violation),
}

/// What a peer did that Twilio does not do. Never quotes what it sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A message that cannot be read.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A binary message.
    #[error("a binary message: Media Streams are text")]
    Binary,
    /// A message that is too long.
    #[error("a message of more than {MESSAGE_BYTES} bytes")]
    TooLong,
    /// Faster than the limit.
    #[error("more messages than twilio.limits allows")]
    TooMany,
    /// Not started in time.
    #[error("no `start` within twilio.limits.start")]
    NotStarted,
    /// A message out of place.
    #[error("a `{0}` message where it cannot be")]
    OutOfPlace(&'static str),
    /// Another protocol.
    #[error("the protocol is not Twilio's `Call`, version 1: is another provider pointed at this address?")]
    Protocol,
    /// Another encoding.
    #[error("the sound is not audio/x-mulaw at 8000 Hz with one channel")]
    Format,
    /// An id that cannot be one.
    #[error("an id is not 1 to 64 letters and digits")]
    Id,
    /// A message of another stream.
    #[error("a message names another stream than `start` did")]
    OtherStream,
    /// No token.
    #[error("`start` carries no `token` parameter: the stream was not connected by our answer to the voice webhook")]
    NoToken,
    /// Not a good token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A token for another call.
    #[error("the token belongs to another call")]
    OtherCall,
}

impl Violation {
    /// The close code (RFC 6455, section 7.4.1): 1003 for what we cannot take, 1007 for data that is not what it says, 1009 for too much, 1008 for the rest.
    fn close_code(&self) -> u16 {
        match self {
            Violation::Binary => 1003,
            Violation::Message(_) => 1007,
            Violation::TooLong => 1009,
            _ => 1008,
        }
    }

    /// A label for the count.
    fn label(&self) -> &'static str {
        match self {
            Violation::Message(_) => "malformed",
            Violation::Binary => "binary",
            Violation::TooLong => "too-long",
            Violation::TooMany => "too-many",
            Violation::NotStarted => "not-started",
            Violation::OutOfPlace(_) => "out-of-place",
            Violation::Protocol => "protocol",
            Violation::Format => "format",
            Violation::Id => "id",
            Violation::OtherStream => "other-stream",
            Violation::NoToken | Violation::Token(_) | Violation::OtherCall => "token",
        }
    }
}

/// Sets the size limits of a connection that is about to be accepted.
pub fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES).max_frame_size(MESSAGE_BYTES).max_write_buffer_size(1024 * 1024);
    upgrade.read_buffer_size(READ_BUFFER)
}

/// Serves one connection to its end.
///
/// Waits for `connected` and `start`, takes the one-time token, and gives the session's end of the connection to `session`, which has to
/// return at once (it starts a task). Then pumps until one side ends it. A session that drops its end is taken to have said
/// [`crate::transport::Outbound::End`]: the connection closes with 1000 and Twilio goes on with the call.
pub async fn run<F>(socket: WebSocket, limits: &Limits, tokens: &Tokens<StreamClaim>, session: F) -> Ended
where
    F: FnOnce(Accepted, Leg),
{
    let (mut sink, mut stream) = socket.split();
    let mut reader = Reader::new(limits);
    let began =
        timeout(limits.start, reader.begin(&mut stream, tokens)).await.unwrap_or(Err(End::Violation(Violation::NotStarted)));
    let ended = match began {
        Ok(accepted) => {
            let (inbound, to_session) = mpsc::channel(CHANNEL);
            let (from_session, outbound) = mpsc::channel(CHANNEL);
            let stream_sid = accepted.stream_sid.clone();
            session(accepted, Leg { profile: PROFILE, inbound: to_session, outbound: from_session });
            pump::run(&mut sink, &mut stream, reader, &stream_sid, limits, inbound, outbound).await
        }
        Err(end) => end.into(),
    };
    close(&mut sink, &mut stream, &ended, limits).await;
    ended
}

/// Closes as `ended` demands and reads what is still coming, for a while: a socket that is closed with unread data is reset.
async fn close(sink: &mut SplitSink<WebSocket, Frame>, stream: &mut SplitStream<WebSocket>, ended: &Ended, limits: &Limits) {
    let (code, reason, label) = match ended {
        Ended::Asked => (1000, String::new(), "asked"),
        Ended::Peer(PeerEnd::HungUp) => (1000, String::new(), "hung-up"),
        Ended::Peer(_) => (1001, String::new(), "lost"),
        Ended::Violation(violation) => (violation.close_code(), violation.to_string(), violation.label()),
    };
    metrics::counter!("candor_twilio_legs_total", "ended" => label).increment(1);
    if let Ended::Violation(violation) = ended {
        tracing::debug!(%violation, "a Twilio stream was closed");
        if let Some(times) = FAULTS.met(label) {
            tracing::warn!(%violation, times, "a Twilio stream was closed");
        }
    }
    // A close frame holds 123 bytes of reason (RFC 6455, section 5.5); ours are ASCII but for nothing.
    let reason: String = reason.chars().filter(char::is_ascii).take(123).collect();
    let frame = Frame::Close(Some(CloseFrame { code, reason: reason.into() }));
    let sent = timeout(limits.write, sink.send(frame)).await;
    if matches!(sent, Ok(Ok(()))) {
        let _ = timeout(DRAIN, drain(stream)).await;
    }
}

/// Reads until the other side closes, or sends on as if nothing had been said.
async fn drain(stream: &mut SplitStream<WebSocket>) {
    let mut read = 0;
    while let Some(Ok(frame)) = stream.next().await {
        read += frame.into_data().len() + FRAME_BYTES;
        if read > DRAIN_BYTES {
            metrics::counter!("candor_twilio_ignored_total", "reason" => "after-the-end").increment(1);
            return;
        }
    }
}

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum End {
    /// The peer ended it.
    Peer(PeerEnd),
    /// The peer is to be turned away.
    Violation(Violation),
}

impl From<Violation> for End {
    fn from(violation: Violation) -> End {
        End::Violation(violation)
    }
}

impl From<End> for Ended {
    fn from(end: End) -> Ended {
        match end {
            End::Peer(end) => Ended::Peer(end),
            End::Violation(violation) => Ended::Violation(violation),
        }
    }
}

/// Reads messages within the limits, each once.
pub(super) struct Reader {
    bucket: Bucket,
    seen: Seen,
    /// The count of frames, looked up once: there are fifty a second.
    frames: metrics::Counter,
}

impl Reader {
    fn new(limits: &Limits) -> Reader {
        let frames = count_of("media");
        Reader { bucket: Bucket::new(limits, tokio::time::Instant::now()), seen: Seen::new(), frames }
    }

    /// Judges what came from the socket. `None`: nothing to act on.
    pub(super) fn message(&mut self, frame: Option<Result<Frame, axum::Error>>) -> Result<Option<Message>, End> {
        let frame = match frame {
            None => return Err(End::Peer(PeerEnd::Lost)),
            Some(Err(error)) => return Err(end_of(&error)),
            Some(Ok(frame)) => frame,
        };
        if !self.bucket.take(tokio::time::Instant::now()) {
            return Err(Violation::TooMany.into());
        }
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Binary(_) => return Err(Violation::Binary.into()),
            Frame::Ping(_) | Frame::Pong(_) => return Ok(None),
            Frame::Close(_) => return Err(End::Peer(PeerEnd::HungUp)),
        };
        if text.len() > MESSAGE_BYTES {
            return Err(Violation::TooLong.into());
        }
        let message = Message::parse(text.as_str()).map_err(Violation::from)?;
        match &message.event {
            Event::Media { .. } => self.frames.increment(1),
            event => count_of(event.name()).increment(1),
        }
        if message.event == Event::Unknown {
            return Ok(None);
        }
        if message.sequence.is_some_and(|sequence| !self.seen.first_time(sequence)) {
            metrics::counter!("candor_twilio_ignored_total", "reason" => "replayed").increment(1);
            return Ok(None);
        }
        Ok(Some(message))
    }

    /// Waits for `connected` and `start`, and takes the token.
    async fn begin(&mut self, stream: &mut SplitStream<WebSocket>, tokens: &Tokens<StreamClaim>) -> Result<Accepted, End> {
        let mut connected = false;
        loop {
            let Some(message) = self.message(stream.next().await)? else { continue };
            match message.event {
                Event::Connected { protocol, version } if !connected => {
                    let version = version.as_deref().unwrap_or("1");
                    if protocol.is_some_and(|protocol| protocol != "Call") || version.split('.').next() != Some("1") {
                        return Err(Violation::Protocol.into());
                    }
                    connected = true;
                }
                Event::Start { call_sid, stream_sid, format, parameters } if connected => {
                    if !is_sid(&call_sid) || !is_sid(&stream_sid) {
                        return Err(Violation::Id.into());
                    }
                    if message.stream_sid.is_some_and(|named| named != stream_sid) {
                        return Err(Violation::OtherStream.into());
                    }
                    if !format.is_mulaw() {
                        return Err(Violation::Format.into());
                    }
                    let token = parameters.get(PARAMETER).ok_or(Violation::NoToken)?;
                    let claim = tokens.take(token, Instant::now()).map_err(Violation::from)?;
                    if claim.call_sid() != call_sid {
                        return Err(Violation::OtherCall.into());
                    }
                    return Ok(Accepted { claim, call_sid, stream_sid });
                }
                event => return Err(Violation::OutOfPlace(event.name()).into()),
            }
        }
    }
}

fn count_of(event: &'static str) -> metrics::Counter {
    metrics::counter!("candor_twilio_messages_total", "event" => event)
}

/// Whether reading failed because of what the peer sent or because the connection broke. The error's type is not ours to name; its
/// first words are part of no promise, so `tests/behaviour/twilio_limits.rs` holds them.
fn end_of(error: &axum::Error) -> End {
    let text = error.to_string();
    if text.starts_with("Space limit exceeded") {
        End::Violation(Violation::TooLong)
    } else if text.starts_with("UTF-8") {
        End::Violation(Violation::Message(MessageError::NotAMessage { column: 0 }))
    } else {
        End::Peer(PeerEnd::Lost)
    }
}
