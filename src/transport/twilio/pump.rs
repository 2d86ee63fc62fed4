//! Both directions of a started stream at once: neither waits for the other, and neither for the session.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::{Message as Frame, WebSocket};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, interval_at, sleep_until, timeout};

use super::Limits;
use super::leg::{End, Ended, Reader, Violation};
use super::marks::Marks;
use super::message::{self, Event};
use crate::transport::feed::Feed;
use crate::transport::{Inbound, Mark, Outbound, PeerEnd};

/// How much sound is put into one message at most: 100 ms of a telephone's. Twilio names no limit.
const MESSAGE: usize = 800;
/// How long a peer that takes nothing any more may still be heard.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Pumps until one side ends it, and tells the session when it was not the session.
pub(super) async fn run(
    sink: &mut SplitSink<WebSocket, Frame>,
    stream: &mut SplitStream<WebSocket>,
    reader: Reader,
    stream_sid: &str,
    limits: &Limits,
    inbound: mpsc::Sender<Inbound>,
    outbound: mpsc::Receiver<Outbound>,
) -> Ended {
    let marks = SharedMarks { marks: Mutex::new(Marks::default()), cleared: Notify::new() };
    let mut feed = Feed::new(inbound, || metrics::counter!("candor_twilio_dropped_frames_total").increment(1));
    let ended = {
        let mut reading = pin!(read(stream, reader, stream_sid, limits, &marks, &mut feed));
        let mut writing = pin!(write(sink, outbound, stream_sid, limits, &marks));
        tokio::select! {
            end = &mut reading => end.into(),
            // A peer that has said its last words may be gone before our next ones: they tell why.
            ended = &mut writing => match ended {
                Ended::Peer(PeerEnd::Lost) => timeout(LAST_WORDS, reading).await.map_or(ended, Ended::from),
                ended => ended,
            },
        }
    };
    match &ended {
        Ended::Asked => {}
        Ended::Peer(end) => feed.end(*end).await,
        Ended::Violation(_) => feed.end(PeerEnd::Violation).await,
    }
    ended
}

/// From Twilio to the session.
async fn read(
    stream: &mut SplitStream<WebSocket>,
    mut reader: Reader,
    stream_sid: &str,
    limits: &Limits,
    marks: &SharedMarks,
    feed: &mut Feed,
) -> End {
    let mut last_chunk = None;
    // One timer that is looked at when it is due, and not set anew for each frame.
    let mut heard_at = Instant::now();
    let mut idle = pin!(sleep_until(heard_at + limits.idle));
    loop {
        let frame = tokio::select! {
            biased;
            () = feed.make_way(), if feed.is_behind() => continue,
            () = marks.cleared.notified() => {
                while let Some(mark) = marks.next_cleared() {
                    feed.tell(Inbound::Cleared(mark));
                }
                continue;
            }
            frame = stream.next() => frame,
            () = &mut idle => {
                if heard_at.elapsed() >= limits.idle {
                    return End::Peer(PeerEnd::Lost);
                }
                idle.as_mut().reset(heard_at + limits.idle);
                continue;
            }
        };
        heard_at = Instant::now();
        let message = match reader.message(frame) {
            Ok(Some(message)) => message,
            Ok(None) => continue,
            Err(end) => return end,
        };
        if message.stream_sid.is_some_and(|named| named != stream_sid) {
            return Violation::OtherStream.into();
        }
        match message.event {
            Event::Media { inbound: true, chunk, payload, .. } => {
                // Sound that comes late is of no use any more: the session has heard what follows it.
                if last_chunk.is_some_and(|last| chunk <= last) {
                    ignored("late-sound");
                    continue;
                }
                last_chunk = Some(chunk);
                if !payload.is_empty() {
                    feed.sound(Inbound::Audio(payload));
                }
            }
            Event::Media { .. } => ignored("other-track"),
            Event::Dtmf(Some(key)) => feed.tell(Inbound::Key(key)),
            Event::Dtmf(None) => ignored("other-key"),
            Event::Mark(name) => match marks.lock().played(&name) {
                Some(mark) => feed.tell(Inbound::Played(mark)),
                None => ignored("unknown-mark"),
            },
            Event::Stop => return End::Peer(PeerEnd::HungUp),
            event => return Violation::OutOfPlace(event.name()).into(),
        }
        if feed.is_stuck() {
            return End::Peer(PeerEnd::Lost);
        }
    }
}

/// From the session to Twilio.
async fn write(
    sink: &mut SplitSink<WebSocket, Frame>,
    mut outbound: mpsc::Receiver<Outbound>,
    stream_sid: &str,
    limits: &Limits,
    marks: &SharedMarks,
) -> Ended {
    let mut ping = interval_at(Instant::now() + limits.ping(), limits.ping());
    // What came behind sound that was sent together.
    let mut next = None;
    loop {
        let frame = tokio::select! {
            said = async { if next.is_some() { next.take() } else { outbound.recv().await } } => match said {
                // A telephone has no screen.
                Some(Outbound::Tell(_)) => continue,
                Some(Outbound::Audio(sound)) => {
                    let (sound, behind) = together(sound, &mut outbound);
                    next = behind;
                    text(message::media(stream_sid, &sound))
                }
                Some(Outbound::Mark(mark)) => text(message::mark(stream_sid, &marks.lock().sent(mark))),
                Some(Outbound::Clear) => {
                    // Counted before it is sent: a mark that returns from now on proves nothing.
                    marks.lock().clear();
                    marks.cleared.notify_one();
                    text(message::clear(stream_sid))
                }
                Some(Outbound::End) | None => return Ended::Asked,
            },
            _ = ping.tick() => Frame::Ping(Bytes::new()),
        };
        match timeout(limits.write, sink.send(frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Ended::Peer(PeerEnd::Lost),
        }
    }
}

/// Sound with the sound that waits behind it, up to [`MESSAGE`], and what came after that.
fn together(first: Bytes, outbound: &mut mpsc::Receiver<Outbound>) -> (Bytes, Option<Outbound>) {
    let mut behind = outbound.try_recv().ok();
    if !matches!(behind, Some(Outbound::Audio(_))) {
        return (first, behind);
    }
    let mut sound = BytesMut::from(first);
    while let Some(Outbound::Audio(more)) = &behind
        && sound.len() + more.len() <= MESSAGE
    {
        sound.extend_from_slice(more);
        behind = outbound.try_recv().ok();
    }
    (sound.freeze(), behind)
}

fn text(message: String) -> Frame {
    Frame::Text(message.into())
}

fn ignored(reason: &'static str) {
    metrics::counter!("candor_twilio_ignored_total", "reason" => reason).increment(1);
}

/// The marks of a stream, known to both directions.
struct SharedMarks {
    marks: Mutex<Marks>,
    /// Wakes the reading direction, which is the one that talks to the session.
    cleared: Notify,
}

impl SharedMarks {
    /// The lock is held for a look-up, never across a wait.
    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_cleared(&self) -> Option<Mark> {
        self.lock().next_cleared()
    }
}
