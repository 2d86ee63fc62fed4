//! A network that is not good: a relay for UDP between callers and a server, which loses, delays, reorders and doubles what passes, goes
//! dark, and moves callers to other addresses. What it does is drawn from a seed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How many packets of one caller may be on their way in one direction.
const ON_THE_WAY: usize = 1024;
/// How long a packet that is overtaken is held: longer than two frames of 20 ms.
const OVERTAKEN: Duration = Duration::from_millis(45);
const LARGEST: usize = 2048;

/// What happens to packets in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// The share that is lost, 0 to 1.
    pub loss: f64,
    /// Each packet is delayed by up to this, and keeps its place.
    pub jitter: Duration,
    /// The share that arrives after packets that were sent later.
    pub overtaken: f64,
    /// The share that arrives twice.
    pub doubled: f64,
}

impl Weather {
    /// Nothing happens.
    pub const CLEAR: Weather = Weather { loss: 0.0, jitter: Duration::ZERO, overtaken: 0.0, doubled: 0.0 };
    /// Nothing passes.
    pub const DARK: Weather = Weather { loss: 1.0, ..Weather::CLEAR };

    /// This share is lost, and packets are delayed by up to 30 ms.
    pub fn losing(loss: f64) -> Weather {
        Weather { loss, jitter: Duration::from_millis(30), ..Weather::CLEAR }
    }
}

/// Where a packet is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    Server,
    Peer,
}

/// The relay. It ends when this is dropped.
pub struct Relay {
    /// What callers take for the server.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    front: JoinHandle<()>,
}

struct Shared {
    server: SocketAddr,
    front: UdpSocket,
    sky: Mutex<Sky>,
    callers: Mutex<HashMap<SocketAddr, Caller>>,
    passed: [AtomicU64; 2],
    lost: [AtomicU64; 2],
}

/// The weather towards the server and towards the peers.
struct Sky {
    weather: [Weather; 2],
    random: StdRng,
}

/// One caller, as the server sees it.
struct Caller {
    back: Arc<UdpSocket>,
    to_server: mpsc::Sender<(Instant, Vec<u8>)>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.front.abort();
        self.shared.callers.lock().unwrap().clear();
    }
}

impl Relay {
    /// A relay to this server, under a clear sky.
    pub async fn to(server: SocketAddr, seed: u64) -> Relay {
        let front = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = front.local_addr().unwrap();
        let sky = Mutex::new(Sky { weather: [Weather::CLEAR; 2], random: StdRng::seed_from_u64(seed) });
        let (passed, lost) = Default::default();
        let shared = Arc::new(Shared { server, front, sky, callers: Mutex::default(), passed, lost });
        Relay { address, front: tokio::spawn(from_callers(shared.clone())), shared }
    }

    /// The weather from now on, in both directions.
    pub fn weather(&self, weather: Weather) {
        self.shared.sky.lock().unwrap().weather = [weather; 2];
    }

    /// The weather from now on, in one direction.
    pub fn weather_towards(&self, towards: Towards, weather: Weather) {
        self.shared.sky.lock().unwrap().weather[towards as usize] = weather;
    }

    /// From now on every caller comes from another address, as one who leaves the house with a telephone in hand. What the server still
    /// sends to the old one is gone.
    pub async fn move_callers(&self) {
        let addresses: Vec<SocketAddr> = self.shared.callers.lock().unwrap().keys().copied().collect();
        for address in addresses {
            let caller = Caller::new(&self.shared, address).await;
            self.shared.callers.lock().unwrap().insert(address, caller);
        }
    }

    /// The addresses that the server sees its callers come from.
    pub fn seen_from(&self) -> Vec<SocketAddr> {
        self.shared.callers.lock().unwrap().values().map(|caller| caller.back.local_addr().unwrap()).collect()
    }

    /// How many packets passed and how many were lost in a direction.
    pub fn counted(&self, towards: Towards) -> (u64, u64) {
        let count = |counters: &[AtomicU64; 2]| counters[towards as usize].load(Ordering::Relaxed);
        (count(&self.shared.passed), count(&self.shared.lost))
    }
}

impl Caller {
    async fn new(shared: &Arc<Shared>, address: SocketAddr) -> Caller {
        let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        back.connect(shared.server).await.unwrap();
        let (to_server, from_peer) = mpsc::channel(ON_THE_WAY);
        let (to_peer, from_server) = mpsc::channel(ON_THE_WAY);
        let tasks = vec![
            tokio::spawn(deliver(from_peer, shared.clone(), back.clone(), None)),
            tokio::spawn(deliver(from_server, shared.clone(), back.clone(), Some(address))),
            tokio::spawn(from_the_server(shared.clone(), back.clone(), to_peer, address)),
        ];
        Caller { back, to_server, tasks }
    }
}

impl Shared {
    /// Lets the weather have its way with a packet.
    fn send(
        self: &Arc<Self>,
        towards: Towards,
        packet: &[u8],
        back: &Arc<UdpSocket>,
        to: Option<SocketAddr>,
        line: &mpsc::Sender<(Instant, Vec<u8>)>,
    ) {
        let mut sky = self.sky.lock().unwrap();
        let weather = sky.weather[towards as usize];
        if sky.random.random_bool(weather.loss) {
            self.lost[towards as usize].fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.passed[towards as usize].fetch_add(1, Ordering::Relaxed);
        let due = Instant::now() + weather.jitter.mul_f64(sky.random.random::<f64>());
        let copies = if sky.random.random_bool(weather.doubled) { 2 } else { 1 };
        for _ in 0..copies {
            if sky.random.random_bool(weather.overtaken) {
                let (shared, back, packet) = (self.clone(), back.clone(), packet.to_vec());
                tokio::spawn(async move {
                    tokio::time::sleep_until(due + OVERTAKEN).await;
                    shared.put_out(&packet, &back, to).await;
                });
            } else if line.try_send((due, packet.to_vec())).is_err() {
                self.lost[towards as usize].fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A packet leaves. Nobody listening at the other end is as good as lost.
    async fn put_out(&self, packet: &[u8], back: &UdpSocket, to: Option<SocketAddr>) {
        let _ = match to {
            None => back.send(packet).await,
            Some(peer) => self.front.send_to(packet, peer).await,
        };
    }
}

async fn from_callers(shared: Arc<Shared>) {
    let mut packet = [0; LARGEST];
    loop {
        let Ok((length, from)) = shared.front.recv_from(&mut packet).await else { continue };
        let known = shared.callers.lock().unwrap().contains_key(&from);
        if !known {
            let caller = Caller::new(&shared, from).await;
            shared.callers.lock().unwrap().insert(from, caller);
        }
        let callers = shared.callers.lock().unwrap();
        let Some(caller) = callers.get(&from) else { continue };
        shared.send(Towards::Server, &packet[..length], &caller.back, None, &caller.to_server);
    }
}

async fn from_the_server(
    shared: Arc<Shared>,
    back: Arc<UdpSocket>,
    to_peer: mpsc::Sender<(Instant, Vec<u8>)>,
    address: SocketAddr,
) {
    let mut packet = [0; LARGEST];
    loop {
        // An error says that nobody listened to something sent before.
        let Ok(length) = back.recv(&mut packet).await else { continue };
        shared.send(Towards::Peer, &packet[..length], &back, Some(address), &to_peer);
    }
}

/// Puts out what is on its way, in its order, each when it is due.
async fn deliver(
    mut line: mpsc::Receiver<(Instant, Vec<u8>)>,
    shared: Arc<Shared>,
    back: Arc<UdpSocket>,
    to: Option<SocketAddr>,
) {
    while let Some((due, packet)) = line.recv().await {
        tokio::time::sleep_until(due).await;
        shared.put_out(&packet, &back, to).await;
    }
}

/// Sends this many numbered packets through the relay to a server that sends each back: the numbers that came back, in their order.
#[cfg(test)]
async fn there_and_back(relay: &Relay, caller: &UdpSocket, server: &UdpSocket, packets: u32) -> Vec<u32> {
    let send = async {
        for number in 0..packets {
            caller.send_to(&number.to_be_bytes(), relay.address).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let echo = async {
        let mut packet = [0; 4];
        loop {
            let (length, from) = server.recv_from(&mut packet).await.unwrap();
            server.send_to(&packet[..length], from).await.unwrap();
        }
    };
    let hear = async {
        let (mut packet, mut heard) = ([0; 4], Vec::new());
        while let Ok(received) = tokio::time::timeout(Duration::from_millis(500), caller.recv_from(&mut packet)).await {
            received.unwrap();
            heard.push(u32::from_be_bytes(packet));
        }
        heard
    };
    tokio::select! {
        ((), heard) = async { tokio::join!(send, hear) } => heard,
        () = echo => unreachable!(),
    }
}

#[tokio::test]
async fn the_weather_is_as_it_was_made() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let caller = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let relay = Relay::to(server.local_addr().unwrap(), 7).await;
    let all: Vec<u32> = (0..200).collect();

    assert_eq!(there_and_back(&relay, &caller, &server, 200).await, all);
    relay.weather(Weather { jitter: Duration::from_millis(30), ..Weather::CLEAR });
    assert_eq!(there_and_back(&relay, &caller, &server, 200).await, all, "jitter alone keeps the order");

    relay.weather_towards(Towards::Peer, Weather { overtaken: 0.1, doubled: 0.1, ..Weather::CLEAR });
    relay.weather_towards(Towards::Server, Weather::CLEAR);
    let mut heard = there_and_back(&relay, &caller, &server, 200).await;
    assert!(heard.len() > 205 && !heard.is_sorted(), "{heard:?}");
    heard.sort_unstable();
    heard.dedup();
    assert_eq!(heard, all);

    relay.weather_towards(Towards::Peer, Weather::losing(0.3));
    let (passed, lost) = relay.counted(Towards::Peer);
    let heard = there_and_back(&relay, &caller, &server, 200).await;
    assert!((100..180).contains(&heard.len()), "{}", heard.len());
    let (passed_now, lost_now) = relay.counted(Towards::Peer);
    assert_eq!((passed_now - passed, lost_now - lost), (heard.len() as u64, 200 - heard.len() as u64));

    relay.weather(Weather::DARK);
    assert_eq!(there_and_back(&relay, &caller, &server, 20).await, [0; 0]);
    relay.weather(Weather::CLEAR);
    let before = relay.seen_from();
    relay.move_callers().await;
    assert_ne!(relay.seen_from(), before);
    assert_eq!(there_and_back(&relay, &caller, &server, 200).await, all);
}
