//! Recording for training or quality: on consent, and not for long. Neither is needed to help the caller, so that little weighs against
//! their wish.

use super::CheckInput;
use super::problem::Found;
use super::purposes::{has_words, is_there};
use super::words::{Words, sentences};
use crate::consent::Basis;
use crate::dialog::file::{Recorded, read_basis, read_retention};
use crate::dialog::prompt::{Hearing, Line, Slots};

/// How long recordings for training or quality may be kept.
const LONGEST_DAYS: u64 = 90;

pub(super) fn check(input: &CheckInput, recorded: &Recorded, found: &mut Found) {
    if !is_for_quality(input, &recorded.purpose.value) {
        return;
    }
    let name = &recorded.purpose.value;
    let basis = recorded.basis.as_ref().filter(|basis| read_basis(&basis.value).is_some_and(|basis| basis != Basis::Consent));
    match (basis, recorded.override_reference.as_ref().filter(has_words)) {
        (Some(basis), None) => {
            let message = format!("`{name}` records for training or quality without consent");
            let help =
                "use `basis: consent`, or add `override: REFERENCE`, the document in which it was decided that it can do without";
            found.at("training-needs-consent", basis, "without consent", message, help.into());
        }
        (_, Some(reference)) => is_there(input, "training-needs-consent", reference, found),
        (None, None) => {}
    }
    let Some(retention) = &recorded.retention else { return };
    let days = read_retention(&retention.value).map_or(0, |term| term.as_secs() / 86_400);
    if days > LONGEST_DAYS {
        let message = format!("`{name}` keeps recordings for training or quality {days} days");
        let help = format!("write `retention: {LONGEST_DAYS} days` or less: what has not been listened to by then is not needed");
        found.at("quality-kept-too-long", retention, "too long", message, help);
    }
}

/// Whether its name, or what is said of it, speaks of training or quality.
fn is_for_quality(input: &CheckInput, purpose: &str) -> bool {
    let of_quality = |kinds: Vec<&str>| kinds.contains(&"quality") || kinds.contains(&"training");
    let name = sentences(&purpose.replace('-', " "));
    let named = Words::languages().filter_map(Words::of).any(|words| name.iter().any(|name| of_quality(words.purposes(name))));
    named
        || input.languages().into_iter().any(|language| {
            let (Some(words), Some(texts)) = (Words::of(&language.value), input.texts) else { return false };
            let line = Line {
                id: format!("purpose-{purpose}"),
                language: language.value.clone(),
                hearing: Hearing::Keys,
                purpose: None,
                slots: false,
                place: None,
            };
            let label = texts.text(input.dialog, &line, &Slots::default());
            label.is_ok_and(|label| sentences(&label).iter().any(|sentence| of_quality(words.purposes(sentence))))
        })
}
