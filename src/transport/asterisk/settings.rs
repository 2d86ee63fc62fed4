use serde::Deserialize;

use crate::secret::Secret;
use crate::transport::basic_auth::BasicAuth;
use crate::transport::{Limits, audiosocket};

/// A password that can be guessed is none.
const PASSWORD_CHARACTERS: usize = 16;

/// The `[asterisk]` part of the configuration, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The name that Asterisk shows, in `websocket_client.conf` and to `CURL`.
    pub username: String,
    /// The password beside it. Left out: this machine alone may call.
    pub password: Option<Secret>,
    /// How Asterisk is asked to report what it has played.
    pub marks: MarkCommand,
    /// What a connection may do.
    pub limits: Limits,
    /// `[asterisk.audiosocket]`
    pub audiosocket: audiosocket::Settings,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            username: "asterisk".into(),
            password: None,
            marks: MarkCommand::default(),
            limits: Limits::default(),
            audiosocket: audiosocket::Settings::default(),
        }
    }
}

/// The command that asks Asterisk to report what it has played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkCommand {
    /// `MARK_MEDIA` where Asterisk knows it, which it is asked at the beginning of each call; the other where not.
    #[default]
    Auto,
    /// `MARK_MEDIA`: 20.18, 22.8, 23.2 and later.
    Mark,
    /// The end of a buffer, which every version reports.
    Buffering,
}

/// Settings that do not hold, named by their key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A name that HTTP's Basic scheme cannot carry.
    #[error("asterisk.username has to be a name without a colon")]
    Username,
    /// A password that can be guessed.
    #[error("asterisk.password has to have {PASSWORD_CHARACTERS} characters or more: `openssl rand -hex 16` makes one")]
    Password,
    /// A limit that lets nothing through.
    #[error("asterisk.limits.{0} has to be above zero")]
    Limit(&'static str),
}

impl Settings {
    /// Checks what is written, and gives who is let in.
    pub fn check(&self) -> Result<BasicAuth, SettingsError> {
        self.limits.check().map_err(SettingsError::Limit)?;
        if self.username.is_empty() || self.username.contains(':') {
            return Err(SettingsError::Username);
        }
        if self.password.as_ref().is_some_and(|password| password.expose().chars().count() < PASSWORD_CHARACTERS) {
            return Err(SettingsError::Password);
        }
        Ok(BasicAuth::new(&self.username, self.password.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(settings: serde_json::Value) -> Result<bool, String> {
        let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
        settings.check().map(|auth| auth.is_this_machine_alone()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_password_opens_it_to_others_and_has_to_be_one() {
        assert_eq!(check(serde_json::json!({})), Ok(true));
        assert_eq!(check(serde_json::json!({"password": "0123456789abcdef", "marks": "buffering"})), Ok(false));
        assert!(check(serde_json::json!({"password": "short"})).unwrap_err().starts_with("asterisk.password "));
        assert!(check(serde_json::json!({"username": "a:b"})).unwrap_err().starts_with("asterisk.username "));
        assert!(check(serde_json::json!({"limits": {"idle": "0s"}})).unwrap_err().contains("asterisk.limits.idle"));
        assert!(check(serde_json::json!({"marks": "sometimes"})).unwrap_err().contains("`buffering`"));
        assert!(check(serde_json::json!({"pasword": "x"})).unwrap_err().contains("unknown field"));
    }

    #[test]
    fn debug_output_hides_the_password() {
        let settings = Settings { password: Some(Secret::new("0123456789abcdef")), ..Settings::default() };
        assert!(!format!("{settings:?}").contains("0123456789abcdef"));
    }
}
