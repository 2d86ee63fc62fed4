use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::append_file::AppendFile;
use super::checkpoint::{self, CheckpointKind, Mark};
use super::key::LedgerKey;
use super::{Entry, Event, LedgerError, Settings, chain, read};

/// Appends what happened to a session's recording outside the session: deletions. Works from any process, whether or not the session
/// is over, and waits until entry and checkpoint are on disk.
///
/// # Errors
/// [`LedgerError::UnknownSession`] where the session has no ledger (any more); the operating system's refusals.
pub fn append_afterwards(settings: &Settings, session: Uuid, event: Event) -> Result<(), LedgerError> {
    let key = LedgerKey::load(settings)?;
    let path = settings.session_file(session);
    let tail = match chain::append(&path, &session.to_string(), vec![(Timestamp::now(), event)], false) {
        Err(error) if error.is_not_found() => return Err(LedgerError::UnknownSession(session)),
        tail => tail?,
    };
    let (entries, last_hash) = (tail.entries, tail.last_hash);
    checkpoint::append(settings, &key, &[Mark { chain: session.to_string(), kind: CheckpointKind::Progress, entries, last_hash }])
}

/// When a session ended, by its ledger; `None` while it goes on.
pub fn ended_at(entries: &[Entry]) -> Option<Timestamp> {
    entries.iter().find(|entry| entry.event.is_end())?.at.parse().ok()
}

/// The sessions that ended more than `term` before `now`.
pub fn ended_before(settings: &Settings, now: Timestamp, term: Duration) -> Result<Vec<Uuid>, LedgerError> {
    let term = SignedDuration::try_from(term).unwrap_or(SignedDuration::MAX);
    // A term that reaches back beyond all time ends never.
    let Ok(limit) = now.checked_sub(term) else { return Ok(Vec::new()) };
    let mut ended = Vec::new();
    for session in read::list(settings)? {
        let entries = match read::read_session(settings, session) {
            Ok(entries) => entries,
            Err(LedgerError::UnknownSession(_)) => continue,
            Err(error) => {
                tracing::error!(%session, %error, "a session's ledger cannot be read, so its term cannot end");
                continue;
            }
        };
        if ended_at(&entries).is_some_and(|at| at <= limit) {
            ended.push(session);
        }
    }
    Ok(ended)
}

/// Deletes a session's chain whole. A checkpoint of kind [`CheckpointKind::Deleted`] with its length and last hash stays.
pub fn delete_session(settings: &Settings, session: Uuid) -> Result<(), LedgerError> {
    let key = LedgerKey::load(settings)?;
    let path = settings.session_file(session);
    let mut file = match AppendFile::open(&path, false) {
        Err(error) if error.is_not_found() => return Err(LedgerError::UnknownSession(session)),
        file => file?,
    };
    let (tail, _) = chain::read_tail(&mut file, &path)?;
    let (entries, last_hash) = (tail.entries, tail.last_hash);
    let mark = Mark { chain: session.to_string(), kind: CheckpointKind::Deleted, entries, last_hash };
    checkpoint::append(settings, &key, &[mark])?;
    file.remove()
}
