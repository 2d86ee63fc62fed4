//! The routes of the Asterisk transport.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, Extension, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::App;
use super::legs::{self, Next};
use super::settings::RouteTransport;
use super::start::StartError;
use super::tls::ShownNames;
use crate::episode::Episodes;
use crate::handover::{Reason, Request};
use crate::pbx::{self, CallRef, Variables, Via};
use crate::session::{AfterStream, Control, Handle, OnPbx, ReturnLeg};
use crate::transport::asterisk::{After, Announced, AskedError, MarkCommand, Settings, leg, next};
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
    orders: pbx::Control,
}

impl Asterisk {
    /// Needs a runtime: what gives orders connects beside the calls.
    pub(super) fn new(settings: &Settings) -> Result<Asterisk, StartError> {
        let wrong = |error: &dyn std::error::Error| StartError::Settings(error.to_string());
        let auth = settings.check().map_err(|error| wrong(&error))?;
        let plan = settings.control.check(&settings.recorder).map_err(|error| wrong(&error))?;
        let orders = pbx::Control::start(plan).map_err(|error| wrong(&error))?;
        Ok(Asterisk { auth, limits: settings.limits.clone(), marks: settings.marks, orders })
    }

    /// How orders are given about this call.
    fn on_pbx(&self, call: &str) -> Option<OnPbx> {
        Some(OnPbx { control: self.orders.clone(), call: CallRef::new(call)? })
    }

    /// What a connection may do.
    pub(super) fn limits(&self) -> Limits {
        self.limits.clone()
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
    shown: Option<Extension<ShownNames>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if let Err(error) = app.asterisk.auth.check(peer.ip(), &headers, &names_of(shown)) {
        return refuse(Refusal::Auth(error));
    }
    let announced = match Announced::read(query.unwrap_or_default().as_bytes()) {
        Ok(announced) => announced,
        Err(error) => return refuse(Refusal::Asked(error)),
    };
    let Ok(upgrade) = upgrade else {
        return (StatusCode::UPGRADE_REQUIRED, "this address speaks WebSocket: Asterisk's chan_websocket\n").into_response();
    };
    let waiting = match may_come(&app, &announced) {
        Ok(waiting) => waiting,
        Err(refused) => return *refused,
    };
    // Calls that are coming are seen to their end as well.
    let coming = app.coming.token();
    let begun = app.clone();
    let upgrade = upgrade.protocols([MEDIA]);
    legs::accept(&app, upgrade, move |socket, seat| async move {
        let call = announced.call.clone();
        let session = |_, leg| {
            seat.leave();
            connect(&begun, announced, waiting, leg);
            drop(coming);
        };
        let leaving = leaving(begun.clone(), call).boxed();
        let ended = leg::run(socket, &begun.asterisk.limits, begun.asterisk.marks, session, leaving).await;
        tracing::debug!(?ended, "a leg of Asterisk's has ended");
    })
}

/// The names of the certificate that the connection has shown.
fn names_of(shown: Option<Extension<ShownNames>>) -> Arc<[String]> {
    shown.map_or_else(|| [].into(), |Extension(ShownNames(names))| names)
}

/// A call that is announced over HTTP and comes in by another way.
pub(super) fn announced(
    app: &App,
    peer: SocketAddr,
    headers: &HeaderMap,
    shown: Option<Extension<ShownNames>>,
    form: Result<Bytes, BytesRejection>,
) -> Result<Announced, Box<Response>> {
    app.asterisk.auth.check(peer.ip(), headers, &names_of(shown)).map_err(|error| Box::new(refuse(Refusal::Auth(error))))?;
    let announced = form.map_err(|_| AskedError::TooLong).and_then(|form| Announced::read(&form));
    announced.map_err(|error| Box::new(refuse(Refusal::Asked(error))))
}

/// Whether a call may have a leg, and the session that waits for it, if one does: a caller whom nobody has answered comes back to one
/// that has its place.
pub(super) fn may_come(app: &App, announced: &Announced) -> Result<Option<Handle>, Box<Response>> {
    let waiting = app.services.calls.waiting(&announced.call);
    if waiting.is_none() {
        if app.services.calls.get(&announced.call).is_some() {
            return Err(Box::new(refuse(Refusal::Talking)));
        }
        app.admit().map_err(|no_room| Box::new(no_room.into_response()))?;
    }
    Ok(waiting)
}

/// A leg that has come gets its session, or goes back to the one that waits for it, when the caller hears it.
pub(super) fn connect(app: &Arc<App>, announced: Announced, waiting: Option<Handle>, leg: Leg) {
    let (app, pbx) = (app.clone(), app.asterisk.on_pbx(&announced.call));
    tokio::spawn(async move {
        // By ARI, what is said before the two are joined would be reported as played, and heard by nobody. A leg that is never joined is closed: its caller goes on.
        if let Some(pbx) = &pbx
            && let Err(error) = pbx.control.joined(&pbx.call).await
        {
            tracing::debug!(%error, "a caller and the agent were not joined");
            return;
        }
        match waiting {
            Some(handle) => drop(handle.tell(Control::Returned(ReturnLeg(leg))).await),
            None => begin(&app, announced, leg, pbx),
        }
    });
}

/// A call that has come in gets a session.
fn begin(app: &App, announced: Announced, leg: Leg, pbx: Option<OnPbx>) {
    let served = app.route(RouteTransport::Asterisk, |number| announced.was_called(number), announced.language.as_deref());
    legs::begin(app, announced.call, served, leg, pbx);
}

/// What has to be done between the agent's last word and the end of its leg.
pub(super) async fn leaving(app: Arc<App>, call: String) {
    if let AfterStream::HandOver(_, request) = app.services.calls.after_stream(&call) {
        leave(&app, &call, &request).await;
    }
}

/// Tells Asterisk where the caller goes while the agent's leg still holds them. Where that fails, and where orders are not given, the dialplan asks.
async fn leave(app: &App, call: &str, request: &Request) {
    let orders = &app.asterisk.orders;
    let target = legs::target_of(app, request).filter(|target| next::reaches(target));
    let (Some(pbx), Some(target)) = (app.asterisk.on_pbx(call), target) else { return };
    if orders.via() == Via::Dialplan {
        return;
    }
    match orders.hand_over(&pbx.call, &Variables::of(request, Some(target))).await {
        Ok(()) => {
            if let Some(times) = FAULTS.over("hand-over") {
                tracing::info!(times, "Asterisk sends callers where they go again");
            }
            if let Some(handle) = app.services.calls.get(call) {
                handle.tell(Control::OnTheWay).await;
            }
        }
        Err(error) => {
            tracing::debug!(%error, "a caller could not be sent on");
            if let Some(times) = FAULTS.met("hand-over") {
                tracing::warn!(%error, times, "Asterisk could not be told where callers go: its dialplan asks instead. See asterisk.control");
            }
        }
    }
}

/// The agent's leg has ended, or a handover has: what next?
pub(super) async fn after(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    shown: Option<Extension<ShownNames>>,
    headers: HeaderMap,
    form: Result<Bytes, BytesRejection>,
) -> Response {
    if let Err(error) = app.asterisk.auth.check(peer.ip(), &headers, &names_of(shown)) {
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
pub(super) fn line(text: String) -> Response {
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
