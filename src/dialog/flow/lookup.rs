//! Lookups as the flow and the session speak of them: what is asked ([`Action::Fetch`](super::Action::Fetch)) and what came of it
//! ([`Event::Fetched`](super::Event::Fetched)). The flow knows no address, no secret and no wire: names in braces are filled in by whoever
//! carries a lookup out, from the server's configuration.

use std::time::Duration;

use zeroize::{Zeroize, Zeroizing};

use crate::dialog::file::{Fetch, read_reference};
pub use crate::dialog::known::{Answer, Kind, Value};
use crate::dialog::known::{Known, field_name};

/// One lookup.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The name of the result.
    pub into: String,
    /// The address, with names in braces: `{orders_api}/orders/status`.
    pub url_template: String,
    /// How it is asked.
    pub method: LookupMethod,
    /// The headers, with names in braces: `Bearer {orders_token}`.
    pub header_templates: Vec<(String, String)>,
    /// What is sent as JSON; nothing with [`LookupMethod::Get`].
    pub body: Body,
    /// The fields to take from the JSON answer, for [`Answer::read`].
    pub takes: Vec<(String, Kind)>,
    /// How long one try may take.
    pub time_limit: Duration,
    /// How often it may be tried again after a failure that may pass.
    pub retries: u32,
}

/// How a lookup is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupMethod {
    /// `GET`, without a body.
    Get,
    /// `POST`, with a JSON body.
    Post,
}

/// The pauses between tries may take this long in all, beside the tries themselves.
pub const PAUSES: Duration = Duration::from_secs(2);

impl Lookup {
    /// How long it may take in all: every try to its end, and the pauses between them. Whoever carries it out answers within it; the flow
    /// waits a little longer and then takes it for failed.
    pub fn longest(&self) -> Duration {
        self.time_limit * (self.retries + 1) + PAUSES
    }
}

/// What a lookup sends: names with values of the call. Wiped when dropped, and never shown.
#[derive(Clone, Default, PartialEq)]
pub struct Body(Vec<(String, Value)>);

impl Body {
    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names and values, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// A JSON object, wiped when dropped.
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        // Room for all of it at once, so that growing leaves no copy behind: six bytes for a character that must be escaped.
        let room = |(name, value): &(String, Value)| {
            8 + 6 * name.len() + if let Value::Text(text) = value { 6 * text.len() } else { 32 }
        };
        let mut json = Zeroizing::new(Vec::with_capacity(2 + self.0.iter().map(room).sum::<usize>()));
        json.push(b'{');
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            // Writing to memory cannot fail.
            let _ = serde_json::to_writer(&mut *json, name);
            json.push(b':');
            let _ = match value {
                Value::Text(text) => serde_json::to_writer(&mut *json, text.as_str()),
                Value::Flag(flag) => serde_json::to_writer(&mut *json, flag),
                Value::Number(number) if number.fract() == 0.0 && number.abs() < WHOLE => {
                    serde_json::to_writer(&mut *json, &(*number as i64))
                }
                Value::Number(number) => serde_json::to_writer(&mut *json, number),
            };
        }
        json.push(b'}');
        json
    }
}

/// Below this every whole number is exact.
const WHOLE: f64 = 9_007_199_254_740_992.0;

impl FromIterator<(String, Value)> for Body {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(values: I) -> Body {
        Body(values.into_iter().collect())
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            match value {
                Value::Text(text) => text.zeroize(),
                Value::Number(number) => number.zeroize(),
                Value::Flag(flag) => flag.zeroize(),
            }
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} values)", self.0.len())
    }
}

/// Why a lookup gave nothing. None of them holds what was sent or came back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupFailure {
    /// The service says that there is no such thing (404).
    #[error("there is no such thing")]
    Missing,
    /// It cannot be reached, or says that it cannot answer (5xx).
    #[error("the service cannot be reached or cannot answer")]
    Unavailable,
    /// It did not answer in time.
    #[error("the service did not answer in time")]
    Late,
    /// It refuses the request, with this status.
    #[error("the service refuses the request with status {0}")]
    Refused(u16),
    /// Its answer is not JSON, or too large.
    #[error("the answer cannot be read")]
    Unreadable,
    /// Its answer lacks this field, or has it in another kind.
    #[error("the answer lacks the field `{0}`")]
    LacksField(String),
    /// A value of `[lookups]` that the dialog names is not configured.
    #[error("`{0}` is not configured")]
    NotConfigured(String),
}

impl Lookup {
    /// The lookup of a step, with what is known; `None` when something that is to be sent is not known (the checks see to it that it is).
    pub(super) fn of(fetch: &Fetch, known: &Known) -> Option<Lookup> {
        let mut body = Vec::with_capacity(fetch.send.len());
        for name in &fetch.send {
            body.push(match read_reference(&name.value) {
                (slot, None) => (slot.to_owned(), Value::Text(Zeroizing::new(known.slot(slot)?.to_owned()))),
                (result, Some(field)) => (field_name(result, field), known.results.get(result)?.get(field)?.clone()),
            });
        }
        let written = fetch.method.as_ref().map(|method| method.value.as_str());
        let get = written.map_or(fetch.send.is_empty(), |method| method == "get");
        let takes = fetch.takes.iter().filter_map(|(name, kind)| Some((name.value.clone(), Kind::read(&kind.value)?)));
        Some(Lookup {
            into: fetch.into.value.clone(),
            url_template: fetch.url.value.clone(),
            method: if get { LookupMethod::Get } else { LookupMethod::Post },
            header_templates: fetch.headers.iter().map(|(name, value)| (name.value.clone(), value.value.clone())).collect(),
            body: Body(body),
            takes: takes.collect(),
            time_limit: fetch.time_limit(),
            retries: fetch.retries(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_and_never_shown() {
        let text = |text: &str| Value::Text(Zeroizing::new(text.to_owned()));
        let body: Body = [
            ("order_number".to_owned(), text("04711")),
            ("note".to_owned(), text("a \"quoted\"\nline")),
            ("order_open".to_owned(), Value::Flag(true)),
            ("order_pieces".to_owned(), Value::Number(3.0)),
            ("order_weight".to_owned(), Value::Number(0.5)),
        ]
        .into_iter()
        .collect();
        let json = body.to_json();
        assert_eq!(
            std::str::from_utf8(&json).unwrap(),
            r#"{"order_number":"04711","note":"a \"quoted\"\nline","order_open":true,"order_pieces":3,"order_weight":0.5}"#
        );
        assert_eq!(Body::default().to_json().as_slice(), b"{}");
        assert_eq!(format!("{body:?}"), "Body(5 values)");
    }
}
