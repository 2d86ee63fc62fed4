use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The name of the receipt inside a model's folder.
const FILE: &str = "candor-model.json";

/// What was installed: every file with its length and hash.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Receipt {
    model: String,
    licence: String,
    /// SHA-256 of what was fetched.
    archives: Vec<String>,
    files: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    path: PathBuf,
    bytes: u64,
    sha256: String,
}

/// What is wrong with a model on the disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A file is gone.
    #[error("{} is missing", path.display())]
    Missing {
        /// Inside the model's folder.
        path: PathBuf,
    },
    /// A file was cut off, or has grown.
    #[error("{} has {found} bytes instead of {expected}", path.display())]
    Length {
        /// Inside the model's folder.
        path: PathBuf,
        /// When it was installed.
        expected: u64,
        /// Now.
        found: u64,
    },
    /// A file is another one.
    #[error("{} is not what was installed", path.display())]
    Changed {
        /// Inside the model's folder.
        path: PathBuf,
    },
    /// The folder holds another model than its name says.
    #[error("the folder holds the model {found}")]
    OtherModel {
        /// Which.
        found: String,
    },
    /// The receipt, or a file, cannot be read.
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable {
        /// Inside the model's folder.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl Receipt {
    /// Of everything below `folder`, read once more from the disk.
    pub fn of(folder: &Path, model: &str, licence: &str, archives: Vec<String>) -> io::Result<Receipt> {
        let mut files = Vec::new();
        for path in below(folder)? {
            let (bytes, sha256) = hash(&folder.join(&path))?;
            files.push(Entry { path, bytes, sha256 });
        }
        Ok(Receipt { model: model.to_owned(), licence: licence.to_owned(), archives, files })
    }

    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let file = File::create(folder.join(FILE))?;
        serde_json::to_writer_pretty(&file, self)?;
        file.sync_all()
    }

    /// The receipt of a folder; nothing where it has none.
    pub fn read(folder: &Path) -> Result<Option<Receipt>, Fault> {
        let unreadable = |reason: String| Fault::Unreadable { path: FILE.into(), reason };
        let text = match std::fs::read(folder.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let receipt: Receipt = serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
        let outside = |entry: &Entry| !entry.path.components().all(|part| matches!(part, Component::Normal(_)));
        match receipt.files.iter().find(|entry| outside(entry)) {
            Some(entry) => Err(unreadable(format!("it names {}", entry.path.display()))),
            None => Ok(Some(receipt)),
        }
    }

    /// What does not agree with the names and lengths.
    pub fn lengths(&self, folder: &Path, model: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.model != model {
            faults.push(Fault::OtherModel { found: self.model.clone() });
        }
        faults.extend(self.files.iter().filter_map(|entry| {
            let path = entry.path.clone();
            match std::fs::metadata(folder.join(&path)) {
                Ok(found) if found.len() == entry.bytes => None,
                Ok(found) => Some(Fault::Length { path, expected: entry.bytes, found: found.len() }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Fault::Missing { path }),
                Err(error) => Some(Fault::Unreadable { path, reason: error.to_string() }),
            }
        }));
        faults
    }

    /// What does not agree with the hashes.
    pub fn contents(&self, folder: &Path) -> Vec<Fault> {
        let fault = |entry: &Entry| match hash(&folder.join(&entry.path)) {
            Ok((_, sha256)) if sha256 == entry.sha256 => None,
            Ok(_) => Some(Fault::Changed { path: entry.path.clone() }),
            Err(error) => Some(Fault::Unreadable { path: entry.path.clone(), reason: error.to_string() }),
        };
        self.files.iter().filter_map(fault).collect()
    }
}

/// The files below a folder, by their paths inside it, in order.
pub(super) fn below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(inside) = folders.pop() {
        for entry in std::fs::read_dir(folder.join(&inside))? {
            let entry = entry?;
            let path = inside.join(entry.file_name());
            if entry.file_type()?.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// Length and SHA-256 of a file.
pub(super) fn hash(path: &Path) -> io::Result<(u64, String)> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let (mut hasher, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 16], 0);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, hex::encode(hasher.finalize()))),
            read => {
                hasher.update(&buffer[..read]);
                bytes += read as u64;
            }
        }
    }
}
