//! One connection from Asterisk, from the upgrade to the close: how its sound is carried, then sound, keys and marks until somebody ends it.

use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{Message as Frame, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::message::{Command, Event, Form, MediaStart, Message, MessageError};
use super::pump::{Hearing, Saying, Shared};
use super::{MarkCommand, PROFILE};
use crate::transport::marks::SharedMarks;
use crate::transport::socket::{Beyond, Breach, Counts, End, Incoming, MESSAGE_BYTES, close, drain, pump};
use crate::transport::wire_sound::{WireCodec, WireSound};
use crate::transport::{CHANNEL, Leg, Limits};

/// How long what has to be done before the leg is hung up may take: the caller hears nothing meanwhile.
const LEAVING: Duration = Duration::from_secs(5);

/// How this transport counts.
pub(super) const COUNTS: Counts = Counts {
    transport: PROFILE.name,
    ended: |how| metrics::counter!("candor_asterisk_legs_total", "ended" => how).increment(1),
    ignored: |reason| metrics::counter!("candor_asterisk_ignored_total", "reason" => reason).increment(1),
    dropped: || metrics::counter!("candor_asterisk_dropped_frames_total").increment(1),
};

/// A leg that has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// In which form it speaks.
    pub form: Form,
    /// How its sound is carried.
    pub codec: WireCodec,
    /// The id of the leg's own channel, which is not the caller's.
    pub channel_id: Option<String>,
    /// How much Asterisk plays at once, in bytes.
    pub frame_bytes: usize,
}

/// How a connection ended.
pub type Ended = crate::transport::Ended<Violation>;

/// What a peer did that Asterisk does not do, or must not here. Never quotes what it sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A message that cannot be read.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// A message that is too long.
    #[error("a message of more than {MESSAGE_BYTES} bytes")]
    TooLong,
    /// Faster than the limit.
    #[error("more messages than asterisk.limits allows")]
    TooMany,
    /// Not started in time.
    #[error("no `MEDIA_START` within asterisk.limits.start")]
    NotStarted,
    /// A message out of place.
    #[error("a `{0}` message where it cannot be")]
    OutOfPlace(&'static str),
    /// Another codec.
    #[error("a codec that is not carried: dial with c(ulaw), c(alaw), c(slin) or another linear one")]
    Format,
    /// Sound that Asterisk passes through as it is has neither marks nor a buffer.
    #[error("the leg passes its sound through: leave the dial option p out")]
    Passthrough,
    /// An event of another leg.
    #[error("an event names another channel than `MEDIA_START` did")]
    OtherChannel,
    /// The peer has asked us to wait and does not go on.
    #[error("the queue stays full after `MEDIA_XOFF`: nothing is being played")]
    NotPlaying,
}

impl Breach for Violation {
    fn beyond(limit: Beyond) -> Violation {
        match limit {
            Beyond::TooLong => Violation::TooLong,
            Beyond::TooMany => Violation::TooMany,
            Beyond::NotUtf8 => Violation::Message(MessageError::NotAnEvent { column: 0 }),
        }
    }

    fn close_code(&self) -> u16 {
        match self {
            Violation::Format | Violation::Passthrough => 1003,
            Violation::Message(_) => 1007,
            Violation::TooLong => 1009,
            _ => 1008,
        }
    }

    fn label(&self) -> &'static str {
        match self {
            Violation::Message(_) => "malformed",
            Violation::TooLong => "too-long",
            Violation::TooMany => "too-many",
            Violation::NotStarted => "not-started",
            Violation::OutOfPlace(_) => "out-of-place",
            Violation::Format => "format",
            Violation::Passthrough => "passthrough",
            Violation::OtherChannel => "other-channel",
            Violation::NotPlaying => "not-playing",
        }
    }
}

/// Serves one connection to its end.
///
/// Waits for `MEDIA_START` and gives the session's end of the connection to `session`, which has to return at once (it starts a task). Then
/// pumps until one side ends it. When the session does, `leaving` is waited for, for some seconds at most, and then the leg is hung up. A
/// session that drops its end is taken to have said [`crate::transport::Outbound::End`].
pub async fn run<F, L>(socket: WebSocket, limits: &Limits, marks: MarkCommand, session: F, leaving: L) -> Ended
where
    F: FnOnce(Accepted, Leg),
    L: Future<Output = ()>,
{
    let (mut sink, mut stream) = socket.split();
    let mut incoming = Incoming::new(limits);
    let began = timeout(limits.start, begin(&mut stream, &mut incoming)).await;
    let ended = match began.unwrap_or(Err(End::Violation(Violation::NotStarted))) {
        Ok((accepted, sound)) => {
            let (inbound, to_session) = mpsc::channel(CHANNEL);
            let (from_session, outbound) = mpsc::channel(CHANNEL);
            session(accepted.clone(), Leg { profile: PROFILE, inbound: to_session, outbound: from_session });
            let shared = Shared::new(SharedMarks::new(COUNTS.ignored), sound, marks);
            let hearing = Hearing::new(&shared, accepted.channel_id);
            let saying = Saying::new(&shared, accepted.form, accepted.frame_bytes);
            let session = (inbound, outbound);
            let ended = pump(&mut sink, &mut stream, incoming, hearing, saying, &shared.marks, session, limits, &COUNTS).await;
            if ended == Ended::Asked {
                leave(&mut sink, &mut stream, accepted.form, leaving, limits).await;
            }
            ended
        }
        Err(end) => end.into(),
    };
    close(&mut sink, &mut stream, &ended, limits, &COUNTS).await;
    ended
}

/// Hangs the leg up once everything is done that has to be done before. The caller goes on behind `Dial`.
async fn leave(
    sink: &mut SplitSink<WebSocket, Frame>,
    stream: &mut SplitStream<WebSocket>,
    form: Form,
    leaving: impl Future<Output = ()>,
    limits: &Limits,
) {
    let mut leaving = pin!(timeout(LEAVING, leaving));
    tokio::select! {
        biased;
        _ = &mut leaving => {}
        // A peer whose sound is not taken any more would wait for us.
        () = drain(stream, &COUNTS) => {
            let _ = (&mut leaving).await;
        }
    }
    let hang_up = Frame::Text(Command::HangUp.text(form).into());
    // One that is gone need not be told.
    let _ = timeout(limits.write, sink.send(hang_up)).await;
}

/// Waits for `MEDIA_START`.
async fn begin(stream: &mut SplitStream<WebSocket>, incoming: &mut Incoming) -> Result<(Accepted, WireSound), End<Violation>> {
    loop {
        let message = match incoming.judge(stream.next().await)? {
            None => continue,
            Some(Frame::Text(text)) => Message::parse(text.as_str()).map_err(Violation::from)?,
            Some(_) => return Err(Violation::OutOfPlace("binary").into()),
        };
        count_of(message.event.name()).increment(1);
        match message.event {
            Event::Start(started) => {
                let (codec, sound) = carried(&started).ok_or(Violation::Format)?;
                let frame_bytes = usize::try_from(started.optimal_frame_size).map_err(|_| Violation::Format)?;
                return Ok((Accepted { form: message.form, codec, channel_id: message.channel_id, frame_bytes }, sound));
            }
            Event::Unknown => {}
            event => return Err(Violation::OutOfPlace(event.name()).into()),
        }
    }
}

/// How sound of this kind is translated; `None` where it is not.
fn carried(started: &MediaStart) -> Option<(WireCodec, WireSound)> {
    let codec = WireCodec::of_asterisk(&started.format).filter(|_| started.optimal_frame_size > 0)?;
    Some((codec, WireSound::new(codec).ok()?))
}

pub(super) fn count_of(event: &'static str) -> metrics::Counter {
    metrics::counter!("candor_asterisk_messages_total", "event" => event)
}
