//! The signature that a telephone platform puts on its requests.
//!
//! The HMAC runs over the URL as the platform knows it, followed, for a form, by every parameter's name and value in the
//! order of the names. A WebSocket is signed over its `wss:` URL alone. The older form uses the account's token and SHA-1;
//! the newer one a named shared key and SHA-256, and says so in a header of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};

/// The header that carries the signature, in base64.
pub const SIGNATURE_HEADER: &str = "X-Twilio-Signature";
/// The header that names the key and the algorithm; absent with the older form.
pub const SETTINGS_HEADER: &str = "X-Twilio-Webhooks-Signature-Settings";

/// With what the platform signs its requests.
#[derive(Clone)]
pub enum SigningKey {
    /// The account's token, HMAC-SHA1.
    AuthToken(String),
    /// A named shared key, HMAC-SHA256.
    SharedKey {
        /// The name the header gives, which tells the server which of its keys to take.
        name: String,
        /// The key itself.
        secret: String,
    },
}

impl SigningKey {
    /// The headers (name, value) for a request to `url` with the form `parameters`.
    pub fn headers(&self, url: &str, parameters: &[(String, String)]) -> Vec<(&'static str, String)> {
        let signed = signed_text(url, parameters);
        match self {
            Self::AuthToken(token) => vec![(SIGNATURE_HEADER, hmac_sha1(token, &signed))],
            Self::SharedKey { name, secret } => vec![
                (SIGNATURE_HEADER, hmac_sha256(secret, &signed)),
                (SETTINGS_HEADER, format!("key={name},algorithm=HMAC_SHA256")),
            ],
        }
    }
}

/// The URL followed by the distinct parameters, sorted by name and then by value, without any separator.
fn signed_text(url: &str, parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = parameters.iter().collect();
    sorted.sort();
    sorted.dedup();
    sorted.into_iter().fold(url.to_owned(), |text, (name, value)| text + name + value)
}

fn hmac_sha1(key: &str, text: &str) -> String {
    // HMAC hashes a key that is longer than a block and pads a shorter one: every length is accepted.
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn hmac_sha256(key: &str, text: &str) -> String {
    // As above: every length is accepted.
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(key: &SigningKey, url: &str, parameters: &[(&str, &str)]) -> String {
        let parameters: Vec<_> = parameters.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        key.headers(url, &parameters)[0].1.clone()
    }

    #[test]
    fn sha1_signatures_are_those_of_the_vendors_own_library() {
        let key = SigningKey::AuthToken("12345".into());
        assert_eq!(signature(&key, "wss://bot.example.com/twilio", &[]), "Qo623mTKSBBeQp3YeX1D4pz6VHU=");
        assert_eq!(signature(&key, "wss://bot.example.com/twilio/", &[]), "4XGtFMK60sXSlQd7uOPbnUq0EhA=");
        assert_eq!(signature(&key, "wss://bot.example.com:443/twilio", &[]), "t2eUC+F5OwQWsVxVLA4wrasfR8A=");
        // The parameters are given out of order here: they are signed in the order of their names.
        assert_eq!(
            signature(
                &key,
                "https://bot.example.com/voice",
                &[("To", "+49301234"), ("CallSid", "CA123"), ("From", "+4915112345"),]
            ),
            "kERSjf5ou+e/VekDJmlBaclgDy4="
        );
    }

    #[test]
    fn sha256_signatures_are_those_of_the_vendors_own_library_and_name_the_key() {
        let key = SigningKey::SharedKey { name: "webhooks_sharedkey_1".into(), secret: "12345".into() };
        let headers = key.headers("wss://bot.example.com/twilio", &[]);
        assert_eq!(headers[0].1, "/G5FAt6XzgEvoMfQRN78sxBB6l7Gc1HI/Vsj2lB05jI=");
        assert_eq!(headers[1].1, "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256");
        assert_eq!(
            signature(
                &key,
                "https://bot.example.com/voice",
                &[("To", "+49301234"), ("CallSid", "CA123"), ("From", "+4915112345"),]
            ),
            "tPsfYAXYCSGkZhGSoqyNcup/NHn0z8ILuwoOomhJ/7g="
        );
    }
}
