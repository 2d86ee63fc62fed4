use std::collections::BTreeMap;

use serde::Deserialize;

use super::{AddressError, PublicAddress};
use crate::secret::Secret;
use crate::transport::Limits;

/// The `[twilio]` part of the configuration, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where Twilio reaches this server, such as `https://bot.example.com`. Left out: the transport serves this machine alone, on the
    /// address that the server listens on.
    pub public_address: Option<String>,
    /// The account's auth token, which signs requests by default.
    pub auth_token: Option<Secret>,
    /// Shared keys that sign webhooks instead of the auth token, secret by key id (twilio.com/docs/usage/webhooks/webhook-shared-keys).
    /// Several, so that keys can be changed while calls come in.
    pub shared_keys: BTreeMap<String, Secret>,
    /// What a connection may do.
    pub limits: Limits,
}

/// Settings that do not hold together, named by their key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The address cannot be used.
    #[error("twilio.public_address {0}")]
    Address(AddressError),
    /// A public address without a secret: everybody could call.
    #[error(
        "twilio.public_address is set, but neither twilio.auth_token nor twilio.shared_keys: without a secret no request can be told from a forgery"
    )]
    NoSecret,
    /// A secret without an address: signatures cannot be checked.
    #[error("twilio.auth_token or twilio.shared_keys is set, but not twilio.public_address: signatures are made over it")]
    NoAddress,
    /// An empty secret.
    #[error("{0} is empty")]
    Empty(String),
    /// A limit that lets nothing through.
    #[error("twilio.limits.{0} has to be above zero")]
    Limit(&'static str),
}

impl Settings {
    /// Checks what is written. `Some` address: requests are signed. `None`: this machine alone.
    pub fn check(&self) -> Result<Option<PublicAddress>, SettingsError> {
        self.limits.check().map_err(SettingsError::Limit)?;
        if self.auth_token.as_ref().is_some_and(|token| token.expose().is_empty()) {
            return Err(SettingsError::Empty("twilio.auth_token".into()));
        }
        if let Some((id, _)) = self.shared_keys.iter().find(|(_, key)| key.expose().is_empty()) {
            return Err(SettingsError::Empty(format!("twilio.shared_keys.{id}")));
        }
        let signed = self.auth_token.is_some() || !self.shared_keys.is_empty();
        let address = self.public_address.as_deref().map(PublicAddress::parse).transpose().map_err(SettingsError::Address)?;
        match address {
            Some(address) if !signed && !address.is_loopback() => {
                let _ = address;
                Err(SettingsError::NoSecret)
            }
            None if signed => Err(SettingsError::NoAddress),
            address => Ok(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: serde_json::Value) -> Result<bool, String> {
        let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        settings.check().map(|address| address.is_some()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_public_address_needs_a_secret_and_a_secret_an_address() {
        assert_eq!(check(serde_json::json!({})), Ok(false));
        assert_eq!(check(serde_json::json!({"public_address": "https://bot.example.com", "auth_token": "t"})), Ok(true));
        assert_eq!(check(serde_json::json!({"public_address": "http://127.0.0.1:8080"})), Ok(true));
        assert!(check(serde_json::json!({"public_address": "https://bot.example.com"})).unwrap_err().contains("forgery"));
        assert!(check(serde_json::json!({"auth_token": "t"})).unwrap_err().contains("not twilio.public_address"));
        assert!(
            check(serde_json::json!({"public_address": "https://b.example", "auth_token": ""}))
                .unwrap_err()
                .contains("auth_token is empty")
        );
        assert!(check(serde_json::json!({"auth_tokn": "t"})).unwrap_err().contains("unknown field"));
        let limits = serde_json::json!({"limits": {"messages_per_second": 0}});
        assert!(check(limits).unwrap_err().contains("twilio.limits.messages_per_second"));
    }

    #[test]
    fn debug_output_hides_secrets() {
        let settings = Settings { auth_token: Some(Secret::new("s3cret")), ..Settings::default() };
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
