//! Phrases: every option can be said in every language, and no phrase means two things.

use std::collections::BTreeMap;

use super::CheckInput;
use super::problem::{Found, Place, Span};
use super::prompts::in_text;
use crate::dialog::file::{Ask, Step};
use crate::dialog::prompt::{Message, Texts};

/// What is listened for in every state.
pub(super) const COMMANDS: [&str; 4] = ["command-person", "command-repeat", "command-stop", "command-ask-again"];
/// What is listened for beside them when digits are read back.
const READ_BACK: [&str; 2] = ["read-back-yes", "read-back-no"];

pub(super) fn check(input: &CheckInput, texts: &Texts, found: &mut Found) {
    let dialog = input.dialog;
    let asks = || {
        dialog.every_step().filter_map(|(state, step)| match &step.value {
            Step::Ask(ask) => Some((state.part, ask)),
            _ => None,
        })
    };
    let languages = input.languages();
    let mut reported = Vec::new();
    for (part, option) in asks().flat_map(|(part, ask)| ask.options.iter().map(move |(option, _)| (part, option))) {
        let has_texts = |language: &&str| texts.messages(language).next().is_some();
        let without =
            languages.iter().map(|l| l.value.as_str()).filter(has_texts).filter(|l| texts.hear(l, &option.value).is_empty());
        let without: Vec<&str> = without.collect();
        if without.is_empty() || reported.contains(&&option.value) {
            continue;
        }
        reported.push(&option.value);
        let message = format!("the option `{}` has no phrases in {}", option.value, without.join(" and "));
        let files: Vec<String> = without.iter().map(|language| input.text_file(language, part)).collect();
        let help = format!("write in {}:\n{} =\n    .hear = one phrase | another", files.join(" and "), option.value);
        found.enter(part);
        found.at("missing-phrases", option, "nobody can say it", message, help);
    }
    for language in &languages {
        let mut always = Heard::new(texts, &language.value);
        COMMANDS.iter().for_each(|id| always.listen(&language.value, id, found));
        // Another language is asked for in its own words, so these are listened for as well.
        languages.iter().for_each(|other| always.listen(&other.value, "command-language", found));
        let mut read_back = always.clone();
        READ_BACK.iter().for_each(|id| read_back.listen(&language.value, id, found));
        asks().for_each(|(_, ask)| always.clone().ask(ask, found));
    }
}

/// The phrases that are listened for at the same time, with what each means.
#[derive(Clone)]
struct Heard<'a> {
    texts: &'a Texts,
    language: &'a str,
    meanings: BTreeMap<String, (&'a str, &'a Message)>,
}

impl<'a> Heard<'a> {
    fn new(texts: &'a Texts, language: &'a str) -> Heard<'a> {
        Heard { texts, language, meanings: BTreeMap::new() }
    }

    fn ask(mut self, ask: &'a Ask, found: &mut Found) {
        ask.options.iter().for_each(|(option, _)| self.listen(self.language, &option.value, found));
    }

    /// Adds the phrases of `id`; one that already means something else is a problem.
    fn listen(&mut self, language: &str, id: &'a str, found: &mut Found) {
        let Some(message) = self.texts.message(language, id) else { return };
        for phrase in &message.hear {
            // Written together or apart, it is the same.
            let heard = as_heard(phrase).replace(' ', "");
            let Some((other, elsewhere)) = self.meanings.insert(heard, (id, message)).filter(|(other, _)| *other != id) else {
                continue;
            };
            let said = format!("in {} \"{phrase}\" means both `{other}` and `{id}`", self.language);
            let help = match other.starts_with("command-") {
                true => format!("give `{id}` another phrase: what is always listened for cannot be taken"),
                false => format!("take \"{phrase}\" away from `{other}` or from `{id}`"),
            };
            let mut problem = in_text("phrase-collision", id, message, format!("\"{phrase}\" here"), said, help);
            let span = Span { offset: elsewhere.offset, length: other.len() };
            problem.related.push(Place { file: elsewhere.file.clone(), span, label: format!("\"{phrase}\" here too") });
            if !found.problems.contains(&problem) {
                found.add(problem);
            }
        }
    }
}

/// A phrase as a recogniser gives it: lower case, words alone.
pub(super) fn as_heard(phrase: &str) -> String {
    let words = phrase.split(|c: char| !(c.is_alphanumeric() || c == '\'')).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}
