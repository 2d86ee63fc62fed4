//! A server that runs AudioSocket legs on a real port, and a peer that speaks the protocol to it as Asterisk does: what the tests of the
//! transport share. The peer is written from the protocol's description (docs.asterisk.org, AudioSocket) and shares nothing with the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candor::transport::audiosocket::Announcements;
use candor::transport::audiosocket::leg::{self, Ended};
use candor::transport::{Inbound, Leg, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;

/// Longer than anything here takes; a test that waits so long has failed.
pub const LONG: Duration = Duration::from_secs(10);

pub const HANG_UP: u8 = 0x00;
pub const UUID: u8 = 0x01;
pub const DTMF: u8 = 0x03;
pub const SLIN: u8 = 0x10;
/// The sound packets there are, and their rates.
pub const SOUNDS: [(u8, u32); 9] = [
    (0x10, 8000),
    (0x11, 12_000),
    (0x12, 16_000),
    (0x13, 24_000),
    (0x14, 32_000),
    (0x15, 44_100),
    (0x16, 48_000),
    (0x17, 96_000),
    (0x18, 192_000),
];

/// Serves legs with `limits`.
pub struct Server {
    pub address: SocketAddr,
    pub announced: Arc<Announcements<&'static str>>,
    legs: mpsc::UnboundedReceiver<(&'static str, Leg)>,
    ended: mpsc::UnboundedReceiver<Ended>,
}

impl Server {
    pub async fn start(limits: Limits) -> Server {
        Server::start_with(limits, false).await
    }

    /// `breaks`: whatever is to take the leg panics.
    pub async fn start_with(limits: Limits, breaks: bool) -> Server {
        let announced = Arc::new(Announcements::new(100));
        let (legs, legs_out) = mpsc::unbounded_channel();
        let (ended, ended_out) = mpsc::unbounded_channel();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(candor::transport::audiosocket::SEND_BUFFER).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(100).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, limits, announced.clone(), breaks, legs, ended));
        Server { address, announced, legs: legs_out, ended: ended_out }
    }

    pub fn announce(&self) -> Uuid {
        self.announced.announce("a call", Instant::now()).unwrap()
    }

    pub async fn connect(&self) -> Peer {
        Peer::connect(self.address).await
    }

    /// A peer whose call has begun, and the session's end of it.
    pub async fn call(&mut self) -> (Peer, Leg) {
        let mut peer = self.connect().await;
        peer.begin(self.announce()).await;
        (peer, self.leg().await)
    }

    pub async fn leg(&mut self) -> Leg {
        timeout(LONG, self.legs.recv()).await.expect("a leg in time").unwrap().1
    }

    pub fn has_leg(&mut self) -> bool {
        self.legs.try_recv().is_ok()
    }

    pub async fn ended(&mut self) -> Ended {
        timeout(LONG, self.ended.recv()).await.expect("an end in time").unwrap()
    }
}

async fn serve(
    listener: TcpListener,
    limits: Limits,
    announced: Arc<Announcements<&'static str>>,
    breaks: bool,
    legs: mpsc::UnboundedSender<(&'static str, Leg)>,
    ended: mpsc::UnboundedSender<Ended>,
) {
    while let Ok((socket, _)) = listener.accept().await {
        let (limits, announced, legs, ended) = (limits.clone(), announced.clone(), legs.clone(), ended.clone());
        tokio::spawn(async move {
            let session = move |claim, leg| {
                assert!(!breaks, "the session cannot begin");
                legs.send((claim, leg)).unwrap();
                std::future::ready(())
            };
            let _ = ended.send(leg::run(socket, &limits, &announced, std::future::pending(), session).await);
        });
    }
}

/// What the session hears next.
pub async fn heard(leg: &mut Leg) -> Inbound {
    timeout(LONG, leg.inbound.recv()).await.expect("something in time").expect("an open leg")
}

/// What the session hears next that is not sound.
pub async fn heard_but_sound(leg: &mut Leg) -> Inbound {
    loop {
        match heard(leg).await {
            Inbound::Audio(_) => {}
            other => return other,
        }
    }
}

/// One packet, as it stood on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub kind: u8,
    pub held: Vec<u8>,
}

impl Packet {
    /// The samples of a packet of sound.
    pub fn samples(&self) -> Vec<i16> {
        assert!((0x10..=0x18).contains(&self.kind), "no packet of sound: {:#04x}", self.kind);
        self.held.as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect()
    }
}

/// Speaks for Asterisk, well or badly.
pub struct Peer {
    pub socket: TcpStream,
}

impl Peer {
    pub async fn connect(address: SocketAddr) -> Peer {
        let socket = timeout(LONG, TcpStream::connect(address)).await.expect("a connection in time").unwrap();
        socket.set_nodelay(true).unwrap();
        Peer { socket }
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        timeout(LONG, self.socket.write_all(bytes)).await.expect("bytes taken in time").unwrap();
    }

    pub async fn send(&mut self, kind: u8, held: &[u8]) {
        let mut packet = vec![kind];
        packet.extend_from_slice(&u16::try_from(held.len()).unwrap().to_be_bytes());
        packet.extend_from_slice(held);
        self.raw(&packet).await;
    }

    pub async fn begin(&mut self, uuid: Uuid) {
        self.send(UUID, uuid.as_bytes()).await;
    }

    pub async fn sound(&mut self, kind: u8, samples: &[i16]) {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        self.send(kind, &bytes).await;
    }

    pub async fn press(&mut self, key: u8) {
        self.send(DTMF, &[key]).await;
    }

    pub async fn hang_up(&mut self) {
        self.send(HANG_UP, &[]).await;
    }

    /// The next packet; `None` when the server has closed. A connection that is reset fails the test: it hangs callers up.
    pub async fn hear(&mut self) -> Option<Packet> {
        let mut head = [0; 3];
        match timeout(LONG, self.socket.read_exact(&mut head)).await.expect("a packet or an end in time") {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return None,
            Err(error) => panic!("the connection was not closed in an orderly manner: {error}"),
        }
        let mut held = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        timeout(LONG, self.socket.read_exact(&mut held)).await.expect("a whole packet in time").unwrap();
        Some(Packet { kind: head[0], held })
    }

    /// The next packet of sound in which something can be heard.
    pub async fn hear_something(&mut self) -> Packet {
        let deadline = Instant::now() + LONG;
        loop {
            let packet = self.hear().await.expect("an open connection");
            if packet.samples().iter().any(|sample| sample.unsigned_abs() > 400) {
                return packet;
            }
            assert!(Instant::now() < deadline, "nothing can be heard");
        }
    }

    /// Listens until the server has closed, and gives the packets. The last has to say that it is over.
    pub async fn until_the_end(&mut self) -> Vec<Packet> {
        let mut packets = Vec::new();
        while let Some(packet) = self.hear().await {
            packets.push(packet);
        }
        let end = packets.pop();
        assert_eq!(end, Some(Packet { kind: HANG_UP, held: Vec::new() }), "the caller was to be given back to the dialplan");
        assert!(packets.iter().all(|packet| packet.kind != HANG_UP));
        packets
    }
}

/// A tone of this many Hz.
pub fn tone(hertz: f64, rate: u32, samples: usize) -> Vec<i16> {
    let step = hertz * std::f64::consts::TAU / f64::from(rate);
    (0..samples).map(|n| (8000.0 * (step * n as f64).sin()) as i16).collect()
}

/// How much of the sound is a tone of this many Hz: 1 is all of it.
pub fn share_of(hertz: f64, rate: u32, samples: &[i16]) -> f64 {
    let step = hertz * std::f64::consts::TAU / f64::from(rate);
    let (mut with_sine, mut with_cosine, mut power) = (0.0, 0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let (sine, cosine) = (step * n as f64).sin_cos();
        with_sine += f64::from(sample) * sine;
        with_cosine += f64::from(sample) * cosine;
        power += f64::from(sample).powi(2);
    }
    (with_sine.powi(2) + with_cosine.powi(2)) * 2.0 / samples.len() as f64 / power
}
