//! One connection from Twilio, from the upgrade to the close: who it is, then sound and marks both ways until somebody ends it.

use std::time::Instant;

use axum::extract::ws::{Message as Frame, WebSocket};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::PROFILE;
use super::message::{Event, Message, MessageError};
use super::order::Seen;
use super::pump::{Hearing, Saying};
use super::token::{PARAMETER, StreamClaim};
use super::webhook::is_sid;
use crate::transport::marks::SharedMarks;
use crate::transport::socket::{Beyond, Breach, Counts, End, Incoming, MESSAGE_BYTES, close, pump};
use crate::transport::{CHANNEL, Leg, Limits, TokenError, Tokens};

/// How this transport counts.
pub(super) const COUNTS: Counts = Counts {
    transport: PROFILE.name,
    ended: |how| metrics::counter!("candor_twilio_legs_total", "ended" => how).increment(1),
    ignored: |reason| metrics::counter!("candor_twilio_ignored_total", "reason" => reason).increment(1),
    dropped: || metrics::counter!("candor_twilio_dropped_frames_total").increment(1),
};

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
pub type Ended = crate::transport::Ended<Violation>;

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

impl Breach for Violation {
    fn beyond(limit: Beyond) -> Violation {
        match limit {
            Beyond::TooLong => Violation::TooLong,
            Beyond::TooMany => Violation::TooMany,
            Beyond::NotUtf8 => Violation::Message(MessageError::NotAMessage { column: 0 }),
        }
    }

    fn close_code(&self) -> u16 {
        match self {
            Violation::Binary => 1003,
            Violation::Message(_) => 1007,
            Violation::TooLong => 1009,
            _ => 1008,
        }
    }

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
    let mut incoming = Incoming::new(limits);
    let mut reader = Reader::new();
    let began = timeout(limits.start, reader.begin(&mut stream, &mut incoming, tokens)).await;
    let ended = match began.unwrap_or(Err(End::Violation(Violation::NotStarted))) {
        Ok(accepted) => {
            let (inbound, to_session) = mpsc::channel(CHANNEL);
            let (from_session, outbound) = mpsc::channel(CHANNEL);
            let stream_sid = accepted.stream_sid.clone();
            session(accepted, Leg { profile: PROFILE, inbound: to_session, outbound: from_session });
            let marks = SharedMarks::new(COUNTS.ignored);
            let hearing = Hearing::new(reader, &stream_sid, &marks);
            let saying = Saying::new(&stream_sid, &marks);
            let session = (inbound, outbound);
            pump(&mut sink, &mut stream, incoming, hearing, saying, &marks, session, limits, &COUNTS).await
        }
        Err(end) => end.into(),
    };
    close(&mut sink, &mut stream, &ended, limits, &COUNTS).await;
    ended
}

/// Reads messages, each once.
pub(super) struct Reader {
    seen: Seen,
    /// The count of frames, looked up once: there are fifty a second.
    frames: metrics::Counter,
}

impl Reader {
    fn new() -> Reader {
        Reader { seen: Seen::new(), frames: count_of("media") }
    }

    /// Reads a message. `None`: nothing to act on.
    pub(super) fn message(&mut self, message: Frame) -> Result<Option<Message>, Violation> {
        let Frame::Text(text) = message else { return Err(Violation::Binary) };
        let message = Message::parse(text.as_str())?;
        match &message.event {
            Event::Media { .. } => self.frames.increment(1),
            event => count_of(event.name()).increment(1),
        }
        if message.event == Event::Unknown {
            return Ok(None);
        }
        if message.sequence.is_some_and(|sequence| !self.seen.first_time(sequence)) {
            (COUNTS.ignored)("replayed");
            return Ok(None);
        }
        Ok(Some(message))
    }

    /// Waits for `connected` and `start`, and takes the token.
    async fn begin(
        &mut self,
        stream: &mut SplitStream<WebSocket>,
        incoming: &mut Incoming,
        tokens: &Tokens<StreamClaim>,
    ) -> Result<Accepted, End<Violation>> {
        let mut connected = false;
        loop {
            let Some(message) = incoming.judge(stream.next().await)? else { continue };
            let Some(message) = self.message(message)? else { continue };
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
