//! The dialog file: YAML, read with positions, so that every error can point at a line and column.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use crate::consent::{Basis, Purpose, Terms};

/// A dialog file as it was written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DialogFile {
    /// The dialog's name; its texts are in `prompts/<language>/<name>.ftl`.
    pub dialog: Spanned<String>,
    /// BCP 47; the first is the default. Each prompt must exist in all of them.
    pub languages: Vec<Spanned<String>>,
    /// Who is speaking, and where the privacy notice is.
    pub organisation: Organisation,
    /// What is recorded and why. Empty: this dialog never records, and says so.
    #[serde(default)]
    pub recording: Vec<Spanned<Recorded>>,
    /// Where a caller who refuses, or asks for a person, can go.
    pub handover: Spanned<Handover>,
    /// The first state.
    pub start: Spanned<String>,
    /// The states, in the order of the file.
    pub states: Entries<Spanned<Vec<Spanned<Step>>>>,
}

impl DialogFile {
    /// The step of that number in a state.
    pub fn step(&self, state: &str, number: usize) -> Option<&Step> {
        self.states.get(state)?.value.get(number).map(|step| &step.value)
    }
}

/// Who is speaking.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Organisation {
    /// As it is said in the disclosure.
    pub name: Spanned<String>,
    /// Where callers find the whole story (GDPR article 13) and exercise their rights.
    pub privacy_notice: PrivacyNotice,
}

/// The written privacy notice.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PrivacyNotice {
    /// Its address; the disclosure says it aloud, so keep it short.
    pub url: Spanned<String>,
    /// Its version, as it stands in the ledger.
    pub version: Spanned<String>,
}

/// One purpose of recording. `basis`, `necessity` and `retention` are required by [`super::check`], which can say more than "missing".
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recorded {
    /// Why.
    pub purpose: Spanned<String>,
    /// On which legal ground.
    pub basis: Option<Spanned<String>>,
    /// Why nothing less would do.
    pub necessity: Option<Spanned<String>>,
    /// How long: `30 days`, `12 weeks`.
    pub retention: Option<Spanned<String>>,
    /// For a legitimate interest: the document with the balancing test, beside the dialog file or by reference.
    pub balancing: Option<Spanned<String>>,
}

impl Recorded {
    /// What will be announced; `None` while something is missing or wrong (the check says what).
    pub fn terms(&self) -> Option<Terms> {
        Some(Terms {
            purpose: Purpose::new(&self.purpose.value).ok()?,
            basis: read_basis(&self.basis.as_ref()?.value)?,
            necessity: self.necessity.as_ref()?.value.clone(),
            retention: read_retention(&self.retention.as_ref()?.value)?,
        })
    }
}

/// `consent`, `contract` or `legitimate-interest`.
pub fn read_basis(text: &str) -> Option<Basis> {
    [Basis::Consent, Basis::Contract, Basis::LegitimateInterest].into_iter().find(|basis| basis.as_str() == text)
}

/// `30 days`, `1 day`, `12 weeks`: whole days, at least one, at most ten years.
pub fn read_retention(text: &str) -> Option<Duration> {
    let (number, unit) = text.trim().split_once(' ')?;
    let number: u64 = number.parse().ok()?;
    let days = match unit.trim() {
        "day" | "days" => number,
        "week" | "weeks" => number.checked_mul(7)?,
        _ => return None,
    };
    (1..=3660).contains(&days).then(|| Duration::from_secs(days * 24 * 3600))
}

/// Where people are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Handover {
    /// The name of a target in the server's configuration (`[handover.targets.NAME]`).
    pub to: Spanned<String>,
}

/// One step of a state. Externally tagged: the positions stay exact.
// A dialog holds a few dozen of them, read once: a box would cost more in reading than it saves.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Say a prompt and go on.
    Say(Spanned<String>),
    /// Ask and go where the answer leads.
    Ask(Ask),
    /// Collect digits into a slot and go on.
    Collect(Collect),
    /// Branch on whether a purpose is being recorded for.
    OnConsent(OnConsent),
    /// Go to a state.
    Go(Spanned<String>),
    /// Pass the caller to a person; the value is the prompt that is said first, or nothing.
    Handover(Option<Spanned<String>>),
    /// End the call; the value is the prompt that is said first, or nothing for the engine's goodbye.
    End(Option<Spanned<String>>),
}

/// A question with options.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ask {
    /// The prompt.
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
    /// Purposes on the basis `contract` for which this turn is evidence of the agreement.
    #[serde(default)]
    pub evidence_for: Vec<Spanned<String>>,
}

/// One option of a question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Choice {
    /// The key, `1` to `9`.
    pub press: Spanned<String>,
    /// The state it leads to.
    pub go: Spanned<String>,
}

/// Digits into a slot.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Collect {
    /// The slot's name; prompts use it as `{ $name }`.
    pub slot: Spanned<String>,
    /// The prompt that asks for it.
    pub prompt: Spanned<String>,
    /// How many digits: `6` or `4..8` (both ends included).
    pub digits: Spanned<String>,
    /// A check on the digits: `luhn` (ISO/IEC 7812) or `eleven` (the Dutch eleven-test).
    pub valid: Option<Spanned<String>>,
    /// The prompt that reads the slot back and asks whether it is right. Left out: nothing is read back.
    pub read_back: Option<Spanned<String>>,
    /// What happens when nothing comes.
    #[serde(default)]
    pub no_input: Tries,
    /// What happens when the digits are not right.
    #[serde(default)]
    pub no_match: Tries,
    /// Purposes on the basis `contract` for which this turn is evidence of the agreement.
    #[serde(default)]
    pub evidence_for: Vec<Spanned<String>>,
}

/// `6` or `4..8`: how many digits, both ends included; 1 to 32.
pub fn read_digits(text: &str) -> Option<(usize, usize)> {
    let (least, most) = match text.split_once("..") {
        Some((least, most)) => (least.trim().parse().ok()?, most.trim().parse().ok()?),
        None => (text.trim().parse().ok()?, text.trim().parse().ok()?),
    };
    (1 <= least && least <= most && most <= 32).then_some((least, most))
}

/// A branch on consent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnConsent {
    /// Which purpose.
    pub purpose: Spanned<String>,
    /// While it is recorded for: a state to go to, or else a prompt to say before going on.
    pub given: Option<Spanned<String>>,
    /// While it is not.
    pub otherwise: Option<Spanned<String>>,
}

/// How often a question is put again, and what then.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tries {
    /// How often in all the question is put.
    pub tries: Spanned<u32>,
    /// `handover`, `end` or a state.
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

/// A YAML mapping in the order of the file, each key with its position.
#[derive(Debug)]
pub struct Entries<V>(pub Vec<(Spanned<String>, V)>);

impl<V> Entries<V> {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&V> {
        self.0.iter().find(|(name, _)| name.value == key).map(|(_, value)| value)
    }

    /// Keys with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Spanned<String>, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for InOrder<V> {
            type Value = Entries<V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names, each with its content")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entries<V>, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

/// Reads a dialog file. The error knows its line and column.
#[allow(clippy::result_large_err)]
pub fn read(source: &str) -> Result<DialogFile, serde_saphyr::Error> {
    serde_saphyr::from_str(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retention_is_in_whole_days_or_weeks() {
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        assert_eq!(
            [read_retention("30 days"), read_retention("1 day"), read_retention("12 weeks")],
            [days(30), days(1), days(84)]
        );
        for text in [
            "",
            "30",
            "0 days",
            "30days",
            "2 years",
            "-1 days",
            "3661 days",
            "99999999999999999999 weeks",
            "9223372036854775807 weeks",
        ] {
            assert_eq!(read_retention(text), None, "{text}");
        }
    }

    #[test]
    fn digits_are_a_number_or_a_range() {
        assert_eq!([read_digits("6"), read_digits("4..8"), read_digits("4 .. 8")], [Some((6, 6)), Some((4, 8)), Some((4, 8))]);
        for text in ["", "0", "0..4", "8..4", "33", "4..", "..8", "four", "4..=8"] {
            assert_eq!(read_digits(text), None, "{text}");
        }
    }
}
