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
mod engine;
mod graph;
mod names;
mod opening;
mod parity;
mod phrases;
mod problem;
mod prompts;
mod purposes;
mod slots;
mod ways;
mod yaml;

use std::time::Duration;

use serde_saphyr::Spanned;

use super::file::DialogFile;
use super::prompt::{Line, TextError, Texts};

pub use engine::built_in;
pub use names::{is_dialog_name, read_language};
pub use opening::LONGEST_DISCLOSURE;
pub use problem::{Place, Problem, Span};
pub use yaml::unreadable;

/// The rules by name, each with what it asks for; `not-a-dialog`, `text-broken` and `file-not-readable` also come from reading.
pub const RULES: [(&str, &str); 25] = [
    ("file-not-readable", "a file is there, in UTF-8 (a recording: a WAV file with sound)"),
    ("not-a-dialog", "the file is YAML with the names that mean something"),
    ("name-not-readable", "dialogs, states, slots and options have plain names that are not taken"),
    ("language-not-understood", "languages are BCP 47 codes, each once"),
    ("notice-not-readable", "the organisation has a name, its privacy notice a web address and a version"),
    ("unknown-target", "the handover target is in the server's configuration"),
    ("unknown-state", "every state that is named exists"),
    ("unreachable-state", "something leads to every state"),
    ("no-way-out", "every step can run, and from every state a way leads to a person or to the end"),
    (
        "refusing-caller-cannot-reach",
        "whatever a consenting caller can reach, a refusing caller can reach in one more turn at most",
    ),
    ("purpose-incomplete", "every purpose has a name to say, a legal basis, a necessity and a retention, and stands there once"),
    ("legitimate-interest-needs-balancing", "a legitimate interest names the document in which it was weighed"),
    ("unknown-purpose", "a purpose that is named was announced, on a basis that fits"),
    ("on-consent-does-nothing", "an `on-consent` has a branch"),
    ("key-collision", "every option of a question has a key of its own, 1 to 9"),
    ("no-options", "a question can be answered"),
    ("digits-unreadable", "`digits` says how many, `valid` names a check that exists"),
    ("tries-out-of-range", "a question is put 1 to 3 times"),
    ("missing-prompt", "every prompt has a text in every language, the engine's included"),
    ("missing-phrases", "every option can be said in every language"),
    ("phrase-collision", "no phrase means two things at the same time"),
    ("unknown-variable", "a text uses only variables that someone fills in"),
    ("slot-before-set", "a prompt uses a slot only where every way to it has set it"),
    ("text-broken", "every text can be read and said"),
    ("recorded-but-varies", "a prompt that is recorded has a text that is always the same"),
];

/// The rules about the opening, which the engine's texts must keep.
pub const RULES_OF_THE_OPENING: [(&str, &str); 2] = [
    ("disclosure-incomplete", "the prompts of the opening name organisation, purpose, term and notice"),
    ("disclosure-too-long", "none of them takes more than 12 seconds"),
];

/// How long a prompt takes to say; `None` when it is not known.
pub type Durations<'a> = &'a dyn Fn(&Line) -> Option<Duration>;

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
    /// The handover targets of the configuration; `None`: not checked.
    pub targets: Option<&'a [String]>,
    /// Whether a document that the dialog names exists beside it; `None`: not checked.
    pub documents: Option<&'a dyn Fn(&str) -> bool>,
    /// The prompts that are recorded: language and id.
    pub recorded: &'a [(String, String)],
    /// How long the prompts of the opening take; `None`: not checked.
    pub durations: Option<Durations<'a>>,
}

impl<'a> CheckInput<'a> {
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

/// Everything that is wrong, in the order of the file.
pub fn check(input: &CheckInput) -> Vec<Problem> {
    let mut found = problem::Found::new(input.file_name);
    let graph = graph::Graph::new(input.dialog);
    names::check(input, &mut found);
    purposes::check(input, &mut found);
    answers::check(input.dialog, &mut found);
    if names::states(input, &mut found) {
        let sound = ways::check(input.dialog, &graph, &mut found);
        if sound {
            parity::check(input.dialog, &graph, &mut found);
        }
        slots::check(input, &graph, &mut found);
    }
    if let Some(texts) = input.texts {
        prompts::check(input, texts, &mut found);
        phrases::check(input, texts, &mut found);
        opening::check(input, texts, &mut found);
    }
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
