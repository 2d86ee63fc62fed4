use std::path::{Path, PathBuf};

/// Where recordings lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder of sealed turns and wraps, a folder in it for each session.
    pub folder: PathBuf,
    /// The index: a SQLite database.
    pub index: PathBuf,
    /// The folder of the purposes' public keys, `<purpose>.pub`.
    pub keys: PathBuf,
}

impl Settings {
    /// The usual places in a storage folder.
    pub fn in_storage(storage: &Path) -> Settings {
        Settings { folder: storage.join("recordings"), index: storage.join("index.sqlite"), keys: storage.join("keys") }
    }
}
