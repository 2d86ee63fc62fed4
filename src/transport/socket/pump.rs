//! Both directions of a started stream at once: neither waits for the other, and neither for the session.

use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{Message as Frame, WebSocket};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, sleep_until, timeout};

use super::{Breach, Counts, End, Ended, Incoming};
use crate::transport::feed::Feed;
use crate::transport::marks::SharedMarks;
use crate::transport::{Inbound, Limits, Outbound, PeerEnd};

/// How much sound that waits goes out in one message, in bytes at most: 100 ms of a telephone's.
const TOGETHER: usize = 800;
/// How long a peer that takes nothing any more may still be heard.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What the messages of a dialect mean.
pub(in crate::transport) trait Hears {
    /// What counts as a breach of it.
    type Violation: Breach;

    /// Takes one message, text or binary, and tells the session what it means.
    fn hear(&mut self, message: Frame, session: &mut Feed) -> Result<(), End<Self::Violation>>;
}

/// How something is said in a dialect.
pub(in crate::transport) trait Says {
    /// What counts as a breach of it.
    type Violation: Breach;

    /// Writes what has to be said before anything else.
    fn begin(&mut self, _messages: &mut Vec<Frame>) {}

    /// Writes sound, a mark or a clear as `messages`. Nothing else comes here.
    fn say(&mut self, said: Outbound, messages: &mut Vec<Frame>) -> Result<(), End<Self::Violation>>;

    /// Waits until something has been heard that this direction has to act on.
    fn woken(&self) -> impl Future<Output = ()> {
        std::future::pending()
    }

    /// Acts on it.
    fn act(&mut self, _messages: &mut Vec<Frame>) {}
}

/// Pumps until one side ends it, and tells the session when it was not the session.
#[allow(clippy::too_many_arguments, reason = "both ends of two directions, and what holds them")]
pub(in crate::transport) async fn pump<V: Breach>(
    sink: &mut SplitSink<WebSocket, Frame>,
    stream: &mut SplitStream<WebSocket>,
    incoming: Incoming,
    mut hearing: impl Hears<Violation = V>,
    mut saying: impl Says<Violation = V>,
    marks: &SharedMarks,
    (inbound, outbound): (mpsc::Sender<Inbound>, mpsc::Receiver<Outbound>),
    limits: &Limits,
    counts: &Counts,
) -> Ended<V> {
    let mut feed = Feed::new(inbound, counts.dropped);
    let ended = {
        let mut reading = pin!(read(stream, incoming, &mut hearing, limits, marks, &mut feed));
        let mut writing = pin!(write(sink, outbound, &mut saying, limits));
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

/// From the phone system to the session.
async fn read<H: Hears>(
    stream: &mut SplitStream<WebSocket>,
    mut incoming: Incoming,
    hearing: &mut H,
    limits: &Limits,
    marks: &SharedMarks,
    feed: &mut Feed,
) -> End<H::Violation> {
    // One timer that is looked at when it is due, and not set anew for each frame.
    let mut heard_at = Instant::now();
    let mut idle = pin!(sleep_until(heard_at + limits.idle));
    loop {
        let frame = tokio::select! {
            biased;
            () = feed.make_way(), if feed.is_behind() => continue,
            () = marks.cleared() => {
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
        let heard = match incoming.judge(frame) {
            Ok(Some(message)) => hearing.hear(message, feed),
            Ok(None) => continue,
            Err(end) => Err(end),
        };
        if let Err(end) = heard {
            return end;
        }
        if feed.is_stuck() {
            return End::Peer(PeerEnd::Lost);
        }
    }
}

/// From the session to the phone system.
async fn write<S: Says>(
    sink: &mut SplitSink<WebSocket, Frame>,
    mut outbound: mpsc::Receiver<Outbound>,
    saying: &mut S,
    limits: &Limits,
) -> Ended<S::Violation> {
    let mut ping = interval_at(Instant::now() + limits.ping(), limits.ping());
    // What came behind sound that was sent together.
    let mut next = None;
    let mut messages = Vec::new();
    saying.begin(&mut messages);
    loop {
        if let Err(Gone) = send(sink, &mut messages, limits).await {
            return Ended::Peer(PeerEnd::Lost);
        }
        tokio::select! {
            said = async { if next.is_some() { next.take() } else { outbound.recv().await } } => {
                let said = match said {
                    Some(Outbound::End) | None => return Ended::Asked,
                    // A telephone has no screen.
                    Some(Outbound::Tell(_)) => continue,
                    Some(Outbound::Audio(sound)) => {
                        let (sound, behind) = together(sound, &mut outbound);
                        next = behind;
                        Outbound::Audio(sound)
                    }
                    Some(said) => said,
                };
                if let Err(end) = saying.say(said, &mut messages) {
                    return end.into();
                }
            }
            () = saying.woken() => saying.act(&mut messages),
            _ = ping.tick() => messages.push(Frame::Ping(Bytes::new())),
        }
    }
}

/// Sends all `messages`, each of which the peer has to take in time.
async fn send(sink: &mut SplitSink<WebSocket, Frame>, messages: &mut Vec<Frame>, limits: &Limits) -> Result<(), Gone> {
    for message in messages.drain(..) {
        timeout(limits.write, sink.send(message)).await.map_err(|_| Gone)?.map_err(|_| Gone)?;
    }
    Ok(())
}

/// Nobody takes anything any more.
struct Gone;

/// Sound with the sound that waits behind it, up to [`TOGETHER`], and what came after that.
fn together(first: Bytes, outbound: &mut mpsc::Receiver<Outbound>) -> (Bytes, Option<Outbound>) {
    let mut behind = outbound.try_recv().ok();
    if !matches!(behind, Some(Outbound::Audio(_))) {
        return (first, behind);
    }
    let mut sound = BytesMut::from(first);
    while let Some(Outbound::Audio(more)) = &behind
        && sound.len() + more.len() <= TOGETHER
    {
        sound.extend_from_slice(more);
        behind = outbound.try_recv().ok();
    }
    (sound.freeze(), behind)
}
