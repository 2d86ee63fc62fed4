use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use url::Url;

use super::receipt::{Receipt, below};
use super::{COMING, GOING, Model, Store, Unreachable};

/// Where an installation has got to.
#[derive(Clone, Copy, Debug)]
pub enum Stage<'a> {
    /// An archive comes.
    Fetching {
        /// From where.
        from: &'a Url,
        /// How much of it is here, in bytes.
        done: u64,
        /// How long it is.
        bytes: u64,
    },
    /// An archive is held against its hash.
    Verifying,
    /// The model is put together.
    Unpacking,
}

/// Why a model could not be installed. What was there before is there still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// No address gave it.
    #[error("out of reach{}", .failed.iter().map(|failed| format!("\n  {failed}")).collect::<String>())]
    NoSource {
        /// Each address, and why not.
        failed: Vec<Unreachable>,
    },
    /// The client for HTTP cannot be made.
    #[error("nothing can be fetched: {0}")]
    Client(reqwest::Error),
    /// An archive is what it should be, and not what the list says of it.
    #[error("the archive of {model} cannot be unpacked: {reason}")]
    Archive {
        /// Which.
        model: String,
        /// What is wrong.
        reason: String,
    },
    /// The disk.
    #[error("{}: {error}; is there room, and may it be written?", path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Somebody else installs at this moment.
    #[error("another installation into {} is going on; wait for it", folder.display())]
    Busy {
        /// Where.
        folder: PathBuf,
    },
}

impl Store {
    /// Fetches a model and puts it in its place in one move; `told` hears how it goes. What is there already is replaced. A stop at any moment leaves
    /// either the old or the new, and what was fetched so far.
    ///
    /// # Errors
    /// [`InstallError`].
    pub async fn install(&self, model: &Model, told: &(dyn Fn(Stage<'_>) + Sync)) -> Result<(), InstallError> {
        let downloads = self.downloads();
        let disk = |path: &Path| {
            let path = path.to_owned();
            move |error| InstallError::Disk { path, error }
        };
        std::fs::create_dir_all(&downloads).map_err(disk(&downloads))?;
        // Held until the end; the system lets go of it when the process is gone.
        let lock = File::create(downloads.join("lock")).map_err(disk(&downloads))?;
        if lock.try_lock().is_err() {
            return Err(InstallError::Busy { folder: self.folder.clone() });
        }
        let mut archives = Vec::new();
        for archive in &model.archive {
            archives.push(self.fetch(archive, told).await?);
        }
        told(Stage::Unpacking);
        let work = self.folder.join(format!("{COMING}{}", model.name));
        self.clear_away().map_err(disk(&self.folder))?;
        let (store, model, fetched, at) = (self.clone(), model.clone(), archives.clone(), work.clone());
        let done = tokio::task::spawn_blocking(move || store.put_together(&model, &fetched, &at)).await;
        let done = done.unwrap_or_else(|error| Err(InstallError::Disk { path: work.clone(), error: io::Error::other(error) }));
        if done.is_err() {
            let _ = std::fs::remove_dir_all(&work);
        }
        done?;
        for archive in archives {
            // It is in the way of nobody.
            let _ = std::fs::remove_file(archive);
        }
        Ok(())
    }

    fn put_together(&self, model: &Model, archives: &[PathBuf], work: &Path) -> Result<(), InstallError> {
        let disk = |error| InstallError::Disk { path: work.to_owned(), error };
        std::fs::create_dir_all(work).map_err(disk)?;
        for (archive, path) in model.archive.iter().zip(archives) {
            unpack(path, &archive.folder, work)
                .map_err(|error| InstallError::Archive { model: model.name.clone(), reason: error.to_string() })?;
        }
        for join in &model.join {
            joined(work, &join.into, &join.parts).map_err(disk)?;
        }
        let hashes = model.archive.iter().map(|archive| archive.sha256.clone()).collect();
        Receipt::of(work, &model.name, &model.licence, hashes).and_then(|receipt| receipt.write(work)).map_err(disk)?;
        for file in below(work).map_err(disk)? {
            File::open(work.join(file)).and_then(|file| file.sync_all()).map_err(disk)?;
        }
        let replaced = put_in_place(work, &self.path(&model.name)).map_err(disk)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(disk)?;
        if replaced { std::fs::remove_dir_all(work).map_err(disk) } else { Ok(()) }
    }
}

/// Puts a folder in its place in one move. What is there already changes places with it; gives whether there was something.
fn put_in_place(folder: &Path, place: &Path) -> io::Result<bool> {
    if !place.exists() {
        return std::fs::rename(folder, place).map(|()| false);
    }
    match renameat_with(CWD, folder, CWD, place, RenameFlags::EXCHANGE) {
        // A file system that cannot do that, such as NFS: two moves.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => in_two_moves(folder, place).map(|()| false),
        swapped => swapped.map(|()| true).map_err(io::Error::from),
    }
}

/// Takes what is in the place out of it and puts the folder there; where that fails, what was there is put back.
pub(super) fn in_two_moves(folder: &Path, place: &Path) -> io::Result<()> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let aside = place.with_file_name(format!("{GOING}{name}"));
    std::fs::rename(place, &aside)?;
    std::fs::rename(folder, place).inspect_err(|_| drop(std::fs::rename(&aside, place)))?;
    std::fs::remove_dir_all(aside)
}

/// The files of one folder of an archive, without that folder's name.
fn unpack(archive: &Path, folder: &str, into: &Path) -> Result<(), zip::result::ZipError> {
    let mut archive = zip::ZipArchive::new(io::BufReader::new(File::open(archive)?))?;
    let mut found = false;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let Some(name) = entry.enclosed_name() else { continue };
        let Ok(inside) = name.strip_prefix(folder) else { continue };
        if entry.is_dir() {
            continue;
        }
        found = true;
        let path = into.join(inside);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        io::copy(&mut entry, &mut File::create(path)?)?;
    }
    if found { Ok(()) } else { Err(zip::result::ZipError::FileNotFound) }
}

/// Puts parts together into one file; the parts go.
fn joined(folder: &Path, into: &str, parts: &[String]) -> io::Result<()> {
    let mut whole = File::create(folder.join(into))?;
    for part in parts {
        let path = folder.join(part);
        io::copy(&mut File::open(&path)?, &mut whole)?;
        std::fs::remove_file(path)?;
    }
    whole.flush()
}
