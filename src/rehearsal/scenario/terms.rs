//! The small shapes that scenario files are made of: each can be written in the shortest way that is clear.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

use crate::dialog::check::Span;

/// A value with its place in the file.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    at: Location,
}

impl<T> Placed<T> {
    /// Where it stands.
    pub fn span(&self) -> Span {
        Span::of(&self.at)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Placed { value: spanned.value, at: spanned.referenced })
    }
}

impl<T: JsonSchema> JsonSchema for Placed<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// One, or a list.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum OneOrMore<T> {
    /// One alone.
    One(T),
    /// Several, each with its place.
    More(Vec<Placed<T>>),
}

impl<T> OneOrMore<T> {
    /// Each with its place; of one alone, that of the whole.
    pub fn each(&self, whole: Span) -> Vec<(&T, Span)> {
        match self {
            OneOrMore::One(one) => vec![(one, whole)],
            OneOrMore::More(more) => more.iter().map(|placed| (&placed.value, placed.span())).collect(),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Either<T> {
            type Value = OneOrMore<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one, or a sequence")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                T::deserialize(text.into_deserializer()).map(OneOrMore::One)
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMore::One)
            }
            fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Self::Value, S::Error> {
                let mut more = Vec::new();
                while let Some(item) = items.next_element()? {
                    more.push(item);
                }
                Ok(OneOrMore::More(more))
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// Digits as one writes them, with quotes or without: for the schema alone.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code)]
pub(super) enum Digits {
    Number(u64),
    Text(String),
}

/// The same for everybody, or another for those who agreed to the recording (`given`) than for the others (`otherwise`).
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Each<T> {
    /// For everybody.
    Same(T),
    /// By what was answered.
    Other {
        /// For those who agreed, and have not changed their mind.
        given: T,
        /// For all others.
        otherwise: T,
    },
}

impl<T> Each<T> {
    /// That of a caller who agreed, or did not.
    pub fn of(&self, given: bool) -> &T {
        match self {
            Each::Same(same) => same,
            Each::Other { given: yes, .. } if given => yes,
            Each::Other { otherwise, .. } => otherwise,
        }
    }

    /// All that stand there.
    pub fn all(&self) -> Vec<&T> {
        match self {
            Each::Same(same) => vec![same],
            Each::Other { given, otherwise } => vec![given, otherwise],
        }
    }

    /// Whether it tells callers apart.
    pub fn differs(&self) -> bool {
        matches!(self, Each::Other { .. })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair<T> {
    given: T,
    otherwise: T,
}

/// The prompts that are heard at one point of a story: an id, or a piece of what is said.
pub type Prompts = Each<String>;

impl<'de> Deserialize<'de> for Prompts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Prompt;
        impl<'de> Visitor<'de> for Prompt {
            type Value = Prompts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string: the name of a prompt, or a piece of what is said")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Prompts, E> {
                Ok(Each::Same(text.to_owned()))
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Prompts, M::Error> {
                let pair = Pair::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Each::Other { given: pair.given, otherwise: pair.otherwise })
            }
        }
        deserializer.deserialize_any(Prompt)
    }
}

/// What a caller says: the same in every language, or for each its own.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub enum Words {
    /// In the one language of the scenario.
    One(String),
    /// By language.
    By(std::collections::BTreeMap<String, String>),
}

impl Words {
    /// What is said in `language`.
    pub fn of(&self, language: &str) -> Option<&str> {
        match self {
            Words::One(words) => Some(words),
            Words::By(languages) => languages.get(language).map(String::as_str),
        }
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Spoken;
        impl<'de> Visitor<'de> for Spoken {
            type Value = Words;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string: what the caller says")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Words, E> {
                Ok(Words::One(text.to_owned()))
            }
            // YAML takes a bare yes and no for something else than words.
            fn visit_bool<E: Error>(self, yes: bool) -> Result<Words, E> {
                Ok(Words::One(if yes { "yes" } else { "no" }.to_owned()))
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Words, M::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Words::By)
            }
        }
        deserializer.deserialize_any(Spoken)
    }
}

/// The turns that are kept at the end: `nothing`, how many, or the prompts with which they were put, in order.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum Keeps {
    /// How many. `nothing` is none.
    #[schemars(with = "Amount")]
    Count(usize),
    /// By a prompt of each.
    Prompts(Vec<String>),
}

/// How many turns, for the schema alone.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code)]
enum Amount {
    Number(usize),
    Word(NoTurns),
}

/// `nothing`, for the schema alone.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code)]
enum NoTurns {
    Nothing,
}

struct KeepsVisitor;

impl<'de> Visitor<'de> for KeepsVisitor {
    type Value = Keeps;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`nothing`, how many turns, or a sequence of prompts")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Keeps, E> {
        match text {
            "nothing" => Ok(Keeps::Count(0)),
            other => Err(E::custom(format!("`{other}` is no amount: write `nothing`, a number, or the prompts in a list"))),
        }
    }
    fn visit_u64<E: Error>(self, count: u64) -> Result<Keeps, E> {
        usize::try_from(count).map(Keeps::Count).map_err(E::custom)
    }
    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Keeps, S::Error> {
        let mut prompts = Vec::new();
        while let Some(prompt) = items.next_element()? {
            prompts.push(prompt);
        }
        Ok(Keeps::Prompts(prompts))
    }
}

impl<'de> Deserialize<'de> for Keeps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeepsVisitor)
    }
}

impl<'de> Deserialize<'de> for Each<Keeps> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Each<Keeps>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                KeepsVisitor.expecting(f)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                KeepsVisitor.visit_str(text).map(Each::Same)
            }
            fn visit_u64<E: Error>(self, count: u64) -> Result<Self::Value, E> {
                KeepsVisitor.visit_u64(count).map(Each::Same)
            }
            fn visit_i64<E: Error>(self, count: i64) -> Result<Self::Value, E> {
                let count = u64::try_from(count).map_err(|_| E::custom("a number of turns is not below zero"))?;
                KeepsVisitor.visit_u64(count).map(Each::Same)
            }
            fn visit_seq<S: SeqAccess<'de>>(self, items: S) -> Result<Self::Value, S::Error> {
                KeepsVisitor.visit_seq(items).map(Each::Same)
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
                let pair = Pair::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Each::Other { given: pair.given, otherwise: pair.otherwise })
            }
        }
        deserializer.deserialize_any(Either)
    }
}
