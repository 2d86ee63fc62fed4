//! The opening: what callers must hear before anything else stays short enough to be heard.

use std::time::Duration;

use super::problem::Found;
use super::prompts::in_text;
use super::{CheckInput, Durations};
use crate::consent::{Basis, Purpose};
use crate::dialog::file::read_basis;
use crate::dialog::prompt::{Hearing, Line, Texts};

/// How long a prompt of the opening may take: a longer one is not listened to.
pub const LONGEST_DISCLOSURE: Duration = Duration::from_secs(12);

pub(super) fn check(input: &CheckInput, texts: &Texts, durations: Durations, found: &mut Found) {
    for language in input.languages() {
        for (id, purpose) in prompts(input) {
            too_long(texts, &language.value, id, purpose, durations, found);
        }
    }
}

/// The prompts of the opening, with the purpose that each is about.
fn prompts(input: &CheckInput) -> Vec<(&'static str, Option<Purpose>)> {
    let mut prompts = vec![("disclosure-automated", None)];
    for recorded in &input.dialog.recording {
        let purpose = Purpose::new(&recorded.value.purpose.value).ok();
        match recorded.value.basis.as_ref().and_then(|basis| read_basis(&basis.value)) {
            Some(Basis::Consent) => {
                let asked = ["disclosure-consent", "consent-question", "consent-reask"];
                prompts.extend(asked.map(|id| (id, purpose.clone())));
            }
            Some(Basis::Contract) => prompts.push(("disclosure-contract", purpose)),
            Some(Basis::LegitimateInterest) => prompts.push(("disclosure-legitimate-interest", purpose)),
            None => {}
        }
    }
    if input.dialog.recording.is_empty() {
        prompts.push(("disclosure-nothing", None));
    }
    prompts
}

fn too_long(texts: &Texts, language: &str, id: &str, purpose: Option<Purpose>, durations: Durations, found: &mut Found) {
    let Some(message) = texts.message(language, id) else { return };
    let lasts = |hearing, purpose: &Option<Purpose>| {
        durations(&Line {
            id: id.into(),
            language: language.into(),
            hearing,
            purpose: purpose.clone(),
            slots: false,
            place: None,
        })
    };
    let longest =
        [Hearing::Voice, Hearing::Keys].into_iter().filter_map(|h| lasts(h, &purpose).or_else(|| lasts(h, &None))).max();
    let Some(longest) = longest.filter(|longest| *longest > LONGEST_DISCLOSURE) else { return };
    let about = purpose.map(|purpose| format!(" about `{purpose}`")).unwrap_or_default();
    let limit = LONGEST_DISCLOSURE.as_secs();
    let said =
        format!("`{id}`{about} takes {:.1} s in {language}; more than {limit} s is not listened to", longest.as_secs_f64());
    let help = "say it in fewer words, name the purpose more shortly, or choose a shorter web address for the notice".to_owned();
    found.add(in_text("disclosure-too-long", id, message, "too long".into(), said, help));
}
