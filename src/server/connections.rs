//! Connections, from the socket to the router: how many there may be, how slow they may be, with or without TLS.
//!
//! HTTP/1.1 alone: what this server says fits one connection, WebSockets need it, and its limits are few and known.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutWriter;
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;
use tokio_util::io::InspectWriter;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::guard::Guard;
use super::limits::Settings;
use super::lobby::Lobby;
use super::tls::{Certificate, ShownNames};
use crate::at_once::{AtOnce, Place};
use crate::episode::Episodes;

/// The largest head of a request (bytes). A browser's is a tenth of it.
const HEAD_BYTES: usize = 32 * 1024;
/// How long to wait when the system has no more sockets to give.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(500);

/// Of all connections together.
static FAULTS: Episodes = Episodes::new();

/// What a connection holds for as long as it is open.
type Held = (OwnedSemaphorePermit, Option<Place>);

/// Who may come in.
pub(super) struct Door {
    guard: Arc<Guard>,
    all: Arc<Semaphore>,
    by_address: AtOnce,
    most_by_address: usize,
    /// Those who have not asked anything yet: half of all places at most.
    silent: Lobby,
    head_time: Duration,
    answer_time: Duration,
    certificate: Option<Certificate>,
}

impl Door {
    pub(super) fn new(settings: &Settings, guard: Arc<Guard>, certificate: Option<Certificate>) -> Door {
        Door {
            guard,
            all: Arc::new(Semaphore::new(settings.connections.get())),
            by_address: AtOnce::default(),
            most_by_address: settings.connections_per_address.get(),
            silent: Lobby::of(settings.connections.get() / 2),
            head_time: Duration::from_secs(settings.head_seconds.get()),
            answer_time: Duration::from_secs(settings.request_seconds.get()),
            certificate,
        }
    }

    /// A place for a connection, or which limit it is beyond.
    fn admit(&self, peer: IpAddr) -> Result<Held, &'static str> {
        let permit = self.all.clone().try_acquire_owned().map_err(|_| "total")?;
        if self.guard.proxies.trusts(peer) {
            return Ok((permit, None));
        }
        let place = self.by_address.enter(peer, self.most_by_address).ok_or("address")?;
        Ok((permit, Some(place)))
    }

    /// The stream of a connection that was let in: its peer has to take what is written, and its place is given back when it is gone,
    /// whatever it was upgraded to meanwhile.
    fn stream(&self, socket: TcpStream, held: Held) -> impl AsyncRead + AsyncWrite + Unpin + Send + 'static + use<> {
        let mut socket = TimeoutWriter::new(socket);
        socket.set_timeout(Some(self.answer_time));
        Box::pin(InspectWriter::new(socket, move |_| {
            let _ = &held;
        }))
    }
}

/// Serves until `stop`; then takes no new connection, answers what was asked and returns when all are closed.
pub(super) async fn serve(listener: TcpListener, router: Router, door: Door, stop: impl Future<Output = ()>) {
    let door = Arc::new(door);
    let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // One that was gone before we looked costs nothing; when the sockets are all in use, some are given back.
                metrics::counter!("candor_http_accept_failures_total").increment(1);
                if let Some(times) = FAULTS.met("accept") {
                    tracing::error!(%error, times, "connections cannot be accepted: raise the limit of open files of this process (`ulimit -n`, LimitNOFILE)");
                }
                tokio::time::sleep(OUT_OF_SOCKETS).await;
                continue;
            }
        };
        match door.admit(peer.ip()) {
            Ok(held) => {
                tasks.spawn(connection(door.clone(), socket, peer, held, router.clone(), stopping.clone()));
            }
            Err(limit) => {
                metrics::counter!("candor_http_connections_refused_total", "limit" => limit).increment(1);
                if let Some(times) = FAULTS.met(limit) {
                    tracing::warn!(limit, times, "connections beyond server.limits are closed unread");
                }
            }
        }
    }
    drop(listener);
    stopping.cancel();
    tasks.close();
    tasks.wait().await;
}

async fn connection(
    door: Arc<Door>,
    socket: TcpStream,
    peer: SocketAddr,
    held: Held,
    router: Router,
    stopping: CancellationToken,
) {
    let (guest, full) = door.silent.enter();
    if full {
        metrics::counter!("candor_connections_evicted_total", "of" => "connections").increment(1);
        if let Some(times) = FAULTS.met("silent") {
            tracing::warn!(times, "connections that ask nothing fill their room: the oldest of them is closed for each new one");
        }
    }
    let has_to_go = guest.has_to_go();
    // Frames of 20 ms are not held back to be sent with the next.
    let _ = socket.set_nodelay(true);
    let stream = door.stream(socket, held);
    let mut shown = None;
    let stream = match &door.certificate {
        None => Either::Left(stream),
        Some(certificate) => {
            let shaken = TlsAcceptor::from(certificate.current()).accept(stream);
            let shaken = tokio::select! {
                shaken = tokio::time::timeout(door.head_time, shaken) => shaken,
                () = guest.has_to_go() => return,
            };
            match shaken {
                Ok(Ok(stream)) => {
                    shown = ShownNames::of(stream.get_ref().1.peer_certificates());
                    Either::Right(stream)
                }
                Ok(Err(_)) | Err(_) => {
                    metrics::counter!("candor_tls_handshakes_failed_total").increment(1);
                    return;
                }
            }
        }
    };
    // Shared with the service, which hyper may call from elsewhere.
    let asked = Arc::new(AtomicBool::new(false));
    let (asks, guest) = (asked.clone(), Mutex::new(Some(guest)));
    let service = service_fn(move |mut request: Request<Incoming>| {
        asks.store(true, Ordering::SeqCst);
        drop(guest.lock().unwrap_or_else(PoisonError::into_inner).take());
        request.extensions_mut().insert(ConnectInfo(peer));
        if let Some(shown) = &shown {
            request.extensions_mut().insert(shown.clone());
        }
        router.clone().oneshot(request.map(Body::new))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(door.head_time).max_header_size(HEAD_BYTES).max_buf_size(2 * HEAD_BYTES);
    let mut served = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stopping.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
        // Who has asked something in the meantime stays.
        () = has_to_go => if asked.load(Ordering::SeqCst) { served.await } else { return },
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
