//! What callers come in by, got before the long work: a port that is taken or a certificate that does not fit is told at once. Nobody can connect yet.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpSocket;

use super::Config;
use super::asterisk::Asterisk;
use super::audiosocket;
use super::guard::Guard;
use super::start::StartError;
use super::tls::{self, Certificate, Renewal};
use crate::transport::twilio::PublicAddress;
use crate::transport::twilio::signature::Gate;

/// Port, certificate, and whom to let in.
pub(super) struct Entrance {
    pub(super) socket: TcpSocket,
    pub(super) gate: Gate,
    pub(super) asterisk: Asterisk,
    /// The port of AudioSocket, where it is switched on.
    pub(super) audiosocket: Option<TcpSocket>,
    pub(super) guard: Arc<Guard>,
    pub(super) tls: Option<(Certificate, Renewal)>,
}

impl Entrance {
    pub(super) async fn open(config: &Config) -> Result<Entrance, StartError> {
        let server = &config.server;
        let listen = server.listen;
        let (socket, listening) = bind(listen).map_err(|error| StartError::Listen(listen, error))?;
        // A call holds one connection, one that goes to a person and comes back two, and somebody has to get in besides.
        let (least, connections) = (config.session.max_calls * 2 + 32, server.limits.connections.get());
        if connections < least {
            return Err(StartError::Settings(format!(
                "server.limits.connections is {connections}: with session.max_calls {} it has to be {least} or more",
                config.session.max_calls
            )));
        }
        let tls = match &server.tls {
            Some(settings) => Some(tls::open(settings).await?),
            None => None,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = PublicAddress::parse(&format!("{scheme}://{}", loopback(listening)));
        let address = address.map_err(|error| StartError::Settings(format!("server.listen {error}")))?;
        let gate = Gate::new(&config.twilio, &address).map_err(|error| StartError::Settings(error.to_string()))?;
        if gate.is_this_machine_alone() {
            tracing::warn!("twilio: no auth token is set, so calls are taken from this machine alone");
        }
        let asterisk = Asterisk::new(&config.asterisk).map_err(|error| StartError::Settings(error.to_string()))?;
        if asterisk.is_this_machine_alone() {
            tracing::info!("asterisk: no password is set, so calls are taken from this machine alone");
        } else {
            tracing::info!(username = config.asterisk.username, "asterisk: calls are taken from whoever shows the password");
        }
        let audiosocket = open_audiosocket(config)?;
        let others: Vec<&str> = config.twilio.public_address.as_deref().into_iter().collect();
        let guard = Guard::new(server, listening, &others).map_err(StartError::Settings)?;
        if tls.is_none() && !listening.ip().is_loopback() && guard.proxies.is_empty() {
            tracing::warn!(
                address = %listening,
                "plain HTTP on an address that others reach: browsers give no microphone to its pages. Set server.tls, or put a proxy with TLS before it and name it in server.trusted_proxies"
            );
        }
        Ok(Entrance { socket, gate, asterisk, audiosocket, guard: Arc::new(guard), tls })
    }
}

fn open_audiosocket(config: &Config) -> Result<Option<TcpSocket>, StartError> {
    let settings = &config.asterisk.audiosocket;
    if !settings.enabled {
        return Ok(None);
    }
    let socket = audiosocket::bind(settings.listen).map_err(|error| StartError::AudioSocket(settings.listen, error))?;
    if !config.session.paced_can_grant {
        tracing::warn!(
            "asterisk: over AudioSocket nobody reports what was played, so no yes to a consent question counts there; session.paced_can_grant says that our own clock is enough"
        );
    }
    Ok(Some(socket))
}

/// Takes the port and does not listen yet.
pub(super) fn bind(address: SocketAddr) -> io::Result<(TcpSocket, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port whose last connections are still being closed is free.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let bound = socket.local_addr()?;
    Ok((socket, bound))
}

/// The address under which this machine reaches a listener on all of its addresses.
fn loopback(listening: SocketAddr) -> SocketAddr {
    if listening.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], listening.port())) } else { listening }
}
