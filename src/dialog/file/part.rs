//! Sub-dialogs: files beside a dialog with states and texts of their own, and how a state is named across them.
//!
//! Inside, a state of a sub-dialog is named `identify/ask-number`: the name of the sub-dialog, a slash, the state's own. In files only the own
//! name is written, since a sub-dialog leads to its own states alone.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{DialogFile, Entries, Step};

/// The steps of a state.
pub type State = Spanned<Vec<Spanned<Step>>>;

/// A sub-dialog's file as it was written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PartFile {
    /// Its name; its texts are in `prompts/<language>/<name>.ftl`.
    #[schemars(with = "String")]
    pub sub_dialog: Spanned<String>,
    /// The first state.
    #[schemars(with = "String")]
    pub start: Spanned<String>,
    /// The states, in the order of the file.
    #[schemars(with = "Entries<Vec<Step>>")]
    pub states: Entries<State>,
}

/// A sub-dialog that was read.
#[derive(Debug)]
pub struct Part {
    /// The name that `call` uses.
    pub name: String,
    /// The file, as an author would recognise it.
    pub file_name: String,
    /// What stands in it.
    pub file: PartFile,
}

/// Reads the file of a sub-dialog. The error knows its line and column.
#[allow(clippy::result_large_err)]
pub fn read_part(source: &str) -> Result<PartFile, serde_saphyr::Error> {
    serde_saphyr::from_str(source)
}

/// A state with where it belongs.
#[derive(Clone, Copy, Debug)]
pub struct AState<'a> {
    /// The sub-dialog; `None` for the dialog's own.
    pub part: Option<&'a Part>,
    /// Its name as written.
    pub name: &'a Spanned<String>,
    /// Its steps.
    pub steps: &'a State,
}

impl AState<'_> {
    /// Its name across files.
    pub fn full_name(&self) -> String {
        match self.part {
            Some(part) => format!("{}/{}", part.name, self.name.value),
            None => self.name.value.clone(),
        }
    }
}

impl DialogFile {
    /// The sub-dialog of that name.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// The steps of a state, by its name across files.
    pub fn state(&self, full_name: &str) -> Option<&State> {
        match full_name.split_once('/') {
            Some((part, state)) => self.part(part)?.file.states.get(state),
            None => self.states.get(full_name),
        }
    }

    /// The step of that number in a state, by the state's name across files.
    pub fn step(&self, full_name: &str, number: usize) -> Option<&Step> {
        self.state(full_name)?.value.get(number).map(|step| &step.value)
    }

    /// The name across files of a state that is named in `here` (a name across files).
    pub fn named_in(&self, here: &str, state: &str) -> String {
        match here.split_once('/') {
            Some((part, _)) => format!("{part}/{state}"),
            None => state.to_owned(),
        }
    }

    /// The name across files of the first state of a sub-dialog.
    pub fn start_of_part(&self, name: &str) -> Option<String> {
        Some(format!("{name}/{}", self.part(name)?.file.start.value))
    }

    /// Every state of the dialog, then of each sub-dialog, in the order of the files.
    pub fn every_state(&self) -> impl Iterator<Item = AState<'_>> {
        let own = self.states.iter().map(|(name, steps)| AState { part: None, name, steps });
        let of_parts = self
            .parts
            .iter()
            .flat_map(|part| part.file.states.iter().map(move |(name, steps)| AState { part: Some(part), name, steps }));
        own.chain(of_parts)
    }

    /// Every step of the dialog and its sub-dialogs, with its state.
    pub fn every_step(&self) -> impl Iterator<Item = (AState<'_>, &Spanned<Step>)> {
        self.every_state().flat_map(|state| state.steps.value.iter().map(move |step| (state, step)))
    }
}
