//! A lookup at a service, as it was written.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::Entries;

/// How long one try may take when nothing is written.
pub const TIME_LIMIT: Duration = Duration::from_secs(3);
/// How long one try may take at most: a caller waits meanwhile.
pub const LONGEST_TIME_LIMIT: Duration = Duration::from_secs(10);
/// How often it is tried again at most.
pub const MOST_RETRIES: u32 = 3;

/// Looks something up over HTTP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fetch {
    /// The address. `{name}` is a value of `[lookups]` in the server's configuration, never what a caller gave: addresses end up in logs.
    #[schemars(with = "String")]
    pub url: Spanned<String>,
    /// `post`, or `get`, which can send nothing. Left out: `post` when something is sent.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::method")]
    pub method: Option<Spanned<String>>,
    /// Headers, with the same names in braces.
    #[serde(default)]
    #[schemars(with = "Entries<String>")]
    pub headers: Entries<Spanned<String>>,
    /// What goes in the JSON body: slots, and fields of earlier results (`order.id`).
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub send: Vec<Spanned<String>>,
    /// The name of the result.
    #[schemars(with = "String")]
    pub into: Spanned<String>,
    /// The fields that are taken from the JSON answer, each with its kind: `text`, `flag` or `number`.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::takes")]
    pub takes: Entries<Spanned<String>>,
    /// How long one try may take: `3 s`, `500 ms`.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::time_limit")]
    pub time_limit: Option<Spanned<String>>,
    /// How often it is tried again; once when nothing is written.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::retries")]
    pub retries: Option<Spanned<u32>>,
    /// The prompt that is said while it is looked up.
    #[schemars(with = "Option<String>")]
    pub wait: Option<Spanned<String>>,
    /// The state to go to when there is no such thing (404); left out: as for `failed`.
    #[schemars(with = "Option<String>")]
    pub missing: Option<Spanned<String>>,
    /// The state to go to when it fails, is late, or lacks a field.
    #[schemars(with = "String")]
    pub failed: Spanned<String>,
}

impl Fetch {
    /// How long one try may take, as written or as it is when nothing is.
    pub fn time_limit(&self) -> Duration {
        self.time_limit.as_ref().and_then(|limit| read_time_limit(&limit.value)).unwrap_or(TIME_LIMIT)
    }

    /// How often it is tried again.
    pub fn retries(&self) -> u32 {
        self.retries.as_ref().map_or(1, |retries| retries.value.min(MOST_RETRIES))
    }

    /// The names in braces of its address and headers, each where it stands.
    pub fn configured(&self) -> impl Iterator<Item = (&Spanned<String>, &str)> {
        let templates = std::iter::once(&self.url).chain(self.headers.iter().map(|(_, value)| value));
        templates.flat_map(|template| names_in(&template.value).into_iter().map(move |name| (template, name)))
    }
}

/// `3 s` or `500 ms`: more than nothing, at most [`LONGEST_TIME_LIMIT`].
pub fn read_time_limit(text: &str) -> Option<Duration> {
    let (number, unit) = text.trim().split_once(' ')?;
    let number: u64 = number.parse().ok()?;
    let limit = match unit.trim() {
        "s" => Duration::from_secs(number),
        "ms" => Duration::from_millis(number),
        _ => return None,
    };
    (limit > Duration::ZERO && limit <= LONGEST_TIME_LIMIT).then_some(limit)
}

/// The names in braces of an address or a header: `{orders_api}/orders` has `orders_api`.
pub fn names_in(template: &str) -> Vec<&str> {
    let after = template.split('{').skip(1);
    after.filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

/// What a name of `send` or of a condition means: a slot (`order_number`) or a field of a result (`order.id`).
pub fn read_reference(text: &str) -> (&str, Option<&str>) {
    match text.split_once('.') {
        Some((result, field)) => (result, Some(field)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_has_a_unit_and_an_end() {
        assert_eq!(read_time_limit("3 s"), Some(Duration::from_secs(3)));
        assert_eq!(read_time_limit("500 ms"), Some(Duration::from_millis(500)));
        assert_eq!(read_time_limit("10 s"), Some(LONGEST_TIME_LIMIT));
        for text in ["", "3", "3s", "0 s", "11 s", "10001 ms", "1 minute", "-1 s", "99999999999999999999 s"] {
            assert_eq!(read_time_limit(text), None, "{text}");
        }
    }

    #[test]
    fn names_stand_in_braces() {
        assert_eq!(names_in("{orders_api}/orders/{kind}?x=1"), ["orders_api", "kind"]);
        assert!(names_in("https://example.org/").is_empty());
        assert!(names_in("{open").is_empty());
    }
}
