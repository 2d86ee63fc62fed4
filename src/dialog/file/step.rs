//! Steps: what a state does, one after the other.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{Choose, Entries, Fetch};
use crate::dialog::spoken::Form;

/// One step of a state. Externally tagged: the positions stay exact.
// A dialog holds a few dozen of them, read once: a box would cost more in reading than it saves.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Say a prompt and go on.
    Say(#[schemars(with = "String")] Spanned<String>),
    /// Ask and go where the answer leads.
    Ask(Ask),
    /// Collect a value into a slot and go on.
    Collect(Collect),
    /// Branch on whether a purpose is being recorded for.
    OnConsent(OnConsent),
    /// Look something up at a service.
    Fetch(Fetch),
    /// Branch on what is known.
    Choose(Choose),
    /// Branch on the time of day.
    OnHours(OnHours),
    /// Run a sub-dialog and go on after it.
    Call(#[schemars(with = "String")] Spanned<String>),
    /// Back to after the `call`; in a sub-dialog alone. It has no value.
    Return(()),
    /// Go to a state.
    Go(#[schemars(with = "String")] Spanned<String>),
    /// Pass the caller to a person; the value is the prompt that is said first, or nothing.
    Handover(#[schemars(with = "Option<String>")] Option<Spanned<String>>),
    /// End the call; the value is the prompt that is said first, or nothing for the engine's goodbye.
    End(#[schemars(with = "Option<String>")] Option<Spanned<String>>),
}

/// A question with options.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ask {
    /// The prompt.
    #[schemars(with = "String")]
    pub prompt: Spanned<String>,
    /// What may be answered. An option's name is also the prompt id whose `.hear` lists the phrases.
    pub options: Entries<Choice>,
    /// What happens when nothing comes.
    #[serde(default)]
    pub no_input: Tries,
    /// What happens when nothing fits.
    #[serde(default)]
    pub no_match: Tries,
    /// Whether the caller may interrupt; yes unless said otherwise.
    #[serde(default = "yes")]
    pub barge_in: bool,
    /// Whether the turn is never kept, whatever the caller has agreed to.
    #[serde(default)]
    pub sensitive: bool,
    /// Purposes on the basis `contract` for which this turn is evidence of the agreement, whatever is answered.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub evidence_for: Vec<Spanned<String>>,
}

impl Ask {
    /// The purposes for which the turn is evidence only with some of its answers.
    pub fn evidence_by_answer(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.options.iter().flat_map(|(_, choice)| &choice.evidence_for)
    }
}

/// One option of a question.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Choice {
    /// The key, `1` to `9`.
    #[schemars(schema_with = "super::schema::key")]
    pub press: Spanned<String>,
    /// The state it leads to.
    #[schemars(with = "String")]
    pub go: Spanned<String>,
    /// Purposes on the basis `contract` for which the turn is evidence of the agreement when it is answered with this.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub evidence_for: Vec<Spanned<String>>,
}

/// A value into a slot.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Collect {
    /// The slot's name; prompts use it as `{ $name }`.
    #[schemars(with = "String")]
    pub slot: Spanned<String>,
    /// The prompt that asks for it.
    #[schemars(with = "String")]
    pub prompt: Spanned<String>,
    /// Digits as they are, and how many: `6` or `4..8` (both ends included). One of `digits`, `number`, `date`, `time`, `postcode` and `amount`
    /// stands here.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::digits")]
    pub digits: Option<Spanned<String>>,
    /// A whole number, and from which to which: `1..20` (both included).
    #[serde(default)]
    #[schemars(schema_with = "super::schema::number")]
    pub number: Option<Spanned<String>>,
    /// A date: `future` (from today on), `past` (up to today) or `any`.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::date")]
    pub date: Option<Spanned<String>>,
    /// A time of day: `any`, or `day` (from seven in the morning until before seven in the evening).
    #[serde(default)]
    #[schemars(schema_with = "super::schema::time")]
    pub time: Option<Spanned<String>>,
    /// A postcode: `nl`.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::postcode")]
    pub postcode: Option<Spanned<String>>,
    /// An amount of money: `eur`.
    #[serde(default)]
    #[schemars(schema_with = "super::schema::amount")]
    pub amount: Option<Spanned<String>>,
    /// A check on `digits`: `luhn` (ISO/IEC 7812) or `eleven` (the Dutch eleven-test).
    #[serde(default)]
    #[schemars(schema_with = "super::schema::valid")]
    pub valid: Option<Spanned<String>>,
    /// The prompt that reads the slot back and asks whether it is right. Left out: nothing is read back.
    #[schemars(with = "Option<String>")]
    pub read_back: Option<Spanned<String>>,
    /// Whether its turns are never kept, and the slot goes nowhere but into a lookup that sends it.
    #[serde(default)]
    pub sensitive: bool,
    /// What happens when nothing comes.
    #[serde(default)]
    pub no_input: Tries,
    /// What happens when the value is not right.
    #[serde(default)]
    pub no_match: Tries,
    /// Purposes on the basis `contract` for which this turn is evidence of the agreement.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub evidence_for: Vec<Spanned<String>>,
}

impl Collect {
    /// What kind of value it takes; `None` where that cannot be read, which the checks exclude.
    pub fn form(&self) -> Option<Form> {
        match self.written().as_slice() {
            [(name, value)] => Form::read(name, &value.value),
            _ => None,
        }
    }

    /// What is written of that, by its name.
    pub fn written(&self) -> Vec<(&'static str, &Spanned<String>)> {
        let all = [
            ("digits", &self.digits),
            ("number", &self.number),
            ("date", &self.date),
            ("time", &self.time),
            ("postcode", &self.postcode),
            ("amount", &self.amount),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))).collect()
    }
}

/// A branch on consent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnConsent {
    /// Which purpose.
    #[schemars(with = "String")]
    pub purpose: Spanned<String>,
    /// While it is recorded for: a state to go to, or else a prompt to say before going on.
    #[schemars(with = "Option<String>")]
    pub given: Option<Spanned<String>>,
    /// While it is not.
    #[schemars(with = "Option<String>")]
    pub otherwise: Option<Spanned<String>>,
}

/// A branch on opening hours.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnHours {
    /// Which of `opening-hours`.
    #[schemars(with = "String")]
    pub of: Spanned<String>,
    /// While it is open: a state to go to, or else a prompt to say before going on.
    #[schemars(with = "Option<String>")]
    pub open: Option<Spanned<String>>,
    /// While it is closed.
    #[schemars(with = "Option<String>")]
    pub closed: Option<Spanned<String>>,
}

/// How often a question is put again, and what then.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tries {
    /// How often in all the question is put.
    #[schemars(schema_with = "super::schema::tries")]
    pub tries: Spanned<u32>,
    /// `handover`, `end` or a state.
    #[schemars(with = "String")]
    pub then: Spanned<String>,
}

impl Default for Tries {
    fn default() -> Tries {
        let nowhere = serde_saphyr::Location::UNKNOWN;
        Tries { tries: Spanned::new(2, nowhere, nowhere), then: Spanned::new("handover".into(), nowhere, nowhere) }
    }
}

fn yes() -> bool {
    true
}
