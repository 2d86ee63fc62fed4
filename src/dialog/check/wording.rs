//! Wording: what is said about recording is plain, asks one thing and asks it straight; and the agent does not pass for a person.
//!
//! Looked for are words and turns of phrase, from a list per language. A list cannot read: what it does not know it lets pass, and the rules
//! are no substitute for somebody who listens. Where a language has no list, that is said once.

use std::collections::{BTreeMap, BTreeSet};

use super::CheckInput;
use super::engine::{ABOUT_A_PURPOSE, messages};
use super::pretence;
use super::problem::Found;
use super::prompts::{in_text, said};
use super::words::{Sentence, Words, sentences};
use crate::consent::Purpose;
use crate::dialog::file::Step;
use crate::dialog::prompt::{FIXED_VARIABLES, Hearing, Line, Message, Slots, Texts};

/// The prompts that ask for consent.
const QUESTIONS: [&str; 2] = ["consent-question", "consent-reask"];

pub(super) fn check(input: &CheckInput, texts: &Texts, found: &mut Found) {
    let engine: BTreeSet<String> = messages().into_iter().map(|(id, _)| id).collect();
    let of_the_dialog: BTreeSet<&str> = said(input.dialog).into_iter().map(|said| said.prompt.value.as_str()).collect();
    let asked = asked(input);
    for language in input.languages() {
        let Some(words) = Words::of(&language.value) else {
            let known: Vec<&str> = Words::languages().collect();
            let message = format!("the wording of the texts in {} was not looked at", language.value);
            let help = format!(
                "let somebody who speaks {} read them for hedges, negative questions and a human name; there are lists of words for {}",
                language.value,
                known.join(" and ")
            );
            found.at("words-not-reviewed", language, "no list of words", message, help);
            continue;
        };
        let language = language.value.as_str();
        for (id, message) in texts.messages(language).filter(|(_, message)| message.spoken) {
            let text = Text { input, texts, language, id, message, words };
            if id.starts_with("purpose-") {
                text.of_a_purpose(found);
            } else if engine.contains(id) || of_the_dialog.contains(id) {
                text.check(asked.contains(id), !engine.contains(id), found);
            }
        }
    }
}

/// The prompts of the dialog's own questions.
fn asked<'a>(input: &CheckInput<'a>) -> BTreeSet<&'a str> {
    let steps = input.dialog.every_step().map(|(_, step)| step);
    let prompts = steps.flat_map(|step| match &step.value {
        Step::Ask(ask) => vec![&ask.prompt],
        Step::Collect(collect) => std::iter::once(&collect.prompt).chain(&collect.read_back).collect(),
        _ => vec![],
    });
    prompts.map(|prompt| prompt.value.as_str()).collect()
}

/// One text in one language.
pub(super) struct Text<'a> {
    pub(super) input: &'a CheckInput<'a>,
    pub(super) texts: &'a Texts,
    pub(super) language: &'a str,
    pub(super) id: &'a str,
    pub(super) message: &'a Message,
    pub(super) words: &'static Words,
}

impl Text<'_> {
    fn check(&self, question: bool, own: bool, found: &mut Found) {
        // The same words come in several forms of a text: each is told once.
        let mut told = BTreeMap::new();
        for (purpose, text) in self.forms() {
            for sentence in sentences(&text) {
                let recording = self.words.speak_of_recording(&sentence);
                for (rule, quote, label) in self.in_sentence(&sentence, recording, question, own) {
                    told.entry((rule, quote)).or_insert(label);
                }
            }
            if QUESTIONS.contains(&self.id) {
                self.beside_its_purpose(purpose.as_ref(), &text, found);
            }
        }
        for ((rule, quote), label) in told {
            let (said, help) = self.explain(rule, &quote);
            found.add(in_text(rule, self.id, self.message, label.into(), said, help));
        }
    }

    fn in_sentence(
        &self,
        sentence: &Sentence,
        recording: bool,
        question: bool,
        own: bool,
    ) -> Vec<(&'static str, String, &'static str)> {
        let mut broken = Vec::new();
        let hedge = self
            .words
            .find("hedged-recording", sentence)
            .or_else(|| self.words.find_affirmed("hedge", sentence).filter(|_| recording));
        if let Some(hedge) = hedge {
            broken.push(("hedge-about-recording", sentence.quote(hedge), "perhaps or not?"));
        }
        let about_recording = QUESTIONS.contains(&self.id) || (recording && (question || sentence.asks));
        if let Some(negative) = self.words.find("negative", sentence).filter(|_| about_recording) {
            broken.push(("negative-question", sentence.quote(negative), "yes would mean no"));
        }
        let asks = own && recording && (question || sentence.asks);
        if let Some(asked) = self.words.find("permission", sentence).filter(|_| asks) {
            broken.push(("consent-asked-by-dialog", sentence.quote(asked), "asks for consent"));
        } else if asks && self.words.purposes(sentence).len() > 1 {
            broken.push(("question-for-two-purposes", sentence.quote(0..sentence.words.len()), "two purposes"));
        }
        let organisation = &self.input.dialog.organisation.name.value;
        if let Some(claim) = pretence::claim(self.words, sentence, organisation) {
            broken.push(("claims-to-be-human", sentence.quote(claim), "as a person would"));
        }
        broken
    }

    fn explain(&self, rule: &str, quote: &str) -> (String, String) {
        let Text { id, language, .. } = self;
        match rule {
            "hedge-about-recording" => (
                format!("`{id}` in {language} leaves open whether a recording is made: \"{quote}\""),
                "say what is so: that it is recorded, or that it is not".into(),
            ),
            "negative-question" => (
                format!("`{id}` in {language} asks the wrong way round: \"{quote}\""),
                "ask so that yes means yes: \"May I record …?\"".into(),
            ),
            "consent-asked-by-dialog" => (
                format!(
                    "`{id}` in {language} asks for consent to recording: \"{quote}\". An answer to it would count for nothing"
                ),
                "leave it out: the engine asks, once for each purpose, before the dialog begins; `*8` asks again".into(),
            ),
            "question-for-two-purposes" => {
                (format!("`{id}` in {language} asks for two purposes at once: \"{quote}\""), "ask for one thing at a time".into())
            }
            _ => (
                format!("`{id}` in {language} lets the agent pass for a person: \"{quote}\""),
                "let it say what it is, such as \"the digital assistant of …\", with the organisation's name and no other".into(),
            ),
        }
    }

    /// Beside the purpose that is filled in, a question about consent names no other.
    fn beside_its_purpose(&self, purpose: Option<&Purpose>, text: &str, found: &mut Found) {
        let filled_in = purpose.map(|purpose| self.label(purpose.as_str())).unwrap_or_default();
        let beside = if filled_in.is_empty() { text.to_owned() } else { text.replacen(&filled_in, "", 1) };
        let named: BTreeSet<&str> = sentences(&beside).iter().flat_map(|sentence| self.words.purposes(sentence)).collect();
        let others = self.texts.messages(self.language).filter_map(|(id, _)| id.strip_prefix("purpose-"));
        let other = others.map(|other| self.label(other)).find(|label| !label.is_empty() && beside.contains(label.as_str()));
        let Some(beside) = other.or_else(|| named.first().map(|kind| (*kind).to_owned())) else { return };
        let said = format!("`{}` in {} asks for more than its purpose: {beside}", self.id, self.language);
        let help = "name the purpose by `{ $purpose }` alone; each purpose is asked for by itself".to_owned();
        let problem = in_text("question-for-two-purposes", self.id, self.message, "more than one purpose".into(), said, help);
        if !found.problems.contains(&problem) {
            found.add(problem);
        }
    }

    /// The name of a purpose is one purpose.
    fn of_a_purpose(&self, found: &mut Found) {
        let announced = |name: &str| self.input.dialog.recording.iter().any(|recorded| recorded.value.purpose.value == name);
        let Some(purpose) = self.id.strip_prefix("purpose-").filter(|name| announced(name)) else { return };
        let label = self.label(purpose);
        let kinds: BTreeSet<&str> = sentences(&label).iter().flat_map(|sentence| self.words.purposes(sentence)).collect();
        if kinds.len() > 1 {
            let kinds = kinds.into_iter().collect::<Vec<_>>().join(" and ");
            let said = format!("`{}` in {} names two purposes at once, {kinds}: \"{label}\"", self.id, self.language);
            let help =
                "make each a purpose of its own under `recording`, so that callers can agree to one and not to the other".into();
            found.add(in_text("question-for-two-purposes", self.id, self.message, "two purposes".into(), said, help));
        }
    }

    fn label(&self, purpose: &str) -> String {
        let line = self.line(Hearing::Keys, None, &format!("purpose-{purpose}"));
        self.texts.text(self.input.dialog, &line, &Slots::default()).map(|text| text.to_string()).unwrap_or_default()
    }

    /// The text as callers hear it: for each purpose that it is about, for whoever can be heard and whoever cannot.
    pub(super) fn forms(&self) -> Vec<(Option<Purpose>, String)> {
        let mut example = Slots::default();
        for variable in self.message.variables.iter().filter(|variable| !FIXED_VARIABLES.contains(&variable.as_str())) {
            example.insert(variable, "1");
        }
        let announced =
            self.input.dialog.recording.iter().filter_map(|recorded| Purpose::new(&recorded.value.purpose.value).ok());
        let purposes: Vec<Option<Purpose>> =
            if ABOUT_A_PURPOSE.contains(&self.id) { announced.map(Some).collect() } else { vec![None] };
        let mut forms = Vec::new();
        for purpose in purposes {
            for hearing in [Hearing::Voice, Hearing::Keys] {
                let line = self.line(hearing, purpose.clone(), self.id);
                // What cannot be said, `text-broken` says.
                let Ok(text) = self.texts.text(self.input.dialog, &line, &example) else { continue };
                let form = (purpose.clone(), text.to_string());
                if !forms.contains(&form) {
                    forms.push(form);
                }
            }
        }
        forms
    }

    fn line(&self, hearing: Hearing, purpose: Option<Purpose>, id: &str) -> Line {
        Line { id: id.into(), language: self.language.into(), hearing, purpose, slots: false, place: Some(1) }
    }
}
