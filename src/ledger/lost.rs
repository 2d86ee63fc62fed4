use std::fs;

use jiff::Timestamp;
use uuid::Uuid;

use super::checkpoint::{self, CheckpointKind, Mark};
use super::key::LedgerKey;
use super::{Event, LedgerError, Settings, chain, read};

/// Closes the ledgers of sessions whose process died: `session.lost`, and the closing checkpoint. Gives those that were lost.
///
/// Only for the process that holds the server's lock: for any other the sessions may well be alive.
pub(super) fn close_what_was_open(settings: &Settings, key: &LedgerKey) -> Result<Vec<Uuid>, LedgerError> {
    let folder = settings.open_marks();
    let mut lost = Vec::new();
    for mark in fs::read_dir(&folder).map_err(LedgerError::io("read", &folder))? {
        let mark = mark.map_err(LedgerError::io("read", &folder))?;
        let Some(session) = mark.file_name().to_str().and_then(|name| name.parse::<Uuid>().ok()) else { continue };
        match close(settings, key, session) {
            Ok(true) => lost.push(session),
            Ok(false) => {}
            // One chain that somebody broke must not keep the server from starting; `verify` names it.
            Err(error @ (LedgerError::Broken(_) | LedgerError::Json(_))) => {
                tracing::error!(%session, %error, "a session that was open cannot be closed in the ledger");
                continue;
            }
            Err(error) => return Err(error),
        }
        fs::remove_file(mark.path()).map_err(LedgerError::io("delete", &mark.path()))?;
    }
    Ok(lost)
}

/// Whether the session was lost: its chain had begun and not ended.
fn close(settings: &Settings, key: &LedgerKey, session: Uuid) -> Result<bool, LedgerError> {
    let path = settings.session_file(session);
    let entries = match read::entries_that_stand(&path) {
        Ok(entries) => entries,
        // The crash came between the mark and the chain.
        Err(error) if error.is_not_found() => return Ok(false),
        Err(error) => return Err(error),
    };
    let ended = entries.iter().any(|entry| entry.event.is_end());
    let events = if ended { Vec::new() } else { vec![(Timestamp::now(), Event::SessionLost {})] };
    let tail = chain::append(&path, &session.to_string(), events, false)?;
    let (entries, last_hash) = (tail.entries, tail.last_hash);
    let mark = Mark { chain: session.to_string(), kind: CheckpointKind::Closed, entries, last_hash };
    checkpoint::append(settings, key, &[mark])?;
    Ok(!ended)
}
