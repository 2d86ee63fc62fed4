//! The routes of the Asterisk transport.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::legs::{self, Next};
use super::settings::RouteTransport;
use crate::episode::Episodes;
use crate::handover::{Reason, Request};
use crate::session::{AfterStream, Control, ReturnLeg};
use crate::transport::asterisk::{After, Announced, AskedError, MarkCommand, Settings, SettingsError, leg, next};
use crate::transport::basic_auth::{AuthError, BasicAuth};
use crate::transport::{Leg, Limits};

/// Of all requests together.
static FAULTS: Episodes = Episodes::new();

/// Asterisk's subprotocol.
const MEDIA: &str = "media";

/// What the routes need of `[asterisk]`.
pub(super) struct Asterisk {
    auth: BasicAuth,
    limits: Limits,
    marks: MarkCommand,
}

impl Asterisk {
    pub(super) fn new(settings: &Settings) -> Result<Asterisk, SettingsError> {
        Ok(Asterisk { auth: settings.check()?, limits: settings.limits.clone(), marks: settings.marks })
    }

    /// Whether only this machine may call.
    pub(super) fn is_this_machine_alone(&self) -> bool {
        self.auth.is_this_machine_alone()
    }
}

/// The stream of a call, which the dialplan announces in the query.
pub(super) async fn stream(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if let Err(error) = app.asterisk.auth.check(peer.ip(), &headers) {
        return refuse(Refusal::Auth(error));
    }
    let announced = match Announced::read(query.unwrap_or_default().as_bytes()) {
        Ok(announced) => announced,
        Err(error) => return refuse(Refusal::Asked(error)),
    };
    let Ok(upgrade) = upgrade else {
        return (StatusCode::UPGRADE_REQUIRED, "this address speaks WebSocket: Asterisk's chan_websocket\n").into_response();
    };
    // A caller whom nobody has answered comes back to a session that has its place.
    let waiting = app.services.calls.waiting(&announced.call);
    if waiting.is_none() && app.services.calls.get(&announced.call).is_some() {
        return refuse(Refusal::Talking);
    }
    if waiting.is_none()
        && let Err(no_room) = app.admit()
    {
        return no_room.into_response();
    }
    // Calls that are coming are seen to their end as well.
    let coming = app.coming.token();
    let begun = app.clone();
    let upgrade = upgrade.protocols([MEDIA]);
    legs::accept(&app, upgrade, move |socket, seat| async move {
        let caller = announced.clone();
        let session = |_, leg| {
            seat.leave();
            match waiting {
                Some(handle) => drop(tokio::spawn(async move { handle.tell(Control::Returned(ReturnLeg(leg))).await })),
                None => begin(&begun, announced, leg),
            }
            drop(coming);
        };
        let leaving = leaving(&begun, &caller);
        let ended = leg::run(socket, &begun.asterisk.limits, begun.asterisk.marks, session, leaving).await;
        tracing::debug!(?ended, "a leg of Asterisk's has ended");
    })
}

/// A call that has come in gets a session.
fn begin(app: &App, announced: Announced, leg: Leg) {
    let served = app.route(RouteTransport::Asterisk, |number| announced.was_called(number), announced.language.as_deref());
    legs::begin(app, announced.call, served, leg);
}

/// What has to be done between the agent's last word and the end of its leg.
async fn leaving(app: &App, caller: &Announced) {
    if let AfterStream::HandOver(_, request) = app.services.calls.after_stream(&caller.call) {
        leave(app, caller, &request).await;
    }
}

/// Tells Asterisk where the caller goes while the agent's leg still holds them. Nothing has to be told where the dialplan asks.
async fn leave(_app: &App, _caller: &Announced, _request: &Request) {}

/// The agent's leg has ended, or a handover has: what next?
pub(super) async fn after(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    form: Result<Bytes, BytesRejection>,
) -> Response {
    if let Err(error) = app.asterisk.auth.check(peer.ip(), &headers) {
        return refuse(Refusal::Auth(error));
    }
    let asked = form.map_err(|_| AskedError::TooLong).and_then(|form| After::read(&form));
    let asked = match asked {
        Ok(asked) => asked,
        Err(error) => return refuse(Refusal::Asked(error)),
    };
    let next = match legs::after(&app, &asked.call.call, asked.outcome, asked.there).await {
        Next::Stranger => stranger(&app, &asked).await,
        next => next,
    };
    line(match next {
        Next::HangUp | Next::Nothing => next::hang_up(),
        Next::Agent(_) => next::agent(),
        Next::Unavailable(language) => next::unavailable(&language),
        Next::HandOver(request) => hand_over(&app, &request),
        // It has just been told from the others.
        Next::Stranger => next::unavailable(&app.edition().default_script().default_language()),
    })
}

/// A caller who never had a session, because there was no room, or has lost it.
async fn stranger(app: &App, asked: &After) -> Next {
    let call = &asked.call;
    let served = app.route(RouteTransport::Asterisk, |number| call.was_called(number), call.language.as_deref());
    let language = served.language.as_deref();
    if asked.connected || app.services.calls.get(&call.call).is_some() {
        legs::rescue(app, &call.call, &served.script, language).await
    } else {
        legs::to_a_person(app, &served.script, language, Reason::Capacity)
    }
}

fn hand_over(app: &App, request: &Request) -> String {
    let Some(target) = legs::target_of(app, request) else { return next::unavailable(&request.language) };
    let line = next::hand_over(target, request);
    if !line.starts_with("next=")
        && let Some(times) = FAULTS.met("no-way")
    {
        tracing::warn!(
            target = target.name,
            times,
            "Asterisk has no way to this target, so its callers go where the dialplan sends them: name a queue, a number or a SIP address"
        );
    }
    line
}

/// One line, for `CURL` in a dialplan.
fn line(text: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], text).into_response()
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Auth(AuthError),
    #[error("the request has {0}")]
    Asked(AskedError),
    #[error("this call has the agent on the line already")]
    Talking,
}

/// The client learns what to change; the log says it as well.
fn refuse(refusal: Refusal) -> Response {
    let (kind, status) = match &refusal {
        Refusal::Auth(error @ (AuthError::Missing | AuthError::Wrong)) => (error.label(), StatusCode::UNAUTHORIZED),
        Refusal::Auth(error) => (error.label(), StatusCode::FORBIDDEN),
        Refusal::Asked(AskedError::TooLong) => ("request", StatusCode::PAYLOAD_TOO_LARGE),
        Refusal::Asked(_) => ("request", StatusCode::BAD_REQUEST),
        Refusal::Talking => ("talking", StatusCode::CONFLICT),
    };
    metrics::counter!("candor_asterisk_refused_total", "reason" => kind).increment(1);
    tracing::debug!(%refusal, "refused");
    if let Some(times) = FAULTS.met(kind) {
        tracing::warn!(%refusal, times, "a request to an Asterisk route was refused");
    }
    let body = format!("{refusal}\n");
    if status == StatusCode::UNAUTHORIZED {
        return (status, [(header::WWW_AUTHENTICATE, r#"Basic realm="candor""#)], "a username and a password are needed\n")
            .into_response();
    }
    (status, body).into_response()
}
