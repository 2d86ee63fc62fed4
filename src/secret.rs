//! What of the configuration nobody may see. Stands outside the rooms: several of them hold one.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret of the configuration: overwritten when it goes, never shown, not even in the error of a configuration that cannot be read.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret.
    pub fn new(secret: impl Into<String>) -> Secret {
        Secret(secret.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// In a time that does not tell where they differ.
impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// By hand, because an error of the derived one quotes what it found: a token of digits alone, written without quotes.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

struct Text;

impl Text {
    fn unquoted<E: Error>() -> E {
        E::custom("a secret has to be text: put it in double quotes")
    }
}

impl Visitor<'_> for Text {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text in double quotes")
    }

    fn visit_str<E: Error>(self, secret: &str) -> Result<Secret, E> {
        Ok(Secret::new(secret))
    }

    fn visit_string<E: Error>(self, secret: String) -> Result<Secret, E> {
        Ok(Secret(secret))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        Err(Text::unquoted())
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Secret, E> {
        Err(Text::unquoted())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        Err(Text::unquoted())
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Secret, E> {
        Err(Text::unquoted())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        Err(Text::unquoted())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        Err(Text::unquoted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_quotes_a_secret() {
        for written in ["1234567890123456", "-1234567890123456", "0.1234567890123456", "true"] {
            let error = serde_json::from_str::<Secret>(written).unwrap_err().to_string();
            assert!(!error.contains(written) && error.contains("double quotes"), "{error}");
        }
        assert_eq!(serde_json::from_str::<Secret>("\"0123\"").unwrap().expose(), "0123");
    }
}
