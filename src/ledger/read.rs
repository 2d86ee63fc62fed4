use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use uuid::Uuid;

use super::append_file::read_locked;
use super::{Entry, Event, LedgerError, Settings};

/// The entries of a session's ledger, as they stand: reading does not verify.
///
/// # Errors
/// [`LedgerError::UnknownSession`] where there is none; [`LedgerError::Broken`] where a line is no entry.
pub fn read_session(settings: &Settings, session: Uuid) -> Result<Vec<Entry>, LedgerError> {
    match entries_that_stand(&settings.session_file(session)) {
        Err(error) if error.is_not_found() => Err(LedgerError::UnknownSession(session)),
        other => other,
    }
}

/// The hashes of the sealed turns that a session's ledger names; none where the session has no ledger (any more).
pub fn sealed_hashes(settings: &Settings, session: Uuid) -> Result<Vec<String>, LedgerError> {
    let entries = match read_session(settings, session) {
        Err(LedgerError::UnknownSession(_)) => return Ok(Vec::new()),
        entries => entries?,
    };
    let hash = |entry: Entry| match entry.event {
        Event::TurnSealed { sha256, .. } => Some(sha256),
        _ => None,
    };
    Ok(entries.into_iter().filter_map(hash).collect())
}

/// The accesses to recordings, oldest first.
pub fn read_accesses(settings: &Settings) -> Result<Vec<Entry>, LedgerError> {
    match entries_that_stand(&settings.access_file()) {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        other => other,
    }
}

/// The sessions that have a ledger, in the order of their ids.
pub fn list(settings: &Settings) -> Result<Vec<Uuid>, LedgerError> {
    let folder = settings.sessions();
    let files = match fs::read_dir(&folder) {
        Ok(files) => files,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LedgerError::io("read", &folder)(error)),
    };
    let mut sessions = Vec::new();
    for file in files {
        let file = file.map_err(LedgerError::io("read", &folder))?;
        let name = file.file_name();
        sessions.extend(name.to_str().and_then(|name| name.strip_suffix(".jsonl")).and_then(|id| id.parse::<Uuid>().ok()));
    }
    sessions.sort_unstable();
    Ok(sessions)
}

/// Every whole line of a chain; an unfinished one at the end, left by a crash, is passed over.
pub(super) fn entries_that_stand(path: &Path) -> Result<Vec<Entry>, LedgerError> {
    let bytes = read_locked(path)?;
    let mut entries = Vec::new();
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        match serde_json::from_slice::<Entry>(line) {
            Ok(entry) => entries.push(entry),
            Err(_) if !line.ends_with(b"\n") => {}
            Err(_) => return Err(LedgerError::Broken(path.to_owned())),
        }
    }
    Ok(entries)
}
