//! `candor check`: whether dialogs keep the rules. Status 0: all hold; 1: one does not; 2: called wrongly.

mod json;
mod pages;
mod people;
mod sarif;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::dialog::check::{self, Keeper, Level};
use crate::dialog::prompt::Line;
use crate::server::library::{self, Loaded, Phonemes, Problems};

pub use pages::page;

/// Checks dialogs: their states, texts, phrases, purposes, recordings, and that refusing costs callers nothing.
#[derive(clap::Args, Debug, Default)]
pub struct Arguments {
    /// Dialog files, or folders of them; without any, the folder of the configuration.
    #[arg(value_name = "FILE|FOLDER")]
    pub paths: Vec<PathBuf>,
    /// The folder with the texts; else the one of the configuration.
    #[arg(long, value_name = "FOLDER")]
    pub prompts: Option<PathBuf>,
    /// Writes what is found as JSON (docs/checks/README.md says how it looks).
    #[arg(long, conflicts_with = "sarif")]
    pub json: bool,
    /// Writes what is found as SARIF 2.1.0, for code review.
    #[arg(long)]
    pub sarif: bool,
    /// Warnings count as errors.
    #[arg(long)]
    pub strict: bool,
    /// Lists the rules.
    #[arg(long, conflicts_with_all = ["paths", "json", "sarif", "strict", "explain"])]
    pub list: bool,
    /// Shows the page of a rule: what it refuses, why, and how to mend it.
    #[arg(long, value_name = "RULE", conflicts_with_all = ["paths", "json", "sarif", "strict"])]
    pub explain: Option<String>,
}

/// Something that can say how long prompts take and how phrases sound.
pub trait Voice {
    /// How long a prompt of a dialog takes to say; `None` when it cannot be said here.
    fn duration(&self, loaded: &Loaded, line: &Line) -> Option<Duration>;
    /// How the phrases of a dialog sound.
    fn phonemes(&self, loaded: &Loaded) -> Phonemes;
}

/// What the configuration says.
#[derive(Clone, Copy)]
pub struct Configured<'a> {
    /// The folder of dialogs.
    pub dialogs: &'a Path,
    /// The folder of texts.
    pub prompts: &'a Path,
    /// The names of the handover targets; `None`: no configuration, so they are not checked.
    pub targets: Option<&'a [String]>,
    /// The names of the values that lookups may use; `None`: no configuration, so they are not checked.
    pub lookups: Option<&'a [String]>,
    /// The recognisers that keep what they hear.
    pub keepers: &'a [Keeper],
    /// `None`: the opening is not measured and phrases are compared by their letters, and the summary says so.
    pub voice: Option<&'a dyn Voice>,
}

impl<'a> Configured<'a> {
    fn known(&self) -> check::Configured<'a> {
        check::Configured { targets: self.targets, lookups: self.lookups, keepers: self.keepers }
    }
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All dialogs keep the rules.
    Holds,
    /// At least one does not.
    DoesNotHold,
    /// There was nothing to check where the caller pointed.
    CalledWrongly,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Holds => 0,
            Outcome::DoesNotHold => 1,
            Outcome::CalledWrongly => 2,
        })
    }
}

/// Runs the command: what it finds on standard output, how it was called wrongly on standard error.
pub fn run(arguments: &Arguments, configured: Configured) -> ExitCode {
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    match check(arguments, configured, colour, &mut io::stdout().lock(), &mut io::stderr().lock()) {
        Ok(outcome) => outcome.into(),
        // Nobody reads any further, as when the output goes to `head`.
        Err(_) => Outcome::DoesNotHold.into(),
    }
}

/// The command without a terminal: writes what it finds to `out` and how it was called wrongly to `err`.
pub fn check(
    arguments: &Arguments,
    configured: Configured,
    colour: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<Outcome> {
    if arguments.list {
        return pages::list(out);
    }
    if let Some(rule) = &arguments.explain {
        return pages::explain(rule, out, err);
    }
    let files = match files(arguments, configured.dialogs) {
        Ok(files) => files,
        Err(why) => {
            writeln!(err, "candor check: {why}")?;
            return Ok(Outcome::CalledWrongly);
        }
    };
    let prompts = arguments.prompts.as_deref().unwrap_or(configured.prompts);
    if !prompts.is_dir() {
        writeln!(err, "candor check: {} is no folder of texts; name one with --prompts FOLDER", prompts.display())?;
        return Ok(Outcome::CalledWrongly);
    }
    let dialogs = files.into_iter().map(|file| Checked::new(file, prompts, configured)).collect();
    let checks = Checks { dialogs, spoken: configured.voice.is_some(), strict: arguments.strict };
    if arguments.json {
        json::write(&checks, out)?;
    } else if arguments.sarif {
        sarif::write(&checks, &std::env::current_dir()?, out)?;
    } else {
        people::write(&checks, colour, out)?;
    }
    Ok(if checks.holds() { Outcome::Holds } else { Outcome::DoesNotHold })
}

/// What came of all dialogs.
struct Checks {
    dialogs: Vec<Checked>,
    /// Whether there was a voice to measure with.
    spoken: bool,
    strict: bool,
}

impl Checks {
    fn holds(&self) -> bool {
        let refused = self.count(Level::Error) > 0 || (self.strict && self.count(Level::Warning) > 0);
        !refused && self.dialogs.iter().all(|dialog| dialog.result.is_ok())
    }

    fn count(&self, level: Level) -> usize {
        self.dialogs.iter().map(|dialog| dialog.found().count_of(level)).sum()
    }

    /// Dialogs that a server would not take.
    fn refused(&self) -> usize {
        self.dialogs.iter().filter(|dialog| dialog.result.is_err()).count()
    }
}

/// What came of one dialog.
struct Checked {
    file: PathBuf,
    result: Result<Box<Loaded>, Box<Problems>>,
}

impl Checked {
    fn new(file: PathBuf, prompts: &Path, configured: Configured) -> Checked {
        let result = library::load_for(&file, prompts, configured.known()).and_then(|loaded| {
            let Some(voice) = configured.voice else { return Ok(Box::new(loaded)) };
            match loaded.check_spoken(&voice.phonemes(&loaded), |loaded, line| voice.duration(loaded, line)) {
                Ok(()) => Ok(Box::new(loaded)),
                Err(mut found) => {
                    found.append(loaded.remarks);
                    Err(found)
                }
            }
        });
        Checked { file, result }
    }

    fn found(&self) -> &Problems {
        match &self.result {
            Ok(loaded) => &loaded.remarks,
            Err(problems) => problems,
        }
    }
}

fn files(arguments: &Arguments, configured: &Path) -> Result<Vec<PathBuf>, String> {
    let paths = if arguments.paths.is_empty() { vec![configured.to_owned()] } else { arguments.paths.clone() };
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = library::dialogs_in(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            if found.is_empty() {
                return Err(format!("there are no dialogs (*.yaml) in {}", path.display()));
            }
            files.extend(found);
        } else if path.is_file() {
            files.push(path);
        } else {
            return Err(format!("there is no file or folder {}", path.display()));
        }
    }
    Ok(files)
}
