//! The dialplan: it dials the agent, asks the server what comes next, queues or dials, and tells the server what came of it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self};
use url::Url;
use uuid::Uuid;

use super::super::account::{Account, EndedBy, Happening, Posted};
use super::super::desk::Desk;
use super::super::line::{Wait, wait};
use super::super::stream::{Command, StreamEnd};
use super::super::twiml::Element;
use super::super::webhook::http;
use super::super::{Options, PhoneError};
use super::audiosocket::AudioSocketLeg;
use super::leg::{Leg, LegSettings};
use super::{Asterisk, AudioSocket};

/// How long the dialplan's questions may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The media channel's subprotocol.
const MEDIA: &str = "media";

/// One call as the dialplan runs it.
pub(in super::super) struct PbxLine {
    pub options: Options,
    pub asterisk: Asterisk,
    pub server: Url,
    pub account: Arc<Account>,
    pub commands: mpsc::Receiver<Command>,
    /// The id of the caller's channel.
    pub call: String,
    /// Told when the first leg is open, or that it could not be opened.
    pub opened: Option<oneshot::Sender<Result<(), PhoneError>>>,
}

/// A leg that is open.
enum Open {
    WebSocket(Box<WebSocketStream<TcpStream>>),
    AudioSocket((TcpStream, Uuid)),
}

/// What became of a caller who was passed on.
struct Stay {
    outcome: &'static str,
    caller_left: bool,
}

impl PbxLine {
    /// Runs the dialplan to its end.
    pub async fn follow(mut self) {
        let ended = loop {
            let status = match self.dial_agent().await {
                Ok(status) => status,
                Err(ended) => break ended,
            };
            match self.go_on(&[("status", status)]).await {
                Ok(()) => {}
                Err(ended) => break ended,
            }
        };
        self.account.happens(Happening::Ended(ended));
    }

    /// Asks what comes next, until that is the agent again.
    async fn go_on(&mut self, told: &[(&str, &str)]) -> Result<(), EndedBy> {
        let mut told: Vec<(String, String)> = told.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        loop {
            let answer = self.ask(std::mem::take(&mut told)).await?;
            match answer.name.as_str() {
                "agent" => return Ok(()),
                "hangup" => return Err(EndedBy::Server),
                _ => {}
            }
            let stay = self.at_the_desk(&answer).await?;
            self.account.happens(Happening::Desk(stay.outcome));
            told = vec![("outcome".to_owned(), stay.outcome.to_owned())];
            if stay.caller_left {
                // The hangup handler still tells.
                self.ask(told).await?;
                return Err(EndedBy::Caller);
            }
        }
    }

    /// `Dial(…)`: `DIALSTATUS`.
    async fn dial_agent(&mut self) -> Result<&'static str, EndedBy> {
        let opened = match &self.asterisk.audiosocket {
            Some(audiosocket) => self.open_audiosocket(audiosocket).await.map(Open::AudioSocket),
            None => self.open().await.map(Open::WebSocket),
        };
        // Where it fails the caller is still there: the dialplan goes on.
        if let Some(told) = self.opened.take() {
            let _ = told.send(Ok(()));
        }
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                if let PhoneError::StreamRefused { place, status, .. } = &error {
                    self.account.happens(Happening::Asked(place.clone(), status.unwrap_or_default()));
                }
                return Ok("CHANUNAVAIL");
            }
        };
        self.account.write(|state| state.stream_sids.push(format!("{}.leg", self.call)));
        let settings = LegSettings {
            account: &self.account,
            asterisk: &self.asterisk,
            channel_id: format!("{}.leg", self.call),
            frames: self.options.frames,
            line_noise: &self.options.line_noise,
            mark_answers: self.options.mark_answers,
            deadline: self.deadline(),
        };
        let ended = match (opened, &self.asterisk.audiosocket) {
            (Open::WebSocket(socket), _) => Leg::new(*socket, settings).run(&mut self.commands).await,
            (Open::AudioSocket((socket, uuid)), Some(audiosocket)) => {
                AudioSocketLeg::new(socket, settings, audiosocket).run(uuid, &mut self.commands).await
            }
            (Open::AudioSocket(_), None) => return Ok("CHANUNAVAIL"),
        };
        match ended {
            StreamEnd::Server => Ok("ANSWER"),
            StreamEnd::HungUp => Err(EndedBy::Caller),
            StreamEnd::Dropped => Err(EndedBy::Dropped),
            StreamEnd::Limit => Err(EndedBy::Limit),
        }
    }

    fn announced(&self) -> Vec<(String, String)> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut pairs = vec![
            pair("call", &self.call),
            pair("channel", "PJSIP/telephone-00000001"),
            pair("from", &self.options.from),
            pair("to", &self.options.to),
        ];
        pairs.extend(self.asterisk.language.iter().map(|language| pair("language", language)));
        pairs
    }

    /// Announces the call, and connects under the name that the server gives it.
    async fn open_audiosocket(&self, audiosocket: &AudioSocket) -> Result<(TcpStream, Uuid), PhoneError> {
        let place = "/asterisk/audiosocket".to_owned();
        let refused = |reason: String, status| PhoneError::StreamRefused { place: place.clone(), status, reason };
        let answer = self.post(&place, &self.announced()).await.map_err(|reason| refused(reason, None))?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Err(refused("the server does not take the call".to_owned(), Some(status)));
        }
        let name = answer.text().await.map_err(|error| refused(error.to_string(), Some(status)))?;
        let uuid = name.parse().map_err(|_| {
            self.account.violation("what is answered to an announcement is no UUID");
            refused("no UUID".to_owned(), Some(status))
        })?;
        let socket = TcpStream::connect(audiosocket.address).await.map_err(|error| refused(error.to_string(), None))?;
        let _ = socket.set_nodelay(true);
        Ok((socket, uuid))
    }

    async fn post(&self, path: &str, parameters: &[(String, String)]) -> Result<reqwest::Response, String> {
        let mut url = self.server.clone();
        url.set_path(path);
        let form: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let client = http().timeout(PATIENCE).build().map_err(|error| error.to_string())?;
        let mut request = client.post(url).header("Content-Type", "application/x-www-form-urlencoded").body(form);
        if let Some(basic) = self.basic() {
            request = request.header("Authorization", basic);
        }
        request.send().await.map_err(|error| error.to_string())
    }

    async fn open(&self) -> Result<Box<WebSocketStream<TcpStream>>, PhoneError> {
        let mut url = self.server.clone();
        url.set_path("/asterisk");
        url.query_pairs_mut().extend_pairs(self.announced());
        let place = "/asterisk".to_owned();
        let refused = |reason: String, status| PhoneError::StreamRefused { place: place.clone(), status, reason };
        let port = url.port_or_known_default().unwrap_or(80);
        let host = url.host_str().unwrap_or_default().to_owned();
        let _ = url.set_scheme("ws");
        let mut request = url.as_str().into_client_request().map_err(|error| refused(error.to_string(), None))?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(MEDIA));
        if let Some(basic) = self.basic().and_then(|basic| HeaderValue::from_str(&basic).ok()) {
            request.headers_mut().insert("Authorization", basic);
        }
        let stream = TcpStream::connect((host, port)).await.map_err(|error| refused(error.to_string(), None))?;
        let _ = stream.set_nodelay(true);
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, answer)) => {
                if answer.headers().get("Sec-WebSocket-Protocol").is_none_or(|protocol| protocol != MEDIA) {
                    self.account.violation("the subprotocol `media` was not taken");
                }
                Ok(Box::new(socket))
            }
            Err(tungstenite::Error::Http(answer)) => {
                Err(refused("the server does not switch protocols".to_owned(), Some(answer.status().as_u16())))
            }
            Err(error) => Err(refused(error.to_string(), None)),
        }
    }

    fn basic(&self) -> Option<String> {
        let (name, password) = self.asterisk.password.as_ref()?;
        Some(format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))
    }

    /// `CURL(/asterisk/after,…)` into a hash.
    async fn ask(&self, mut told: Vec<(String, String)>) -> Result<Element, EndedBy> {
        let mut parameters = self.announced();
        parameters.retain(|(name, _)| name != "channel" && name != "from");
        parameters.append(&mut told);
        let failed = |reason: String| {
            self.account.violation(format!("/asterisk/after: {reason}"));
            EndedBy::Failure(reason)
        };
        let answer = self.post("/asterisk/after", &parameters).await.map_err(failed)?;
        let status = answer.status().as_u16();
        self.account.happens(Happening::Asked("/asterisk/after".to_owned(), status));
        let posted = Posted { at: self.account.now(), to: "/asterisk/after".to_owned(), parameters, status };
        self.account.write(|state| state.posted.push(posted));
        if status != 200 {
            return Err(failed(format!("answered {status}")));
        }
        let kind = answer.headers().get("Content-Type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
        if !kind.starts_with("text/plain") {
            self.account.violation(format!("/asterisk/after answers as {kind:?}, expected text/plain"));
        }
        let line = answer.text().await.map_err(|error| failed(error.to_string()))?;
        let verb = self.read(&line);
        self.account.happens(Happening::Verb(verb.clone()));
        Ok(verb)
    }

    /// A line as a hash reads it: its `next` is the name, all pairs are attributes.
    fn read(&self, line: &str) -> Element {
        if line.contains(['\n', '\r', '"', ',', ' ', '+']) || line.contains("${") {
            self.account.violation("the answer of /asterisk/after holds what a dialplan could stumble over");
        }
        let pairs = line.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text: &str| url::form_urlencoded::parse(text.as_bytes()).next().map(|(text, _)| text.into_owned());
            (decoded(name).unwrap_or_default(), decoded(value).unwrap_or_default())
        });
        let attributes: Vec<(String, String)> = pairs.collect();
        let name = attributes.iter().find(|(name, _)| name == "next").map(|(_, next)| next.clone()).unwrap_or_default();
        Element { name, attributes, ..Element::default() }
    }

    async fn at_the_desk(&mut self, verb: &Element) -> Result<Stay, EndedBy> {
        let limit = verb.attribute("timeout").and_then(|seconds| seconds.parse().ok()).map_or(Duration::MAX, Duration::from_secs);
        let stay = |outcome| Ok(Stay { outcome, caller_left: outcome == "caller-left" });
        let (patience, talks) = match self.options.desk {
            Desk::Full if verb.name == "queue" => return stay("queue-full"),
            Desk::Full => return stay("busy"),
            Desk::Broken => return stay("failed"),
            Desk::Answers { after, talks } => (after, Some(talks)),
            Desk::Nobody { after } => (after, None),
        };
        let talks = talks.filter(|_| patience <= limit);
        if !self.wait(patience.min(limit)).await? {
            return stay("caller-left");
        }
        let Some(talks) = talks else { return stay("no-answer") };
        self.account.happens(Happening::Desk("answers"));
        // A conversation that the caller ends was a conversation.
        let caller_left = !self.wait(talks).await?;
        Ok(Stay { outcome: "answered", caller_left })
    }

    /// `false`: the caller has hung up.
    async fn wait(&mut self, length: Duration) -> Result<bool, EndedBy> {
        match wait(length, self.deadline(), &mut self.commands, &self.account).await {
            Wait::Over => Ok(true),
            Wait::HungUp => Ok(false),
            Wait::Dropped => Err(EndedBy::Dropped),
            Wait::Limit => Err(EndedBy::Limit),
        }
    }

    fn deadline(&self) -> Instant {
        self.account.began() + self.options.limit
    }
}
