//! Sounds: no phrase of an option sounds like one that is always listened for. Over a telephone a recogniser that has both to choose from
//! would take the one for the other, and a caller who asks for a person, or says stop, would get an option instead.
//!
//! Compared are phonemes, where somebody hands them in, else letters.

use std::collections::BTreeSet;

use serde_saphyr::Spanned;

use super::CheckInput;
use super::phrases::{COMMANDS, as_heard};
use super::problem::{Found, Place, Span};
use super::prompts::in_text;
use crate::dialog::file::Step;
use crate::dialog::prompt::{Message, Texts};

/// How a phrase sounds in a language: one string for each phoneme. `None`: not known, so its letters are taken.
pub type Sounds<'a> = &'a dyn Fn(&str, &str) -> Option<Vec<String>>;

/// What telephones and recognisers confuse: each is half a difference.
const ALIKE: [&str; 12] = ["pb", "td", "kɡxɣg", "fvhɦʋw", "szʃʒ", "mnŋ", "lrɹɾ", "iɪyʏ", "eɛəɜ", "aɑɐʌæ", "oɔɒʊu", "øœɵ"];

pub(super) fn check(input: &CheckInput, texts: &Texts, sounds: Sounds, found: &mut Found) {
    let languages = input.languages();
    for language in languages.iter().map(|language| language.value.as_str()) {
        let mut always: Vec<Phrase> = COMMANDS.iter().flat_map(|id| phrases(texts, language, id, sounds)).collect();
        // Another language is asked for in its own words.
        always.extend(languages.iter().flat_map(|other| phrases(texts, &other.value, "command-language", sounds)));
        let mut told = BTreeSet::new();
        for option in options(input) {
            if !told.insert(option.value.as_str()) {
                continue;
            }
            for phrase in phrases(texts, language, &option.value, sounds) {
                // The same words are a collision of phrases, which has a rule of its own.
                let alike = always.iter().find(|other| other.words != phrase.words && sound_alike(&phrase.sound, &other.sound));
                let Some(other) = alike else { continue };
                let said = format!(
                    "in {language} \"{}\" sounds like \"{}\", which is always listened for (`{}`)",
                    phrase.written, other.written, other.id
                );
                let help = format!("give `{}` another phrase, one that cannot be mistaken on the telephone", phrase.id);
                let label = format!("\"{}\" here", phrase.written);
                let mut problem = in_text("sounds-like-a-command", phrase.id, phrase.message, label, said, help);
                let span = Span { offset: other.message.offset, length: other.id.len() };
                problem.related.push(Place {
                    file: other.message.file.clone(),
                    span,
                    label: format!("\"{}\" here", other.written),
                });
                found.add(problem);
            }
        }
    }
}

/// Every phrase whose sound the check wants to know: language and phrase.
pub fn phrases_to_sound(dialog: &crate::dialog::file::DialogFile, texts: &Texts) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let options = dialog.every_step().map(|(_, step)| step).filter_map(|step| match &step.value {
        Step::Ask(ask) => Some(ask.options.iter().map(|(option, _)| option.value.as_str())),
        _ => None,
    });
    let options: Vec<&str> = options.flatten().collect();
    for language in dialog.languages.iter().map(|language| language.value.as_str()) {
        for id in COMMANDS.iter().copied().chain(["command-language"]).chain(options.iter().copied()) {
            all.extend(texts.hear(language, id).iter().map(|phrase| (language.to_owned(), as_heard(phrase))));
        }
    }
    all.sort();
    all.dedup();
    all
}

struct Phrase<'a> {
    id: &'a str,
    message: &'a Message,
    written: &'a str,
    words: String,
    sound: Vec<String>,
}

fn phrases<'a>(texts: &'a Texts, language: &str, id: &'a str, sounds: Sounds) -> Vec<Phrase<'a>> {
    let Some(message) = texts.message(language, id) else { return Vec::new() };
    let phrase = |written: &'a String| {
        let words = as_heard(written);
        let letters = || words.chars().filter(|c| !c.is_whitespace()).map(String::from).collect();
        let sound = sounds(language, &words).unwrap_or_else(letters);
        Phrase { id, message, written, words, sound }
    };
    message.hear.iter().map(phrase).collect()
}

fn options<'a>(input: &CheckInput<'a>) -> impl Iterator<Item = &'a Spanned<String>> {
    let steps = input.dialog.every_step().map(|(_, step)| step);
    let asks = steps.filter_map(|step| if let Step::Ask(ask) = &step.value { Some(ask) } else { None });
    asks.flat_map(|ask| ask.options.iter().map(|(option, _)| option))
}

/// Whether two phrases differ in less than a fifth of their sounds.
fn sound_alike(one: &[String], other: &[String]) -> bool {
    let longest = one.len().max(other.len());
    longest > 0 && difference(one, other) * 5 < longest * 2
}

/// The edit distance, in halves: one for sounds that are easily confused, two for any others.
fn difference(one: &[String], other: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).map(|length| length * 2).collect();
    for (index, sound) in one.iter().enumerate() {
        let mut before = std::mem::replace(&mut row[0], (index + 1) * 2);
        for (at, with) in other.iter().enumerate() {
            let replaced = before + between(sound, with);
            before = row[at + 1];
            row[at + 1] = replaced.min(before + 2).min(row[at] + 2);
        }
    }
    row[other.len()]
}

fn between(one: &str, other: &str) -> usize {
    if one == other {
        return 0;
    }
    // A long vowel, or one that glides, begins as its short one does.
    let (Some(one), Some(other)) = (one.chars().next(), other.chars().next()) else { return 2 };
    let alike = one == other || ALIKE.iter().any(|class| class.contains(one) && class.contains(other));
    if alike { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(text: &str) -> Vec<String> {
        text.split('_').map(str::to_owned).collect()
    }

    #[test]
    fn what_a_telephone_confuses_is_alike() {
        assert!(sound_alike(&sound("h_ɛ_r_h_aː_l"), &sound("v_ə_r_h_aː_l")), "herhaal, verhaal");
        assert!(sound_alike(&sound("k_ɒ_l_iː_ɡ"), &sound("k_ɒ_l_iː_ɡ")), "colleague, kolleeg");
        assert!(!sound_alike(&sound("ɹ_ɪ_p_iː_t"), &sound("ɹ_ɪ_s_iː_t")), "repeat, receipt");
        assert!(!sound_alike(&sound("j_aː"), &sound("n_eː")), "ja, nee");
        assert!(!sound_alike(&[], &[]));
    }

    #[test]
    fn the_difference_is_the_same_both_ways() {
        let (one, other) = (sound("s_t_ɔ_p"), sound("t_ɔ_p_ə"));
        assert_eq!([difference(&one, &other), difference(&other, &one)], [4, 4]);
    }
}
