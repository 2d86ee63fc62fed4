//! `candor schema`: the JSON Schemas of the files that authors write, for their editors.

use std::io::Write;
use std::process::ExitCode;

use crate::dialog::file;

/// Prints the JSON Schema of a kind of file, for completion and hover in an editor (docs/editors.md).
#[derive(clap::Args, Debug)]
pub struct Schema {
    /// Of which files.
    #[arg(value_enum)]
    kind: Kind,
}

/// A kind of file.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Kind {
    /// Dialogs.
    Dialog,
    /// Sub-dialogs.
    SubDialog,
}

/// Runs the command.
pub fn run(arguments: &Schema) -> ExitCode {
    let schema = match arguments.kind {
        Kind::Dialog => file::schema_of_dialogs(),
        Kind::SubDialog => file::schema_of_sub_dialogs(),
    };
    match writeln!(std::io::stdout().lock(), "{schema:#}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
