//! Making the index anew, from the ledger and from what lies on the disk: a damaged index costs nothing that was sealed.
//!
//! The ledger names each sealed turn by its hash, with its purposes and their ends; the files say which turns and wraps there still are; the
//! chain of accesses knows the holds. What fits nowhere is named, and left as it is.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::index::{Ending, Hold, Index, NewTurn, SessionFacts};
use super::store::Store;
use super::{RecordingError, Settings};
use crate::consent::Purpose;
use crate::ledger::{self, Access, Entry, Event, Ledger, LedgerError, append_access};

/// What the new index holds, and what it could not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reindexed {
    /// How many sessions have a ledger.
    pub sessions: u64,
    /// How many turns were found again.
    pub turns: u64,
    /// How many holds stand by the chain of accesses. They are to be reviewed at once: their days of review were in the old index alone.
    pub holds: u64,
    /// Sealed files that no ledger names: no retention ends them.
    pub strangers: Vec<PathBuf>,
    /// Where the old index is now, if there was one.
    pub old: Option<PathBuf>,
}

/// Makes the index anew and puts the old one aside. Only while no server runs: it takes the ledger as a server does.
///
/// # Errors
/// [`ledger::LedgerError::InUse`] beside a running server; the refusals of disk and database.
pub async fn reindex(settings: &Settings, accounts: &ledger::Settings, actor: String) -> Result<Reindexed, RecordingError> {
    let ledger = Ledger::open(accounts)?;
    let access = Access { action: "reindex", session: None, purpose: None, reason: None, actor, outcome: "done".to_owned() };
    append_access(accounts, access)?;
    let old = put_aside(&settings.index)?;
    let index = Index::open(&settings.index).await?;
    let mut done = Reindexed { old, ..Reindexed::default() };
    let store = Store::new(&settings.folder);
    store.clean()?;
    let mut on_disk = sealed_files(&settings.folder)?;
    for session in ledger::list(accounts)? {
        let entries = match ledger::read_session(accounts, session) {
            // Somebody broke this chain; that must not cost the others.
            Err(LedgerError::Broken(_)) => continue,
            entries => entries?,
        };
        note_session(&index, session, &entries).await?;
        done.sessions += 1;
        let files = on_disk.remove(&session).unwrap_or_default();
        done.turns += note_turns(&index, &store, session, &entries, files, &mut done.strangers).await?;
    }
    // Recordings without a ledger of their session.
    done.strangers.extend(on_disk.into_values().flatten().map(|(_, path)| path));
    for (session, hold) in holds(&ledger::read_accesses(accounts)?) {
        if index.session(session).await?.is_some() {
            index.place_hold(session, &hold).await?;
            done.holds += 1;
        }
    }
    index.close().await;
    ledger.close();
    done.strangers.sort();
    Ok(done)
}

/// The old index and its companions under names of their own.
fn put_aside(index: &Path) -> Result<Option<PathBuf>, RecordingError> {
    let with = |ending: &str| {
        let mut path = index.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    };
    let mark = format!(".old-{}", Timestamp::now().strftime("%Y%m%dT%H%M%S"));
    let mut moved = None;
    for ending in ["", "-wal", "-shm"] {
        let (from, to) = (with(ending), with(&format!("{mark}{ending}")));
        if from.exists() {
            fs::rename(&from, &to).map_err(RecordingError::io("rename", &from))?;
            moved = moved.or(Some(to));
        }
    }
    Ok(moved)
}

/// The sealed turns, by session: the id in the name, and the file.
fn sealed_files(folder: &Path) -> Result<HashMap<Uuid, Vec<(Uuid, PathBuf)>>, RecordingError> {
    let mut found: HashMap<Uuid, Vec<(Uuid, PathBuf)>> = HashMap::new();
    for session in fs::read_dir(folder).map_err(RecordingError::io("read", folder))? {
        let session = session.map_err(RecordingError::io("read", folder))?;
        let Some(id) = session.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let path = session.path();
        for file in fs::read_dir(&path).map_err(RecordingError::io("read", &path))? {
            let file = file.map_err(RecordingError::io("read", &path))?;
            let name = file.file_name();
            if let Some(turn) = name.to_str().and_then(|name| name.strip_suffix(".age")?.parse().ok()) {
                found.entry(id).or_default().push((turn, file.path()));
            }
        }
    }
    Ok(found)
}

async fn note_session(index: &Index, session: Uuid, entries: &[Entry]) -> Result<(), RecordingError> {
    let at = |entry: &Entry| entry.at.parse::<Timestamp>().unwrap_or(Timestamp::UNIX_EPOCH);
    let opened = entries.iter().find_map(|entry| match &entry.event {
        Event::SessionOpened { dialog, dialog_version, language, .. } => {
            let (dialog, dialog_version, language) = (dialog.clone(), dialog_version.clone(), language.clone());
            Some(SessionFacts { dialog, dialog_version, language, opened_at: at(entry) })
        }
        _ => None,
    });
    // A session of which not even its beginning could be written.
    let nothing = || SessionFacts {
        dialog: "?".to_owned(),
        dialog_version: String::new(),
        language: "?".to_owned(),
        opened_at: entries.first().map_or(Timestamp::UNIX_EPOCH, at),
    };
    index.open_session(session, &opened.unwrap_or_else(nothing)).await?;
    let end = entries.iter().find_map(|entry| match &entry.event {
        Event::SessionClosed { outcome, .. } => Some((outcome.as_str(), at(entry))),
        Event::SessionLost {} | Event::SessionUnwritten { .. } => Some(("lost", at(entry))),
        _ => None,
    });
    match end {
        Some((outcome, at)) => index.close_session(session, outcome, at).await,
        None => Ok(()),
    }
}

/// Notes the turns of a session that are still there; gives how many.
async fn note_turns(
    index: &Index,
    store: &Store,
    session: Uuid,
    entries: &[Entry],
    files: Vec<(Uuid, PathBuf)>,
    strangers: &mut Vec<PathBuf>,
) -> Result<u64, RecordingError> {
    let mut noted = 0;
    for (id, path) in files {
        let hash = hex::encode(Sha256::digest(fs::read(&path).map_err(RecordingError::io("read", &path))?));
        let sealed = entries.iter().enumerate().find(|(_, entry)| is_turn(entry, &hash));
        let Some((place, Entry { at, event: Event::TurnSealed { turn, part, bytes, began_ms, ended_ms, purposes, .. }, .. })) =
            sealed
        else {
            strangers.push(path);
            continue;
        };
        let until = purposes.iter().filter_map(|(purpose, until)| Some((Purpose::new(purpose).ok()?, until.parse().ok()?)));
        let until: Vec<(Purpose, Timestamp)> =
            until.filter(|(purpose, _)| store.wrap_file(session, id, purpose).exists()).collect();
        if until.is_empty() {
            // Nobody can open it: what a deletion that was cut short has left.
            store.delete_turn(session, id)?;
            continue;
        }
        let sealed_at = at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let (ordinal, part, bytes, began_ms, ended_ms) = (*turn, *part, *bytes, *began_ms, *ended_ms);
        let endings: Vec<(Purpose, Ending)> =
            until.iter().filter_map(|(purpose, _)| Some((purpose.clone(), held_ending(&entries[place..], purpose)?))).collect();
        let row = NewTurn { id, ordinal, part, began_ms, ended_ms, sha256: hash, bytes, sealed_at, until };
        index.add_turn(session, &row).await?;
        for (purpose, ending) in endings {
            index.end_wrap(id, &purpose, ending).await?;
        }
        noted += 1;
    }
    store.settle(session)?;
    Ok(noted)
}

fn is_turn(entry: &Entry, hash: &str) -> bool {
    matches!(&entry.event, Event::TurnSealed { sha256, .. } if sha256 == hash)
}

/// Why a wrap was to go that only a hold kept, by what the ledger says after its turn was sealed.
fn held_ending(after: &[Entry], wanted: &Purpose) -> Option<Ending> {
    after.iter().find_map(|entry| match &entry.event {
        Event::WrapsDeleted { purpose, reason, held, .. } if *held > 0 && purpose == wanted.as_str() => Some(Ending::of(reason)),
        _ => None,
    })
}

/// The holds that were placed and not released, by the chain of accesses.
fn holds(accesses: &[Entry]) -> Vec<(Uuid, Hold)> {
    let mut standing: Vec<(Uuid, Hold)> = Vec::new();
    for entry in accesses {
        let Event::Access { action, session: Some(session), reason, actor, outcome, .. } = &entry.event else { continue };
        let Some(session) = session.parse().ok().filter(|_| outcome == "done") else { continue };
        let case = reason.as_deref().and_then(|reason| reason.strip_prefix("case "));
        match (action.as_str(), case) {
            ("hold", Some(case)) => {
                let (case_ref, reason) = case.split_once(": ").unwrap_or((case, ""));
                let (case_ref, reason, placed_by) = (case_ref.to_owned(), reason.to_owned(), actor.clone());
                let hold = Hold { case_ref, reason, placed_by, placed_at: entry.at.clone(), review_at: today() };
                standing.retain(|(of, other)| *of != session || other.case_ref != hold.case_ref);
                standing.push((session, hold));
            }
            ("release", case) => {
                standing.retain(|(of, hold)| *of != session || case.is_some_and(|case| hold.case_ref != case));
            }
            _ => {}
        }
    }
    standing
}

fn today() -> String {
    Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
