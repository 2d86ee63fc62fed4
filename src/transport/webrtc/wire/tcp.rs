use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use webrtc::runtime::{AsyncTcpListener, AsyncTcpStream};

use super::table::{Place, Table, dropped};

/// How long a connection may take to say whose it is.
const INTRODUCTION: Duration = Duration::from_secs(5);
/// The longest first message: a STUN request.
const FIRST_MESSAGE: usize = 1500;
/// How many packets may wait for a peer that takes them slowly: two seconds of sound.
const PACKETS: usize = 128;
/// How long one packet may take.
const WRITE: Duration = Duration::from_secs(5);

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connection whose call is known.
pub(in crate::transport::webrtc) struct Introduced {
    stream: TcpStream,
    peer: SocketAddr,
    /// What was read to know it, framing included.
    first: Bytes,
    place: OwnedSemaphorePermit,
}

/// Reads the first packet of a connection (RFC 4571 framing: two bytes of length) and brings the connection to its call.
pub(super) async fn introduce(mut stream: TcpStream, peer: SocketAddr, table: Arc<Table>) {
    let first = timeout(INTRODUCTION, async {
        let length = usize::from(stream.read_u16().await.ok()?);
        if !(20..=FIRST_MESSAGE).contains(&length) {
            return None;
        }
        let mut message = vec![0; length + 2];
        message[..2].copy_from_slice(&(length as u16).to_be_bytes());
        stream.read_exact(&mut message[2..]).await.ok()?;
        Some(message)
    });
    let Ok(Some(first)) = first.await else { return dropped("tcp-introduction") };
    let Some(call) = table.introduce(peer, &first[2..]) else { return dropped("tcp-nobody") };
    let Ok(place) = call.streams.clone().try_acquire_owned() else { return dropped("tcp-many") };
    let _ = stream.set_nodelay(true);
    if call.introduced.try_send(Introduced { stream, peer, first: first.into(), place }).is_err() {
        dropped("tcp-queue");
    }
}

/// The listener that the library sees: connections that were introduced to one call.
pub(super) struct Listener {
    pub(super) address: SocketAddr,
    pub(super) place: Arc<Place>,
    /// Taken by one caller at a time, which waits here: nobody else is kept waiting by it.
    pub(super) connections: tokio::sync::Mutex<mpsc::Receiver<Introduced>>,
    pub(super) tasks: TaskTracker,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({})", self.address)
    }
}

impl AsyncTcpListener for Listener {
    fn accept<'a>(&'a self) -> BoxFuture<'a, io::Result<(Arc<dyn AsyncTcpStream>, SocketAddr)>> {
        Box::pin(async move {
            let introduced = self.connections.lock().await.recv().await;
            let Some(Introduced { stream, peer, first, place: permit }) = introduced else {
                return std::future::pending().await;
            };
            let (reading, writing) = stream.into_split();
            let (packets, to_write) = mpsc::channel(PACKETS);
            self.tasks.spawn(write(writing, to_write));
            let first = Mutex::new(first);
            let stream =
                Stream { address: self.address, peer, place: self.place.clone(), first, reading, packets, _permit: permit };
            Ok((Arc::new(stream) as Arc<dyn AsyncTcpStream>, peer))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Writes packets until the connection breaks or the call lets go of it.
async fn write(mut writing: OwnedWriteHalf, mut packets: mpsc::Receiver<Bytes>) {
    while let Some(packet) = packets.recv().await {
        if !matches!(timeout(WRITE, writing.write_all(&packet)).await, Ok(Ok(()))) {
            return;
        }
    }
    let _ = writing.shutdown().await;
}

/// A connection of one call. Writing never waits: a peer that takes nothing loses packets, as over UDP.
struct Stream {
    address: SocketAddr,
    peer: SocketAddr,
    place: Arc<Place>,
    first: Mutex<Bytes>,
    reading: OwnedReadHalf,
    packets: mpsc::Sender<Bytes>,
    /// One of those that a call may have.
    _permit: OwnedSemaphorePermit,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({})", self.peer)
    }
}

impl Stream {
    fn take_first(&self, buf: &mut [u8]) -> usize {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let length = first.len().min(buf.len());
        first.copy_to_slice(&mut buf[..length]);
        length
    }
}

impl AsyncTcpStream for Stream {
    fn read<'a, 'b>(&'a self, buf: &'b mut [u8]) -> BoxFuture<'b, io::Result<usize>>
    where
        'a: 'b,
    {
        Box::pin(async move {
            let length = self.take_first(buf);
            if length > 0 {
                return Ok(length);
            }
            loop {
                self.reading.readable().await?;
                match self.reading.try_read(buf) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => {
                        // Whoever holds this connection has signed its first message.
                        if matches!(read, Ok(length) if length > 0) {
                            self.place.hear();
                        }
                        return read;
                    }
                }
            }
        })
    }

    fn write_all<'a, 'b>(&'a self, buf: &'b [u8]) -> BoxFuture<'b, io::Result<()>>
    where
        'a: 'b,
    {
        if self.packets.try_send(Bytes::copy_from_slice(buf)).is_err() {
            dropped("tcp-not-sent");
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
