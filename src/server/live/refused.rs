use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::dialog::check::Problem;
use crate::recording::RecordingError;
use crate::server::library::Problems;
use crate::server::start::StartError;
use crate::speech::PreparationError;

/// Why a dialog cannot be served.
#[derive(Debug, thiserror::Error)]
pub(in crate::server) enum Refusal {
    /// It does not keep the rules.
    #[error("{0}")]
    Problems(Box<Problems>),
    /// A prompt of it has no sound.
    #[error(transparent)]
    Prompt(#[from] PreparationError),
    /// Nothing could be sealed for one of its purposes.
    #[error(transparent)]
    Key(#[from] RecordingError),
    /// A text that cannot be put together.
    #[error("{0}")]
    Text(String),
    /// Its files changed while they were being worked on.
    #[error("{} was changed while its prompts were being rendered", .0.display())]
    Unsettled(PathBuf),
    /// The settings and the dialogs do not fit each other.
    #[error("{message}")]
    Settings {
        /// The rule's name.
        rule: &'static str,
        /// What does not fit, and what to do.
        message: String,
    },
}

impl From<Refusal> for StartError {
    fn from(refusal: Refusal) -> StartError {
        match refusal {
            Refusal::Problems(problems) => StartError::Dialog(problems),
            Refusal::Prompt(error) => StartError::Prompt(error),
            Refusal::Key(error) => StartError::Recording(error),
            other => StartError::Settings(other.to_string()),
        }
    }
}

/// A file that is not served as it is now. What it held when it last kept the rules goes on, if it ever did.
#[derive(Clone, Debug)]
pub(in crate::server) struct Refused {
    /// The dialog file, or another that stands in the way.
    pub(super) file: PathBuf,
    rule: &'static str,
    message: String,
    /// Where the first problem stands: its file, line and column.
    place: Option<(String, Option<(usize, usize)>)>,
    problems: usize,
    /// All of it, for the log.
    text: String,
    /// Since when the file is refused, whatever was wrong with it first.
    pub(super) since: Timestamp,
}

impl Refused {
    pub(super) fn new(file: &Path, refusal: &Refusal, since: Timestamp) -> Refused {
        let (rule, message, place, problems) = match refusal {
            Refusal::Problems(problems) => {
                let first: Option<&Problem> = problems.iter().next();
                let position = problems.positions().next().flatten();
                let place = first.map(|problem| (problem.place.file.clone(), position));
                let (rule, message) = first.map_or(("", String::new()), |problem| (problem.rule, problem.message.clone()));
                (rule, message, place, problems.count())
            }
            Refusal::Prompt(error) => ("prompt-not-rendered", error.to_string(), None, 1),
            Refusal::Key(error) => ("no-public-key", error.to_string(), None, 1),
            Refusal::Text(error) => ("text-broken", error.clone(), None, 1),
            Refusal::Unsettled(_) => ("file-not-readable", refusal.to_string(), None, 1),
            Refusal::Settings { rule, message } => (*rule, message.clone(), None, 1),
        };
        Refused { file: file.to_owned(), rule, message, place, problems, text: refusal.to_string(), since }
    }

    /// Whether it is the same file with the same problems.
    pub(super) fn is_same(&self, other: &Refused) -> bool {
        (&self.file, &self.text) == (&other.file, &other.text)
    }

    /// For `/readyz`.
    pub(in crate::server) fn shown(&self) -> Value {
        let (place, position) = self.place.as_ref().map_or((None, None), |(file, position)| (Some(file), *position));
        json!({
            "file": self.file.display().to_string(),
            "rule": self.rule,
            "message": self.message,
            "in": place,
            "line": position.map(|(line, _)| line),
            "problems": self.problems,
            "since": self.since,
        })
    }
}

/// Everything that is wrong, a line each.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
