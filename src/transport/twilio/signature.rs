//! Whether a request comes from Twilio: `X-Twilio-Signature`, made over the public address and the form of the request with the account's
//! auth token (HMAC-SHA-1), or with a shared key that `X-Twilio-Webhooks-Signature-Settings` names (HMAC-SHA-1 or HMAC-SHA-256).
//!
//! The text that is signed: the whole address, then for every parameter by name, and for every different value of it in order, name and
//! value without anything between (twilio.com/docs/usage/webhooks/webhooks-security). What happens where the documentation is silent
//! (repeated parameters, an algorithm in lower case) follows Twilio's own library for Python, 9.13.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use axum::http::{HeaderMap, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use super::address::Kind;
use super::{PublicAddress, Secret, Settings, SettingsError};
use crate::transport::basic_auth::from_this_machine;

/// Where the signature stands.
pub const SIGNATURE: &str = "x-twilio-signature";
/// Where the key and the algorithm stand, if it is not the auth token and SHA-1: `key=…,algorithm=HMAC_SHA256`.
pub const SIGNATURE_SETTINGS: &str = "x-twilio-webhooks-signature-settings";

/// Why a request was turned away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// No signature.
    #[error("the request has no X-Twilio-Signature")]
    Missing,
    /// The key is not configured.
    #[error("the request is signed with a shared key that is not in twilio.shared_keys")]
    UnknownKey,
    /// Signed with the auth token, which is not configured.
    #[error("the request is signed with the auth token, and twilio.auth_token is not set")]
    NoAuthToken,
    /// Neither HMAC_SHA1 nor HMAC_SHA256.
    #[error("the request is signed with an algorithm that this version does not know")]
    UnknownAlgorithm,
    /// The signature is not the one that this address, form and key give.
    #[error(
        "the signature does not match: twilio.public_address has to be the address that Twilio was given, and the secret the account's"
    )]
    Mismatch,
    /// Nothing is configured and the request is not from this machine.
    #[error("without twilio.public_address and a secret, only this machine may call")]
    NotThisMachine,
}

impl SignatureError {
    /// A label for the count.
    fn label(&self) -> &'static str {
        match self {
            SignatureError::Missing => "missing",
            SignatureError::UnknownKey => "unknown-key",
            SignatureError::NoAuthToken => "no-auth-token",
            SignatureError::UnknownAlgorithm => "unknown-algorithm",
            SignatureError::Mismatch => "mismatch",
            SignatureError::NotThisMachine => "not-this-machine",
        }
    }
}

/// A signature's algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-1: the default.
    Sha1,
    /// HMAC with SHA-256.
    Sha256,
}

/// The door of every Twilio route.
#[derive(Clone, Debug)]
pub struct Gate {
    address: PublicAddress,
    trust: Trust,
}

#[derive(Clone, Debug)]
enum Trust {
    Signed { auth_token: Option<Secret>, shared_keys: BTreeMap<String, Secret> },
    ThisMachine,
}

impl Gate {
    /// From checked settings. Without an address and a secret only this machine is let in, and Twilio's answers point at `listening`.
    pub fn new(settings: &Settings, listening: &PublicAddress) -> Result<Gate, SettingsError> {
        let address = settings.check()?;
        let signed = settings.auth_token.is_some() || !settings.shared_keys.is_empty();
        let trust = if signed {
            Trust::Signed { auth_token: settings.auth_token.clone(), shared_keys: settings.shared_keys.clone() }
        } else {
            Trust::ThisMachine
        };
        Ok(Gate { address: address.unwrap_or_else(|| listening.clone()), trust })
    }

    /// The address that Twilio is given.
    pub fn address(&self) -> &PublicAddress {
        &self.address
    }

    /// Whether only this machine is let in: to be said at the start.
    pub fn is_this_machine_alone(&self) -> bool {
        matches!(self.trust, Trust::ThisMachine)
    }

    /// Checks the upgrade to a WebSocket.
    pub fn check_stream(&self, peer: IpAddr, headers: &HeaderMap, uri: &Uri) -> Result<(), SignatureError> {
        self.check(Kind::Stream, peer, headers, uri, &[])
    }

    /// Checks a webhook with the parameters of its form.
    pub fn check_webhook(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        uri: &Uri,
        parameters: &[(String, String)],
    ) -> Result<(), SignatureError> {
        self.check(Kind::Webhook, peer, headers, uri, parameters)
    }

    fn check(
        &self,
        kind: Kind,
        peer: IpAddr,
        headers: &HeaderMap,
        uri: &Uri,
        parameters: &[(String, String)],
    ) -> Result<(), SignatureError> {
        let result = match &self.trust {
            Trust::Signed { auth_token, shared_keys } => {
                self.check_signed(kind, headers, uri, parameters, auth_token.as_ref(), shared_keys)
            }
            Trust::ThisMachine => {
                if from_this_machine(peer, headers) {
                    Ok(())
                } else {
                    Err(SignatureError::NotThisMachine)
                }
            }
        };
        let label = result.as_ref().err().map_or("accepted", SignatureError::label);
        metrics::counter!("candor_twilio_requests_total", "result" => label).increment(1);
        result
    }

    fn check_signed(
        &self,
        kind: Kind,
        headers: &HeaderMap,
        uri: &Uri,
        parameters: &[(String, String)],
        auth_token: Option<&Secret>,
        shared_keys: &BTreeMap<String, Secret>,
    ) -> Result<(), SignatureError> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let signature = text(SIGNATURE).ok_or(SignatureError::Missing)?;
        let (key, algorithm) = read_settings(text(SIGNATURE_SETTINGS).unwrap_or_default())?;
        let secret = match key {
            // Ids are no secrets, and a configuration from the environment has them in lower case.
            Some(id) => {
                let named = shared_keys.iter().find(|(known, _)| known.eq_ignore_ascii_case(id));
                named.map(|(_, secret)| secret).ok_or(SignatureError::UnknownKey)?
            }
            None => auth_token.ok_or(SignatureError::NoAuthToken)?,
        };
        let path_and_query = uri.path_and_query().map_or(uri.path(), |both| both.as_str());
        // All variants are computed and compared, so that the time taken does not tell which one nearly matched.
        let variants = self.address.variants(kind, path_and_query);
        let matches = variants.iter().fold(Choice::from(0), |matches, address| {
            matches | sign(secret, algorithm, address, parameters).as_bytes().ct_eq(signature.as_bytes())
        });
        if bool::from(matches) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

/// Key id and algorithm of a `X-Twilio-Webhooks-Signature-Settings`; nothing there means the auth token and SHA-1.
fn read_settings(header: &str) -> Result<(Option<&str>, Algorithm), SignatureError> {
    let part = |wanted: &str| {
        let parts = header.split(',').filter_map(|part| part.split_once('='));
        parts.map(|(name, value)| (name.trim(), value.trim())).find(|(name, value)| *name == wanted && !value.is_empty())
    };
    let algorithm = match part("algorithm").map(|(_, algorithm)| algorithm.to_ascii_uppercase()).as_deref() {
        None | Some("HMAC_SHA1") => Algorithm::Sha1,
        Some("HMAC_SHA256") => Algorithm::Sha256,
        Some(_) => return Err(SignatureError::UnknownAlgorithm),
    };
    Ok((part("key").map(|(_, key)| key), algorithm))
}

/// The signature of a request to `address` with the `parameters` of its form, in base64.
pub fn sign(secret: &Secret, algorithm: Algorithm, address: &str, parameters: &[(String, String)]) -> String {
    let ordered: BTreeSet<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let parts = || std::iter::once(address).chain(ordered.iter().flat_map(|(name, value)| [*name, *value]));
    match algorithm {
        Algorithm::Sha1 => STANDARD.encode(mac::<Hmac<Sha1>>(secret, parts())),
        Algorithm::Sha256 => STANDARD.encode(mac::<Hmac<Sha256>>(secret, parts())),
    }
}

fn mac<'a, M: Mac + KeyInit>(secret: &Secret, parts: impl Iterator<Item = &'a str>) -> Vec<u8> {
    // RFC 2104, section 2: keys of any length.
    #[allow(clippy::expect_used)]
    let mut mac = <M as KeyInit>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    parts.for_each(|part| mac.update(part.as_bytes()));
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_the_reference_library_reads_them() {
        assert_eq!(read_settings(""), Ok((None, Algorithm::Sha1)));
        assert_eq!(read_settings("key=k1,algorithm=HMAC_SHA256"), Ok((Some("k1"), Algorithm::Sha256)));
        assert_eq!(read_settings(" key = k1 , algorithm = hmac_sha256 "), Ok((Some("k1"), Algorithm::Sha256)));
        assert_eq!(read_settings("key=k=1"), Ok((Some("k=1"), Algorithm::Sha1)));
        assert_eq!(read_settings("algorithm="), Ok((None, Algorithm::Sha1)));
        assert_eq!(read_settings("algorithm=X,algorithm=HMAC_SHA256"), Err(SignatureError::UnknownAlgorithm));
    }
}
