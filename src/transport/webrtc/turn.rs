use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha1::Sha1;
use uuid::Uuid;

use super::settings::Turn;

/// A TURN server with a credential for one caller, in the words of `RTCIceServer`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct IceServer {
    /// Its addresses.
    pub urls: Vec<String>,
    /// When the credential ends, in seconds since 1970, and a random name.
    pub username: String,
    /// HMAC-SHA-1 over the username with the shared secret, in Base64.
    pub credential: String,
}

/// Never shows the credential.
impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IceServer({:?})", self.urls)
    }
}

impl IceServer {
    /// A credential that is good from `now` on (draft-uberti-behave-turn-rest-00, section 2.2; coturn: `use-auth-secret`).
    pub(super) fn of(turn: &Turn, now: SystemTime) -> IceServer {
        let until = now + Duration::from_secs(turn.minutes * 60);
        let until = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let username = format!("{until}:{}", Uuid::new_v4().simple());
        // HMAC takes keys of any length.
        let credential = Hmac::<Sha1>::new_from_slice(turn.shared_secret.expose().as_bytes()).map(|mut mac| {
            mac.update(username.as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        });
        IceServer { urls: turn.urls.clone(), username, credential: credential.unwrap_or_default() }
    }

    /// As `Link` headers, one an address (RFC 9725, section 4.6).
    pub fn links(&self) -> impl Iterator<Item = String> + '_ {
        self.urls.iter().map(|url| {
            let IceServer { username, credential, .. } = self;
            format!(r#"<{url}>; rel="ice-server"; username="{username}"; credential="{credential}"; credential-type="password""#)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_credential_is_what_a_turn_server_computes() {
        let turn = serde_json::json!({"urls": ["turn:turn.example.com:3478"], "shared_secret": "north", "minutes": 10});
        let turn: Turn = serde_json::from_value(turn).unwrap();
        let server = IceServer::of(&turn, UNIX_EPOCH + Duration::from_secs(1000));
        assert!(server.username.starts_with("1600:"), "{}", server.username);
        let mut mac = Hmac::<Sha1>::new_from_slice(b"north").unwrap();
        mac.update(server.username.as_bytes());
        assert_eq!(server.credential, STANDARD.encode(mac.finalize().into_bytes()));
        let link = server.links().next().unwrap();
        assert!(link.starts_with(r#"<turn:turn.example.com:3478>; rel="ice-server"; username="1600:"#), "{link}");
        assert!(link.ends_with(r#"credential-type="password""#), "{link}");
        assert!(!format!("{server:?}").contains(&server.credential));
    }
}
