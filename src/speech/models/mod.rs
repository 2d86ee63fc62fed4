//! Recognition models as a managed thing: which there are, where they come from, and what of them lies on this machine, whole or not.
//!
//! One list (`manifest.toml`) says all of it. A [`Store`] is the folder they lie in, one folder each; [`Store::install`] puts a model there in one
//! move, with a receipt of its files, against which [`Store::verify`] holds them later.

mod download;
mod install;
mod manifest;
mod receipt;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use download::Unreachable;
pub use install::{InstallError, Stage};
pub use manifest::{Archive, Engine, Manifest, Model};
pub use receipt::Fault;

use self::receipt::Receipt;
use super::Settings;

/// The folder that models lie in.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    mirror: Option<url::Url>,
}

/// What of a model is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Absent,
    /// All of it, as far as the lengths of its files tell.
    Installed,
    /// A folder that was not put there by `candor models install`: nothing is known of what it should hold.
    Unmanaged,
    /// Not what was installed.
    Broken(Vec<Fault>),
}

impl Store {
    /// The folder of these settings.
    pub fn of(settings: &Settings) -> Store {
        Store { folder: settings.models_folder(), mirror: settings.models_mirror.clone() }
    }

    /// Where all models lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a model lies, or would.
    pub fn path(&self, model: &str) -> PathBuf {
        self.folder.join(model)
    }

    /// What of a model is here, by the lengths of its files: quick enough for every start.
    pub fn state(&self, model: &str) -> State {
        let path = self.path(model);
        if !path.is_dir() {
            return State::Absent;
        }
        match Receipt::read(&path) {
            Ok(None) => State::Unmanaged,
            Ok(Some(receipt)) => match receipt.lengths(&path, model) {
                faults if faults.is_empty() => State::Installed,
                faults => State::Broken(faults),
            },
            Err(fault) => State::Broken(vec![fault]),
        }
    }

    /// What of a model is here, by every byte of it. Blocks for as long as reading all of it takes.
    pub fn verify(&self, model: &str) -> State {
        match self.state(model) {
            State::Installed => match Receipt::read(&self.path(model)) {
                Ok(Some(receipt)) => match receipt.contents(&self.path(model)) {
                    faults if faults.is_empty() => State::Installed,
                    faults => State::Broken(faults),
                },
                Ok(None) => State::Unmanaged,
                Err(fault) => State::Broken(vec![fault]),
            },
            other => other,
        }
    }

    /// Takes a model off this machine. Gives whether there was one.
    ///
    /// # Errors
    /// The file system's.
    pub fn remove(&self, model: &str) -> std::io::Result<bool> {
        let path = self.path(model);
        if !path.is_dir() {
            return Ok(false);
        }
        // In one move, so that a start in this moment finds all of it or nothing.
        let aside = self.folder.join(format!("{GOING}{model}"));
        std::fs::rename(&path, &aside)?;
        std::fs::remove_dir_all(aside)?;
        Ok(true)
    }

    /// Deletes what an installation or a removal that was cut off has left. Nobody else may be at it.
    fn clear_away(&self) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if [GOING, COMING].iter().any(|kind| name.to_string_lossy().starts_with(kind)) {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}

/// What folders begin with that are on their way out and in.
const GOING: &str = ".removing-";
const COMING: &str = ".unpacking-";
