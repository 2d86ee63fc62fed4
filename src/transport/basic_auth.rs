//! Whether a request comes from a phone system that shows a name and a password (RFC 7617), or, where none is set, from this machine.

use std::fmt;
use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::secret::Secret;

/// Headers that a proxy adds: a request that has one does not come from this machine, whatever its address says.
const FORWARDED: [HeaderName; 4] =
    [header::FORWARDED, HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("x-real-ip"), header::VIA];

/// Whether a request comes from a program of this machine: not through a proxy.
pub(in crate::transport) fn from_this_machine(peer: IpAddr, headers: &HeaderMap) -> bool {
    peer.to_canonical().is_loopback() && !FORWARDED.iter().any(|header| headers.contains_key(header))
}

/// Why a request was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No name and password.
    #[error("the request has no `Authorization: Basic …` with the username and the password")]
    Missing,
    /// Not these.
    #[error("the username or the password is not the configured one")]
    Wrong,
    /// Nothing is configured and the request is not from this machine.
    #[error("without a password, only this machine may call")]
    NotThisMachine,
    /// Nothing is configured and the request is a web page's.
    #[error("without a password, no web page may call")]
    WebPage,
}

impl AuthError {
    /// A label for the count.
    pub fn label(self) -> &'static str {
        match self {
            AuthError::Missing => "missing",
            AuthError::Wrong => "wrong",
            AuthError::NotThisMachine => "not-this-machine",
            AuthError::WebPage => "web-page",
        }
    }
}

/// The door of routes that a phone system asks.
#[derive(Clone)]
pub struct BasicAuth {
    /// The hash of `name:password`: hashes are compared, whose time tells nothing of how much was right, nor how long it is.
    expected: Option<[u8; 32]>,
}

/// Never shows the hash.
impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth").field("is_this_machine_alone", &self.is_this_machine_alone()).finish()
    }
}

impl BasicAuth {
    /// Lets in who shows `username` and `password`. Without a password, this machine alone.
    pub fn new(username: &str, password: Option<&Secret>) -> BasicAuth {
        BasicAuth { expected: password.map(|password| hash(format!("{username}:{}", password.expose()).as_bytes())) }
    }

    /// Whether only this machine is let in: to be said at the start.
    pub fn is_this_machine_alone(&self) -> bool {
        self.expected.is_none()
    }

    /// Checks a request of `peer`.
    pub fn check(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), AuthError> {
        let Some(expected) = &self.expected else {
            // Any page in a browser of this machine can ask it, and says so.
            if headers.contains_key(header::ORIGIN) {
                return Err(AuthError::WebPage);
            }
            return if from_this_machine(peer, headers) { Ok(()) } else { Err(AuthError::NotThisMachine) };
        };
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or(AuthError::Missing)?;
        let (scheme, credentials) = shown.split_once(' ').ok_or(AuthError::Missing)?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(AuthError::Missing);
        }
        let shown = STANDARD.decode(credentials.trim()).map_err(|_| AuthError::Missing)?;
        if hash(&shown).ct_eq(expected).into() { Ok(()) } else { Err(AuthError::Wrong) }
    }
}

fn hash(credentials: &[u8]) -> [u8; 32] {
    Sha256::digest(credentials).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1";
    const ELSEWHERE: &str = "192.0.2.7";

    fn check(auth: &BasicAuth, peer: &str, pairs: &[(&'static str, &str)]) -> Result<(), AuthError> {
        let headers = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        auth.check(peer.parse().unwrap(), &headers)
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    #[test]
    fn with_a_password_whoever_shows_it_is_let_in_from_anywhere() {
        let auth = BasicAuth::new("asterisk", Some(&Secret::new("correct horse battery")));
        assert!(!auth.is_this_machine_alone());
        let shown = |credentials: &str| check(&auth, ELSEWHERE, &[("authorization", &basic(credentials))]);
        assert_eq!(shown("asterisk:correct horse battery"), Ok(()));
        let lower = basic("asterisk:correct horse battery").replace("Basic", "basic");
        assert_eq!(check(&auth, ELSEWHERE, &[("authorization", &lower), ("via", "1.1 proxy")]), Ok(()));
        for wrong in ["asterisk:correct horse batter", "asterisk:", "", ":", "other:correct horse battery", "asterisk"] {
            assert_eq!(shown(wrong), Err(AuthError::Wrong), "{wrong}");
        }
        for none in ["", "Basic", "Basic %%%", "Bearer abc", "Digest x"] {
            assert_eq!(check(&auth, HERE, &[("authorization", none)]), Err(AuthError::Missing), "{none}");
        }
        assert_eq!(check(&auth, HERE, &[]), Err(AuthError::Missing), "this machine as well");
    }

    #[test]
    fn without_a_password_this_machine_alone_is_let_in() {
        let auth = BasicAuth::new("asterisk", None);
        assert!(auth.is_this_machine_alone());
        for here in [HERE, "::1", "127.9.9.9", "::ffff:127.0.0.1"] {
            assert_eq!(check(&auth, here, &[]), Ok(()));
        }
        assert_eq!(check(&auth, ELSEWHERE, &[]), Err(AuthError::NotThisMachine));
        for header in ["forwarded", "x-forwarded-for", "x-real-ip", "via"] {
            assert_eq!(check(&auth, HERE, &[(header, "x")]), Err(AuthError::NotThisMachine), "{header}");
        }
        assert_eq!(check(&auth, HERE, &[("origin", "https://evil.example")]), Err(AuthError::WebPage));
    }

    #[test]
    fn debug_output_holds_no_password() {
        let shown = format!("{:?}", BasicAuth::new("asterisk", Some(&Secret::new("correct horse battery"))));
        assert_eq!(shown, "BasicAuth { is_this_machine_alone: false }");
    }
}
