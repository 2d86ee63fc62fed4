//! Requests to Asterisk's REST interface. What is a caller's stands in their bodies and not in their addresses, which proxies write down.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url, redirect, retry};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::pbx::StartError;
use crate::pbx::error::PbxError;
use crate::pbx::settings::{Access, AriPlan};
use crate::pbx::tls::client_config;

/// How long an idle connection is kept for the next order.
const IDLE: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// Asks Asterisk over HTTP.
pub(super) struct Rest {
    http: reqwest::Client,
    base: Url,
}

/// `Basic …`, never shown.
pub(super) fn authorization(access: &Access) -> Result<HeaderValue, StartError> {
    let plain = Zeroizing::new(format!("{}:{}", access.username, access.secret.expose()));
    let header = Zeroizing::new(format!("Basic {}", Zeroizing::new(STANDARD.encode(plain.as_bytes())).as_str()));
    let mut header = HeaderValue::from_str(&header).map_err(|_| StartError::Unusable)?;
    header.set_sensitive(true);
    Ok(header)
}

impl Rest {
    pub(super) fn new(plan: &AriPlan) -> Result<Rest, StartError> {
        // The one implementation of cryptography that this program has; where it was chosen before, that is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization(&plan.access)?)]);
        let builder = reqwest::Client::builder()
            .user_agent(concat!("candor/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .http1_only()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .pool_idle_timeout(IDLE);
        let encrypted = plan.base.scheme() == "https";
        let builder = if encrypted {
            builder.tls_backend_preconfigured((*client_config(plan.access.certificate.as_deref())?).clone())
        } else {
            builder.tls_certs_only([])
        };
        Ok(Rest { http: builder.build().map_err(StartError::Http)?, base: plan.base.clone() })
    }

    /// Asks for `path`, whose parts may hold anything, and gives the answer's JSON; `Null` where there is none.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
        deadline: Instant,
    ) -> Result<Value, PbxError> {
        let request = self.http.request(method, self.address(path)?);
        self.send(if let Some(body) = body { request.json(&body) } else { request }, deadline).await
    }

    /// The value of a variable or function of a channel.
    pub(super) async fn variable(&self, channel: &str, name: &str, deadline: Instant) -> Result<String, PbxError> {
        let mut url = self.address(&["channels", channel, "variable"])?;
        url.query_pairs_mut().append_pair("variable", name);
        let answer = self.send(self.http.get(url), deadline).await?;
        Ok(answer.get("value").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    fn address(&self, path: &[&str]) -> Result<Url, PbxError> {
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| PbxError::Unreachable)?.pop_if_empty().extend(path);
        Ok(url)
    }

    async fn send(&self, request: reqwest::RequestBuilder, deadline: Instant) -> Result<Value, PbxError> {
        let asked = async {
            let response = request.send().await.map_err(broken)?;
            let status = response.status();
            let body = read(response).await?;
            answer(status, &body)
        };
        timeout_at(deadline, asked).await.unwrap_or(Err(PbxError::TimedOut))
    }
}

fn broken(error: reqwest::Error) -> PbxError {
    if error.is_timeout() { PbxError::TimedOut } else { PbxError::Unreachable }
}

async fn read(mut response: reqwest::Response) -> Result<Zeroizing<Vec<u8>>, PbxError> {
    let mut body = Zeroizing::new(Vec::new());
    while let Some(piece) = response.chunk().await.map_err(broken)? {
        if body.len() + piece.len() > LONGEST_ANSWER {
            return Err(PbxError::refused("its answer is longer than any of Asterisk's"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn answer(status: StatusCode, body: &[u8]) -> Result<Value, PbxError> {
    if status.is_success() {
        let whole = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(body) };
        return whole.map_err(|_| PbxError::refused("its answer is not JSON: is asterisk.control.address Asterisk's?"));
    }
    let words = serde_json::from_slice::<Value>(body).ok();
    let words = words.as_ref().and_then(|body| body.get("message")).and_then(Value::as_str).unwrap_or_default();
    Err(match status {
        StatusCode::NOT_FOUND if words.is_empty() => PbxError::refused("HTTP 404: is asterisk.control.address Asterisk's?"),
        StatusCode::NOT_FOUND => PbxError::NoSuchChannel,
        // There is one, and it is in the dialplan.
        StatusCode::CONFLICT if words.contains("not in Stasis") => PbxError::NoSuchChannel,
        StatusCode::UNAUTHORIZED => PbxError::refused("it does not take asterisk.control.username and secret"),
        StatusCode::FORBIDDEN => PbxError::refused("the user of ari.conf may only read: it needs read_only = no"),
        _ => PbxError::refused(&format!("{}: {words}", status.canonical_reason().unwrap_or("HTTP"))),
    })
}
