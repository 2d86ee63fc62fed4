use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::{Host, Url};

use super::recorder::{RecorderPlan, RecorderSettings};
use crate::secret::Secret;

/// How long an order may take, when nothing else is written: longer, and a caller wonders whether anybody is there.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// The least that a secret has: it lets its holder do anything with calls.
const SECRET_LENGTH: usize = 16;

/// How Candor gives orders to Asterisk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// It gives none: the dialplan asks what is next when the agent's leg has ended.
    #[default]
    Dialplan,
    /// By the manager interface, over TCP.
    Ami,
    /// By the REST interface; callers are in a Stasis application.
    Ari,
}

impl Via {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Via::Dialplan => "dialplan",
            Via::Ami => "ami",
            Via::Ari => "ari",
        }
    }
}

/// The `[asterisk.control]` part of the configuration, as written.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlSettings {
    /// By which interface.
    pub via: Via,
    /// Where it is. AMI: `127.0.0.1:5038` or `tls://pbx.example.com:5039`; ARI: `http://127.0.0.1:8088` or `https://…`, with Asterisk's prefix if it has one.
    pub address: Option<String>,
    /// The user of `manager.conf` or `ari.conf`.
    pub username: Option<String>,
    /// Its secret.
    pub secret: Option<Secret>,
    /// A file with the certificate that signed Asterisk's, PEM; for one that the authorities of this machine do not vouch for.
    pub certificate: Option<PathBuf>,
    /// How long an order may take, such as `2s`.
    pub time_limit: Option<String>,
    /// The context that a caller goes to who is handed over; `candor-handover` if left out.
    pub context: Option<String>,
    /// The extension there; `s` if left out.
    pub extension: Option<String>,
    /// The priority there; 1 if left out.
    pub priority: Option<u32>,
    /// ARI: the name of the Stasis application; `candor` if left out. Each Candor beside one Asterisk needs its own.
    pub app: Option<String>,
    /// ARI: the section of `websocket_client.conf` by which Asterisk connects the agent; `candor` if left out.
    pub websocket_client: Option<String>,
}

/// The interface alone: an address may have been written with a password in it.
impl fmt::Debug for ControlSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlSettings").field("via", &self.via).finish_non_exhaustive()
    }
}

/// A setting that cannot hold, named by its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// It is not what it has to be.
    #[error("asterisk.{key} {expected}")]
    Malformed {
        /// The key under `[asterisk]`.
        key: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// It is needed by the chosen interface.
    #[error("asterisk.{key} is missing: asterisk.control.via = \"{via}\" needs {what}")]
    Missing {
        /// The key under `[asterisk]`.
        key: &'static str,
        /// The interface.
        via: &'static str,
        /// What to write.
        what: &'static str,
    },
    /// It would do nothing.
    #[error("asterisk.{key} does nothing with asterisk.control.via = \"{via}\": take it out, or choose another via")]
    Unused {
        /// The key under `[asterisk]`.
        key: &'static str,
        /// The interface.
        via: &'static str,
    },
}

pub(super) fn malformed(key: &'static str, expected: &'static str) -> SettingsError {
    SettingsError::Malformed { key, expected }
}

/// Checked settings, ready for [`Control::start`](super::Control::start).
#[derive(Clone, Debug)]
pub struct ControlPlan {
    pub(super) way: WayPlan,
    pub(super) place: Place,
    pub(super) time_limit: Duration,
    pub(super) recorder: RecorderPlan,
}

/// Where and as whom.
#[derive(Clone, Debug)]
pub(super) enum WayPlan {
    Dialplan,
    Ami(AmiPlan),
    Ari(AriPlan),
}

/// An AMI that can be connected to.
#[derive(Clone, Debug)]
pub(super) struct AmiPlan {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    pub(super) access: Access,
}

/// An ARI that can be asked.
#[derive(Clone, Debug)]
pub(super) struct AriPlan {
    /// Ends with `/ari/`.
    pub(super) base: Url,
    pub(super) access: Access,
    pub(super) app: String,
    pub(super) websocket_client: String,
}

/// As whom, and what else both interfaces need.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) username: String,
    pub(super) secret: Secret,
    pub(super) certificate: Option<PathBuf>,
}

/// A place in the dialplan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) context: String,
    pub(super) extension: String,
    pub(super) priority: u32,
}

impl Place {
    /// The function of the dialplan that tells whether the place is there. What it is made of holds no comma and no bracket.
    pub(super) fn exists(&self) -> String {
        format!("DIALPLAN_EXISTS({},{},{})", self.context, self.extension, self.priority)
    }
}

impl ControlSettings {
    /// Checks both parts of the configuration together.
    ///
    /// # Errors
    /// [`SettingsError`] names the key.
    pub fn check(&self, recorder: &RecorderSettings) -> Result<ControlPlan, SettingsError> {
        self.no_key_is_idle()?;
        let way = match self.via {
            Via::Dialplan => WayPlan::Dialplan,
            Via::Ami => WayPlan::Ami(self.ami()?),
            Via::Ari => WayPlan::Ari(self.ari()?),
        };
        let time_limit = match self.time_limit.as_deref().map(time_limit) {
            Some(None) => return Err(malformed("control.time_limit", "has to be between 200ms and 10s, such as 2s")),
            Some(Some(limit)) => limit,
            None => TIME_LIMIT,
        };
        Ok(ControlPlan { way, place: self.place()?, time_limit, recorder: recorder.check(self.via)? })
    }

    fn no_key_is_idle(&self) -> Result<(), SettingsError> {
        let written = [
            ("control.address", self.address.is_some()),
            ("control.username", self.username.is_some()),
            ("control.secret", self.secret.is_some()),
            ("control.certificate", self.certificate.is_some()),
            ("control.time_limit", self.time_limit.is_some()),
            ("control.context", self.context.is_some()),
            ("control.extension", self.extension.is_some()),
            ("control.priority", self.priority.is_some()),
        ];
        let of_ari = [("control.app", self.app.is_some()), ("control.websocket_client", self.websocket_client.is_some())];
        let idle = match self.via {
            Via::Dialplan => written.into_iter().chain(of_ari).find(|(_, there)| *there),
            Via::Ami => of_ari.into_iter().find(|(_, there)| *there),
            Via::Ari => None,
        };
        idle.map_or(Ok(()), |(key, _)| Err(SettingsError::Unused { key, via: self.via.as_str() }))
    }

    fn place(&self) -> Result<Place, SettingsError> {
        let context = self.context.as_deref().unwrap_or("candor-handover");
        let extension = self.extension.as_deref().unwrap_or("s");
        let priority = self.priority.unwrap_or(1);
        let expected = "has to be 1 to 79 of letters, digits and _.+*#-, as it stands in extensions.conf";
        if !is_in_a_dialplan(context) {
            return Err(malformed("control.context", expected));
        }
        if !is_in_a_dialplan(extension) {
            return Err(malformed("control.extension", expected));
        }
        if !(1..=9_999).contains(&priority) {
            return Err(malformed("control.priority", "has to be a number from 1 to 9999"));
        }
        Ok(Place { context: context.to_owned(), extension: extension.to_owned(), priority })
    }

    fn access(&self, file: &'static str) -> Result<Access, SettingsError> {
        let via = self.via.as_str();
        let missing = |key, what| SettingsError::Missing { key, via, what };
        let username = self.username.clone().ok_or_else(|| missing("control.username", file))?;
        let secret = self.secret.clone().ok_or_else(|| missing("control.secret", file))?;
        if username.is_empty() || username.len() > 79 || !username.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(malformed("control.username", "has to be 1 to 79 letters, digits and signs without spaces and colons"));
        }
        if secret.expose().chars().count() < SECRET_LENGTH
            || secret.expose().len() > 256
            || secret.expose().chars().any(char::is_control)
        {
            return Err(malformed("control.secret", "has to be 16 to 256 characters: who has it can do anything with calls"));
        }
        Ok(Access { username, secret, certificate: self.certificate.clone() })
    }

    fn address(&self, what: &'static str) -> Result<&str, SettingsError> {
        let missing = || SettingsError::Missing { key: "control.address", via: self.via.as_str(), what };
        self.address.as_deref().ok_or_else(missing)
    }

    fn ami(&self) -> Result<AmiPlan, SettingsError> {
        let written = self.address("the address of the manager interface, such as 127.0.0.1:5038")?;
        let wrong = || malformed("control.address", "has to be HOST:PORT or tls://HOST:PORT, such as 127.0.0.1:5038");
        let (tls, rest) = written.strip_prefix("tls://").map_or((false, written), |rest| (true, rest));
        let url = Url::parse(&format!("ami://{rest}")).map_err(|_| wrong())?;
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|host| !host.is_empty());
        let (Some(host), true, "" | "/") = (host, bare, url.path()) else { return Err(wrong()) };
        if self.certificate.is_some() && !tls {
            return Err(malformed("control.certificate", "needs an address that begins with tls://"));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port().unwrap_or(if tls { 5_039 } else { 5_038 });
        Ok(AmiPlan { host, port, tls, access: self.access("a user of manager.conf, with its secret")? })
    }

    fn ari(&self) -> Result<AriPlan, SettingsError> {
        let written = self.address("the address of Asterisk's HTTP server, such as http://127.0.0.1:8088")?;
        let wrong =
            || malformed("control.address", "has to be http://HOST:PORT or https://HOST:PORT, without a name, a password or a ?");
        let mut base = Url::parse(written).map_err(|_| wrong())?;
        let bare = base.username().is_empty() && base.password().is_none() && base.query().is_none() && base.fragment().is_none();
        if !matches!(base.scheme(), "http" | "https") || !bare || !base.has_host() {
            return Err(wrong());
        }
        if self.certificate.is_some() && base.scheme() != "https" {
            return Err(malformed("control.certificate", "needs an address that begins with https://"));
        }
        let path = format!("{}/ari/", base.path().trim_end_matches('/'));
        base.set_path(&path);
        let app = self.app.as_deref().unwrap_or("candor").to_owned();
        let websocket_client = self.websocket_client.as_deref().unwrap_or("candor").to_owned();
        let expected = "has to be 1 to 40 of a-z, A-Z, 0-9, _ and -";
        if !is_a_name(&app) {
            return Err(malformed("control.app", expected));
        }
        if !is_a_name(&websocket_client) {
            return Err(malformed("control.websocket_client", expected));
        }
        Ok(AriPlan { base, access: self.access("a user of ari.conf, with its password")?, app, websocket_client })
    }
}

impl ControlPlan {
    /// Whether others could read the orders on their way, and with them what callers gave: they are not encrypted and leave this machine.
    pub fn is_overheard(&self) -> bool {
        match &self.way {
            WayPlan::Dialplan => false,
            WayPlan::Ami(ami) => !ami.tls && !is_here(&ami.host),
            WayPlan::Ari(ari) => ari.base.scheme() == "http" && !ari.base.host_str().is_some_and(is_here),
        }
    }
}

fn is_here(host: &str) -> bool {
    match Host::parse(host).or_else(|_| Host::parse(&format!("[{host}]"))) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

fn is_in_a_dialplan(name: &str) -> bool {
    (1..=79).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.+*#-".contains(&byte))
}

fn is_a_name(name: &str) -> bool {
    (1..=40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn time_limit(text: &str) -> Option<Duration> {
    let span: jiff::SignedDuration = text.parse().ok()?;
    let limit = Duration::try_from(span).ok()?;
    (Duration::from_millis(200)..=Duration::from_secs(10)).contains(&limit).then_some(limit)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(control: Value) -> Result<ControlPlan, String> {
        let control: ControlSettings = serde_json::from_value(control).map_err(|error| error.to_string())?;
        control.check(&RecorderSettings::default()).map_err(|error| error.to_string())
    }

    fn ami(more: Value) -> Value {
        let mut settings = json!({"via": "ami", "address": "127.0.0.1:5038", "username": "candor", "secret": "0123456789abcdef"});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        settings
    }

    #[test]
    fn nothing_written_means_the_dialplan_alone() {
        let plan = check(json!({})).unwrap();
        assert!(matches!(plan.way, WayPlan::Dialplan) && !plan.is_overheard());
        assert_eq!(plan.time_limit, Duration::from_secs(2));
        assert_eq!(plan.place.exists(), "DIALPLAN_EXISTS(candor-handover,s,1)");
    }

    #[test]
    fn a_manager_is_named_by_host_and_port() {
        let plan = |address: &str| match check(ami(json!({"address": address}))).unwrap().way {
            WayPlan::Ami(ami) => (ami.host, ami.port, ami.tls),
            other => panic!("{other:?}"),
        };
        assert_eq!(plan("127.0.0.1:5038"), ("127.0.0.1".into(), 5038, false));
        assert_eq!(plan("pbx.example.com"), ("pbx.example.com".into(), 5038, false));
        assert_eq!(plan("tls://pbx.example.com"), ("pbx.example.com".into(), 5039, true));
        assert_eq!(plan("[::1]:7"), ("::1".into(), 7, false));
    }

    #[test]
    fn a_rest_interface_is_named_by_an_address_with_or_without_a_prefix() {
        let plan = |address: &str| match check(ami(json!({"via": "ari", "address": address}))).unwrap().way {
            WayPlan::Ari(ari) => (ari.base.to_string(), ari.app, ari.websocket_client),
            other => panic!("{other:?}"),
        };
        let names = ("candor".to_owned(), "candor".to_owned());
        assert_eq!(plan("http://127.0.0.1:8088"), ("http://127.0.0.1:8088/ari/".into(), names.0.clone(), names.1.clone()));
        assert_eq!(plan("https://pbx.example.com/pbx/"), ("https://pbx.example.com/pbx/ari/".into(), names.0, names.1));
    }

    #[test]
    fn what_leaves_this_machine_unencrypted_is_known() {
        let overheard = |more| check(ami(more)).unwrap().is_overheard();
        for here in ["127.0.0.1:5038", "localhost:5038", "[::1]:5038", "tls://10.0.0.2:5039"] {
            assert!(!overheard(json!({"address": here})), "{here}");
        }
        assert!(overheard(json!({"address": "10.0.0.2:5038"})));
        assert!(overheard(json!({"via": "ari", "address": "http://10.0.0.2:8088"})));
        assert!(!overheard(json!({"via": "ari", "address": "http://[::1]:8088"})));
    }

    #[test]
    fn what_cannot_hold_is_named_by_its_key() {
        let error = |more| check(ami(more)).unwrap_err();
        assert!(error(json!({"address": "user:word@127.0.0.1"})).starts_with("asterisk.control.address has"));
        assert!(error(json!({"address": "127.0.0.1:5038/path"})).starts_with("asterisk.control.address has"));
        assert!(error(json!({"address": "not a host"})).starts_with("asterisk.control.address has"));
        assert!(error(json!({"via": "ari", "address": "127.0.0.1:8088"})).starts_with("asterisk.control.address has"));
        assert!(error(json!({"secret": "too short"})).starts_with("asterisk.control.secret has"));
        assert!(error(json!({"secret": "0123456789abcdef\r\nAction: Originate"})).starts_with("asterisk.control.secret has"));
        assert!(error(json!({"username": "can\ndor"})).starts_with("asterisk.control.username has"));
        assert!(error(json!({"context": "a,b"})).starts_with("asterisk.control.context has"));
        assert!(error(json!({"extension": ""})).starts_with("asterisk.control.extension has"));
        assert!(error(json!({"priority": 0})).starts_with("asterisk.control.priority has"));
        assert!(error(json!({"time_limit": "1m"})).starts_with("asterisk.control.time_limit has"));
        assert!(error(json!({"certificate": "ca.pem"})).starts_with("asterisk.control.certificate needs"));
        assert!(error(json!({"via": "ari", "address": "http://a", "app": "a,b"})).starts_with("asterisk.control.app has"));
        assert!(error(json!({"adress": "127.0.0.1"})).contains("unknown field `adress`"));
        let missing = check(json!({"via": "ami", "address": "127.0.0.1"})).unwrap_err();
        assert!(missing.starts_with("asterisk.control.username is missing"), "{missing}");
    }

    #[test]
    fn what_would_do_nothing_is_refused() {
        let unused = check(json!({"context": "elsewhere"})).unwrap_err();
        assert!(unused.starts_with("asterisk.control.context does nothing with asterisk.control.via = \"dialplan\""), "{unused}");
        assert!(check(ami(json!({"app": "candor"}))).unwrap_err().starts_with("asterisk.control.app does nothing"));
    }

    #[test]
    fn nothing_shows_the_secret() {
        let settings: ControlSettings = serde_json::from_value(ami(json!({"address": "a:password@b"}))).unwrap();
        assert!(!format!("{settings:?}").contains("password"));
        assert!(!format!("{:?}", check(ami(json!({}))).unwrap()).contains("0123456789abcdef"));
    }
}
