//! The scenario file as it was written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::holds::Holds;
use super::terms::{Digits, OneOrMore, Placed, Prompts, Words};
use crate::dialog::file::Entries;
use crate::dialog::flow::Button;
use crate::rehearsal::{Answered, Colleague, People};

/// Stories of calls to one dialog.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScenarioFile {
    /// The dialog file, from the folder of this file: `../webshop.yaml`.
    pub dialog: Placed<String>,
    /// The folder with the texts, from the folder of this file; left out: that of the configuration.
    pub prompts: Option<Placed<String>>,
    /// What holds for every scenario that does not say otherwise.
    #[serde(default)]
    pub usually: Usually,
    /// The stories by their names.
    #[schemars(with = "std::collections::BTreeMap<String, Scenario>")]
    pub scenarios: Entries<Scenario>,
}

/// What holds for every scenario that does not say otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Usually {
    /// The language, or several: then each story is told in each. Left out: the dialog's first.
    pub language: Option<Placed<OneOrMore<String>>>,
    /// Whether the caller is understood, or has keys alone. Left out: understood.
    pub hears: Option<Hears>,
    /// Who is there when a person is asked for. Left out: the phone system reaches somebody.
    pub people: Option<People>,
    /// Whether callers can leave a number to be called back on. Left out: they cannot.
    pub call_backs: Option<bool>,
    /// When the call begins, for opening hours: `fri 21:00`, `2026-12-25 10:00`. Left out: a Wednesday morning at ten.
    pub at: Option<Placed<String>>,
    /// What the services answer that the dialog asks, by the name of the result: fields, `missing`, `failed` or `hanging`; or a list, one
    /// after the other.
    #[schemars(with = "std::collections::BTreeMap<String, OneOrMore<Answered>>")]
    pub lookups: Entries<Placed<OneOrMore<Answered>>>,
    /// Prompts that may be said anywhere without being heard in the story.
    pub allows: Vec<Placed<String>>,
}

/// The story of a call.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// The language, or several: then the story is told in each.
    pub language: Option<Placed<OneOrMore<String>>>,
    /// Whether the caller is understood, or has keys alone.
    pub hears: Option<Hears>,
    /// Who is there when a person is asked for.
    pub people: Option<People>,
    /// Whether callers can leave a number to be called back on.
    pub call_backs: Option<bool>,
    /// When the call begins, for opening hours: `fri 21:00`, `2026-12-25 10:00`. Left out: a Wednesday morning at ten.
    pub at: Option<Placed<String>>,
    /// What the services answer that the dialog asks, by the name of the result: fields, `missing`, `failed` or `hanging`; or a list, one
    /// after the other.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, OneOrMore<Answered>>")]
    pub lookups: Entries<Placed<OneOrMore<Answered>>>,
    /// Prompts that may be said anywhere without being heard in the story.
    #[serde(default)]
    pub allows: Vec<Placed<String>>,
    /// The story is told once for each of these answers to the question about recording; `opening: each` gives it.
    pub each_answer: Option<Placed<Vec<Answer>>>,
    /// What happens, in order.
    pub call: Vec<Placed<Step>>,
    /// What holds at the end.
    pub then: Option<Placed<Holds>>,
}

/// How a caller is understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hears {
    /// By words and by keys.
    #[default]
    Voice,
    /// By keys alone, as in a language without a recogniser.
    Keys,
}

/// How a caller answers the question about recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Yes, by key.
    Given,
    /// No, by key.
    Refused,
    /// Nothing, twice.
    Silence,
    /// Another key, twice.
    Unclear,
    /// Yes, and stop recording (`*9`) when the dialog begins.
    Withdrawn,
    /// That of `each-answer`.
    Each,
}

/// Something that happens in a story.
// A file holds a few dozen of them, read once: a box would cost more in reading than it saves.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The caller hears these prompts to their end, one after the other and nothing else. Each is the name of a prompt, or a piece of what is
    /// said.
    Hear(Placed<OneOrMore<Prompts>>),
    /// The caller hears the first half of this prompt; what they do next, they do into it.
    HearPartOf(Placed<String>),
    /// The opening, whatever is said in it, and the caller's answer.
    Opening(Answer),
    /// Presses keys, once the agent is silent: `1`, `"*9"`, `4711#`.
    Press(#[schemars(with = "Digits")] Placed<String>),
    /// Says something, once the agent is silent.
    Say(Placed<Words>),
    /// Makes a sound that nobody could understand.
    Mumble,
    /// Says and presses nothing until the agent speaks again, or the call ends.
    Silence,
    /// Time passes, whatever is said meanwhile; what the caller does next, they do at once: `2 s`, `500 ms`, `1 min`.
    Wait(Placed<String>),
    /// Presses a button on their page.
    #[schemars(with = "ButtonName")]
    Button(Button),
    /// Picks a language from the list on their page.
    Language(Placed<String>),
    /// Is gone for so long (a tunnel, a closed lid), and comes back.
    GoneFor(Placed<String>),
    /// A colleague at the desk does something.
    Colleague(Placed<Colleague>),
    /// Hangs up.
    HangUp,
    /// What is so at this point of the story.
    Holds(Placed<Holds>),
}

/// The buttons by their names, for the schema.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code)]
enum ButtonName {
    Yes,
    No,
    Person,
    Stop,
    AskAgain,
    Repeat,
    Agent,
    CallBack,
}
