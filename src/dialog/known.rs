//! What is known of one call: what the caller gave for their task, and what was looked up with it. It leaves memory only to do that task and
//! ends with the session; all of it is wiped when dropped, and none of it is ever shown.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use zeroize::Zeroizing;

/// What the caller gave for their task, by slot name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Slots(BTreeMap<String, Zeroizing<String>>);

impl Slots {
    /// Keeps a value; an earlier one is wiped.
    pub fn insert(&mut self, slot: impl Into<String>, value: impl Into<String>) {
        self.0.insert(slot.into(), Zeroizing::new(value.into()));
    }

    /// Forgets a value.
    pub fn remove(&mut self, slot: &str) {
        self.0.remove(slot);
    }

    /// The value of a slot.
    pub fn get(&self, slot: &str) -> Option<&str> {
        self.0.get(slot).map(|value| value.as_str())
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl FromIterator<(String, String)> for Slots {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(slots: I) -> Slots {
        Slots(slots.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect())
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slots({} set)", self.0.len())
    }
}

/// A field of a result.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// A text, said as it is.
    Text(Zeroizing<String>),
    /// True or false.
    Flag(bool),
    /// A number.
    Number(f64),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Value::Text(_) => "Text(_)",
            Value::Flag(_) => "Flag(_)",
            Value::Number(_) => "Number(_)",
        })
    }
}

/// What a field of a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A text.
    Text,
    /// True or false.
    Flag,
    /// A number.
    Number,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Text, Kind::Flag, Kind::Number];

    /// As it is written in a dialog file.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Flag => "flag",
            Kind::Number => "number",
        }
    }

    /// As it was written.
    pub fn read(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a lookup gave: the fields that the dialog takes, by name.
#[derive(Clone, Default, PartialEq)]
pub struct Answer(BTreeMap<String, Value>);

/// A text that is longer is more than anybody says in a sentence (characters).
const LONGEST_TEXT: usize = 200;

/// Whether a text of an answer can be said to a caller: not too long, and without control characters.
pub fn is_sayable(text: &str) -> bool {
    text.chars().nth(LONGEST_TEXT).is_none() && !text.chars().any(char::is_control)
}

impl Answer {
    /// Takes the wanted fields of a service's JSON answer and nothing else. The error names the field that is missing, of another kind,
    /// or too long to be said.
    pub fn read<'a>(json: &serde_json::Value, takes: impl IntoIterator<Item = (&'a str, Kind)>) -> Result<Answer, String> {
        let mut fields = BTreeMap::new();
        for (name, kind) in takes {
            let value = match (kind, json.get(name)) {
                (Kind::Text, Some(serde_json::Value::String(text))) if is_sayable(text) => {
                    Value::Text(Zeroizing::new(text.clone()))
                }
                (Kind::Flag, Some(serde_json::Value::Bool(flag))) => Value::Flag(*flag),
                (Kind::Number, Some(serde_json::Value::Number(number))) => {
                    Value::Number(number.as_f64().filter(|number| number.is_finite()).ok_or_else(|| name.to_owned())?)
                }
                _ => return Err(name.to_owned()),
            };
            fields.insert(name.to_owned(), value);
        }
        Ok(Answer(fields))
    }

    /// The value of a field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// The fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl FromIterator<(String, Value)> for Answer {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(fields: I) -> Answer {
        Answer(fields.into_iter().collect())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} fields)", self.0.len())
    }
}

/// Everything that is known of a call.
#[derive(Clone, Default)]
pub struct Known {
    /// What the caller gave, and what a person who takes over is told.
    pub slots: Slots,
    /// What the caller gave at sensitive steps: told to nobody.
    pub sensitive: Slots,
    /// What was looked up, by the name of the result: told to nobody.
    pub results: BTreeMap<String, Answer>,
    /// Which day it is, for what is said of dates and understood by "tomorrow"; `None` where nobody has said.
    pub today: Option<Date>,
    /// The phrase of the option that a caller is asked about, as long as they are.
    pub understood: Option<Zeroizing<String>>,
}

impl Known {
    /// The value of a slot, sensitive or not.
    pub fn slot(&self, name: &str) -> Option<&str> {
        self.slots.get(name).or_else(|| self.sensitive.get(name))
    }

    /// Forgets what was given under that name.
    pub fn forget_slot(&mut self, name: &str) {
        self.slots.remove(name);
        self.sensitive.remove(name);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Known::default();
    }

    /// The same names with `…` for every value: what can be shown.
    pub fn masked(&self) -> Known {
        let mask = |slots: &Slots| slots.iter().map(|(name, _)| (name.to_owned(), "…".to_owned())).collect();
        let masked = |answer: &Answer| {
            answer.iter().map(|(name, _)| (name.to_owned(), Value::Text(Zeroizing::new("…".to_owned())))).collect()
        };
        Known {
            slots: mask(&self.slots),
            sensitive: mask(&self.sensitive),
            results: self.results.iter().map(|(name, answer)| (name.clone(), masked(answer))).collect(),
            today: self.today,
            understood: self.understood.as_ref().map(|_| Zeroizing::new("…".to_owned())),
        }
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("slots", &self.slots).field("sensitive", &self.sensitive).finish_non_exhaustive()
    }
}

/// The name under which a text or a request's body holds a field of a result: `order_status`.
pub fn field_name(result: &str, field: &str) -> String {
    format!("{result}_{field}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TAKES: [(&str, Kind); 3] = [("status", Kind::Text), ("open", Kind::Flag), ("pieces", Kind::Number)];

    #[test]
    fn an_answer_has_what_was_asked_for_and_nothing_else() {
        let json = json!({ "status": "shipped", "open": true, "pieces": 3, "card": "4539578763621486" });
        let answer = Answer::read(&json, TAKES).unwrap();
        assert_eq!(answer.get("status"), Some(&Value::Text(Zeroizing::new("shipped".into()))));
        assert_eq!((answer.get("open"), answer.get("pieces")), (Some(&Value::Flag(true)), Some(&Value::Number(3.0))));
        assert_eq!(answer.get("card"), None);
        assert_eq!(answer.iter().count(), 3);
    }

    #[test]
    fn a_field_that_is_missing_or_of_another_kind_is_named() {
        let missing = |json: serde_json::Value| Answer::read(&json, TAKES).unwrap_err();
        assert_eq!(missing(json!({ "status": "a", "open": true })), "pieces");
        assert_eq!(missing(json!({ "status": 1, "open": true, "pieces": 1 })), "status");
        assert_eq!(missing(json!({ "status": "a", "open": "yes", "pieces": 1 })), "open");
        assert_eq!(missing(json!({ "status": "a", "open": null, "pieces": 1 })), "open");
        assert_eq!(missing(json!({ "status": "x".repeat(201), "open": true, "pieces": 1 })), "status");
        assert_eq!(missing(json!({ "status": "a\nb", "open": true, "pieces": 1 })), "status");
        assert_eq!(missing(json!(["status"])), "status");
    }

    #[test]
    fn nothing_that_is_known_is_shown() {
        let answer = Answer::read(&json!({ "status": "shipped", "open": true, "pieces": 417 }), TAKES).unwrap();
        let mut known = Known::default();
        known.slots.insert("order_number", "4711");
        known.sensitive.insert("card", "4539578763621486");
        known.results.insert("order".into(), answer.clone());
        let shown = format!("{known:?} {answer:?} {:?}", answer.iter().collect::<Vec<_>>());
        for secret in ["4711", "4539", "shipped", "true", "417"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let masked = known.masked();
        assert_eq!(masked.slot("card"), Some("…"));
        assert_eq!(masked.results["order"].get("pieces"), Some(&Value::Text(Zeroizing::new("…".into()))));
    }
}
