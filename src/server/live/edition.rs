use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::refused::Refused;
use crate::session::Script;
use crate::speech::PromptCache;

/// What new calls are served, as of one moment: every dialog with its sounds, which of them is the default, and what was refused. It never
/// changes; what is edited makes another one.
pub struct Edition {
    pub(super) served: Vec<Served>,
    pub(super) default: Arc<Script>,
    pub(super) refused: Vec<Refused>,
    pub(super) music: Music,
}

/// A script and the dialog file that it was made of.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) file: PathBuf,
    pub(super) script: Arc<Script>,
}

/// What callers hear while they wait. It belongs to no dialog.
#[derive(Clone)]
pub(super) struct Music {
    /// SHA-256 of the operator's recording, where there is one.
    pub(super) recording: Option<String>,
    /// The music alone.
    pub(super) sounds: PromptCache,
}

impl Edition {
    /// Every script that is served.
    pub fn scripts(&self) -> impl Iterator<Item = &Arc<Script>> {
        self.served.iter().map(|served| &served.script)
    }

    /// The script of the dialog of that name.
    pub fn script(&self, name: &str) -> Option<&Arc<Script>> {
        self.scripts().find(|script| script.name() == name)
    }

    /// The script of calls that no route claims.
    pub fn default_script(&self) -> &Arc<Script> {
        &self.default
    }

    /// Every language that some dialog speaks.
    pub fn languages(&self) -> BTreeSet<&str> {
        self.scripts().flat_map(|script| script.languages()).collect()
    }

    /// What was refused, and why.
    pub(in crate::server) fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// What was refused of a file.
    pub(super) fn refused_of(&self, file: &Path) -> Option<&Refused> {
        self.refused.iter().find(|refused| refused.file == file)
    }

    /// The refusals of this edition that were not told with the one before.
    pub(super) fn new_refusals(&self, before: &Edition) -> Vec<Refused> {
        let told = |refused: &&Refused| !before.refused.iter().any(|before| before.is_same(refused));
        self.refused.iter().filter(told).cloned().collect()
    }
}
