//! The routes of the Twilio transport.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, FromRequest, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::App;
use super::admission::NoRoom;
use crate::episode::Episodes;
use crate::handover::{self, Outcome, Reason};
use crate::session::{self, AfterStream, Arrival, Control, ReturnLeg, Script};
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
    let route = app.routes.iter().find(|route| webhook.was_called(&route.number));
    let edition = app.edition();
    let script = route.and_then(|route| edition.script(&route.dialog)).unwrap_or(edition.default_script());
    let language = route.and_then(|route| route.language.clone());
    if app.admit().is_err() {
        return xml(to_a_person(&app, script, language.as_deref(), Reason::Capacity));
    }
    let dialog = script.name().to_owned();
    let claim = StreamClaim::Arrival { call_sid: webhook.call_sid, dialog, language: language.clone() };
    match app.streams.give(claim, Instant::now()) {
        Ok(token) => xml(twiml::connect_stream(app.gate.address(), &token)),
        Err(error) => {
            tracing::warn!(%error, "a call could not be connected and is passed to a person");
            xml(to_a_person(&app, script, language.as_deref(), Reason::Capacity))
        }
    }
}

/// The stream of a call.
pub(super) async fn stream(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    if let Err(error) = app.gate.check_stream(peer.ip(), &headers, &uri) {
        return refuse(error.into());
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(_) => return (StatusCode::UPGRADE_REQUIRED, "this address speaks WebSocket: Twilio Media Streams\n").into_response(),
    };
    let Ok(connection) = app.connections.clone().try_acquire_owned() else {
        metrics::counter!("candor_connections_refused_total").increment(1);
        return NoRoom::Connections.into_response();
    };
    let (guest, full) = app.unstarted.enter();
    if full {
        metrics::counter!("candor_connections_evicted_total", "of" => "streams").increment(1);
        if let Some(times) = FAULTS.met("unstarted") {
            tracing::warn!(times, "streams that do not start fill their room: the oldest of them is closed for each new one");
        }
    }
    leg::bounded(upgrade).on_upgrade(move |socket| async move {
        let _connection = connection;
        let begun = app.clone();
        let (has_to_go, started, mut guest) = (guest.has_to_go(), AtomicBool::new(false), Some(guest));
        let session = |accepted, leg| {
            started.store(true, Ordering::SeqCst);
            drop(guest.take());
            begin(begun, accepted, leg);
        };
        let mut serving = pin!(leg::run(socket, &app.limits, &app.streams, session));
        let ended = tokio::select! {
            ended = &mut serving => ended,
            // Who has started in the meantime stays.
            () = has_to_go => if started.load(Ordering::SeqCst) { serving.await } else { return },
        };
        tracing::debug!(?ended, "a stream has ended");
    })
}

/// A stream that has shown its token gets a session, or goes back to its own.
fn begin(app: Arc<App>, accepted: Accepted, leg: Leg) {
    match accepted.claim {
        StreamClaim::Arrival { dialog, language, .. } => {
            // What was announced may have been edited since.
            let edition = app.edition();
            let script = edition.script(&dialog).unwrap_or(edition.default_script()).clone();
            let language = language.filter(|language| script.languages().any(|spoken| spoken == language));
            let chosen = language.is_some();
            let language = language.unwrap_or_else(|| script.default_language());
            let arrival = Arrival { call: accepted.call_sid, script, language, language_chosen: chosen };
            match session::start(app.services.clone(), arrival, leg) {
                // Announced before the stop, and here after it.
                Some(handle) if app.is_stopping() => {
                    tokio::spawn(async move { handle.tell(Control::Stop).await });
                }
                Some(_) => {}
                // The leg is gone with this; Twilio asks what next, and the caller reaches a person.
                None => NoRoom::Calls.tell(),
            }
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
    if let Some(outcome) = webhook.outcome {
        let Some(handle) = app.services.calls.get(call) else {
            // The session is over or was lost with an earlier run of this server.
            let language = app.edition().default_script().default_language();
            let there = outcome.comes_back() && webhook.in_progress;
            return xml(if there { twiml::unavailable(&language) } else { twiml::hang_up() });
        };
        handle.tell(Control::HandoverEnded(outcome)).await;
        app.whispers.forget(|request| request.session == handle.session);
        if !outcome.comes_back() || !webhook.in_progress {
            return xml(if webhook.in_progress { twiml::hang_up() } else { twiml::nothing() });
        }
        let claim = StreamClaim::Return { call_sid: call.clone(), session: handle.session };
        return xml(match app.streams.give(claim, Instant::now()) {
            Ok(token) => twiml::connect_stream(app.gate.address(), &token),
            Err(_) => twiml::unavailable(&app.edition().default_script().default_language()),
        });
    }
    if !webhook.in_progress {
        // Hung up between our end and the desk's beginning.
        if let AfterStream::HandOver(handle, _) = app.services.calls.after_stream(call) {
            handle.tell(Control::HandoverEnded(Outcome::CallerLeft)).await;
        }
        return xml(twiml::nothing());
    }
    match app.services.calls.after_stream(call) {
        AfterStream::HangUp => xml(twiml::hang_up()),
        AfterStream::HandOver(handle, request) => {
            handle.tell(Control::OnTheWay).await;
            xml(verb(&app, &request))
        }
        AfterStream::Rescue => {
            metrics::counter!("candor_rescues_total").increment(1);
            tracing::warn!("a caller whose session is gone is passed to a person");
            // A session that has not noticed yet that its stream is gone ends here.
            if let Some(handle) = app.services.calls.get(call) {
                handle.tell(Control::GiveUp).await;
            }
            xml(to_a_person(&app, app.edition().default_script(), None, Reason::EngineFailed))
        }
    }
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

/// The way to a person for a caller who has no session: the dialog's own target, if somebody is there.
fn to_a_person(app: &App, script: &Script, language: Option<&str>, reason: Reason) -> String {
    let language = language.map_or_else(|| script.default_language(), str::to_owned);
    let name = &script.dialog.file.handover.value.to.value;
    let target = app.services.targets.get(name).filter(|target| target.is_open(jiff::Timestamp::now()));
    match target {
        Some(target) => verb(app, &handover::Request { reason, ..handover::Request::for_lack_of_room(&target.name, &language) }),
        None => twiml::unavailable(&language),
    }
}

fn verb(app: &App, request: &handover::Request) -> String {
    let Some(target) = app.services.targets.get(&request.target) else { return twiml::unavailable(&request.language) };
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
