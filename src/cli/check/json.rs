//! For programs: what was found as JSON. Its fields are a promise: `version` changes when one of them goes or means something else.

use std::io::{self, Write};

use serde::Serialize;

use super::{Checked, Checks, pages};
use crate::dialog::check::{Level, Place, Problem};
use crate::server::library::{Position, Problems};

/// The version of the form.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    candor: &'static str,
    summary: Summary,
    dialogs: Vec<Dialog<'a>>,
    problems: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Summary {
    holds: bool,
    dialogs: usize,
    refused: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    /// Whether the opening was measured and phrases were compared by their sound.
    spoken: bool,
}

#[derive(Serialize)]
struct Dialog<'a> {
    file: String,
    holds: bool,
    /// The name and the version of a dialog that a server would take.
    name: Option<&'a str>,
    version: Option<&'a str>,
}

#[derive(Serialize)]
struct Found<'a> {
    rule: &'static str,
    level: &'static str,
    /// The dialog in which it was found.
    dialog: String,
    message: &'a str,
    #[serde(flatten)]
    place: At<'a>,
    help: &'a str,
    related: Vec<At<'a>>,
    page: String,
}

/// A place: from `line` and `column` up to `end`, both counted from 1 in characters; without them where the file could not be read.
#[derive(Serialize)]
struct At<'a> {
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    end: Option<End>,
    label: &'a str,
}

#[derive(Serialize)]
struct End {
    line: usize,
    column: usize,
}

pub(super) fn write(checks: &Checks, out: &mut dyn Write) -> io::Result<()> {
    let problems = checks.dialogs.iter().flat_map(|dialog| dialog.found().iter().map(move |problem| found(dialog, problem)));
    let report = Report {
        version: VERSION,
        candor: env!("CARGO_PKG_VERSION"),
        summary: Summary {
            holds: checks.holds(),
            dialogs: checks.dialogs.len(),
            refused: checks.refused(),
            errors: checks.count(Level::Error),
            warnings: checks.count(Level::Warning),
            notes: checks.count(Level::Note),
            spoken: checks.spoken,
        },
        dialogs: checks.dialogs.iter().map(dialog).collect(),
        problems: problems.collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}

fn dialog(checked: &Checked) -> Dialog<'_> {
    let loaded = checked.result.as_ref().ok();
    Dialog {
        file: checked.file.display().to_string(),
        holds: loaded.is_some(),
        name: loaded.map(|loaded| loaded.dialog.file.dialog.value.as_str()),
        version: loaded.map(|loaded| loaded.dialog.version.as_str()),
    }
}

fn found<'a>(dialog: &'a Checked, problem: &'a Problem) -> Found<'a> {
    let problems = dialog.found();
    Found {
        rule: problem.rule,
        level: problem.level().as_str(),
        dialog: dialog.file.display().to_string(),
        message: &problem.message,
        place: at(problems, &problem.place),
        help: &problem.help,
        related: problem.related.iter().map(|place| at(problems, place)).collect(),
        page: pages::path(problem.rule),
    }
}

fn at<'a>(problems: &Problems, place: &'a Place) -> At<'a> {
    let (begin, end) = problems.stretch(place).unzip();
    At {
        file: &place.file,
        line: begin.map(|begin: Position| begin.line),
        column: begin.map(|begin| begin.column),
        end: end.map(|end: Position| End { line: end.line, column: end.column }),
        label: &place.label,
    }
}
