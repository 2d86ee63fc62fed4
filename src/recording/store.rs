use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::RecordingError;
use super::seal::Sealed;
use crate::consent::Purpose;

/// How the name of a file that is still being written ends. It holds ciphertext, like all others.
const UNFINISHED: &str = ".part";

/// The folder of sealed turns. Names hold random ids and purposes, nothing else.
#[derive(Clone, Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(super) fn new(folder: &Path) -> Store {
        Store { folder: folder.to_owned() }
    }

    pub(super) fn session_folder(&self, session: Uuid) -> PathBuf {
        self.folder.join(session.to_string())
    }

    pub(super) fn turn_file(&self, session: Uuid, turn: Uuid) -> PathBuf {
        self.session_folder(session).join(format!("{turn}.age"))
    }

    pub(super) fn wrap_file(&self, session: Uuid, turn: Uuid, purpose: &Purpose) -> PathBuf {
        self.session_folder(session).join(format!("{turn}.{purpose}.wrap"))
    }

    fn files<'a>(&'a self, session: Uuid, turn: Uuid, purposes: impl Iterator<Item = &'a Purpose>) -> Vec<PathBuf> {
        let wraps = purposes.map(|purpose| self.wrap_file(session, turn, purpose));
        std::iter::once(self.turn_file(session, turn)).chain(wraps).collect()
    }

    /// Writes everything under unfinished names and waits until it is on disk.
    pub(super) fn prepare(&self, session: Uuid, turn: Uuid, sealed: &Sealed) -> Result<(), RecordingError> {
        let folder = self.session_folder(session);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(RecordingError::io("make", &folder))?;
        let files = self.files(session, turn, sealed.wraps.iter().map(|(purpose, _)| purpose));
        let contents = std::iter::once(&sealed.turn).chain(sealed.wraps.iter().map(|(_, wrap)| wrap));
        for (path, content) in files.iter().zip(contents) {
            let path = unfinished(path);
            let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let written = opened.and_then(|mut file| {
                file.write_all(content)?;
                file.sync_all()
            });
            written.map_err(RecordingError::io("write", &path))?;
        }
        Ok(())
    }

    /// Gives prepared files their names; what was prepared for other purposes goes.
    pub(super) fn publish(&self, session: Uuid, turn: Uuid, all: &[Purpose], wanted: &[Purpose]) -> Result<(), RecordingError> {
        for purpose in all.iter().filter(|purpose| !wanted.contains(purpose)) {
            remove(&unfinished(&self.wrap_file(session, turn, purpose)))?;
        }
        for path in self.files(session, turn, wanted.iter()) {
            fs::rename(unfinished(&path), &path).map_err(RecordingError::io("write", &path))?;
        }
        sync(&self.session_folder(session))?;
        sync(&self.folder)
    }

    /// Removes whatever there is of a turn, finished or not.
    pub(super) fn discard(&self, session: Uuid, turn: Uuid, purposes: &[Purpose]) {
        for path in self.files(session, turn, purposes.iter()) {
            for path in [unfinished(&path), path] {
                if let Err(error) = remove(&path) {
                    tracing::error!(%error, "what is left of a turn that was not stored could not be removed");
                }
            }
        }
        // Fails, as it should, while another turn is in it.
        let _ = fs::remove_dir(self.session_folder(session));
    }

    /// Deletes a wrap; one that is gone already is no error.
    pub(super) fn delete_wrap(&self, session: Uuid, turn: Uuid, purpose: &Purpose) -> Result<(), RecordingError> {
        remove(&self.wrap_file(session, turn, purpose))
    }

    /// Deletes a turn's sound.
    pub(super) fn delete_turn(&self, session: Uuid, turn: Uuid) -> Result<(), RecordingError> {
        remove(&self.turn_file(session, turn))
    }

    /// Makes deletions outlive a power failure, and removes the session's folder when nothing is in it.
    pub(super) fn settle(&self, session: Uuid) -> Result<(), RecordingError> {
        let folder = self.session_folder(session);
        match sync(&folder) {
            Err(RecordingError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                let _ = fs::remove_dir(&folder);
                Ok(())
            }
        }
    }

    /// Removes what a crash left unfinished; gives the turns that are whole, by session and turn. Only while nothing records.
    pub(super) fn clean(&self) -> Result<Vec<(Uuid, Uuid)>, RecordingError> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(RecordingError::io("make", &self.folder))?;
        let mut turns = Vec::new();
        for folder in fs::read_dir(&self.folder).map_err(RecordingError::io("read", &self.folder))? {
            let folder = folder.map_err(RecordingError::io("read", &self.folder))?;
            let Some(session) = folder.file_name().to_str().and_then(|name| name.parse::<Uuid>().ok()) else { continue };
            let folder = folder.path();
            for file in fs::read_dir(&folder).map_err(RecordingError::io("read", &folder))? {
                let file = file.map_err(RecordingError::io("read", &folder))?;
                let name = file.file_name();
                let Some(name) = name.to_str() else { continue };
                if name.ends_with(UNFINISHED) {
                    remove(&file.path())?;
                } else if let Some(turn) = name.strip_suffix(".age").and_then(|name| name.parse().ok()) {
                    turns.push((session, turn));
                }
            }
            let _ = fs::remove_dir(&folder);
        }
        Ok(turns)
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    name.into()
}

fn remove(path: &Path) -> Result<(), RecordingError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(RecordingError::io("delete", path)(error)),
        _ => Ok(()),
    }
}

fn sync(folder: &Path) -> Result<(), RecordingError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(RecordingError::io("write", folder))
}
