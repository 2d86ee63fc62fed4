//! `candor graph`: a dialog as a picture. Status 0: drawn. 1: drawn, and the dialog does not pass its check, or it cannot be drawn.
//! 2: called wrongly.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::terminal::{Exit, print, refuse};
use crate::dialog::check::{Configured, Level, Problem};
use crate::dialog::picture::{self, Drawing};
use crate::server::library;

/// Draws a dialog: its opening, its states with what is said in them, every way between them, and what consent changes.
#[derive(clap::Args, Debug, Default)]
pub struct Arguments {
    /// The dialog file.
    #[arg(value_name = "DIALOG")]
    pub dialog: PathBuf,
    /// In which language the texts are shown; else the dialog's first.
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// Where the picture (SVG) is written; else to standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The folder with the texts; else the one of the configuration.
    #[arg(long, value_name = "FOLDER")]
    pub prompts: Option<PathBuf>,
}

/// Runs the command. A dialog that can be read is drawn whether or not it passes its check, so that its author can see what is wrong.
pub fn run(arguments: &Arguments, prompts: &Path, targets: &[String]) -> ExitCode {
    let Arguments { dialog, .. } = arguments;
    if !dialog.is_file() {
        return refuse(
            &format!("there is no file {}; name a dialog, as in `candor graph dialogs/webshop.yaml`", dialog.display()),
            Exit::CalledWrongly,
        );
    }
    let prompts = arguments.prompts.as_deref().unwrap_or(prompts);
    let targets = (!targets.is_empty()).then_some(targets);
    let readable = match library::read(dialog, prompts, Configured { targets, ..Configured::default() }) {
        Ok(readable) => readable,
        Err(problems) => {
            return refuse(&format!("{} cannot be drawn:\n{}", dialog.display(), problems.render(false)), Exit::DoesNot);
        }
    };
    let languages: Vec<&str> = readable.dialog.languages.iter().map(|language| language.value.as_str()).collect();
    let language = match &arguments.language {
        None => languages.first().copied().unwrap_or_default(),
        Some(wanted) if languages.contains(&wanted.as_str()) => wanted,
        Some(wanted) => {
            let has = languages.join(", ");
            return refuse(&format!("{} has no `{wanted}`; its languages: {has}", dialog.display()), Exit::CalledWrongly);
        }
    };
    // A warning is nothing that keeps the dialog from being served.
    let refused = |problem: &&Problem| problem.level() == Level::Error;
    let problems: Vec<Problem> = readable.problems().iter().filter(refused).cloned().collect();
    let drawing = Drawing {
        dialog: &readable.dialog,
        texts: readable.texts.as_ref(),
        language,
        version: &readable.version,
        file_name: readable.file_name(),
        problems: &problems,
    };
    let picture = picture::draw(&drawing);
    match &arguments.out {
        None => print(&picture),
        Some(file) => {
            if let Err(error) = std::fs::File::create(file).and_then(|mut file| file.write_all(picture.as_bytes())) {
                return refuse(&format!("{} cannot be written: {error}", file.display()), Exit::DoesNot);
            }
        }
    }
    if problems.is_empty() {
        return Exit::Holds.into();
    }
    let named = dialog.display();
    refuse(&format!("{named} does not pass its check and is drawn as it is; `candor check {named}` says why"), Exit::DoesNot)
}
