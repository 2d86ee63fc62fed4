//! Calls over Asterisk's AudioSocket: their announcement over HTTP, and the port that they come in by.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::NoRoom;
use super::lobby::Lobby;
use super::tls::ShownNames;
use super::{App, asterisk, entrance};
use crate::at_once::{AtOnce, Place};
use crate::episode::Episodes;
use crate::transport::Limits;
use crate::transport::asterisk::Announced;
use crate::transport::audiosocket::{Announcements, SEND_BUFFER, leg};

/// Connections that have not said their UUID yet, at most.
const AT_DOOR: usize = 128;
/// Of those, from one address. One Asterisk brings all its calls from one, and each is here for a round trip.
const AT_DOOR_FROM_ONE: usize = 64;
/// How long to wait when the system has no more sockets to give.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(500);

/// Of all connections together.
static FAULTS: Episodes = Episodes::new();

/// Who may come in, and who is expected.
pub(super) struct AudioSocket {
    limits: Limits,
    announced: Announcements<Announced>,
    /// Those who are served included.
    connections: Arc<Semaphore>,
    at_door: Lobby,
    from_one: AtOnce,
}

impl AudioSocket {
    /// For so many calls at once.
    pub(super) fn new(limits: Limits, most: usize) -> AudioSocket {
        AudioSocket {
            limits,
            announced: Announcements::new(most * 2 + 16),
            connections: Arc::new(Semaphore::new(most * 2 + 16 + AT_DOOR)),
            at_door: Lobby::of(AT_DOOR),
            from_one: AtOnce::default(),
        }
    }

    /// How many calls are announced and may still come.
    pub(super) fn coming(&self) -> usize {
        self.announced.waiting(Instant::now(), |_| true)
    }

    /// Places for a connection from this address, or the name of the limit that it is beyond.
    fn admit(&self, peer: IpAddr) -> Result<(OwnedSemaphorePermit, Place), &'static str> {
        let place = self.from_one.enter(peer, AT_DOOR_FROM_ONE).ok_or("address")?;
        let permit = self.connections.clone().try_acquire_owned().map_err(|_| "all")?;
        Ok((permit, place))
    }
}

/// Takes the port and does not listen yet.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let (socket, bound) = entrance::bind(address)?;
    // Every connection has it from here.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    tell(bound);
    Ok(socket)
}

/// Says where calls are taken, and what is wrong with the place.
fn tell(address: SocketAddr) {
    tracing::info!(%address, "asterisk: AudioSocket calls are taken from whoever shows a UUID that was given for one");
    let ip = address.ip().to_canonical();
    let of_a_network = match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    if !ip.is_loopback() && !of_a_network {
        tracing::warn!(
            %address,
            "AudioSocket has no encryption, and this address may be reached from anywhere: set asterisk.audiosocket.listen to an address of this machine, or of the network that Asterisk is in"
        );
    }
}

/// A call is announced: the answer is the name under which its sound may come.
pub(super) async fn announce(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    shown: Option<Extension<ShownNames>>,
    headers: HeaderMap,
    form: Result<Bytes, BytesRejection>,
) -> Response {
    let announced = match asterisk::announced(&app, peer, &headers, shown, form) {
        Ok(announced) => announced,
        Err(refused) => return *refused,
    };
    let Some(audiosocket) = &app.audiosocket else {
        return (StatusCode::NOT_FOUND, "set asterisk.audiosocket.enabled to take calls in this way\n").into_response();
    };
    if let Err(refused) = asterisk::may_come(&app, &announced) {
        return *refused;
    }
    match audiosocket.announced.announce(announced, Instant::now()) {
        Ok(uuid) => asterisk::line(uuid.to_string()),
        Err(error) => {
            tracing::debug!(%error, "a call could not be announced");
            NoRoom::Connections.tell();
            NoRoom::Connections.into_response()
        }
    }
}

/// Serves until `over`; then takes no new connection and returns when all are closed.
pub(super) async fn serve(listener: TcpListener, app: Arc<App>, over: CancellationToken) {
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = over.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => enter(&app, socket, peer.ip(), &tasks, &over),
            Err(error) => {
                metrics::counter!("candor_audiosocket_accept_failures_total").increment(1);
                if let Some(times) = FAULTS.met("accept") {
                    tracing::error!(%error, times, "AudioSocket connections cannot be accepted: raise the limit of open files of this process (`ulimit -n`, LimitNOFILE)");
                }
                tokio::time::sleep(OUT_OF_SOCKETS).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// Gives a connection its task, or lets it go.
fn enter(app: &Arc<App>, socket: TcpStream, peer: IpAddr, tasks: &TaskTracker, over: &CancellationToken) {
    let Some(audiosocket) = &app.audiosocket else { return };
    match audiosocket.admit(peer) {
        Ok((permit, place)) => {
            let (app, over) = (app.clone(), over.clone());
            tasks.spawn(async move {
                connection(&app, socket, place, over).await;
                drop(permit);
            });
        }
        Err(limit) => {
            metrics::counter!("candor_audiosocket_connections_refused_total", "limit" => limit).increment(1);
            if let Some(times) = FAULTS.met(limit) {
                tracing::warn!(limit, times, "AudioSocket connections beyond what there is room for are closed unread");
            }
        }
    }
}

async fn connection(app: &Arc<App>, socket: TcpStream, place: Place, over: CancellationToken) {
    let Some(audiosocket) = &app.audiosocket else { return };
    let (guest, full) = audiosocket.at_door.enter();
    if full {
        metrics::counter!("candor_connections_evicted_total", "of" => "audiosocket").increment(1);
        if let Some(times) = FAULTS.met("unstarted") {
            tracing::warn!(
                times,
                "AudioSocket connections without a UUID fill their room: the oldest of them is closed for each new one"
            );
        }
    }
    let (has_to_go, started) = (guest.has_to_go(), AtomicBool::new(false));
    let session = |announced: Announced, leg| {
        started.store(true, Ordering::SeqCst);
        drop((guest, place));
        let call = announced.call.clone();
        let waiting = app.services.calls.waiting(&call);
        asterisk::connect(app, announced, waiting, leg);
        asterisk::leaving(app.clone(), call).boxed()
    };
    let mut serving =
        std::pin::pin!(leg::run(socket, &audiosocket.limits, &audiosocket.announced, over.cancelled_owned(), session));
    let ended = tokio::select! {
        ended = &mut serving => ended,
        // Who has started in the meantime stays.
        () = has_to_go => if started.load(Ordering::SeqCst) { serving.await } else { return },
    };
    tracing::debug!(?ended, "an AudioSocket connection has ended");
}
