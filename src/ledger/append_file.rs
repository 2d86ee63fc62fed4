use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::LedgerError;

/// A file of lines that several processes append to, held under an exclusive lock.
///
/// Whoever holds it knows where the last line ends, and leaves either whole lines or nothing.
pub(super) struct AppendFile {
    file: File,
    path: PathBuf,
    length: u64,
}

impl AppendFile {
    /// Waits for the lock. Without `create` a missing file is an error.
    pub(super) fn open(path: &Path, create: bool) -> Result<AppendFile, LedgerError> {
        loop {
            let file = OpenOptions::new()
                .read(true)
                .append(true)
                .create(create)
                .mode(0o600)
                .open(path)
                .map_err(LedgerError::io("open", path))?;
            file.lock().map_err(LedgerError::io("lock", path))?;
            let found = file.metadata().map_err(LedgerError::io("read", path))?;
            // Deleted while we waited for the lock: what we hold is no longer the file of that name.
            if found.nlink() > 0 {
                return Ok(AppendFile { file, path: path.to_owned(), length: found.len() });
            }
        }
    }

    /// The last line without its line feed, and how many bytes of an unfinished line were cut off behind it.
    ///
    /// An unfinished line for which `is_whole` holds has lost only its line feed, and gets it back.
    pub(super) fn last_line(&mut self, is_whole: impl Fn(&[u8]) -> bool) -> Result<(Option<Vec<u8>>, u64), LedgerError> {
        let mut cut = 0;
        let mut tail = self.tail(1)?;
        if !tail.is_empty() && !tail.ends_with(b"\n") {
            let begin = tail.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            if is_whole(&tail[begin..]) {
                self.append(b"\n")?;
            } else {
                cut = (tail.len() - begin) as u64;
                let path = self.path.clone();
                self.length -= cut;
                self.file.set_len(self.length).map_err(LedgerError::io("repair", &path))?;
                tracing::warn!(file = %path.display(), bytes = cut, "an unfinished line of the ledger was cut off");
            }
            tail = self.tail(1)?;
        }
        let Some(whole) = tail.strip_suffix(b"\n") else { return Ok((None, cut)) };
        let begin = whole.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        Ok((Some(whole[begin..].to_vec()), cut))
    }

    /// Appends whole lines and waits until they are on disk; a write that fails half-way leaves nothing.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(), LedgerError> {
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // The disk is full or gone; if this fails too, the next one to open the file cuts the unfinished line.
            let _ = self.file.set_len(self.length);
            return Err(LedgerError::Io { action: "append to", path: self.path.clone(), source });
        }
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Removes the file under the lock.
    pub(super) fn remove(self) -> Result<(), LedgerError> {
        std::fs::remove_file(&self.path).map_err(LedgerError::io("delete", &self.path))
    }

    /// The end of the file, read far enough back to hold a line feed, `lines` whole lines behind it and what follows them.
    fn tail(&mut self, lines: usize) -> Result<Vec<u8>, LedgerError> {
        let path = self.path.clone();
        let mut wanted = 4096;
        loop {
            let begin = self.length.saturating_sub(wanted);
            let mut tail = Vec::new();
            self.file.seek(SeekFrom::Start(begin)).map_err(LedgerError::io("read", &path))?;
            (&self.file).take(self.length - begin).read_to_end(&mut tail).map_err(LedgerError::io("read", &path))?;
            if begin == 0 || tail.iter().filter(|b| **b == b'\n').count() > lines + 1 {
                return Ok(tail);
            }
            wanted *= 4;
        }
    }
}

/// Reads a whole file under a shared lock, so that no half-written line is seen.
pub(super) fn read_locked(path: &Path) -> Result<Vec<u8>, LedgerError> {
    let mut file = File::open(path).map_err(LedgerError::io("read", path))?;
    file.lock_shared().map_err(LedgerError::io("lock", path))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(LedgerError::io("read", path))?;
    Ok(bytes)
}

/// Makes a folder that only its owner may enter.
pub(super) fn private_folder(path: &Path) -> Result<(), LedgerError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(LedgerError::io("make", path))
}

/// Makes the names in a folder outlive a power failure.
pub(super) fn sync_folder(path: &Path) -> Result<(), LedgerError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(LedgerError::io("write", path))
}
