use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use url::{Host, Url};

use crate::secret::Secret;

/// A recogniser on another machine: `[speech.remote.NAME]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteSettings {
    /// How it is spoken to.
    pub protocol: Protocol,
    /// Where it is: `wss://…` for vosk-server, `https://…/v1` for OpenAI's interface.
    pub address: Address,
    /// Whether its operator keeps what it hears, for whatever time and reason. There is no default: somebody has to have asked.
    pub retains_audio: bool,
    /// Which of its models; for OpenAI's interface alone, which needs one.
    pub model: Option<String>,
    /// For models that give no times but how sure they are of each piece, as `gpt-4o-transcribe` does; for OpenAI's interface alone.
    #[serde(default)]
    pub logprobs: bool,
    /// What it wants to see as `Authorization: Bearer …`.
    pub token: Option<Secret>,
    /// How long after the end of an utterance its answer may come, in milliseconds; later, the next recogniser is asked.
    #[serde(default = "answer_ms")]
    pub answer_ms: NonZeroU64,
    /// How many utterances it hears at once.
    #[serde(default = "at_once")]
    pub at_once: NonZeroUsize,
}

impl RemoteSettings {
    /// How long after the end of an utterance its answer may come.
    pub fn answer_limit(&self) -> Duration {
        Duration::from_millis(self.answer_ms.get())
    }
}

fn answer_ms() -> NonZeroU64 {
    NonZeroU64::MIN.saturating_add(1_499)
}

fn at_once() -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(15)
}

/// How a remote recogniser is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// The WebSocket of [vosk-server](https://github.com/alphacep/vosk-server): hears while the caller speaks.
    VoskServer,
    /// `POST …/audio/transcriptions` as [OpenAI](https://platform.openai.com/docs/api-reference/audio/createTranscription) has it, and many servers of one's own:
    /// hears an utterance as a whole.
    #[serde(rename = "openai")]
    OpenAi,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Protocol::VoskServer => "vosk-server",
            Protocol::OpenAi => "openai",
        }
    }

    fn schemes(self) -> [&'static str; 2] {
        match self {
            Protocol::VoskServer => ["wss", "ws"],
            Protocol::OpenAi => ["https", "http"],
        }
    }
}

/// Where a remote recogniser is. Never shown with what may be secret in it: names and passwords are refused, and its query is left out.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn read(text: &str) -> Result<Address, String> {
        let url = Url::parse(text).map_err(|error| format!("it is no address: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it holds a name or a password: write those as `token`, which is never shown".to_owned());
        }
        if url.host().is_none() {
            return Err("it names no machine".to_owned());
        }
        Ok(Address(url))
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// Whether others could listen to what goes there: it is not encrypted and leaves this machine.
    pub fn is_overheard(&self) -> bool {
        let here = match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        !here && matches!(self.0.scheme(), "ws" | "http")
    }
}

/// The machine and its port.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.host_str().unwrap_or_default())?;
        self.0.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        Address::read(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A remote recogniser that cannot be used, named by its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteSettingsError {
    /// A name that the environment could not set, or that a model could have.
    #[error("speech.remote.{0}: a name is made of a-z, 0-9 and single _, and begins with a letter, such as our_own")]
    Name(String),
    /// The address does not fit the protocol.
    #[error("speech.remote.{name}.address begins with {scheme}://; {protocol} is spoken over {fits}://")]
    Scheme {
        /// The remote recogniser.
        name: String,
        /// What was written.
        scheme: String,
        /// How it is spoken to.
        protocol: &'static str,
        /// What would fit.
        fits: &'static str,
    },
    /// It has to say which model.
    #[error("speech.remote.{0} has no model: write the name that its server has for one, such as model = \"whisper-1\"")]
    NoModel(String),
    /// A vosk-server has one model and cannot be asked for another.
    #[error("speech.remote.{0}.model: a vosk-server has the model it was started with; take the line away")]
    ModelUnknown(String),
    /// It always says how sure it is.
    #[error("speech.remote.{0}.logprobs: a vosk-server is not asked for them; take the line away")]
    NoLogprobs(String),
    /// A token that no header can hold.
    #[error("speech.remote.{0}.token holds a line break or another control character: write it on one line")]
    Token(String),
    /// It would be waited for until there is no time left to ask another.
    #[error(
        "speech.remote.{name}.answer_ms is {answer_ms}: write less than speech.recognition.time_limit_ms ({limit_ms}), after which nobody waits for any recogniser"
    )]
    Patience {
        /// The remote recogniser.
        name: String,
        /// How long its answer may come.
        answer_ms: u64,
        /// How long any may.
        limit_ms: u64,
    },
    /// Nobody asks it.
    #[error("speech.remote.{0} hears no language: name it under speech.recognisers, such as nl = [\"{0}\", \"whisper-base\"]")]
    Unused(String),
}

/// Whether every remote recogniser can be used.
///
/// # Errors
/// [`RemoteSettingsError`] names the first that cannot.
pub(in crate::speech) fn check(
    remotes: &BTreeMap<String, RemoteSettings>,
    recognisers: &BTreeMap<String, Vec<String>>,
    limit: Duration,
) -> Result<(), RemoteSettingsError> {
    for (name, remote) in remotes {
        if !is_name(name) {
            return Err(RemoteSettingsError::Name(name.clone()));
        }
        let [fits, _] = remote.protocol.schemes();
        let scheme = remote.address.url().scheme();
        if !remote.protocol.schemes().contains(&scheme) {
            let (name, scheme, protocol) = (name.clone(), scheme.to_owned(), remote.protocol.name());
            return Err(RemoteSettingsError::Scheme { name, scheme, protocol, fits });
        }
        match (remote.protocol, &remote.model) {
            (Protocol::OpenAi, None) => return Err(RemoteSettingsError::NoModel(name.clone())),
            (Protocol::VoskServer, _) if remote.logprobs => return Err(RemoteSettingsError::NoLogprobs(name.clone())),
            (Protocol::VoskServer, Some(_)) => return Err(RemoteSettingsError::ModelUnknown(name.clone())),
            _ => {}
        }
        if remote.token.as_ref().is_some_and(|token| token.expose().chars().any(char::is_control)) {
            return Err(RemoteSettingsError::Token(name.clone()));
        }
        if remote.answer_limit() >= limit {
            let (answer_ms, limit_ms) = (remote.answer_ms.get(), limit.as_millis() as u64);
            return Err(RemoteSettingsError::Patience { name: name.clone(), answer_ms, limit_ms });
        }
        if !recognisers.values().flatten().any(|asked| asked == name) {
            return Err(RemoteSettingsError::Unused(name.clone()));
        }
    }
    Ok(())
}

/// `__` would be another level where it comes from the environment; the names of models have a hyphen.
fn is_name(name: &str) -> bool {
    let known = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    known && name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.contains("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(name: &str, text: &str) -> Result<(), String> {
        let settings: RemoteSettings = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let remotes = BTreeMap::from([(name.to_owned(), settings)]);
        let asked = BTreeMap::from([("nl".to_owned(), vec![name.to_owned()])]);
        check(&remotes, &asked, Duration::from_secs(4)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_used_says_where_and_what_to_write() {
        let good = r#"{"protocol": "vosk-server", "address": "wss://asr.example.org:2700", "retains_audio": false}"#;
        assert_eq!(remote("ours", good), Ok(()));
        assert!(["whisper-base", "Ours", "a__b"].iter().all(|name| remote(name, good).unwrap_err().contains("such as our_own")));
        for (text, says) in [
            (r#"{"protocol": "vosk-server", "address": "wss://asr.example.org"}"#, "retains_audio"),
            (
                r#"{"protocol": "vosk-server", "address": "https://asr.example.org", "retains_audio": false}"#,
                "spoken over wss://",
            ),
            (
                r#"{"protocol": "openai", "address": "wss://asr.example.org", "retains_audio": false, "model": "m"}"#,
                "over https://",
            ),
            (r#"{"protocol": "openai", "address": "https://asr.example.org/v1", "retains_audio": false}"#, "has no model"),
            (
                r#"{"protocol": "vosk-server", "address": "ws://[::1]", "retains_audio": false, "model": "m"}"#,
                "take the line away",
            ),
            (r#"{"protocol": "openai", "address": "https://me:geheim@asr.example.org", "retains_audio": false}"#, "`token`"),
            (r#"{"protocol": "grpc", "address": "https://asr.example.org", "retains_audio": false}"#, "vosk-server"),
            (r#"{"protocol": "vosk-server", "address": "asr", "retains_audio": false}"#, "no address"),
            (r#"{"protocol": "vosk-server", "address": "ws://a", "retains_audio": false, "answer_ms": 0}"#, "nonzero"),
            (r#"{"protocol": "vosk-server", "address": "ws://a", "retains_audio": false, "answer_ms": 4000}"#, "less than"),
            (r#"{"protocol": "vosk-server", "address": "ws://a", "retains_audio": false, "token": "a\nb"}"#, "one line"),
        ] {
            let error = remote("ours", text).unwrap_err();
            assert!(error.contains(says) && !error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn one_that_nobody_asks_is_a_mistake() {
        let text = r#"{"protocol": "vosk-server", "address": "ws://a", "retains_audio": false}"#;
        let remotes = BTreeMap::from([("ours".to_owned(), serde_json::from_str(text).unwrap())]);
        assert_eq!(
            check(&remotes, &BTreeMap::new(), Duration::from_secs(4)),
            Err(RemoteSettingsError::Unused("ours".to_owned()))
        );
    }

    #[test]
    fn an_address_is_shown_without_what_may_be_secret() {
        let address = Address::read("wss://asr.example.org:2700/listen?key=geheim").unwrap();
        assert_eq!((address.to_string().as_str(), format!("{address:?}").contains("geheim")), ("asr.example.org:2700", false));
    }

    #[test]
    fn what_goes_over_a_network_in_plain_can_be_overheard() {
        let overheard = |text: &str| Address::read(text).unwrap().is_overheard();
        assert!(overheard("ws://asr.example.org") && overheard("http://10.0.0.8:8000/v1"));
        assert!(!overheard("ws://localhost:2700") && !overheard("http://127.0.0.1/v1") && !overheard("wss://asr.example.org"));
    }
}
