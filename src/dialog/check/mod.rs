//! The rules a dialog must keep before a server takes it: what would mistreat a caller, or fail in the middle of a call, is refused on a
//! line of the file, with what to write instead. Pure: reads no file, renders nothing. Its neighbours: [`super::file`] and
//! [`super::prompt`] give it what was written; whoever reads the files shows what it finds.
//!
//! The rules about ways (can every state be left, does a refusal cost anything) are proved on the dialog's graph, for every combination of
//! answers that callers can give to the consent questions.
//!
//! **Architecture invariant:** every problem has a place, a sentence, and a way out; a dialog without problems cannot send a caller into a
//! state that does not exist, a prompt that cannot be said, or a corner that only a consenting caller can leave.

mod answers;
mod asides;
mod choices;
mod dependence;
mod drawing;
mod engine;
mod graph;
mod hearing;
mod lookups;
mod names;
mod opening;
mod parity;
mod parts;
mod people;
mod phrases;
mod pretence;
mod problem;
mod prompts;
mod purposes;
mod quality;
mod recordings;
mod rounds;
mod rules;
mod sensitive;
mod slots;
mod sounds;
mod unused;
mod uses;
mod ways;
mod wording;
mod words;
mod worlds;
mod yaml;

use std::time::Duration;

use serde_saphyr::Spanned;

use super::file::{DialogFile, Part};
use super::prompt::{Line, TextError, Texts};

pub use engine::built_in;
pub use names::{is_dialog_name, read_language};
pub use opening::LONGEST_DISCLOSURE;
pub use problem::{Place, Problem, Span};
pub(crate) use problem::{listed, nearest, suggestion};
pub use recordings::RecordedPrompt;
pub use rules::{Level, RULES, Rule, rule};
pub use sounds::{Sounds, phrases_to_sound};
pub use yaml::unreadable;

/// How long a prompt takes to say; `None` when it is not known.
pub type Durations<'a> = &'a dyn Fn(&Line) -> Option<Duration>;

/// What the server's configuration has, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Configured<'a> {
    /// The handover targets; `None`: not checked.
    pub targets: Option<&'a [String]>,
    /// The names of `[lookups]`; `None`: not checked.
    pub lookups: Option<&'a [String]>,
    /// The recognisers that keep what they hear.
    pub keepers: &'a [Keeper],
}

/// A recogniser that keeps what it hears, by the configuration's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeper {
    /// The language in which it would hear callers.
    pub language: String,
    /// Its name in the configuration.
    pub name: String,
}

/// What a check looks at.
pub struct CheckInput<'a> {
    /// The dialog file's name, as an author would recognise it.
    pub file_name: &'a str,
    /// The dialog.
    pub dialog: &'a DialogFile,
    /// The folder of the texts, as an author would recognise it; named in what to write instead.
    pub prompts_folder: &'a str,
    /// Its texts and the engine's; `None` when they could not be read: then nothing is checked about them.
    pub texts: Option<&'a Texts>,
    /// What the server has.
    pub configured: Configured<'a>,
    /// Whether a document that the dialog names exists beside it; `None`: not checked.
    pub documents: Option<&'a dyn Fn(&str) -> bool>,
    /// The prompts that are recorded.
    pub recorded: &'a [RecordedPrompt],
}

/// What only shows when something is spoken.
#[derive(Clone, Copy)]
pub struct Spoken<'a> {
    /// How long the prompts of the opening take.
    pub durations: Durations<'a>,
    /// How phrases sound.
    pub sounds: Sounds<'a>,
}

impl<'a> CheckInput<'a> {
    /// The file of texts of the dialog or of a sub-dialog, as an author would recognise it.
    fn text_file(&self, language: &str, part: Option<&Part>) -> String {
        let name = part.map_or(&self.dialog.dialog, |part| &part.file.sub_dialog);
        format!("{}/{language}/{}.ftl", self.prompts_folder, name.value)
    }

    /// The languages that can have texts: those that are written as BCP 47 writes them, each once.
    fn languages(&self) -> Vec<&'a Spanned<String>> {
        let mut languages: Vec<&Spanned<String>> = Vec::new();
        for language in self.dialog.languages.iter().filter(|language| read_language(&language.value).is_some()) {
            if !languages.iter().any(|before| before.value == language.value) {
                languages.push(language);
            }
        }
        languages
    }
}

/// Everything that is wrong with what was written, in the order of the file.
pub fn check(input: &CheckInput) -> Vec<Problem> {
    let mut found = problem::Found::new(input.file_name);
    let graph = graph::Graph::new(input.dialog);
    names::check(input, &mut found);
    hearing::check(input, &mut found);
    purposes::check(input, &mut found);
    answers::check(input.dialog, &mut found);
    lookups::check(input, &mut found);
    lookups::names(input, &mut found);
    choices::check(input, &mut found);
    parts::check(input, &mut found);
    sensitive::check(input, &mut found);
    if names::states(input, &mut found) && parts::check_ways(&graph, &mut found) {
        let sound = ways::check(input.dialog, &graph, &mut found);
        if sound {
            people::check(&graph, &mut found);
            rounds::check(&graph, &mut found);
            // A purpose whose name is not right yet says nothing about who refuses what.
            if !found.problems.iter().any(|problem| problem.rule == "unknown-purpose") {
                parity::check(&graph, &mut found);
                dependence::check(input.dialog, &graph, &mut found);
            }
        }
        slots::check(input, &graph, &mut found);
    }
    found.enter(None);
    if let Some(texts) = input.texts {
        prompts::check(input, texts, &mut found);
        phrases::check(input, texts, &mut found);
        found.enter(None);
        unused::check(input, texts, &mut found);
        recordings::check(input, texts, &mut found);
        wording::check(input, texts, &mut found);
        asides::check(input, texts, &mut found);
        found.enter(None);
    }
    in_order(input, found)
}

/// Everything that is wrong with how it sounds: what [`check`] cannot see without a voice.
pub fn check_spoken(input: &CheckInput, spoken: &Spoken) -> Vec<Problem> {
    let mut found = problem::Found::new(input.file_name);
    if let Some(texts) = input.texts {
        opening::check(input, texts, spoken.durations, &mut found);
        sounds::check(input, texts, spoken.sounds, &mut found);
    }
    in_order(input, found)
}

/// The dialog file first, then the others, each from its beginning.
fn in_order(input: &CheckInput, found: problem::Found) -> Vec<Problem> {
    let mut problems = found.problems;
    let of_the_dialog = |p: &Problem| p.place.file != input.file_name;
    problems
        .sort_by(|a, b| (of_the_dialog(a), &a.place.file, a.place.span).cmp(&(of_the_dialog(b), &b.place.file, b.place.span)));
    problems
}

/// A text file that could not be read, as a problem.
pub fn unreadable_text(error: &TextError) -> Problem {
    Problem {
        rule: "text-broken",
        message: error.problem.clone(),
        place: Place { file: error.file.clone(), span: Span { offset: error.offset, length: 0 }, label: "here".into() },
        help: "a text is `name = what is said`; its further lines begin with spaces, `{ $slot }` stands for what the caller gave"
            .into(),
        related: Vec::new(),
    }
}
