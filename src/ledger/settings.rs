use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

/// Where the ledger lies and how long it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder of the ledger: chains and checkpoints.
    pub folder: PathBuf,
    /// The folder of `ledger.key` (private, signs checkpoints) and `ledger.pub` (checks them).
    pub keys: PathBuf,
    /// How long a session's chain is kept after the session ended; then it is deleted whole. `None`: until somebody decides.
    pub term: Option<Duration>,
}

impl Settings {
    /// The usual places in a storage folder.
    pub fn in_storage(storage: &Path) -> Settings {
        Settings { folder: storage.join("ledger"), keys: storage.join("keys"), term: None }
    }

    pub(super) fn sessions(&self) -> PathBuf {
        self.folder.join("sessions")
    }

    /// A session's chain.
    pub fn session_file(&self, session: Uuid) -> PathBuf {
        self.sessions().join(format!("{session}.jsonl"))
    }

    /// The chain of accesses.
    pub fn access_file(&self) -> PathBuf {
        self.folder.join("access.jsonl")
    }

    /// The signed checkpoints.
    pub fn checkpoint_file(&self) -> PathBuf {
        self.folder.join("checkpoints.jsonl")
    }

    /// Empty files that name the sessions in progress, so that a start after a crash need not read every chain.
    pub(super) fn open_marks(&self) -> PathBuf {
        self.folder.join("open")
    }

    pub(super) fn open_mark(&self, session: Uuid) -> PathBuf {
        self.open_marks().join(session.to_string())
    }

    pub(super) fn server_lock(&self) -> PathBuf {
        self.folder.join("server.lock")
    }

    pub(super) fn private_key(&self) -> PathBuf {
        self.keys.join("ledger.key")
    }

    pub(super) fn public_keys(&self) -> PathBuf {
        self.keys.join("ledger.pub")
    }
}
