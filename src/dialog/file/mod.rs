//! The dialog file: YAML, read with positions, so that every error can point at a line and column.
//!
//! This file has what stands at its top; [`step`] the steps, [`fetch`] and [`choose`] two of them that hold more than names, [`part`] the files of
//! sub-dialogs, [`entries`] mappings that keep their order, and [`schema`] what editors are told of all of them.

mod choose;
mod entries;
mod fetch;
mod part;
mod schema;
mod step;

use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

pub use choose::{Branch, Choose};
pub use entries::Entries;
pub use fetch::{Fetch, LONGEST_TIME_LIMIT, MOST_RETRIES, TIME_LIMIT, names_in, read_reference, read_time_limit};
pub use part::{AState, Part, PartFile, State, read_part};
pub use schema::{of_dialogs as schema_of_dialogs, of_sub_dialogs as schema_of_sub_dialogs};
pub use step::{Ask, Choice, Collect, OnConsent, OnHours, Step, Tries};

use super::hours::{self, HoursError, OpeningHours};
use super::spoken::Form;
use crate::consent::{Basis, Purpose, Terms};

/// A dialog file as it was written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DialogFile {
    /// The dialog's name; its texts are in `prompts/<language>/<name>.ftl`.
    #[schemars(with = "String")]
    pub dialog: Spanned<String>,
    /// BCP 47; the first is the default. Each prompt must exist in all of them.
    #[schemars(with = "Vec<String>")]
    pub languages: Vec<Spanned<String>>,
    /// Who is speaking, and where the privacy notice is.
    pub organisation: Organisation,
    /// What is recorded and why. Empty: this dialog never records, and says so.
    #[serde(default)]
    #[schemars(with = "Vec<Recorded>")]
    pub recording: Vec<Spanned<Recorded>>,
    /// Where a caller who refuses, or asks for a person, can go.
    #[schemars(with = "Handover")]
    pub handover: Spanned<Handover>,
    /// Opening hours by the names that `on-hours` uses.
    #[serde(default)]
    #[schemars(with = "Entries<Hours>")]
    pub opening_hours: Entries<Spanned<Hours>>,
    /// Sub-dialogs by the names that `call` uses: each a file beside this one.
    #[serde(default)]
    #[schemars(with = "Entries<String>")]
    pub sub_dialogs: Entries<Spanned<String>>,
    /// What was read from the files of the sub-dialogs; whoever reads the files puts it here.
    #[serde(skip)]
    pub parts: Vec<Part>,
    /// The first state.
    #[schemars(with = "String")]
    pub start: Spanned<String>,
    /// The states, in the order of the file.
    #[schemars(with = "Entries<Vec<Step>>")]
    pub states: Entries<State>,
}

impl DialogFile {
    /// What kind of value a slot holds; every step that collects it has the same, which the checks see to.
    pub fn form_of(&self, slot: &str) -> Option<Form> {
        self.every_step().find_map(|(_, step)| match &step.value {
            Step::Collect(collect) if collect.slot.value == slot => collect.form(),
            _ => None,
        })
    }

    /// Which day it is where the dialog is spoken: by the time zone of its opening hours (the first, where there are several), else by that of
    /// Amsterdam.
    pub fn today(&self, now: Timestamp) -> Option<Date> {
        let opening = self.opening_hours.iter().find_map(|(_, hours)| hours.value.opening());
        opening.map(|hours| hours.date_at(now)).or_else(|| hours::date_in("Europe/Amsterdam", now))
    }
}

/// Who is speaking.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Organisation {
    /// As it is said in the disclosure.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// Where callers find the whole story (GDPR article 13) and exercise their rights.
    pub privacy_notice: PrivacyNotice,
}

/// The written privacy notice.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PrivacyNotice {
    /// Its address; the disclosure says it aloud, so keep it short.
    #[schemars(with = "String")]
    pub url: Spanned<String>,
    /// Its version, as it stands in the ledger.
    #[schemars(schema_with = "schema::text")]
    pub version: Spanned<String>,
}

/// One purpose of recording.
// `basis`, `necessity` and `retention` are required by the check, which can say more than "missing".
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recorded {
    /// Why, such as `service-quality`. Its name to say stands in the texts, as `purpose-NAME`.
    #[schemars(with = "String")]
    pub purpose: Spanned<String>,
    /// On which legal ground: `consent` (asked in every call), `contract` (kept are turns with `evidence-for`) or `legitimate-interest`.
    #[schemars(schema_with = "schema::basis")]
    pub basis: Option<Spanned<String>>,
    /// Why nothing less would do.
    #[schemars(schema_with = "schema::text")]
    pub necessity: Option<Spanned<String>>,
    /// How long: `30 days`, `12 weeks`.
    #[schemars(schema_with = "schema::retention")]
    pub retention: Option<Spanned<String>>,
    /// For a legitimate interest: the document with the balancing test, beside the dialog file or by reference.
    #[serde(default)]
    #[schemars(schema_with = "schema::text")]
    pub balancing: Option<Spanned<String>>,
    /// For a legitimate interest: why a machine has to record, where a person could take notes.
    #[serde(default)]
    #[schemars(schema_with = "schema::text")]
    pub bot_reason: Option<Spanned<String>>,
    /// For training or quality on another basis than consent: where it is written down who decided that, and why.
    #[serde(rename = "override")]
    #[serde(default)]
    #[schemars(schema_with = "schema::text")]
    pub override_reference: Option<Spanned<String>>,
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

/// Opening hours as they were written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hours {
    /// `mon-fri 09:00-17:30, sat 10:00-14:00`.
    #[schemars(with = "String")]
    pub hours: Spanned<String>,
    /// A name of the IANA time zone database.
    #[schemars(with = "String")]
    pub time_zone: Spanned<String>,
    /// Days on which it is closed all the same: `2026-12-25`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub closed: Vec<Spanned<String>>,
    #[serde(skip)]
    opening: OnceLock<Option<OpeningHours>>,
}

impl Hours {
    /// What was written, read; the error says what cannot be.
    pub fn read(&self) -> Result<OpeningHours, HoursError> {
        OpeningHours::parse(&self.hours.value, &self.time_zone.value)?.closed_on(self.closed.iter().map(|day| day.value.as_str()))
    }

    /// The same, read once; `None` where it cannot be, which the checks exclude.
    pub fn opening(&self) -> Option<&OpeningHours> {
        self.opening.get_or_init(|| self.read().ok()).as_ref()
    }
}

/// Where people are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Handover {
    /// The name of a target in the server's configuration (`[handover.targets.NAME]`).
    #[schemars(with = "String")]
    pub to: Spanned<String>,
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
}
