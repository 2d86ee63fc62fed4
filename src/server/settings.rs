//! The configuration: one commented `candor.toml`, each key also as an environment variable with `__` between levels.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;

use super::proxies::ProxyHeader;
use super::{limits, tls};
use crate::{handover, lookup, session, speech, transport};

/// All settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[server]`
    pub server: ServerSettings,
    /// `[storage]`
    pub storage: StorageSettings,
    /// `[dialogs]`
    pub dialogs: DialogSettings,
    /// `[prompts]`
    pub prompts: PromptSettings,
    /// `[session]`
    pub session: session::Settings,
    /// `[speech]`
    pub speech: speech::Settings,
    /// `[handover]`
    pub handover: handover::Settings,
    /// `[desk]`
    pub desk: handover::desk::Settings,
    /// `[twilio]`
    pub twilio: transport::twilio::Settings,
    /// `[asterisk]`
    pub asterisk: transport::asterisk::Settings,
    /// `[webrtc]`
    pub webrtc: transport::webrtc::Settings,
    /// `[lookups]`
    pub lookups: lookup::Settings,
    /// `[log]`
    pub log: LogSettings,
}

/// Where the server listens, and to whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Address and port.
    pub listen: SocketAddr,
    /// Where browsers reach this server, such as `https://calls.example.com`; absent: wherever they say they do, as their `Host`.
    pub public_address: Option<String>,
    /// Other origins whose pages may bring calls, such as `https://www.example.com`.
    pub allowed_origins: Vec<String>,
    /// Proxies that say whom they forward for: networks, or single addresses.
    pub trusted_proxies: Vec<String>,
    /// Where they say it.
    pub proxy_header: ProxyHeader,
    /// TLS of our own; absent: plain HTTP, for this machine or a proxy.
    pub tls: Option<tls::Settings>,
    /// What one address, and everybody together, may ask.
    pub limits: limits::Settings,
}

impl Default for ServerSettings {
    fn default() -> Self {
        ServerSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_address: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            tls: None,
            limits: limits::Settings::default(),
        }
    }
}

/// Where everything that is kept lies.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSettings {
    /// The folder of all data.
    pub folder: PathBuf,
    /// How many days after its end a session's ledger is deleted; absent: never.
    pub ledger_days: Option<u32>,
}

impl Default for StorageSettings {
    fn default() -> Self {
        StorageSettings { folder: "data".into(), ledger_days: None }
    }
}

/// The dialogs and how calls find theirs.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DialogSettings {
    /// The folder of dialog files.
    pub folder: PathBuf,
    /// The dialog of a call that no route claims; with one dialog in the folder it need not be named.
    pub default: Option<String>,
    /// Which called number leads where.
    pub routes: Vec<Route>,
}

impl Default for DialogSettings {
    fn default() -> Self {
        DialogSettings { folder: "dialogs".into(), default: None, routes: Vec::new() }
    }
}

/// One called number.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// As the phone system writes it: `+31201234567`.
    pub number: String,
    /// The phone system that the number belongs to; absent: whichever.
    pub transport: Option<RouteTransport>,
    /// The dialog.
    pub dialog: String,
    /// The language callers of this number have chosen by calling it; absent: the dialog's default, and the others are offered.
    pub language: Option<String>,
}

/// A phone system whose calls say which number was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteTransport {
    /// Twilio.
    Twilio,
    /// Asterisk, however its sound comes.
    Asterisk,
}

/// The texts.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromptSettings {
    /// The folder of texts and recorded prompts, a folder in it per language.
    pub folder: PathBuf,
    /// Where the sound of rendered prompts is kept, by content; absent: `prompts` in the storage folder. Servers may share it.
    pub rendered: Option<PathBuf>,
}

impl Default for PromptSettings {
    fn default() -> Self {
        PromptSettings { folder: "prompts".into(), rendered: None }
    }
}

/// What the server writes on standard error.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// `text` for people, `json` for machines.
    pub format: LogFormat,
    /// Which lines, in the language of `tracing`: `info`, `candor=debug`, …
    pub level: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        LogSettings { format: LogFormat::Text, level: "info".into() }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// A line to read.
    Text,
    /// A JSON object a line.
    Json,
}

/// Settings that cannot be used: which, where, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

impl Config {
    /// Reads `file` (which must exist when it was asked for by name) and the environment over it.
    ///
    /// # Errors
    /// [`SettingsError`] names the key, where it was set, and the nearest key there is.
    pub fn read(file: &Path, required: bool) -> Result<Config, SettingsError> {
        if required && !file.is_file() {
            return Err(SettingsError(format!("there is no configuration at {}; name one with --config FILE", file.display())));
        }
        // Variables without `__` belong to scripts around the server.
        let environment = Env::prefixed("CANDOR_").filter(|key| key.as_str().contains("__")).split("__");
        let mut figment = Figment::new();
        if file.is_file() {
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment.merge(environment);
        figment.extract().map_err(|error| SettingsError(error.into_iter().map(explain).collect::<Vec<_>>().join("\n")))
    }
}

fn explain(error: figment::Error) -> String {
    let source = error.metadata.as_ref().map_or("the configuration".to_owned(), |metadata| match &metadata.source {
        Some(figment::Source::File(path)) => path.display().to_string(),
        _ => format!("the environment ({})", metadata.name),
    });
    let parent = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(field, known) => {
            let section = parent.strip_suffix(field.as_str()).unwrap_or(&parent).trim_end_matches('.');
            let full = |name: &str| if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
            let nearest = known.iter().max_by(|a, b| strsim::jaro_winkler(a, field).total_cmp(&strsim::jaro_winkler(b, field)));
            let hint = nearest.map_or(String::new(), |name| format!("; the nearest there is: `{}`", full(name)));
            format!("{source}: unknown key `{}`{hint}", full(field))
        }
        kind if parent.is_empty() => format!("{source}: {kind}"),
        kind => format!("{source}: `{parent}`: {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("candor.toml");
        std::fs::write(&file, text).unwrap();
        Config::read(&file, true)
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        let error = read("[server]\nlisten_on = '127.0.0.1:1'\n").unwrap_err().to_string();
        assert!(
            error.contains("candor.toml") && error.contains("`server.listen_on`") && error.contains("`server.listen`"),
            "{error}"
        );
        let error = read("[speech.espeak]\nrat = 150\n").unwrap_err().to_string();
        assert!(error.contains("`speech.espeak.rate`"), "{error}");
    }

    #[test]
    fn a_wrong_type_names_its_key() {
        let error = read("[session]\nmax_calls = 'many'\n").unwrap_err().to_string();
        assert!(error.contains("`session.max_calls`"), "{error}");
    }

    #[test]
    fn limits_and_certificates_that_cannot_be_used_are_named() {
        let error = read("[server.limits]\ncalls_per_minute = 0\n").unwrap_err().to_string();
        assert!(error.contains("`server.limits.calls_per_minute`"), "{error}");
        let error = read("[server.tls]\ncertificate = 'tls.crt'\n").unwrap_err().to_string();
        assert!(error.contains("`server.tls") && error.contains("key"), "{error}");
        let error = read("[server]\nproxy_header = 'x-real-ip'\n").unwrap_err().to_string();
        assert!(error.contains("`server.proxy_header`") && error.contains("forwarded"), "{error}");
    }

    #[test]
    fn the_sample_configuration_can_be_read() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("candor.toml");
        Config::read(&sample, true).unwrap();
    }

    #[test]
    fn a_file_that_was_asked_for_must_be_there() {
        assert!(Config::read(Path::new("nowhere.toml"), true).is_err());
        assert!(Config::read(Path::new("nowhere.toml"), false).is_ok());
    }
}
