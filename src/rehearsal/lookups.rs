//! What the services that a dialog asks would answer.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::World;
use crate::dialog::file::Step;
use crate::dialog::flow::Event;
use crate::dialog::flow::lookup::{Answer, Lookup, LookupFailure};

/// How long a service takes that answers.
const ANSWERED: Duration = Duration::from_millis(300);

/// What a service answers.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(untagged)]
pub enum Answered {
    /// Without values.
    Not(NotAnswered),
    /// With these fields.
    Values(BTreeMap<String, serde_json::Value>),
}

/// Why a service gives no values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NotAnswered {
    /// There is no such thing (404).
    Missing,
    /// It cannot answer.
    Failed,
    /// It never answers.
    Hanging,
}

impl<'de> Deserialize<'de> for Answered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Answered;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of fields, or `missing`, `failed` or `hanging`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Answered, E> {
                NotAnswered::deserialize(serde::de::value::StrDeserializer::new(text)).map(Answered::Not)
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Answered, M::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Answered::Values)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// The answers by the name of the result: one after the other, the last again and again.
pub type Answers = BTreeMap<String, Vec<Answered>>;

impl World {
    pub(super) fn fetch(&mut self, attempt: u32, lookup: &Lookup) {
        let name = self.result_of_lookup();
        let shown = name.clone().unwrap_or_default();
        let answer = match name.and_then(|name| self.around.answers.get_mut(&name)) {
            Some(answers) if answers.len() > 1 => Some(answers.remove(0)),
            Some(answers) => answers.first().cloned(),
            None => None,
        };
        let takes = lookup.takes.iter().map(|(name, kind)| (name.as_str(), *kind));
        let (after, told, result) = match answer {
            Some(Answered::Values(values)) => {
                let read = Answer::read(&serde_json::Value::Object(values.into_iter().collect()), takes);
                match read {
                    Ok(answer) => (ANSWERED, "answered".to_owned(), Ok(answer)),
                    Err(field) => (ANSWERED, format!("answered without `{field}`"), Err(LookupFailure::LacksField(field))),
                }
            }
            Some(Answered::Not(NotAnswered::Missing)) => (ANSWERED, "no such thing".to_owned(), Err(LookupFailure::Missing)),
            Some(Answered::Not(NotAnswered::Failed)) => (ANSWERED, "failed".to_owned(), Err(LookupFailure::Unavailable)),
            Some(Answered::Not(NotAnswered::Hanging)) => {
                (lookup.longest(), "no answer in time".to_owned(), Err(LookupFailure::Late))
            }
            None => {
                self.unanswered.push(shown.clone());
                (ANSWERED, "failed, as no answer is given here".to_owned(), Err(LookupFailure::Unavailable))
            }
        };
        self.tell(format!("`{shown}` is looked up: {told}"));
        self.later(after, Event::Fetched { attempt, result });
    }

    /// The name of the result that is being looked up.
    fn result_of_lookup(&self) -> Option<String> {
        let (state, step) = self.flow.question()?;
        match self.dialog.file.step(state, step)? {
            Step::Fetch(fetch) => Some(fetch.into.value.clone()),
            _ => None,
        }
    }
}
