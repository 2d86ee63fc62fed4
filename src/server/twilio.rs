//! The routes of the Twilio transport.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, FromRequest, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::App;
use super::legs::{self, Next, Served};
use super::settings::RouteTransport;
use crate::episode::Episodes;
use crate::handover::{self, Reason};
use crate::session::{Control, ReturnLeg};
use crate::transport::Leg;
use crate::transport::twilio::leg::{self, Accepted};
use crate::transport::twilio::token::StreamClaim;
use crate::transport::twilio::{Webhook, WebhookError, handover as carry, twiml, whisper};

/// Of all requests together.
static FAULTS: Episodes = Episodes::new();

/// A webhook that Twilio signed, or that comes from this machine where nothing is signed.
pub(super) struct Signed(Webhook);

impl FromRequest<Arc<App>> for Signed {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Signed, Response> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let peer = peer.ok_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response())?;
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        let form = Bytes::from_request(request, app).await.map_err(|_| refuse(WebhookError::TooLong))?;
        Webhook::read(&app.gate, peer, &headers, &uri, &form).map(Signed).map_err(refuse)
    }
}

/// A call has come in: connect it to our stream, or, where there is no room, to a person.
pub(super) async fn voice(State(app): State<Arc<App>>, Signed(webhook): Signed) -> Response {
    let Served { script, language } = app.route(RouteTransport::Twilio, |number| webhook.was_called(number), None);
    let person = || answer(&app, legs::to_a_person(&app, &script, language.as_deref(), Reason::Capacity));
    if app.admit().is_err() {
        return person();
    }
    let dialog = script.name().to_owned();
    let claim = StreamClaim::Arrival { call_sid: webhook.call_sid, dialog, language: language.clone() };
    match app.streams.give(claim, Instant::now()) {
        Ok(token) => xml(twiml::connect_stream(app.gate.address(), &token)),
        Err(error) => {
            tracing::warn!(%error, "a call could not be connected and is passed to a person");
            person()
        }
    }
}

/// The stream of a call.
pub(super) async fn stream(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if let Err(error) = app.gate.check_stream(peer.ip(), &headers, &uri) {
        return refuse(error.into());
    }
    let Ok(upgrade) = upgrade else {
        return (StatusCode::UPGRADE_REQUIRED, "this address speaks WebSocket: Twilio Media Streams\n").into_response();
    };
    let begun = app.clone();
    legs::accept(&app, upgrade, move |socket, seat| async move {
        let session = |accepted, leg| {
            seat.leave();
            begin(&begun, accepted, leg);
        };
        let ended = leg::run(socket, &begun.limits, &begun.streams, session).await;
        tracing::debug!(?ended, "a stream has ended");
    })
}

/// A stream that has shown its token gets a session, or goes back to its own.
fn begin(app: &App, accepted: Accepted, leg: Leg) {
    match accepted.claim {
        StreamClaim::Arrival { dialog, language, .. } => {
            // What was announced may have been edited since.
            let edition = app.edition();
            let script = edition.script(&dialog).unwrap_or(edition.default_script()).clone();
            legs::begin(app, accepted.call_sid, Served { script, language }, leg);
        }
        StreamClaim::Return { call_sid, session } => {
            if let Some(handle) = app.services.calls.get(&call_sid).filter(|handle| handle.session == session) {
                tokio::spawn(async move { handle.tell(Control::Returned(ReturnLeg(leg))).await });
            }
        }
    }
}

/// The agent's stream has closed, or a handover has ended: what next?
pub(super) async fn after(State(app): State<Arc<App>>, Signed(webhook): Signed) -> Response {
    let call = &webhook.call_sid;
    answer(
        &app,
        match legs::after(&app, call, webhook.outcome, webhook.in_progress).await {
            Next::Stranger => legs::rescue(&app, call, app.edition().default_script(), None).await,
            Next::Agent(handle) => {
                let claim = StreamClaim::Return { call_sid: call.clone(), session: handle.session };
                match app.streams.give(claim, Instant::now()) {
                    Ok(token) => return xml(twiml::connect_stream(app.gate.address(), &token)),
                    Err(_) => Next::Unavailable(app.edition().default_script().default_language()),
                }
            }
            next => next,
        },
    )
}

/// What a queued caller hears next.
#[derive(Deserialize)]
pub(super) struct Waiting {
    target: Option<String>,
    language: Option<String>,
}

pub(super) async fn wait(State(app): State<Arc<App>>, Query(waiting): Query<Waiting>, Signed(webhook): Signed) -> Response {
    let Some(target) = waiting.target.and_then(|name| app.services.targets.get(&name).cloned()) else {
        return (StatusCode::NOT_FOUND, "no such target\n").into_response();
    };
    let waited = Duration::from_secs(webhook.queue_seconds.unwrap_or(0));
    let language = waiting.language.unwrap_or_else(|| app.edition().default_script().default_language());
    xml(carry::wait(&target, &language, waited))
}

/// What the colleague hears before the caller.
#[derive(Deserialize)]
pub(super) struct Whisper {
    token: String,
}

pub(super) async fn whisper(State(app): State<Arc<App>>, Query(Whisper { token }): Query<Whisper>, _: Signed) -> Response {
    xml(app.whispers.take(&token, Instant::now()).map_or_else(|_| whisper::silent(), |request| whisper::twiml(&request)))
}

/// What is to be done, in TwiML.
fn answer(app: &App, next: Next) -> Response {
    xml(match next {
        Next::HangUp => twiml::hang_up(),
        Next::HandOver(request) => verb(app, &request),
        Next::Unavailable(language) => twiml::unavailable(&language),
        // The others are answered where a stream can be connected.
        Next::Nothing | Next::Agent(_) | Next::Stranger => twiml::nothing(),
    })
}

fn verb(app: &App, request: &handover::Request) -> String {
    let Some(target) = legs::target_of(app, request) else { return twiml::unavailable(&request.language) };
    let token = if carry::whispers(target) { app.whispers.give(request.clone(), Instant::now()).ok() } else { None };
    carry::verb(target, request, app.gate.address(), token.as_deref())
}

fn xml(document: String) -> Response {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response()
}

/// The client learns that it was refused; why is in the log.
fn refuse(error: WebhookError) -> Response {
    metrics::counter!("candor_twilio_refused_total").increment(1);
    tracing::debug!(%error, "refused");
    let kind = match &error {
        WebhookError::Signature(_) => "signature",
        _ => "form",
    };
    if let Some(times) = FAULTS.met(kind) {
        tracing::warn!(%error, times, "a request to a Twilio route was refused");
    }
    let status = match error {
        WebhookError::Signature(_) => StatusCode::FORBIDDEN,
        WebhookError::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    (status, "refused\n").into_response()
}
