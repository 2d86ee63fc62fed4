//! What only consenting callers are told is about the recording, and about nothing else that they came for.
//!
//! The prompts of an `on-consent` are not compared as ways are: thanks for a yes cannot be said to a no. So that no help hides there, the one
//! for `given` has to speak of recording, in every language that has a list of words, and may hold no value that the other one lacks.

use std::collections::BTreeSet;

use serde_saphyr::Spanned;

use super::CheckInput;
use super::problem::{Found, listed};
use super::prompts::is_state;
use super::wording::Text;
use super::words::{Words, sentences};
use crate::dialog::file::{OnConsent, Step};
use crate::dialog::prompt::{FIXED_VARIABLES, Texts};

const RULE: &str = "told-only-when-given";

pub(super) fn check(input: &CheckInput, texts: &Texts, found: &mut Found) {
    for (state, step) in input.dialog.every_step() {
        let Step::OnConsent(OnConsent { given: Some(given), otherwise, .. }) = &step.value else { continue };
        let said = |name: &&Spanned<String>| !is_state(input.dialog, state, name);
        if !said(&given) {
            continue;
        }
        found.enter(state.part);
        let otherwise = otherwise.as_ref().filter(said);
        if otherwise.is_some_and(|otherwise| otherwise.value == given.value) {
            continue;
        }
        about_something_else(input, texts, given, found);
        holds_more(input, texts, given, otherwise, found);
    }
}

/// The languages in which it does not speak of recording.
fn about_something_else(input: &CheckInput, texts: &Texts, given: &Spanned<String>, found: &mut Found) {
    let languages = input.languages().into_iter().map(|language| language.value.as_str());
    let other: Vec<&str> =
        languages.filter(|language| speaks_of_recording(input, texts, language, &given.value) == Some(false)).collect();
    if other.is_empty() {
        return;
    }
    let name = &given.value;
    let message = format!("`{name}` is said to consenting callers alone, and is not about the recording ({})", listed(&other));
    let help = format!(
        "say it to everybody (`- say: {name}`); an `on-consent` can name what is said of the recording to each, and nothing else"
    );
    found.at(RULE, given, "a refusing caller does not hear this", message, help);
}

/// Whether a prompt speaks of recording in each of its forms; `None` where that cannot be seen.
fn speaks_of_recording(input: &CheckInput, texts: &Texts, language: &str, id: &str) -> Option<bool> {
    let words = Words::of(language)?;
    let message = texts.message(language, id).filter(|message| message.spoken)?;
    let forms = Text { input, texts, language, id, message, words }.forms();
    Some(forms.iter().all(|(_, text)| sentences(text).iter().any(|sentence| words.speak_of_recording(sentence))))
}

/// Values that the other prompt does not hold.
fn holds_more(
    input: &CheckInput,
    texts: &Texts,
    given: &Spanned<String>,
    otherwise: Option<&Spanned<String>>,
    found: &mut Found,
) {
    let values = |id: &str| -> BTreeSet<String> {
        let languages = input.languages().into_iter();
        let messages = languages.filter_map(|language| texts.message(&language.value, id));
        let variables = messages.flat_map(|message| message.variables.iter().cloned());
        variables.filter(|variable| !FIXED_VARIABLES.contains(&variable.as_str())).collect()
    };
    let others = otherwise.map(|otherwise| values(&otherwise.value)).unwrap_or_default();
    let more = values(&given.value);
    let more: Vec<&str> = more.difference(&others).map(String::as_str).collect();
    if more.is_empty() {
        return;
    }
    let name = &given.value;
    let message = format!("`{name}` tells consenting callers {}, and refusing callers do not hear it there", listed(&more));
    let help = "say it to everybody, in a prompt of its own".to_owned();
    found.at(RULE, given, "a refusing caller does not hear this", message, help);
}
