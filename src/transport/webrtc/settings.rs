use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

use crate::secret::Secret;

/// The `[webrtc]` part of the configuration, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether browsers can call at all.
    pub enabled: bool,
    /// The address of all media, over UDP and over TCP. Port 0: any that is free.
    pub listen: SocketAddr,
    /// How callers reach that address from outside: addresses, with a port where another than ours is forwarded. Left out: `listen`.
    pub public_addresses: Vec<String>,
    /// TURN servers for callers whose network lets nothing else through.
    pub turn: Vec<Turn>,
    /// How connections are found and kept.
    pub ice: Ice,
    /// How long nothing may come from a caller before they count as gone, in milliseconds; what is being recorded ends there.
    pub lapse_ms: u64,
    /// How long a caller who is gone may take to come back, in seconds.
    pub return_seconds: u64,
}

/// A TURN server that takes time-limited credentials (coturn: `use-auth-secret`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Its addresses, such as `turn:turn.example.com:3478?transport=udp` or `turns:turn.example.com:443?transport=tcp`.
    pub urls: Vec<String>,
    /// The secret it shares with us (coturn: `static-auth-secret`).
    pub shared_secret: Secret,
    /// How long a credential is good, in minutes.
    #[serde(default = "twelve_hours")]
    pub minutes: u64,
}

fn twelve_hours() -> u64 {
    720
}

/// Interactive Connectivity Establishment (RFC 8445).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ice {
    /// ICE-lite: never check, only answer checks. For servers with a public address of their own.
    pub lite: bool,
    /// How long a path may be silent before the connection counts as disconnected, in seconds.
    pub disconnected_seconds: u64,
    /// How long it may be silent before it is given up, in seconds.
    pub failed_seconds: u64,
    /// How often a path is checked, in milliseconds. The answers show that a silent caller is there.
    pub keepalive_ms: u64,
}

impl Default for Ice {
    fn default() -> Ice {
        Ice { lite: false, disconnected_seconds: 15, failed_seconds: 25, keepalive_ms: 400 }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            enabled: true,
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            public_addresses: Vec::new(),
            turn: Vec::new(),
            ice: Ice::default(),
            lapse_ms: 1500,
            return_seconds: 15,
        }
    }
}

/// Settings that do not hold together, named by their key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Not an address.
    #[error(
        "webrtc.public_addresses: `{0}` is neither an IP address nor one with a port, such as 203.0.113.5 or 203.0.113.5:443"
    )]
    Address(String),
    /// Nowhere to send callers to.
    #[error(
        "webrtc.listen {0} is every address of this machine: say with webrtc.public_addresses which of them callers can reach"
    )]
    Unspecified(SocketAddr),
    /// An address that nobody can reach.
    #[error("webrtc.public_addresses: `{0}` is no address that callers can reach")]
    Unreachable(String),
    /// An address of a family that is not listened on.
    #[error("webrtc.public_addresses: `{0}` is IPv6, but webrtc.listen is IPv4: listen on [::] to serve both")]
    Family(String),
    /// Not a TURN address.
    #[error("webrtc.turn.urls: `{0}` is not of the form turn:host:port?transport=udp")]
    TurnUrl(String),
    /// A server without an address.
    #[error("webrtc.turn.urls is empty: name at least one address of the server")]
    NoTurnUrl,
    /// An empty secret.
    #[error("webrtc.turn.shared_secret is empty")]
    NoSecret,
    /// A number outside its bounds.
    #[error("{key} is {value}: write a number from {least} to {most}")]
    Range {
        /// The key.
        key: &'static str,
        /// What is written.
        value: u64,
        /// The least there may be.
        least: u64,
        /// The most there may be.
        most: u64,
    },
    /// Given up before it is missed.
    #[error("webrtc.ice.failed_seconds has to be more than webrtc.ice.disconnected_seconds")]
    FailedBeforeDisconnected,
}

impl Settings {
    /// Checks what is written.
    ///
    /// # Errors
    /// [`SettingsError`] names the key and says what to write.
    pub fn check(&self) -> Result<(), SettingsError> {
        let ranges = [
            ("webrtc.lapse_ms", self.lapse_ms, 1000, 2000),
            ("webrtc.return_seconds", self.return_seconds, 1, 300),
            ("webrtc.ice.keepalive_ms", self.ice.keepalive_ms, 100, self.lapse_ms / 2),
            ("webrtc.ice.disconnected_seconds", self.ice.disconnected_seconds, 1, 3600),
            ("webrtc.ice.failed_seconds", self.ice.failed_seconds, 1, 3600),
        ];
        let minutes = self.turn.iter().map(|turn| ("webrtc.turn.minutes", turn.minutes, 5, 7 * 24 * 60));
        for (key, value, least, most) in ranges.into_iter().chain(minutes) {
            if !(least..=most).contains(&value) {
                return Err(SettingsError::Range { key, value, least, most });
            }
        }
        if self.ice.failed_seconds <= self.ice.disconnected_seconds {
            return Err(SettingsError::FailedBeforeDisconnected);
        }
        for turn in &self.turn {
            if turn.urls.is_empty() {
                return Err(SettingsError::NoTurnUrl);
            }
            if let Some(url) = turn.urls.iter().find(|url| !is_turn_url(url)) {
                return Err(SettingsError::TurnUrl(url.clone()));
            }
            if turn.shared_secret.expose().is_empty() {
                return Err(SettingsError::NoSecret);
            }
        }
        // Any port: only whether the addresses can be used.
        self.candidates(self.listen.port().max(1)).map(|_| ())
    }

    /// The addresses that callers are told, when the media listen on `port`.
    pub(super) fn candidates(&self, port: u16) -> Result<Vec<SocketAddr>, SettingsError> {
        if self.public_addresses.is_empty() {
            if self.listen.ip().is_unspecified() {
                return Err(SettingsError::Unspecified(self.listen));
            }
            return Ok(vec![SocketAddr::new(self.listen.ip(), port)]);
        }
        let mut addresses = BTreeSet::new();
        for written in &self.public_addresses {
            let address =
                written.parse::<SocketAddr>().or_else(|_| written.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port)));
            let address = address.map_err(|_| SettingsError::Address(written.clone()))?;
            if address.ip().is_unspecified() || address.ip().is_multicast() || address.port() == 0 {
                return Err(SettingsError::Unreachable(written.clone()));
            }
            if address.is_ipv6() && self.listen.is_ipv4() {
                return Err(SettingsError::Family(written.clone()));
            }
            addresses.insert(address);
        }
        Ok(addresses.into_iter().collect())
    }

    pub(super) fn lapse(&self) -> Duration {
        Duration::from_millis(self.lapse_ms)
    }

    pub(super) fn give_up(&self) -> Duration {
        Duration::from_secs(self.return_seconds)
    }
}

/// RFC 7065, as far as we use it. It goes into a header, so nothing that could end one.
fn is_turn_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("turn:").or_else(|| url.strip_prefix("turns:")) else { return false };
    let (host, query) = rest.split_once('?').map_or((rest, None), |(host, query)| (host, Some(query)));
    let clean = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    !host.is_empty() && clean && query.is_none_or(|query| matches!(query, "transport=udp" | "transport=tcp"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: serde_json::Value) -> Result<(), String> {
        let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        settings.check().map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        let turn = |value: serde_json::Value| serde_json::json!({"turn": [value]});
        for (settings, wanted) in [
            (serde_json::json!({"listen": "0.0.0.0:8081"}), "webrtc.public_addresses"),
            (serde_json::json!({"public_addresses": ["bot.example.com"]}), "`bot.example.com`"),
            (serde_json::json!({"public_addresses": ["0.0.0.0"]}), "can reach"),
            (serde_json::json!({"public_addresses": ["2001:db8::1"]}), "[::]"),
            (serde_json::json!({"lapse_ms": 10}), "webrtc.lapse_ms is 10"),
            (serde_json::json!({"return_seconds": 0}), "webrtc.return_seconds is 0"),
            (serde_json::json!({"ice": {"keepalive_ms": 5000}}), "webrtc.ice.keepalive_ms"),
            (serde_json::json!({"ice": {"failed_seconds": 5}}), "webrtc.ice.failed_seconds"),
            (serde_json::json!({"ice": {"light": true}}), "unknown field"),
            (turn(serde_json::json!({"urls": ["stun:x"], "shared_secret": "s"})), "webrtc.turn.urls"),
            (turn(serde_json::json!({"urls": ["turn:x>;rel=evil"], "shared_secret": "s"})), "webrtc.turn.urls"),
            (turn(serde_json::json!({"urls": [], "shared_secret": "s"})), "webrtc.turn.urls is empty"),
            (turn(serde_json::json!({"urls": ["turn:x"], "shared_secret": ""})), "webrtc.turn.shared_secret is empty"),
            (turn(serde_json::json!({"urls": ["turn:x"], "shared_secret": "s", "minutes": 1})), "webrtc.turn.minutes"),
        ] {
            let error = check(settings.clone()).unwrap_err();
            assert!(error.contains(wanted), "{settings}: {error}");
        }
    }

    #[test]
    fn what_can_be_used_is_taken() {
        for settings in [
            serde_json::json!({}),
            serde_json::json!({"listen": "127.0.0.1:0"}),
            serde_json::json!({"listen": "[::]:8081", "public_addresses": ["203.0.113.5", "2001:db8::1", "203.0.113.6:443"]}),
            serde_json::json!({"turn": [{"urls": ["turns:turn.example.com:443?transport=tcp"], "shared_secret": "s"}]}),
        ] {
            assert_eq!(check(settings.clone()), Ok(()), "{settings}");
        }
        let settings = Settings { public_addresses: vec!["203.0.113.5".into(), "203.0.113.5:443".into()], ..Settings::default() };
        let candidates: Vec<String> = settings.candidates(9000).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(candidates, ["203.0.113.5:443", "203.0.113.5:9000"]);
    }

    #[test]
    fn secrets_are_not_shown() {
        let settings = serde_json::json!({"turn": [{"urls": ["turn:x"], "shared_secret": "s3cret"}]});
        let settings: Settings = serde_json::from_value(settings).unwrap();
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
