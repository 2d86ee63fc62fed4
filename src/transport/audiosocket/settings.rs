use std::net::SocketAddr;

use serde::Deserialize;

/// The `[asterisk.audiosocket]` part of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether Asterisk may bring calls in this way.
    pub enabled: bool,
    /// Address and port that Asterisk connects to. The protocol has no authentication and no encryption: an address of this machine, or of a
    /// network that Asterisk and this machine alone are in.
    pub listen: SocketAddr,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { enabled: false, listen: SocketAddr::from(([127, 0, 0, 1], 9092)) }
    }
}
