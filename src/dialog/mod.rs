//! Dialogs: what the agent says and asks. Pure: no IO, no clock, no randomness, no task.
//!
//! [`file`] reads a dialog file with positions; [`prompt`] holds its texts per language; [`check`] refuses what would mistreat a caller, on
//! a line of the file; [`hours`] reads opening hours, [`known`] holds what a
//! call knows; [`flow`] is the state machine of a call: the opening (which no file can change), the commands that are always
//! there, and the dialog. Events in, actions out. [`spoken`] makes values of what callers say. [`picture`] draws a dialog for people.
//!
//! **Architecture invariant:** a dialog file cannot express a way around the opening, and `flow` knows nothing of sockets, disks or time of day.

pub mod check;
pub mod condition;
pub mod file;
pub mod flow;
pub mod hours;
pub mod known;
pub mod picture;
pub mod prompt;
pub mod spoken;

use std::sync::Arc;

/// A dialog that has passed its checks, with its texts: what a session runs.
#[derive(Debug)]
pub struct Dialog {
    /// The file.
    pub file: file::DialogFile,
    /// Its texts and the engine's, per language.
    pub texts: prompt::Texts,
    /// SHA-256 (lower-case hexadecimal) over the file and its prompts.
    pub version: String,
}

/// A dialog shared by the sessions that run it.
pub type SharedDialog = Arc<Dialog>;
