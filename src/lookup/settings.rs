use std::collections::BTreeMap;

use serde::Deserialize;

use crate::secret::Secret;

/// The `[lookups]` part of the configuration: the values that a dialog's `fetch` names in its address and its headers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Settings(BTreeMap<String, Secret>);

/// A value that cannot be used, named by its key. The value itself is never shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A name that no dialog could write, or that the environment could not set.
    #[error("lookups.{0}: a name is made of a-z, 0-9 and single _, and begins with a letter, such as orders_api")]
    Name(String),
    /// Nothing there.
    #[error("lookups.{0} is empty: write its value, or take the line away")]
    Empty(String),
    /// A line break or another sign that no address and no header can hold.
    #[error("lookups.{0} holds a line break or another control character: write it on one line")]
    Control(String),
}

impl Settings {
    /// Whether every value can be used.
    ///
    /// # Errors
    /// [`SettingsError`] names the first that cannot.
    pub fn check(&self) -> Result<(), SettingsError> {
        for (name, value) in &self.0 {
            if !is_name(name) {
                return Err(SettingsError::Name(name.clone()));
            }
            if value.expose().is_empty() {
                return Err(SettingsError::Empty(name.clone()));
            }
            if value.expose().chars().any(char::is_control) {
                return Err(SettingsError::Control(name.clone()));
            }
        }
        Ok(())
    }

    /// The names that there are, for checking dialogs.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Secret::expose)
    }
}

/// `__` would be another level where it comes from the environment.
fn is_name(name: &str) -> bool {
    let known = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    known && name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.contains("__")
}

impl FromIterator<(String, Secret)> for Settings {
    fn from_iter<I: IntoIterator<Item = (String, Secret)>>(values: I) -> Settings {
        Settings(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(name: &str, value: &str) -> Settings {
        [(name.to_owned(), Secret::new(value))].into_iter().collect()
    }

    #[test]
    fn what_cannot_be_used_is_named_and_not_shown() {
        for name in ["Orders", "orders-api", "1st", "a__b", ""] {
            assert_eq!(settings(name, "x").check(), Err(SettingsError::Name(name.to_owned())));
        }
        assert_eq!(settings("orders_api2", "x").check(), Ok(()));
        assert_eq!(settings("token", "").check(), Err(SettingsError::Empty("token".to_owned())));
        let error = settings("token", "geheim\n").check().unwrap_err();
        assert!(!error.to_string().contains("geheim") && error.to_string().contains("lookups.token"), "{error}");
    }

    #[test]
    fn values_are_shown_nowhere() {
        let shown = format!("{:?}", settings("orders_token", "geheim"));
        assert!(shown.contains("orders_token") && !shown.contains("geheim"), "{shown}");
    }
}
