//! Prompts: what the agent says and what it listens for, per language, in Fluent.
//!
//! A language has two files: the engine's (`candor.ftl`: the opening, the commands, the sentences around a handover) and the dialog's own.
//! The same text serves callers who can be heard and callers who can only press keys: it selects on `$hearing` (`voice` or `keys`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_syntax::ast;
use fluent_syntax::parser::ErrorKind;
use jiff::civil::Date;
use unic_langid::LanguageIdentifier;
use zeroize::Zeroizing;

use super::file::DialogFile;
pub use super::known::Slots;
use super::known::{Answer, Known, Value, field_name};
use super::spoken::{self, Form};
use crate::consent::Purpose;

/// One Fluent file: its name for messages, and its content.
#[derive(Clone, Debug)]
pub struct Source {
    /// As an author would recognise it: `prompts/nl/webshop.ftl`.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Something wrong in a text file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct TextError {
    /// Which file.
    pub file: String,
    /// Where in it, in bytes from its beginning.
    pub offset: usize,
    /// What is wrong and what to write.
    pub problem: String,
}

/// Whether the caller can be heard, or can only press keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hearing {
    /// A recogniser for the language is there.
    Voice,
    /// Keys alone.
    Keys,
}

impl Hearing {
    fn as_str(self) -> &'static str {
        match self {
            Hearing::Voice => "voice",
            Hearing::Keys => "keys",
        }
    }
}

/// One prompt to be said: enough to find its sound.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    /// The prompt's id.
    pub id: String,
    /// In which language.
    pub language: String,
    /// For whom.
    pub hearing: Hearing,
    /// For prompts about a purpose: which.
    pub purpose: Option<Purpose>,
    /// Whether its text holds what the caller gave: then it is rendered while the call runs and kept nowhere.
    pub slots: bool,
    /// A place in a line that is told, from 1.
    pub place: Option<u32>,
}

/// The id of what is played to a caller who waits.
const MUSIC: &str = "hold-music";

impl Line {
    /// Whether it is music: it has no words.
    pub fn is_music(&self) -> bool {
        self.id == MUSIC
    }
}

/// What a text may hold of a call: everything that is known, or slots alone.
#[derive(Clone, Copy)]
pub struct Sayable<'a> {
    slots: &'a Slots,
    sensitive: Option<&'a Slots>,
    results: Option<&'a BTreeMap<String, Answer>>,
    understood: Option<&'a str>,
    today: Option<Date>,
}

impl<'a> From<&'a Slots> for Sayable<'a> {
    fn from(slots: &'a Slots) -> Sayable<'a> {
        Sayable { slots, sensitive: None, results: None, understood: None, today: None }
    }
}

impl<'a> From<&'a Known> for Sayable<'a> {
    fn from(known: &'a Known) -> Sayable<'a> {
        let understood = known.understood.as_ref().map(|phrase| phrase.as_str());
        Sayable {
            slots: &known.slots,
            sensitive: Some(&known.sensitive),
            results: Some(&known.results),
            understood,
            today: known.today,
        }
    }
}

/// The texts of one dialog, the engine's included, in all its languages.
pub struct Texts {
    languages: Vec<Language>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.languages.iter().map(|l| &l.name)).finish()
    }
}

struct Language {
    name: String,
    bundle: FluentBundle<FluentResource>,
    messages: BTreeMap<String, Message>,
}

/// What is known of one message without saying it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The file it stands in.
    pub file: String,
    /// Where in it, in bytes from the beginning of the file.
    pub offset: usize,
    /// Whether it can be said (some only list what is listened for).
    pub spoken: bool,
    /// The variables its text uses.
    pub variables: BTreeSet<String>,
    /// The other messages that its text quotes.
    pub quotes: BTreeSet<String>,
    /// The phrases after `.hear`, separated by `|` in the file.
    pub hear: Vec<String>,
}

/// The variables that the engine fills in: everything else in a text is a slot.
pub const FIXED_VARIABLES: [&str; 6] = ["hearing", "organisation", "notice", "purpose", "days", "place"];

/// What a slot that no step collects is said as: a number to be called back on.
const DIGITS: Form = Form::Digits { least: 1, most: usize::MAX };

/// The variable that holds the option that a caller is asked about.
pub const UNDERSTOOD: &str = "understood-option";

impl Texts {
    /// Reads the files of every language, in the order of the dialog file. All errors of all files at once.
    pub fn read(languages: Vec<(String, Vec<Source>)>) -> Result<Texts, Vec<TextError>> {
        let mut read = Vec::new();
        let mut errors = Vec::new();
        for (name, sources) in languages {
            let identifier: LanguageIdentifier = name.parse().unwrap_or_default();
            let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
            // Isolating marks are invisible characters: they would enter speech and hashes.
            bundle.set_use_isolating(false);
            let (mut messages, mut references) = (BTreeMap::new(), BTreeMap::new());
            for source in sources {
                read_source(source, &mut bundle, &mut messages, &mut references, &mut errors);
            }
            add_quoted_variables(&mut messages, &references);
            read.push(Language { name, bundle, messages });
        }
        if errors.is_empty() { Ok(Texts { languages: read }) } else { Err(errors) }
    }

    /// The message `id`, if the language has it.
    pub fn message(&self, language: &str, id: &str) -> Option<&Message> {
        self.language(language)?.messages.get(id)
    }

    /// All messages of a language by id.
    pub fn messages(&self, language: &str) -> impl Iterator<Item = (&str, &Message)> {
        self.language(language).into_iter().flat_map(|l| l.messages.iter().map(|(id, m)| (id.as_str(), m)))
    }

    /// What is listened for under `id`.
    pub fn hear(&self, language: &str, id: &str) -> &[String] {
        self.message(language, id).map_or(&[], |message| &message.hear)
    }

    /// Whether the text of `id` holds what the caller gave.
    pub fn has_slots(&self, language: &str, id: &str) -> bool {
        let fixed = |variable: &String| FIXED_VARIABLES.contains(&variable.as_str());
        self.message(language, id).is_some_and(|m| !m.variables.iter().all(fixed))
    }

    /// The text of a line. Slots are spoken as what they are (digits one by one, dates as dates), results as they are.
    pub fn text<'a>(
        &self,
        file: &DialogFile,
        line: &Line,
        known: impl Into<Sayable<'a>>,
    ) -> Result<Zeroizing<String>, TextError> {
        let mut args = FluentArgs::new();
        args.set("hearing", line.hearing.as_str());
        args.set("organisation", file.organisation.name.value.as_str());
        args.set("notice", self.spoken_address(&line.language, &file.organisation.privacy_notice.url.value));
        if let Some(purpose) = &line.purpose {
            let label = self.format(&line.language, &format!("purpose-{purpose}"), &FluentArgs::new())?;
            args.set("purpose", label.as_str().to_owned());
            let terms = file.recording.iter().filter_map(|r| r.value.terms()).find(|t| t.purpose == *purpose);
            args.set("days", terms.map_or(0, |t| t.retention.as_secs() / 86_400));
        }
        if let Some(place) = line.place {
            args.set("place", place);
        }
        let Sayable { slots, sensitive, results, understood, today } = known.into();
        if let Some(phrase) = understood {
            args.set(UNDERSTOOD, phrase.to_owned());
        }
        for (name, value) in slots.iter().chain(sensitive.iter().flat_map(|slots| slots.iter())) {
            let form = file.form_of(name).unwrap_or(DIGITS);
            let number = matches!(form, Form::Number { .. }).then(|| value.parse::<u32>().ok()).flatten();
            let spoken = || FluentValue::from(spoken::aloud(form, value, &line.language, today).to_string());
            args.set(name.to_owned(), number.map_or_else(spoken, FluentValue::from));
        }
        for (result, answer) in results.into_iter().flatten() {
            for (field, value) in answer.iter() {
                let value = match value {
                    Value::Text(text) => FluentValue::from(text.as_str().to_owned()),
                    Value::Flag(flag) => FluentValue::from(if *flag { "true" } else { "false" }),
                    Value::Number(number) => FluentValue::from(*number),
                };
                args.set(field_name(result, field), value);
            }
        }
        self.format(&line.language, &line.id, &args)
    }

    /// An address as one says it: no scheme, the signs as words.
    fn spoken_address(&self, language: &str, url: &str) -> String {
        let word = |id: &str| self.format(language, id, &FluentArgs::new()).map(|w| w.to_string()).unwrap_or_default();
        let bare = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
        let mut spoken = String::new();
        for c in bare.chars() {
            match c {
                '.' => spoken.push_str(&format!(" {} ", word("spoken-dot"))),
                '/' => spoken.push_str(&format!(" {} ", word("spoken-slash"))),
                '-' => spoken.push_str(&format!(" {} ", word("spoken-hyphen"))),
                c => spoken.push(c),
            }
        }
        spoken
    }

    fn format(&self, language: &str, id: &str, args: &FluentArgs) -> Result<Zeroizing<String>, TextError> {
        let missing = |problem: String| TextError { file: format!("prompts/{language}"), offset: 0, problem };
        let found = self.language(language).ok_or_else(|| missing(format!("there are no texts in {language}")))?;
        let pattern = found
            .bundle
            .get_message(id)
            .and_then(|message| message.value())
            .ok_or_else(|| missing(format!("`{id}` has no text in {language}")))?;
        let mut problems = Vec::new();
        let text = found.bundle.format_pattern(pattern, Some(args), &mut problems).into_owned();
        match problems.first() {
            None => Ok(Zeroizing::new(text.split_whitespace().collect::<Vec<_>>().join(" "))),
            // Fluent's own message names the variable, never a value.
            Some(problem) => Err(missing(format!("`{id}` in {language}: {problem}"))),
        }
    }

    fn language(&self, language: &str) -> Option<&Language> {
        self.languages.iter().find(|l| l.name == language)
    }
}

fn read_source(
    source: Source,
    bundle: &mut FluentBundle<FluentResource>,
    messages: &mut BTreeMap<String, Message>,
    references: &mut BTreeMap<String, BTreeSet<String>>,
    errors: &mut Vec<TextError>,
) {
    let Source { name: file, text } = source;
    let resource = FluentResource::try_new(text.clone()).unwrap_or_else(|(resource, problems)| {
        for problem in problems {
            let problem_text = match problem.kind {
                ErrorKind::ExpectedToken('}') => "a `{` is never closed: write `{ $name }`".to_owned(),
                kind => format!("{kind}: this is no Fluent text; write `name = text`"),
            };
            errors.push(TextError { file: file.clone(), offset: problem.pos.start, problem: problem_text });
        }
        resource
    });
    let mut searched = 0;
    for entry in resource.entries() {
        let ast::Entry::Message(message) = entry else { continue };
        let id = message.id.name.to_owned();
        let offset = offset_of(&text, &id, searched);
        searched = offset + id.len();
        let mut used = Used::default();
        if let Some(pattern) = &message.value {
            used.in_pattern(pattern);
        }
        let hear = message.attributes.iter().find(|a| a.id.name == "hear").map_or(Some(Vec::new()), |a| phrases(&a.value));
        let hear = hear.unwrap_or_else(|| {
            let problem = format!("the phrases of `{id}` hold a `{{ … }}`; write what a caller says, word for word");
            errors.push(TextError { file: file.clone(), offset, problem });
            Vec::new()
        });
        references.insert(id.clone(), used.messages.clone());
        let (spoken, variables, quotes) = (message.value.is_some(), used.variables, used.messages);
        let known = Message { file: file.clone(), offset, spoken, variables, quotes, hear };
        if let Some(before) = messages.insert(id.clone(), known) {
            let problem = format!("`{id}` stands in {} already; give it another name", before.file);
            errors.push(TextError { file: file.clone(), offset, problem });
        }
    }
    if bundle.add_resource(resource).is_err() && errors.is_empty() {
        errors.push(TextError { file, offset: 0, problem: "a name stands here twice; give one another name".into() });
    }
}

/// Where the message `id` begins, at `from` or later.
fn offset_of(text: &str, id: &str, from: usize) -> usize {
    let begins_here = |line: &str| line.strip_prefix(id).is_some_and(|rest| rest.trim_start().starts_with('='));
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if offset >= from && begins_here(line) {
            return offset;
        }
        offset += line.len();
    }
    0
}

/// The phrases of a `.hear`; `None` when it holds more than words.
fn phrases(pattern: &ast::Pattern<&str>) -> Option<Vec<String>> {
    let mut text = String::new();
    for element in &pattern.elements {
        match element {
            ast::PatternElement::TextElement { value } => text.push_str(value),
            ast::PatternElement::Placeable { .. } => return None,
        }
    }
    Some(text.split('|').map(|p| p.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|p| !p.is_empty()).collect())
}

/// A text that quotes another uses what that one uses.
fn add_quoted_variables(messages: &mut BTreeMap<String, Message>, references: &BTreeMap<String, BTreeSet<String>>) {
    // Each round follows one more quotation; there are no more of them in a row than texts.
    for _ in 0..references.len() {
        let mut changed = false;
        for (id, quoted) in references {
            let more: Vec<String> =
                quoted.iter().filter_map(|id| messages.get(id)).flat_map(|m| m.variables.iter().cloned()).collect();
            let Some(message) = messages.get_mut(id) else { continue };
            let before = message.variables.len();
            message.variables.extend(more);
            changed |= message.variables.len() > before;
        }
        if !changed {
            return;
        }
    }
}

/// What a text refers to.
#[derive(Default)]
struct Used {
    variables: BTreeSet<String>,
    messages: BTreeSet<String>,
}

impl Used {
    fn in_pattern(&mut self, pattern: &ast::Pattern<&str>) {
        for element in &pattern.elements {
            if let ast::PatternElement::Placeable { expression } = element {
                self.in_expression(expression);
            }
        }
    }

    fn in_expression(&mut self, expression: &ast::Expression<&str>) {
        match expression {
            ast::Expression::Inline(inline) => self.in_inline(inline),
            ast::Expression::Select { selector, variants } => {
                self.in_inline(selector);
                variants.iter().for_each(|variant| self.in_pattern(&variant.value));
            }
        }
    }

    fn in_inline(&mut self, inline: &ast::InlineExpression<&str>) {
        match inline {
            ast::InlineExpression::VariableReference { id } => {
                self.variables.insert(id.name.to_owned());
            }
            ast::InlineExpression::MessageReference { id, .. } => {
                self.messages.insert(id.name.to_owned());
            }
            ast::InlineExpression::Placeable { expression } => self.in_expression(expression),
            ast::InlineExpression::FunctionReference { arguments, .. } => {
                arguments.positional.iter().for_each(|argument| self.in_inline(argument));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Texts, Vec<TextError>> {
        Texts::read(vec![("nl".into(), vec![Source { name: "nl/test.ftl".into(), text: text.into() }])])
    }

    #[test]
    fn a_text_uses_what_the_text_it_quotes_uses() {
        let texts = read("outer = Hallo. { middle }\nmiddle = { inner }\ninner = Nummer { $number }.\n").unwrap();
        assert!(texts.message("nl", "outer").unwrap().variables.contains("number"));
        assert!(texts.has_slots("nl", "outer"));
        assert!(!read("round = { trip }\ntrip = { round }\n").unwrap().has_slots("nl", "round"));
    }

    #[test]
    fn a_name_that_stands_twice_is_shown_the_second_time() {
        let errors = read("hello = Hallo.\nother = Iets.\nhello = Dag.\n").unwrap_err();
        assert_eq!((errors[0].offset, errors.len()), (29, 1), "{errors:?}");
    }

    #[test]
    fn phrases_are_words_alone() {
        let texts = read("yes =\n    .hear = ja | ja   graag |\n").unwrap();
        assert_eq!(texts.hear("nl", "yes"), ["ja", "ja graag"]);
        let errors = read("yes =\n    .hear = ja { $name }\n").unwrap_err();
        assert!(errors[0].problem.contains("word for word"), "{errors:?}");
    }

    #[test]
    fn slots_are_said_digit_by_digit_and_never_shown() {
        let file = crate::dialog::file::read(
            "dialog: d\nlanguages: [nl]\norganisation: { name: V, privacy-notice: { url: \"https://v-w.nl/bel/\", version: 1 } }\n\
             handover: { to: desk }\nstart: a\nstates: {}\n",
        )
        .unwrap();
        let texts = read(
            "number = Nummer { $number }.\nat = Zie { $notice }.\nspoken-dot = punt\nspoken-slash = slash\nspoken-hyphen = streepje\n",
        );
        let texts = texts.unwrap();
        let mut slots = Slots::default();
        slots.insert("number", "4711");
        let line = |id: &str| Line {
            id: id.into(),
            language: "nl".into(),
            hearing: Hearing::Keys,
            purpose: None,
            slots: true,
            place: None,
        };
        assert_eq!(texts.text(&file, &line("number"), &slots).unwrap().as_str(), "Nummer 4 7 1 1.");
        assert_eq!(texts.text(&file, &line("at"), &slots).unwrap().as_str(), "Zie v streepje w punt nl slash bel.");
        assert!(!format!("{slots:?}").contains("4711"));
        let unset = texts.text(&file, &line("number"), &Slots::default()).unwrap_err();
        assert!(unset.problem.contains("number"), "{unset}");
    }
}
