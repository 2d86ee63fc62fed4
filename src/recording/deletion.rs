use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use uuid::Uuid;

use super::index::{Ending, Index};
use super::store::Store;
use super::{RecordingError, Settings};
use crate::consent::Purpose;
use crate::ledger::{self, Event, LedgerError, SessionLedger};

/// What a deletion did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// How many wraps were deleted.
    pub wraps: u64,
    /// How many turns lost their last wrap and were deleted.
    pub turns: u64,
    /// How many wraps a hold kept.
    pub held: u64,
    /// How many turns are still stored: for another purpose, or under a hold.
    pub kept: u64,
}

/// Where a deletion is written down.
pub(super) enum Account<'a> {
    /// In the ledger of a session in progress.
    Live(&'a SessionLedger),
    /// From outside the session.
    Afterwards(&'a ledger::Settings),
}

/// One deletion, or one hold, at a time, in all processes: between looking for a hold and deleting, none can be placed, and no turn can
/// be half stored.
pub(super) struct OneAtATime(#[allow(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl OneAtATime {
    pub(super) async fn wait(settings: &Settings) -> Result<OneAtATime, RecordingError> {
        wait(settings, File::lock).await.map(OneAtATime)
    }
}

/// Nothing is deleted while this is held; any number of turns are stored beside each other.
pub(super) struct NoDeletion(#[allow(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl NoDeletion {
    pub(super) async fn wait(settings: &Settings) -> Result<NoDeletion, RecordingError> {
        wait(settings, File::lock_shared).await.map(NoDeletion)
    }
}

async fn wait(settings: &Settings, lock: fn(&File) -> std::io::Result<()>) -> Result<File, RecordingError> {
    let folder = settings.folder.clone();
    let locked = tokio::task::spawn_blocking(move || {
        let path = folder.join("deletion.lock");
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(RecordingError::io("make", &folder))?;
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = opened.map_err(RecordingError::io("open", &path))?;
        lock(&file).map_err(RecordingError::io("lock", &path))?;
        Ok(file)
    });
    locked.await.map_err(|_| RecordingError::Interrupted)?
}

/// Deletes the wraps of a session that are marked as to go, unless a hold keeps them: files, then the ledger, then the index, so
/// that a crash in between is made good by the next sweep and nothing goes without being written down.
pub(super) async fn delete_what_ends(
    settings: &Settings,
    index: &Index,
    session: Uuid,
    account: Account<'_>,
    _lock: &OneAtATime,
) -> Result<Erased, RecordingError> {
    let wraps = index.ending_wraps(session).await?;
    let mut by_purpose: BTreeMap<(Purpose, Ending), Erased> = BTreeMap::new();
    if !index.holds(session).await?.is_empty() {
        for wrap in wraps {
            by_purpose.entry((wrap.purpose, wrap.ending)).or_default().held += 1;
        }
        let written = write_down(session, by_purpose, account).await?;
        return Ok(Erased { kept: index.kept_turns(session).await?, ..written });
    }
    let last = index.last_wraps(&wraps).await?;
    let store = Store::new(&settings.folder);
    let mut uncounted = last.clone();
    for wrap in &wraps {
        store.delete_wrap(session, wrap.turn, &wrap.purpose)?;
        let erased = by_purpose.entry((wrap.purpose.clone(), wrap.ending)).or_default();
        erased.wraps += 1;
        if let Some(at) = uncounted.iter().position(|turn| *turn == wrap.turn) {
            uncounted.swap_remove(at);
            store.delete_turn(session, wrap.turn)?;
            erased.turns += 1;
        }
    }
    store.settle(session)?;
    let written = write_down(session, by_purpose, account).await;
    index.remove_wraps(&wraps, &last).await?;
    Ok(Erased { kept: index.kept_turns(session).await?, ..written? })
}

async fn write_down(
    session: Uuid,
    by_purpose: BTreeMap<(Purpose, Ending), Erased>,
    account: Account<'_>,
) -> Result<Erased, RecordingError> {
    let mut all = Erased::default();
    for ((purpose, ending), Erased { wraps, turns, held, .. }) in by_purpose {
        all = Erased { wraps: all.wraps + wraps, turns: all.turns + turns, held: all.held + held, ..all };
        let reason = ending.as_str().to_owned();
        let event = Event::WrapsDeleted { purpose: purpose.to_string(), reason, wraps, turns, held };
        match &account {
            Account::Live(ledger) => match ledger.append(event) {
                // It is written as soon as the ledger can be written again; what was to go is gone.
                Err(error @ (LedgerError::Failed(_) | LedgerError::Full(_))) => {
                    tracing::debug!(%session, %error, "a deletion is not in the ledger yet");
                }
                written => written?,
            },
            Account::Afterwards(settings) => match ledger::append_afterwards(settings, session, event) {
                // The recording outlived its ledger: there is nowhere left to write, and the sound must go all the same.
                Err(error @ LedgerError::UnknownSession(_)) => tracing::warn!(%error, "a deletion is not in the ledger"),
                written => written?,
            },
        }
    }
    metrics::counter!("candor_wraps_deleted_total").increment(all.wraps);
    Ok(all)
}
