use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::lookups::Answers;

/// What the call finds around it.
#[derive(Clone, Debug)]
pub struct Around {
    /// The language in which the call begins.
    pub language: String,
    /// The languages that callers are understood in.
    pub hears: BTreeSet<String>,
    /// Who is there when a person is asked for.
    pub people: People,
    /// Whether callers can leave a number.
    pub call_backs: bool,
    /// When the call begins, for opening hours.
    pub opened: Timestamp,
    /// What the services would answer that the dialog asks.
    pub answers: Answers,
}

/// Who is there when the agent looks for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum People {
    /// The phone system takes the caller to somebody, who answers.
    #[default]
    PhoneSystem,
    /// The phone system tries, nobody answers, and the caller comes back to the agent.
    PhoneSystemNobody,
    /// Colleagues at the desk: the caller waits in the line until one takes them.
    Desk,
    /// Nobody is at the desk.
    Nobody,
    /// It is outside the hours of the place that callers are passed to.
    Closed,
    /// Its line is full.
    Full,
}
