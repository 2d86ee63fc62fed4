//! The platform's requests to the server: signed over the public address, sent to the address under test.

use std::time::Duration;

use url::Url;

use super::PhoneError;
use super::signature::SigningKey;

/// A client for HTTP. Its TLS is that of the server: rustls with ring, which has to be named once in a process.
pub fn http() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}

/// The platform gives a server this long to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where requests go and how they are signed.
pub(super) struct Webhooks {
    client: reqwest::Client,
    server: Url,
    /// The path of the public address, without a slash at its end: what stands before the server takes it off.
    prefix: String,
    key: Option<SigningKey>,
}

/// An address as the platform knows it.
#[derive(Clone)]
pub(super) struct PublicAddress {
    /// Letter by letter as it was configured or as a document gave it: signatures run over this.
    pub written: String,
    /// The same, read.
    pub url: Url,
}

impl PublicAddress {
    /// An absolute address.
    pub fn parse(written: &str) -> Result<Self, url::ParseError> {
        Ok(Self { written: written.to_owned(), url: Url::parse(written)? })
    }

    /// An address found in the document that came from `self`: absolute or relative to it.
    pub fn resolve(&self, written: &str) -> Result<Self, url::ParseError> {
        if let Ok(absolute) = Self::parse(written) {
            return Ok(absolute);
        }
        let url = self.url.join(written)?;
        Ok(Self { written: url.as_str().to_owned(), url })
    }

    /// Path and query, for people.
    pub fn place(&self) -> String {
        self.url[url::Position::BeforePath..].to_owned()
    }
}

/// What a server answered.
pub(super) struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

impl Webhooks {
    pub fn new(server: Url, prefix: &str, key: Option<SigningKey>) -> Result<Self, PhoneError> {
        let client = http()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| PhoneError::Unreachable { reason: error.to_string() })?;
        Ok(Self { client, server, prefix: prefix.trim_end_matches('/').to_owned(), key })
    }

    /// The address under test for a public one: the server's origin, the public path behind the prefix, and
    /// the query.
    pub fn address(&self, public: &Url) -> Url {
        let mut address = self.server.clone();
        let path = public.path();
        address.set_path(path.strip_prefix(&self.prefix).unwrap_or(path));
        address.set_query(public.query());
        address
    }

    /// The headers that sign a request to the public address with these parameters.
    pub fn signature(&self, public: &str, parameters: &[(String, String)]) -> Vec<(&'static str, String)> {
        self.key.as_ref().map(|key| key.headers(public, parameters)).unwrap_or_default()
    }

    /// Asks the server, as `method` says (`GET` puts the parameters in the address, anything else is a form).
    pub async fn ask(&self, public: &PublicAddress, method: &str, parameters: &[(String, String)]) -> Result<Answer, PhoneError> {
        let encoded: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let mut request = if method.eq_ignore_ascii_case("GET") {
            let mut public = public.url.clone();
            let query = [public.query().unwrap_or_default(), &encoded].join("&");
            public.set_query(Some(query.trim_start_matches('&')));
            let request = self.client.get(self.address(&public));
            self.signature(public.as_str(), &[]).into_iter().fold(request, |request, (name, value)| request.header(name, value))
        } else {
            let request = self
                .client
                .post(self.address(&public.url))
                .header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
                .body(encoded);
            let signed = self.signature(&public.written, parameters);
            signed.into_iter().fold(request, |request, (name, value)| request.header(name, value))
        };
        request = request.header("User-Agent", "TwilioProxy/1.1").header("Accept", "*/*");
        let unreachable = |error: reqwest::Error| PhoneError::Unreachable { reason: chain(&error) };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let content_type =
            response.headers().get("Content-Type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let body = response.bytes().await.map_err(unreachable)?;
        Ok(Answer { status, content_type, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// An error with its causes: the outermost alone rarely says what happened.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
