//! The stream of events of a Stasis application, kept: without it Asterisk takes nobody into the application.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::Application;
use super::rest::authorization;
use crate::episode::Episodes;
use crate::pbx::StartError;
use crate::pbx::reconnecting::{CONNECT, PAUSE_AFTER_REFUSAL, PING, Pauses, say_whether_up};
use crate::pbx::settings::AriPlan;
use crate::pbx::tls::client_config;

/// How often it is seen whether a program that took the application has given it back.
const TAKEN: Duration = Duration::from_secs(30);
/// The longest event that is read, in bytes.
const LONGEST_EVENT: usize = 1 << 20;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why no events come.
#[derive(Debug)]
enum Lost {
    Unreachable,
    Refused,
    NotAri,
    Silent,
    Broken,
    Replaced,
}

impl Lost {
    fn class(&self) -> &'static str {
        match self {
            Lost::Unreachable => "unreachable",
            Lost::Refused => "refused",
            Lost::NotAri => "not-ari",
            Lost::Silent => "silent",
            Lost::Broken => "broken",
            Lost::Replaced => "replaced",
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Lost::Unreachable => {
                "nobody listens at asterisk.control.address, or asterisk.control.certificate does not vouch for who does: see that Asterisk runs and \
                 that http.conf enables its server there"
            }
            Lost::Refused => "it does not take asterisk.control.username and secret: see the user in ari.conf",
            Lost::NotAri => {
                "what answers at asterisk.control.address is not Asterisk's REST interface: see ari.conf, and the prefix in http.conf"
            }
            Lost::Silent => "it does not answer: see whether Asterisk is busy, or the network between is gone",
            Lost::Broken => "the connection was closed: Asterisk was restarted, or ari.conf was changed",
            Lost::Replaced => "another program has registered the application asterisk.control.app: give each its own name",
        }
    }
}

/// Keeps the stream of events.
pub(super) struct Events {
    address: String,
    authorization: HeaderValue,
    connector: Option<Connector>,
    application: Arc<Application>,
    up: watch::Sender<bool>,
    faults: Episodes,
}

impl Events {
    pub(super) fn new(plan: &AriPlan, application: Arc<Application>, up: watch::Sender<bool>) -> Result<Events, StartError> {
        let address = plan.base.join("events").map_err(|_| StartError::Unusable)?;
        let encrypted = address.scheme() == "https";
        let rest = address.as_str().split_once("://").map(|(_, rest)| rest).unwrap_or_default();
        let scheme = if encrypted { "wss" } else { "ws" };
        let connector = match encrypted {
            true => Connector::Rustls(client_config(plan.access.certificate.as_deref())?),
            false => Connector::Plain,
        };
        Ok(Events {
            address: format!("{scheme}://{rest}?app={}", plan.app),
            authorization: authorization(&plan.access)?,
            connector: Some(connector),
            application,
            up,
            faults: Episodes::new(),
        })
    }

    pub(super) async fn keep(self) {
        let mut pauses = Pauses::new();
        loop {
            let lost = match self.connect().await {
                Ok(socket) => {
                    pauses = Pauses::new();
                    self.listen(socket).await
                }
                Err(lost) => lost,
            };
            say_whether_up(&self.up, false);
            if let Some(times) = self.faults.met("events") {
                let class = lost.class();
                tracing::warn!(
                    class,
                    times,
                    "Asterisk sends no events over ARI: it takes no callers into the application, and their dialplan goes on without the agent; {}",
                    lost.advice()
                );
            }
            match lost {
                Lost::Refused | Lost::NotAri => sleep(PAUSE_AFTER_REFUSAL).await,
                Lost::Replaced => self.until_given_back().await,
                _ => sleep(pauses.next()).await,
            }
        }
    }

    /// Two programs that take an application from each other at once would leave every call without one.
    async fn until_given_back(&self) {
        loop {
            sleep(TAKEN).await;
            if self.application.is_free().await {
                return;
            }
        }
    }

    async fn connect(&self) -> Result<Socket, Lost> {
        let mut request = self.address.as_str().into_client_request().map_err(|_| Lost::NotAri)?;
        request.headers_mut().insert(header::AUTHORIZATION, self.authorization.clone());
        let config = WebSocketConfig::default().max_message_size(Some(LONGEST_EVENT)).max_frame_size(Some(LONGEST_EVENT));
        let connecting = connect_async_tls_with_config(request, Some(config), true, self.connector.clone());
        match timeout(CONNECT, connecting).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(Error::Http(response))) if matches!(response.status().as_u16(), 401 | 403) => Err(Lost::Refused),
            Ok(Err(Error::Http(_) | Error::Protocol(_) | Error::HttpFormat(_))) => Err(Lost::NotAri),
            Ok(Err(_)) => Err(Lost::Unreachable),
            Err(_) => Err(Lost::Silent),
        }
    }

    /// Until it is lost.
    async fn listen(&self, mut socket: Socket) -> Lost {
        // Events that come meanwhile wait in the socket.
        if self.application.make_up().await.is_err() {
            return Lost::Silent;
        }
        say_whether_up(&self.up, true);
        let mut quiet = false;
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        loop {
            tokio::select! {
                message = socket.next() => {
                    quiet = false;
                    match message {
                        Some(Ok(Message::Text(text))) => {
                            if self.application.hear(&text) {
                                return Lost::Replaced;
                            }
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Lost::Broken,
                        Some(Ok(_)) => {}
                    }
                }
                _ = ping.tick() => {
                    if quiet {
                        return Lost::Silent;
                    }
                    quiet = true;
                    if let Some(times) = self.faults.over("events") {
                        tracing::info!(times, "Asterisk sends events over ARI again");
                    }
                    if !matches!(timeout(CONNECT, socket.send(Message::Ping(Vec::new().into()))).await, Ok(Ok(()))) {
                        return Lost::Broken;
                    }
                }
            }
        }
    }
}
