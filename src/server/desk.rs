//! The desk's route: `/desk/events`, the WebSocket of a colleague's page.
//!
//! A connection is one colleague's seat for as long as it lasts ([`connection`]). What is said on it is in [`message`]. The order of callers is
//! `handover::desk`'s and the conversation the session's; here the two are told what the colleague does.

mod attempts;
mod connection;
mod message;
#[cfg(test)]
mod tests;
mod writer;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use uuid::Uuid;

use self::attempts::Attempts;
use self::message::OFFER_BYTES;
use super::App;
use crate::handover::desk::{Checked, Desk};
use crate::session::Control;
use crate::transport::Leg;
use crate::transport::webrtc::{IceServer, Kind};

/// How many connections may be signing in at once. Those that have are as many as there are colleagues.
const SIGNING_IN: usize = 256;

/// What all connections of the desk share.
pub(super) struct Reception {
    attempts: Attempts,
    signing_in: Arc<Semaphore>,
}

impl Reception {
    pub(super) fn new(settings: &Checked) -> Reception {
        Reception { attempts: Attempts::new(settings.sign_in_attempts), signing_in: Arc::new(Semaphore::new(SIGNING_IN)) }
    }
}

/// The way from a colleague to the callers' sessions.
pub(super) trait Lines: Send + Sync + 'static {
    /// Answers the offer of a colleague's browser: the answer, and the colleague's leg. An error is a sentence for the colleague.
    fn answer(&self, offer: &str) -> impl Future<Output = Result<(String, Leg), String>> + Send;

    /// Tells a session something; `false` when it is over.
    fn tell(&self, session: Uuid, control: Control) -> impl Future<Output = bool> + Send;

    /// Relays for the colleague's browser.
    fn ice_servers(&self) -> Vec<IceServer>;

    /// How long their credentials are good; `None`: there are none.
    fn ice_lifetime(&self) -> Option<Duration>;

    /// The desk.
    fn desk(&self) -> &Desk;

    /// What all connections share.
    fn reception(&self) -> &Reception;
}

impl Lines for App {
    async fn answer(&self, offer: &str) -> Result<(String, Leg), String> {
        answer(self, offer).await
    }

    async fn tell(&self, session: Uuid, control: Control) -> bool {
        match self.services.calls.of_session(session) {
            Some(handle) => handle.tell(control).await,
            None => false,
        }
    }

    fn ice_servers(&self) -> Vec<IceServer> {
        self.webrtc.as_ref().map(|endpoint| endpoint.ice_servers()).unwrap_or_default()
    }

    fn ice_lifetime(&self) -> Option<Duration> {
        self.webrtc.as_ref().and_then(|endpoint| endpoint.ice_lifetime())
    }

    fn desk(&self) -> &Desk {
        &self.services.desk
    }

    fn reception(&self) -> &Reception {
        &self.reception
    }
}

/// The colleague's end of the media.
async fn answer(app: &App, offer: &str) -> Result<(String, Leg), String> {
    let Some(endpoint) = &app.webrtc else {
        return Err("this server takes no sound from browsers: its WebRTC is switched off".to_owned());
    };
    // Sound flows when it can: the session waits for it, and the caller hears music meanwhile.
    let answer = endpoint.answer(offer, Kind::Desk).await.map_err(|error| error.to_string())?;
    Ok((answer.sdp, answer.leg))
}

/// From where a request comes.
fn client(app: &App, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
    app.guard.proxies.client(peer.ip(), headers)
}

/// The connection of a colleague's page.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return (StatusCode::UPGRADE_REQUIRED, "this address speaks WebSocket: the desk's page opens it\n").into_response();
    };
    let address = client(&app, peer, &headers);
    connect(app, address, upgrade)
}

fn connect<L: Lines>(lines: Arc<L>, address: IpAddr, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = lines.reception().signing_in.clone().try_acquire_owned() else {
        metrics::counter!("candor_connections_refused_total").increment(1);
        return (StatusCode::SERVICE_UNAVAILABLE, "too many connections to the desk\n").into_response();
    };
    let upgrade = upgrade.max_message_size(OFFER_BYTES).max_frame_size(OFFER_BYTES);
    upgrade.on_upgrade(move |socket| connection::serve(socket, lines, address, place))
}

/// What refusing and consenting callers got, side by side.
pub(super) async fn parity(State(app): State<Arc<App>>) -> impl IntoResponse {
    Json(app.services.parity.summary())
}
