use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Url, redirect, retry};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Host;

use super::failure::Failure;
use super::template::{TemplateError, address, header};
use super::{Settings, answer};
use crate::dialog::file::Fetch;
use crate::dialog::flow::lookup::{Answer, Lookup, LookupFailure, LookupMethod};
use crate::episode::Episodes;

/// How long a connection may take to be there; a try's own limit may be shorter.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a caller waits for one lookup at the most, whatever the dialog says: all tries and the pauses between them.
const WHOLE: Duration = Duration::from_secs(20);
/// The pause before the second try, and the longest before a later one; each grows by up to as much again, by chance.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long an idle connection is kept for the next caller.
const IDLE: Duration = Duration::from_secs(30);

/// Why no lookup can ever be made.
#[derive(Debug, thiserror::Error)]
#[error("the client for lookups cannot be made: {0}")]
pub struct ClientError(reqwest::Error);

/// Asks services over HTTP what a dialog wants to know.
pub struct Client {
    http: reqwest::Client,
    values: Settings,
    places: Semaphore,
    /// By dialog, result and class.
    faults: Episodes<(String, String, &'static str)>,
}

/// A request that can be sent more than once.
struct Prepared {
    method: reqwest::Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Client {
    /// A client that knows these values and makes so many lookups at once.
    ///
    /// # Errors
    /// [`ClientError`]: the system gives it no TLS.
    pub fn new(values: Settings, at_once: usize) -> Result<Client, ClientError> {
        // The one implementation of cryptography that this program has; where it was chosen before, that is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = match builder().build() {
            Ok(http) => http,
            // A machine without certificates of authorities can still ask its neighbour over HTTP.
            Err(_) => {
                tracing::warn!(
                    "this machine has no certificates of authorities, so lookups reach no https address: install ca-certificates"
                );
                builder().tls_certs_only([]).build().map_err(ClientError)?
            }
        };
        Ok(Client { http, values, places: Semaphore::new(at_once), faults: Episodes::new() })
    }

    /// Looks it up, again where that may help, and in a bounded time. Dropped before its end, it breaks off.
    ///
    /// `dialog` is who asks, for the log.
    ///
    /// # Errors
    /// [`LookupFailure`]; what the class of it is, is logged and counted here.
    pub async fn look_up(&self, dialog: &str, lookup: Lookup) -> Result<Answer, LookupFailure> {
        let mut account = Account::begin();
        let looked_up = self.within_limits(&lookup).await;
        account.outcome = looked_up.as_ref().map_or_else(|failure| failure.class(), |_| "found");
        match &looked_up {
            Ok(_) | Err(Failure::Missing) => self.went_well(dialog, &lookup),
            Err(failure) => self.failed(dialog, &lookup, failure, account.began.elapsed()),
        }
        looked_up.map_err(|failure| failure.told())
    }

    fn failed(&self, dialog: &str, lookup: &Lookup, failure: &Failure, took: Duration) {
        let (result, class) = (&lookup.into, failure.class());
        if let Some(times) = self.faults.met((dialog.to_owned(), result.clone(), class)) {
            let (field, ms) = (failure.field(), took.as_millis() as u64);
            tracing::warn!(dialog, result, class, field, ms, times, "a lookup failed: {}", failure.advice());
        }
    }

    fn went_well(&self, dialog: &str, lookup: &Lookup) {
        let result = &lookup.into;
        if let Some(times) = self.faults.over_among(|(by, into, _)| by == dialog && into == result) {
            tracing::info!(dialog, result, times, "a lookup that failed is answered again");
        }
    }

    async fn within_limits(&self, lookup: &Lookup) -> Result<Answer, Failure> {
        let _place = self.places.try_acquire().map_err(|_| Failure::Busy)?;
        let prepared = self.prepare(lookup).map_err(|_| Failure::Unusable)?;
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(lookup.retries as usize)
            .with_jitter()
            .with_jitter_seed(rand::random());
        let tries = (|| self.once(&prepared, lookup)).retry(pauses).when(Failure::may_pass);
        timeout(lookup.longest().min(WHOLE), tries).await.unwrap_or(Err(Failure::Late))
    }

    async fn once(&self, prepared: &Prepared, lookup: &Lookup) -> Result<Answer, Failure> {
        let asked = async {
            let request = self.http.request(prepared.method.clone(), prepared.url.clone());
            let request = request.headers(prepared.headers.clone()).body(prepared.body.clone());
            let response =
                request.send().await.map_err(|error| if error.is_timeout() { Failure::Late } else { Failure::Unreachable })?;
            answer::read(response, &lookup.takes).await
        };
        timeout(lookup.time_limit, asked).await.unwrap_or(Err(Failure::Late))
    }

    fn prepare(&self, lookup: &Lookup) -> Result<Prepared, TemplateError> {
        let url = address(&lookup.url_template, &self.values)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let (method, body) = match lookup.method {
            LookupMethod::Get => (reqwest::Method::GET, Bytes::new()),
            LookupMethod::Post => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                (reqwest::Method::POST, Bytes::from_owner(lookup.body.to_json()))
            }
        };
        for (name, template) in &lookup.header_templates {
            let (name, value) = header(name, template, &self.values)?;
            headers.insert(name, value);
        }
        Ok(Prepared { method, url, headers, body })
    }

    /// Whether the lookup of a step can be sent with the configured values, and whether others could read it on its way.
    ///
    /// # Errors
    /// [`TemplateError`] names the values.
    pub fn reach(&self, fetch: &Fetch) -> Result<Reach, TemplateError> {
        let url = address(&fetch.url.value, &self.values)?;
        for (name, template) in fetch.headers.iter() {
            header(&name.value, &template.value, &self.values)?;
        }
        let here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        Ok(if url.scheme() == "https" || here { Reach::Private } else { Reach::Plain })
    }
}

/// Who could read a lookup on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nobody: it is encrypted, or stays on this machine.
    Private,
    /// Whoever sits between.
    Plain,
}

/// What all lookups have in common. Nothing of the environment changes where they go: no proxy is taken from there.
fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("candor/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .no_proxy()
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
}

/// Counts a lookup when it is over, also one that nobody waits for any more.
struct Account {
    began: Instant,
    outcome: &'static str,
}

impl Account {
    fn begin() -> Account {
        Account { began: Instant::now(), outcome: "abandoned" }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        metrics::counter!("candor_lookups_total", "outcome" => self.outcome).increment(1);
        metrics::histogram!("candor_lookup_seconds").record(self.began.elapsed().as_secs_f64());
    }
}
