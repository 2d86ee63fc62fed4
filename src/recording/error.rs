use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::Hold;
use crate::consent::Purpose;
use crate::ledger::LedgerError;

/// What can go wrong with recordings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The index refused.
    #[error("the index of recordings cannot be used: {0}")]
    Index(#[from] sqlx::Error),
    /// The index is not what was written.
    #[error(
        "the index {path} is damaged ({why}): stop the server and run `candor recordings reindex`, which makes it anew from the ledger and the sealed files"
    )]
    IndexDamaged {
        /// Which file.
        path: PathBuf,
        /// What SQLite found.
        why: String,
    },
    /// The index was made by a later version.
    #[error("the index {path} is of version {found}, this program knows {known}: use the program that made it, or a newer one")]
    IndexVersion {
        /// Which file.
        path: PathBuf,
        /// The version in it.
        found: i64,
        /// The version that this program writes.
        known: i64,
    },
    /// The ledger refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A purpose that nothing can be sealed for.
    #[error("there is no public key for the purpose `{purpose}` at {path}: make one with `candor keys new --purpose {purpose}`")]
    NoPublicKey {
        /// Which purpose.
        purpose: Purpose,
        /// Where the key should be.
        path: PathBuf,
    },
    /// A file that should hold a public key and does not.
    #[error("{0} does not hold a public key: one line beginning with age1 is expected")]
    NotAPublicKey(PathBuf),
    /// A file that should hold a private key and does not.
    #[error("{0} does not hold a private key: a line beginning with AGE-SECRET-KEY-1 is expected")]
    NotAPrivateKey(PathBuf),
    /// A key must not be lost by making another.
    #[error("{0} exists already and is not overwritten: what was sealed to it could never be opened again")]
    KeyExists(PathBuf),
    /// An export must not replace another.
    #[error("{0} exists already and is not overwritten: name another folder with --out")]
    ExportExists(PathBuf),
    /// Encryption failed.
    #[error("a turn could not be sealed: {0}")]
    Seal(String),
    /// Not the key of this purpose.
    #[error("{key} does not open recordings for `{purpose}`{belongs}")]
    WrongKey {
        /// The file of the key.
        key: PathBuf,
        /// Which purpose was asked for.
        purpose: Purpose,
        /// `: it is the key of …`, where that is known.
        belongs: String,
    },
    /// A sealed turn that is not what was stored.
    #[error("the sealed turn {0} cannot be opened: it was damaged or changed after it was stored")]
    Damaged(PathBuf),
    /// One file cannot hold turns of different sample rates.
    #[error(
        "session {0} holds turns of different codecs, which one file cannot hold: open them one by one with age, as docs/recordings.md says"
    )]
    MixedCodecs(Uuid),
    /// No such session.
    #[error("there is no session {0}: `candor recordings list` lists the sessions")]
    UnknownSession(Uuid),
    /// Nothing is kept for this purpose.
    #[error("nothing of session {session} is kept for `{purpose}`{kept}")]
    NothingKept {
        /// Which session.
        session: Uuid,
        /// For which purpose.
        purpose: Purpose,
        /// `; there are turns for …`, where there are.
        kept: String,
    },
    /// A hold forbids it.
    #[error("session {session} is under a hold ({hold}): `candor recordings release {session}` ends it")]
    Held {
        /// Which session.
        session: Uuid,
        /// By which hold.
        hold: Box<Hold>,
    },
    /// A hold that is not there.
    #[error("session {0} is not under such a hold: `candor recordings show {0}` names its holds")]
    NotHeld(Uuid),
    /// The program is ending while it waited for the disk.
    #[error("the program is ending; nothing was done")]
    Interrupted,
    /// The recorder's task is gone.
    #[error("the recorder of session {0} has ended")]
    Ended(Uuid),
}

impl RecordingError {
    /// Whether the index has to be made anew: SQLITE_CORRUPT and SQLITE_NOTADB (sqlite.org/rescode.html), with what they are extended by.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            RecordingError::IndexDamaged { .. } => true,
            RecordingError::Index(sqlx::Error::Database(error)) => {
                let code = error.code().and_then(|code| code.parse::<u32>().ok());
                code.is_some_and(|code| matches!(code & 0xff, 11 | 26))
            }
            _ => false,
        }
    }

    /// For `map_err`: what was tried on which path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RecordingError {
        let path = path.to_owned();
        move |source| RecordingError::Io { action, path, source }
    }
}
