//! `candor check`: whether dialogs keep the rules. Status 0: all hold; 1: one does not; 2: called wrongly.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::dialog::prompt::Line;
use crate::server::library::{self, Loaded};

/// Checks dialogs: their states, texts, phrases, purposes, and that refusing costs callers nothing.
#[derive(clap::Args, Debug, Default)]
pub struct Arguments {
    /// Dialog files, or folders of them; without any, the folder of the configuration.
    #[arg(value_name = "FILE|FOLDER")]
    pub paths: Vec<PathBuf>,
    /// The folder with the texts; else the one of the configuration.
    #[arg(long, value_name = "FOLDER")]
    pub prompts: Option<PathBuf>,
}

/// How long a prompt of a dialog takes to say; `None` when it cannot be rendered here.
pub type Measure<'a> = &'a dyn Fn(&Loaded, &Line) -> Option<Duration>;

/// What the configuration says.
#[derive(Clone, Copy)]
pub struct Configured<'a> {
    /// The folder of dialogs.
    pub dialogs: &'a Path,
    /// The folder of texts.
    pub prompts: &'a Path,
    /// The names of the handover targets; `None`: no configuration, so they are not checked.
    pub targets: Option<&'a [String]>,
    /// How to measure the prompts of the opening; `None`: they are not measured, and the summary says so.
    pub measure: Option<Measure<'a>>,
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
    let (mut refused, mut problems) = (0, 0);
    for file in &files {
        let checked = library::load(file, prompts, configured.targets).and_then(|loaded| match configured.measure {
            Some(measure) => loaded.measure(measure).map(|()| loaded),
            None => Ok(loaded),
        });
        match checked {
            Ok(loaded) => writeln!(out, "{} holds: {}", file.display(), summary(&loaded))?,
            Err(found) => {
                write!(out, "{}", found.render(colour))?;
                refused += 1;
                problems += found.count();
            }
        }
    }
    let dialogs = plural(files.len(), "dialog");
    if refused == 0 {
        let unmeasured = if configured.measure.is_none() { "; how long the opening takes was not measured" } else { "" };
        writeln!(out, "{dialogs} checked, no problems{unmeasured}")?;
        return Ok(Outcome::Holds);
    }
    writeln!(out, "{dialogs} checked, {} in {refused} of them", plural(problems, "problem"))?;
    Ok(Outcome::DoesNotHold)
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

fn summary(loaded: &Loaded) -> String {
    let file = &loaded.dialog.file;
    let languages: Vec<&str> = file.languages.iter().map(|language| language.value.as_str()).collect();
    let recording = match file.recording.len() {
        0 => "records nothing".to_owned(),
        purposes => format!("records for {}", plural(purposes, "purpose")),
    };
    let version: String = loaded.dialog.version.chars().take(12).collect();
    format!("{}, in {}, {recording}, version {version}", plural(file.states.0.len(), "state"), languages.join(" and "))
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
