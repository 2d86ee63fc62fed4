use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::consent::{ConsentState, Purpose};
use crate::dialog::prompt::Slots;

/// Why a caller is passed to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// The caller asked for a person.
    Asked,
    /// Nothing came, as often as the dialog allows.
    NoInput,
    /// Nothing that came was understood, as often as the dialog allows.
    NoMatch,
    /// A part of this server failed.
    EngineFailed,
    /// The dialog leads there.
    Dialog,
    /// This server is stopping.
    Shutdown,
    /// This server had no room for the call.
    Capacity,
}

impl Reason {
    /// The name as it stands in the ledger and in what is handed on.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Asked => "asked",
            Reason::NoInput => "no-input",
            Reason::NoMatch => "no-match",
            Reason::EngineFailed => "engine-failed",
            Reason::Dialog => "dialog",
            Reason::Shutdown => "shutdown",
            Reason::Capacity => "capacity",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A caller on their way to a person, and what the colleague may know about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which session they come from.
    pub session: Uuid,
    /// The name of the target in the configuration.
    pub target: String,
    /// Why they are passed on.
    pub reason: Reason,
    /// The language they spoke with the agent, BCP 47.
    pub language: String,
    /// Their consent per purpose at this moment. It travels as an attribute and decides nothing.
    pub consent: BTreeMap<Purpose, ConsentState>,
    /// What they gave for their task.
    pub slots: Slots,
}

impl Request {
    /// For a call that never became a session because this server had no room: it goes to a person directly, with nothing known.
    pub fn for_lack_of_room(target: &str, language: &str) -> Request {
        Request {
            session: Uuid::new_v4(),
            target: target.to_owned(),
            reason: Reason::Capacity,
            language: language.to_owned(),
            consent: BTreeMap::new(),
            slots: Slots::default(),
        }
    }
}

/// What is handed on, under one name so that it cannot collide with attributes of the phone system:
/// `{"candor": {"session", "reason", "language", "consent": {purpose: state}, "slots": {name: value}}}`.
pub fn attributes(request: &Request) -> Value {
    let consent: Map<String, Value> =
        request.consent.iter().map(|(purpose, state)| (purpose.as_str().to_owned(), state.as_str().into())).collect();
    let slots: Map<String, Value> = request.slots.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    json!({
        "candor": {
            "session": request.session.to_string(),
            "reason": request.reason.as_str(),
            "language": request.language,
            "consent": consent,
            "slots": slots,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            session: Uuid::nil(),
            target: "service-desk".into(),
            reason: Reason::NoMatch,
            language: "nl".into(),
            consent: [(Purpose::new("service-quality").unwrap(), ConsentState::Refused)].into(),
            slots: [("order_number".to_owned(), "81726354".to_owned())].into_iter().collect(),
        }
    }

    #[test]
    fn attributes_carry_reason_language_consent_and_slots() {
        let expected = json!({"candor": {
            "session": "00000000-0000-0000-0000-000000000000",
            "reason": "no-match",
            "language": "nl",
            "consent": {"service-quality": "refused"},
            "slots": {"order_number": "81726354"},
        }});
        assert_eq!(attributes(&request()), expected);
    }

    #[test]
    fn debug_output_hides_what_the_caller_gave() {
        let shown = format!("{:?}", request());
        assert!(!shown.contains("81726354"), "{shown}");
        assert!(shown.contains("1 set"), "{shown}");
    }
}
