//! Addresses and headers with `{name}` in them, filled with the configuration's values.

use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::Settings;

/// Why nothing that can be sent comes of a template. It shows the template, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A name without a value.
    #[error("`{template}` names what [lookups] does not have, or a `{{` is not closed in it")]
    Unknown {
        /// As it was written.
        template: String,
    },
    /// What comes of it is no address.
    #[error("{} no address of `{template}`: it has to begin with https:// or http://, and hold no blanks", those(.template, "makes"))]
    Address {
        /// As it was written.
        template: String,
    },
    /// What comes of it is no header.
    #[error("{} no header of `{name}: {template}`: a header is letters, digits and signs of ASCII", those(.template, "makes"))]
    Header {
        /// The header's name.
        name: String,
        /// As it was written.
        template: String,
    },
}

/// The settings that a template names, as a subject.
fn those(template: &str, does: &str) -> String {
    let names: Vec<String> = crate::dialog::file::names_in(template).iter().map(|name| format!("lookups.{name}")).collect();
    if names.is_empty() { format!("the dialog {does}") } else { format!("{} {does}", names.join(" with ")) }
}

/// The address that comes of a template.
pub(super) fn address(template: &str, values: &Settings) -> Result<Url, TemplateError> {
    let filled = fill(template, values)?;
    let url = Url::parse(&filled).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| TemplateError::Address { template: template.to_owned() })
}

/// The header that comes of a template; whoever shows it sees no value.
pub(super) fn header(name: &str, template: &str, values: &Settings) -> Result<(HeaderName, HeaderValue), TemplateError> {
    let filled = fill(template, values)?;
    let unusable = || TemplateError::Header { name: name.to_owned(), template: template.to_owned() };
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
    // A type of HTTP takes more than ASCII, and each side reads it as it likes.
    let mut value = HeaderValue::from_str(&filled).ok().filter(|_| filled.is_ascii()).ok_or_else(unusable)?;
    value.set_sensitive(true);
    Ok((header, value))
}

fn fill(template: &str, values: &Settings) -> Result<Zeroizing<String>, TemplateError> {
    let unknown = || TemplateError::Unknown { template: template.to_owned() };
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or_else(unknown)?;
        parts.extend([before, values.get(name).ok_or_else(unknown)?]);
        rest = after;
    }
    parts.push(rest);
    // At once and into room for all of it: no shorter copy of a secret stays behind.
    Ok(Zeroizing::new(parts.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn values() -> Settings {
        let values = [("api", "https://a.example/{token}"), ("token", "t-1"), ("odd", "naïef")];
        values.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect()
    }

    #[test]
    fn names_are_filled_and_values_are_not_looked_into() {
        let filled = |template: &str| fill(template, &values()).map(|filled| filled.to_string());
        assert_eq!(filled("{api}/orders").as_deref(), Ok("https://a.example/{token}/orders"));
        assert_eq!(filled("Bearer {token}{token}").as_deref(), Ok("Bearer t-1t-1"));
        assert_eq!(filled("plain").as_deref(), Ok("plain"));
        for unknown in ["{unknown}", "{token", "{}"] {
            assert_eq!(filled(unknown), Err(TemplateError::Unknown { template: unknown.to_owned() }));
        }
    }

    #[test]
    fn what_cannot_be_sent_is_told_without_its_values() {
        let error = address("{token}/orders", &values()).unwrap_err().to_string();
        assert!(error.contains("lookups.token") && !error.contains("t-1"), "{error}");
        let error = header("authorization", "Bearer {odd}", &values()).unwrap_err().to_string();
        assert!(error.contains("lookups.odd") && error.contains("authorization") && !error.contains("naïef"), "{error}");
        assert!(address("mailto:a@b.example", &values()).is_err());
        let (_, value) = header("authorization", "Bearer {token}", &values()).unwrap();
        assert!(!format!("{value:?}").contains("t-1"));
    }
}
