//! JSON Schemas of the files that authors write, for completion and hover in their editors. Derived from the types that read them, whose
//! comments become what an editor shows; what is here says which texts a value takes where the type alone says "a text".

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{DialogFile, Entries, PartFile};

/// The schema of dialog files (JSON Schema, draft 7: what editors know).
pub fn of_dialogs() -> Value {
    of::<DialogFile>("A dialog")
}

/// The schema of the files of sub-dialogs.
pub fn of_sub_dialogs() -> Value {
    of::<PartFile>("A sub-dialog")
}

fn of<T: JsonSchema>(title: &str) -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    schema.insert("title".into(), title.into());
    schema.to_value()
}

impl<V: JsonSchema> JsonSchema for Entries<V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Entries_of_{}", V::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<V>() })
    }
}

/// A text that may look like a number: `version: 2026`.
pub(super) fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "number"] })
}

/// The key of an option.
pub(super) fn key(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [1, 2, 3, 4, 5, 6, 7, 8, 9, "1", "2", "3", "4", "5", "6", "7", "8", "9"] })
}

/// How many digits.
pub(super) fn digits(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": "integer", "minimum": 1, "maximum": 32 },
        { "type": "string", "pattern": "^ *[0-9]{1,2}( *\\.\\. *[0-9]{1,2})? *$" }
    ] })
}

/// From which number to which.
pub(super) fn number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^ *[0-9]{1,6} *\\.\\. *[0-9]{1,6} *$", "examples": ["1..20"] })
}

/// Which dates.
pub(super) fn date(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["future", "past", "any"] })
}

/// Which times.
pub(super) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["any", "day"] })
}

/// Whose postcodes.
pub(super) fn postcode(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["nl"] })
}

/// Of which currency.
pub(super) fn amount(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["eur"] })
}

/// A check on digits.
pub(super) fn valid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["luhn", "eleven"] })
}

/// A legal basis.
pub(super) fn basis(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["consent", "contract", "legitimate-interest"] })
}

/// A term.
pub(super) fn retention(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9]+ +(day|days|week|weeks)$", "examples": ["30 days", "12 weeks"] })
}

/// How often a question is put.
pub(super) fn tries(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 1, "maximum": 3 })
}

/// The method of a lookup.
pub(super) fn method(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["get", "post"] })
}

/// How long a try of a lookup may take.
pub(super) fn time_limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9]+ +(s|ms)$", "examples": ["3 s", "500 ms"] })
}

/// How often a lookup is tried again.
pub(super) fn retries(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "maximum": 3 })
}

/// The fields that a lookup takes, each with its kind.
pub(super) fn takes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "enum": ["text", "flag", "number"] } })
}
