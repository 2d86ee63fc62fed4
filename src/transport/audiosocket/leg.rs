//! One connection from Asterisk, from the first packet to the close: which call it is, then sound both ways until somebody ends it.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures_util::{FutureExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::codec::{Encoder, FramedRead};
use zeroize::Zeroizing;

use super::packet::{Packet, PacketCodec, PacketError};
use super::pump::Pump;
use super::{Announcements, PROFILE};
use crate::episode::Episodes;
use crate::transport::feed::Feed;
use crate::transport::limits::Bucket;
use crate::transport::{CHANNEL, Leg, Limits, PeerEnd, TokenError};

/// Of all connections together.
static FAULTS: Episodes = Episodes::new();

/// How much is read from a connection at once, in bytes: some frames.
const READ_BUFFER: usize = 4 * 1024;
/// How long Asterisk may take to close after we have.
const DRAIN: Duration = Duration::from_secs(5);
/// How much it may send in that time: what lies in the buffers of both ends, and not all that it has.
const DRAIN_BYTES: usize = 1024 * 1024;

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The session asked for it, or is gone.
    Asked,
    /// Asterisk ended it, in this way.
    Peer(PeerEnd),
    /// The other side broke the protocol or a limit.
    Violation(Violation),
    /// Something failed here.
    Failed,
}

/// What a peer did that Asterisk does not do. Never quotes what it sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A packet that cannot be.
    #[error("{0}")]
    Packet(String),
    /// Faster than the limit.
    #[error("more packets than asterisk.limits allows")]
    TooMany,
    /// No UUID in time.
    #[error("no UUID within asterisk.limits.start")]
    NotStarted,
    /// Sound at ever another rate.
    #[error("the rate of the sound changes again and again")]
    Restless,
    /// A packet out of place.
    #[error("a packet of kind `{0}` where it cannot be: the UUID comes first, and once")]
    OutOfPlace(&'static str),
    /// Not the name of a call that was announced.
    #[error("the UUID names no call: {0}; it is what POST /asterisk/audiosocket answers")]
    Unknown(TokenError),
}

impl Violation {
    /// A label for the count.
    fn label(&self) -> &'static str {
        match self {
            Violation::Packet(_) => "malformed",
            Violation::TooMany => "too-many",
            Violation::NotStarted => "not-started",
            Violation::Restless => "restless",
            Violation::OutOfPlace(_) => "out-of-place",
            Violation::Unknown(_) => "uuid",
        }
    }
}

impl From<Violation> for Ended {
    fn from(violation: Violation) -> Ended {
        Ended::Violation(violation)
    }
}

impl Ended {
    fn label(&self) -> &'static str {
        match self {
            Ended::Asked => "asked",
            Ended::Peer(PeerEnd::HungUp) => "hung-up",
            Ended::Peer(_) => "lost",
            Ended::Violation(violation) => violation.label(),
            Ended::Failed => "failed",
        }
    }

    /// What the session hears of it; nothing where it was the session.
    fn for_session(&self) -> Option<PeerEnd> {
        match self {
            Ended::Asked => None,
            Ended::Peer(end) => Some(*end),
            Ended::Violation(_) => Some(PeerEnd::Violation),
            Ended::Failed => Some(PeerEnd::Lost),
        }
    }
}

/// Serves one connection to its end.
///
/// Waits for the UUID, takes the call that was announced under it, and gives the session's end of the connection to `session`, which has to
/// return at once (it starts a task). Then pumps until one side ends it. A session that drops its end is taken to have said
/// [`crate::transport::Outbound::End`]; before Asterisk is told, `leaving` is waited for. However it ends, also where something panics here:
/// Asterisk is told, and read until it has closed, for a connection that is reset hangs the caller up. `stopping`: when a connection that has
/// not said its UUID yet is not waited for any more.
pub async fn run<C, F, L>(
    socket: TcpStream,
    limits: &Limits,
    announced: &Announcements<C>,
    stopping: impl Future<Output = ()>,
    session: F,
) -> Ended
where
    F: FnOnce(C, Leg) -> L,
    L: Future<Output = ()>,
{
    // Frames of 20 ms are not held back to be sent with the next.
    let _ = socket.set_nodelay(true);
    let (reader, mut writer) = socket.into_split();
    let mut reader = Reader::new(reader, limits);
    let mut unsent = BytesMut::new();
    let began = tokio::select! {
        began = timeout(limits.start, reader.begin(announced)) => began.unwrap_or(Err(Violation::NotStarted.into())),
        () = stopping => Err(Ended::Asked),
    };
    let ended = match began {
        Ok(claim) => {
            let (inbound, to_session) = mpsc::channel(CHANNEL);
            let (from_session, outbound) = mpsc::channel(CHANNEL);
            let feed = Feed::new(inbound, || dropped("session"));
            let leg = Leg { profile: PROFILE, inbound: to_session, outbound: from_session };
            let pumped = async {
                let leaving = session(claim, leg);
                let mut pump = Pump::new(feed, outbound, limits.write);
                let ended = pump.run(&mut reader, &mut writer, &mut unsent).await;
                if ended == Ended::Asked {
                    // Asterisk still hears us meanwhile: two seconds of nothing are the end for it.
                    tokio::select! {
                        () = leaving => {}
                        _ = pump.run(&mut reader, &mut writer, &mut unsent) => {}
                    }
                }
                (ended, pump.into_feed())
            };
            let pumped = AssertUnwindSafe(pumped).catch_unwind().await;
            match pumped {
                Ok((ended, mut feed)) => {
                    let told = async {
                        if let Some(end) = ended.for_session() {
                            feed.end(end).await;
                        }
                    };
                    tokio::join!(told, close(reader.packets, &mut writer, unsent, limits));
                    return told_of(ended);
                }
                Err(_) => Ended::Failed,
            }
        }
        Err(ended) => ended,
    };
    close(reader.packets, &mut writer, unsent, limits).await;
    told_of(ended)
}

/// Counts how a connection ended, and says so where somebody should look.
fn told_of(ended: Ended) -> Ended {
    let label = ended.label();
    metrics::counter!("candor_audiosocket_legs_total", "ended" => label).increment(1);
    if let Ended::Violation(violation) = &ended {
        tracing::debug!(%violation, "an AudioSocket connection was closed");
        if let Some(times) = FAULTS.met(label) {
            tracing::warn!(%violation, times, "an AudioSocket connection was closed");
        }
    }
    ended
}

/// Says that it is over, and reads what is still coming, for a while: a socket that is closed with unread data is reset.
async fn close(
    packets: FramedRead<OwnedReadHalf, PacketCodec>,
    writer: &mut OwnedWriteHalf,
    mut unsent: BytesMut,
    limits: &Limits,
) {
    // Behind the rest of a packet that was half written. A packet without content can always be written.
    let _ = PacketCodec.encode(Packet::HangUp, &mut unsent);
    let said = async {
        writer.write_all_buf(&mut unsent).await?;
        writer.shutdown().await
    };
    let _ = timeout(limits.write, said).await;
    let _ = timeout(DRAIN, drain(packets.into_inner())).await;
}

/// Reads until the other side closes, or sends on as if nothing had been said.
async fn drain(mut reader: impl AsyncRead + Unpin) {
    let mut scratch = Zeroizing::new([0; 2048]);
    let mut read = 0;
    while let Ok(bytes @ 1..) = reader.read(&mut scratch[..]).await {
        read += bytes;
        if read > DRAIN_BYTES {
            return ignored("after-the-end");
        }
    }
}

/// Reads packets within the limits.
pub(super) struct Reader {
    packets: FramedRead<OwnedReadHalf, PacketCodec>,
    bucket: Bucket,
    /// The count of packets of sound, looked up once: there are fifty a second.
    sounds: metrics::Counter,
}

impl Reader {
    fn new(reader: OwnedReadHalf, limits: &Limits) -> Reader {
        Reader {
            packets: FramedRead::with_capacity(reader, PacketCodec, READ_BUFFER),
            bucket: Bucket::new(limits, tokio::time::Instant::now()),
            sounds: count_of("sound"),
        }
    }

    /// The next packet. Nothing is lost where this is given up half way.
    pub(super) async fn next(&mut self) -> Result<Packet, Ended> {
        let packet = match self.packets.next().await {
            Some(Ok(packet)) => packet,
            Some(Err(PacketError::Connection(_))) => return Err(Ended::Peer(PeerEnd::Lost)),
            Some(Err(error)) => return Err(Violation::Packet(error.to_string()).into()),
            // Closing the connection says as much as the packet that says so.
            None => return Err(Ended::Peer(PeerEnd::HungUp)),
        };
        if !self.bucket.take(tokio::time::Instant::now()) {
            return Err(Violation::TooMany.into());
        }
        match &packet {
            Packet::Sound(..) => self.sounds.increment(1),
            packet => count_of(packet.kind()).increment(1),
        }
        Ok(packet)
    }

    /// Waits for the UUID, and takes the call that it names.
    async fn begin<C>(&mut self, announced: &Announcements<C>) -> Result<C, Ended> {
        match self.next().await? {
            Packet::Uuid(uuid) => Ok(announced.take(uuid, Instant::now()).map_err(Violation::Unknown)?),
            Packet::HangUp => Err(Ended::Peer(PeerEnd::HungUp)),
            packet => Err(Violation::OutOfPlace(packet.kind()).into()),
        }
    }
}

fn count_of(kind: &'static str) -> metrics::Counter {
    metrics::counter!("candor_audiosocket_packets_total", "kind" => kind)
}

pub(super) fn ignored(reason: &'static str) {
    metrics::counter!("candor_audiosocket_ignored_total", "reason" => reason).increment(1);
}

pub(super) fn dropped(place: &'static str) {
    metrics::counter!("candor_audiosocket_dropped_frames_total", "where" => place).increment(1);
}
