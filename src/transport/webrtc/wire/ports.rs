use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rtc::crypto::RTCCryptoProvider;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::table::{Table, dropped};
use super::tcp;
use crate::at_once::AtOnce;

/// The longest datagram that is taken; media and reports stay below a path's MTU.
const DATAGRAM: usize = 2048;
/// How many TCP connections may be about to say whose they are, and how many of them from one address.
const STRANGERS: usize = 128;
const STRANGERS_OF_ONE: usize = 16;
/// How often a free port is looked for that is free for both protocols.
const TRIES: usize = 20;
/// How long is waited after an error that does not pass by itself, such as too many open files.
const PAUSE: Duration = Duration::from_millis(20);

/// The two sockets of all calls.
pub(in crate::transport::webrtc) struct Ports {
    pub(super) udp: Arc<UdpSocket>,
    /// Whether the UDP socket is of IPv6.
    pub(super) mapped: bool,
    pub(in crate::transport::webrtc) address: SocketAddr,
    pub(in crate::transport::webrtc) table: Arc<Table>,
    _open: DropGuard,
}

impl Ports {
    /// Binds `listen` for UDP and TCP, and serves both until this is dropped.
    pub(in crate::transport::webrtc) async fn bind(
        listen: SocketAddr,
        crypto: Arc<dyn RTCCryptoProvider>,
        tasks: &TaskTracker,
    ) -> io::Result<Ports> {
        let mut tries = if listen.port() == 0 { TRIES } else { 1 };
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind(listen).await?;
            match TcpListener::bind(udp.local_addr()?).await {
                Ok(tcp) => break (Arc::new(udp), tcp),
                Err(error) if tries == 1 => return Err(error),
                Err(_) => tries -= 1,
            }
        };
        let address = udp.local_addr()?;
        let table = Table::new(crypto);
        let open = CancellationToken::new();
        tasks.spawn(open.clone().run_until_cancelled_owned(datagrams(udp.clone(), table.clone())));
        tasks.spawn(open.clone().run_until_cancelled_owned(connections(tcp, table.clone(), tasks.clone(), open.clone())));
        Ok(Ports { udp, mapped: address.is_ipv6(), address, table, _open: open.drop_guard() })
    }
}

async fn datagrams(socket: Arc<UdpSocket>, table: Arc<Table>) {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) if length < DATAGRAM => table.route(canonical(from), &buffer[..length]),
            Ok(_) => dropped("too-long"),
            // Linux reports here that some earlier datagram reached nobody.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn connections(listener: TcpListener, table: Arc<Table>, tasks: TaskTracker, open: CancellationToken) {
    let (strangers, of_one) = (Arc::new(Semaphore::new(STRANGERS)), AtOnce::default());
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let from = canonical(from);
        let room = of_one.enter(from.ip(), STRANGERS_OF_ONE).zip(strangers.clone().try_acquire_owned().ok());
        let Some(room) = room else {
            dropped("tcp-strangers");
            continue;
        };
        let introduced = tcp::introduce(stream, from, table.clone());
        tasks.spawn(open.clone().run_until_cancelled_owned(async move {
            introduced.await;
            drop(room);
        }));
    }
}

/// An IPv4 caller of a socket of IPv6, as what they are.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
