use jiff::Timestamp;
use uuid::Uuid;

use super::append_file::private_folder;
use super::checkpoint::{self, CheckpointKind, Mark};
use super::entry::ACCESS_CHAIN;
use super::key::LedgerKey;
use super::{Event, LedgerError, Settings, chain};

/// Somebody's use of recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// `list`, `show`, `export`, `erase`, `hold`, `release`.
    pub action: &'static str,
    /// Which session; `None` for a list.
    pub session: Option<Uuid>,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Why, in the words of the one who did it.
    pub reason: Option<String>,
    /// Who did it: the user of the operating system.
    pub actor: String,
    /// `done`, `refused: …`, `failed: …`.
    pub outcome: String,
}

/// Writes an access down and waits until it is on disk. Works from any process, beside a running server.
///
/// Where the signing key may not be read, the entry stands without a checkpoint until the server, within thirty seconds, signs it.
pub fn append_access(settings: &Settings, access: Access) -> Result<(), LedgerError> {
    private_folder(&settings.folder)?;
    let Access { action, session, purpose, reason, actor, outcome } = access;
    let session = session.map(|id| id.to_string());
    let event = Event::Access { action: action.to_owned(), session, purpose, reason, actor, outcome };
    let tail = chain::append(&settings.access_file(), ACCESS_CHAIN, vec![(Timestamp::now(), event)], true)?;
    match LedgerKey::load(settings) {
        Ok(key) => {
            let mark = Mark {
                chain: ACCESS_CHAIN.to_owned(),
                kind: CheckpointKind::Progress,
                entries: tail.entries,
                last_hash: tail.last_hash,
            };
            checkpoint::append(settings, &key, &[mark])
        }
        Err(error) => {
            tracing::debug!(%error, "an access stands in the ledger without a checkpoint of its own");
            Ok(())
        }
    }
}
