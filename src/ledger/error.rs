use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// What can go wrong with the ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried: `read`, `append to`, …
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A second server on one folder.
    #[error("another server writes the ledger in {0}: stop it, or give this one a storage folder of its own")]
    InUse(PathBuf),
    /// Nothing can be appended after a line that is not an entry.
    #[error("the last line of {0} is not a ledger entry, so nothing can follow it: run `candor ledger verify`")]
    Broken(PathBuf),
    /// A key file that holds no key.
    #[error("{0} does not hold a ledger key: one line of 64 hexadecimal digits is expected")]
    NotAKey(PathBuf),
    /// There is no key to sign with.
    #[error("the ledger key {0} is missing: `candor keys new` makes one")]
    NoKey(PathBuf),
    /// No ledger under this id.
    #[error("there is no ledger of session {0}: `candor recordings list` lists the sessions")]
    UnknownSession(Uuid),
    /// The writer is behind by more than its queue holds.
    #[error("the ledger's queue is full; session {0} is no longer written down and must stop recording")]
    Full(Uuid),
    /// Something of this session could not be written earlier; the log says what.
    #[error("the ledger of session {0} could not be written, so the session must stop recording; the log says why")]
    Failed(Uuid),
    /// An entry that cannot be put into JSON.
    #[error("an entry cannot be written as canonical JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl LedgerError {
    /// For `map_err`: what was tried on which path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LedgerError {
        let path = path.to_owned();
        move |source| LedgerError::Io { action, path, source }
    }

    /// Whether the file was not there.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, LedgerError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
