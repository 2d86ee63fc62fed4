//! What every request passes before a route sees it, and what every answer carries: [`around`] puts it around the router.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state, map_response_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::timeout::TimeoutLayer;

use super::limits::{Limits, TooMany};
use super::origin::{self, Area, Origins};
use super::proxies::Proxies;
use super::settings::ServerSettings;
use crate::episode::Episodes;

/// What every answer carries. A page loads nothing from elsewhere, talks to nobody else and is shown inside nobody's page.
const HEADERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'self'; connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "microphone=(self), camera=(), geolocation=()"),
    ("cross-origin-opener-policy", "same-origin"),
];
/// What an answer over our own TLS carries besides: a year of https alone (RFC 6797).
const TRANSPORT_SECURITY: &str = "max-age=31536000";

/// The settings of `[server]`, ready to be asked.
pub(super) struct Guard {
    origins: Origins,
    pub(super) proxies: Proxies,
    limits: Limits,
    request_time: Duration,
    secure: bool,
}

impl Guard {
    /// `other_addresses`: under which other names the configuration has this server reached.
    pub(super) fn new(settings: &ServerSettings, listening: SocketAddr, other_addresses: &[&str]) -> Result<Guard, String> {
        let secure = settings.tls.is_some();
        let public = settings.public_address.as_deref();
        Ok(Guard {
            origins: Origins::new(public, &settings.allowed_origins, listening, other_addresses, secure)?,
            proxies: Proxies::new(&settings.trusted_proxies, settings.proxy_header)?,
            limits: Limits::new(&settings.limits),
            request_time: Duration::from_secs(settings.limits.request_seconds.get()),
            secure,
        })
    }
}

/// Puts the guard around all routes.
pub(super) fn around(router: Router, guard: &Arc<Guard>) -> Router {
    let router = router
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, guard.request_time))
        .layer(from_fn_with_state(guard.clone(), within_limits));
    router.layer(from_fn_with_state(guard.clone(), from_ours)).layer(map_response_with_state(guard.clone(), with_headers))
}

/// Of all requests together.
static FAULTS: Episodes = Episodes::new();

async fn with_headers(State(guard): State<Arc<Guard>>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if guard.secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TRANSPORT_SECURITY));
    }
    response
}

/// Under our name, and not from somebody else's page.
async fn from_ours(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if !guard.origins.is_our_host(request.headers()) {
        return refuse(
            "host",
            "this server is on this machine alone, and the address in your request is not one of this machine\n",
        );
    }
    let area = Area::of(request.uri().path());
    if area.is_some_and(|area| !guard.origins.may_ask(area, request.headers())) {
        return refuse("origin", "this web page may not ask that of this server: its origin is not allowed\n");
    }
    // Outside of the limits, so that an allowed page can read why it has to wait.
    match guard.origins.allowed_page(area, request.headers()) {
        Some(page) if origin::is_preflight(&request) => origin::preflight(page),
        Some(page) => origin::readable(next.run(request).await, page),
        None => next.run(request).await,
    }
}

fn refuse(reason: &'static str, sentence: &'static str) -> Response {
    metrics::counter!("candor_http_refused_total", "reason" => reason).increment(1);
    tracing::debug!(reason, "refused");
    if let Some(times) = FAULTS.met(reason) {
        tracing::warn!(reason, times, "a request was refused");
    }
    (StatusCode::FORBIDDEN, sentence).into_response()
}

/// Not more than one address may ask. Twilio's routes have limits of their own.
async fn within_limits(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let Some(area) = Area::of(request.uri().path()) else { return next.run(request).await };
    let Some(client) = client(&guard, &request) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    if let Err(too_many) = guard.limits.request(client) {
        return wait(too_many);
    }
    // A call begins with a POST to the address itself; what lies below is about calls that are there.
    if area == Area::Calls && request.method() == Method::POST && request.uri().path() == "/webrtc" {
        match guard.limits.new_call(client) {
            Ok(place) => drop(request.extensions_mut().insert(place)),
            Err(too_many) => return wait(too_many),
        }
    }
    next.run(request).await
}

fn client(guard: &Guard, request: &Request) -> Option<IpAddr> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    Some(guard.proxies.client(peer.ip(), request.headers()))
}

fn wait(too_many: TooMany) -> Response {
    metrics::counter!("candor_http_limited_total", "what" => too_many.what).increment(1);
    tracing::debug!(what = too_many.what, "an address has reached a limit");
    let seconds = too_many.retry_after.as_secs() + u64::from(too_many.retry_after.subsec_nanos() > 0);
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.max(1).to_string())], too_many.sentence).into_response()
}
