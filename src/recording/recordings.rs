use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use uuid::Uuid;

use super::index::{Index, SessionFacts};
use super::recorder::SessionRecorder;
use super::store::Store;
use super::{PurposeKeys, RecordingError, Settings};
use crate::consent::Purpose;
use crate::ledger::{self, LedgerError, SessionLedger};

/// The server's side of recording: the keys to seal to, the index, and a recorder for each session.
#[derive(Clone)]
pub struct Recordings {
    settings: Settings,
    index: Index,
    keys: Arc<ArcSwap<PurposeKeys>>,
}

impl Recordings {
    /// Reads the public keys of all `purposes` that the dialogs announce, opens the index, and tidies up after a crash. Only for
    /// the process that holds the ledger ([`crate::ledger::Ledger::open`] first): other processes' sessions would be taken for dead.
    ///
    /// # Errors
    /// [`RecordingError::NoPublicKey`] for a purpose that nothing could be sealed for; the refusals of disk and database.
    pub async fn open(
        settings: &Settings,
        ledger: &ledger::Settings,
        purposes: &[Purpose],
    ) -> Result<Recordings, RecordingError> {
        let keys = Arc::new(ArcSwap::from_pointee(PurposeKeys::load(&settings.keys, purposes)?));
        let index = Index::open(&settings.index).await?;
        index.check(&settings.index).await?;
        let recordings = Recordings { settings: settings.clone(), index, keys };
        recordings.tidy_up(ledger).await?;
        Ok(recordings)
    }

    /// Files that were being written are removed; so are turns whose files never got their names, and those of interrupted sessions
    /// whose sealing never came into the ledger.
    async fn tidy_up(&self, ledger: &ledger::Settings) -> Result<(), RecordingError> {
        let stored: HashSet<_> = Store::new(&self.settings.folder).clean()?.into_iter().collect();
        let noted: HashSet<_> = self.index.all_turns().await?.into_iter().collect();
        let nameless = noted.difference(&stored).copied();
        let untold = self.untold_turns(ledger).await?;
        for (session, turn) in nameless.chain(untold) {
            self.remove(session, turn).await?;
            tracing::warn!(%session, %turn, "a turn that was being stored when the server died is gone");
        }
        let unknown = stored.difference(&noted).count();
        if unknown > 0 {
            let folder = self.settings.folder.display();
            tracing::error!(unknown, %folder, "sealed turns that the index does not know, so no retention ends them: stop the server and run `candor recordings reindex`");
        }
        self.index.close_lost_sessions(Timestamp::now()).await
    }

    /// Turns of interrupted sessions that the ledger does not call sealed: nothing may be kept that the account does not name.
    async fn untold_turns(&self, ledger: &ledger::Settings) -> Result<Vec<(Uuid, Uuid)>, RecordingError> {
        let mut untold = Vec::new();
        for id in self.index.unclosed_sessions().await? {
            let told = match ledger::sealed_hashes(ledger, id) {
                // Somebody broke this chain; that must not cost the recording too, nor keep the server from starting.
                Err(error @ LedgerError::Broken(_)) => {
                    tracing::error!(session = %id, %error, "the turns of an interrupted session cannot be held against its ledger");
                    continue;
                }
                told => told?,
            };
            let turns = self.index.session(id).await?.into_iter().flat_map(|session| session.turns);
            untold.extend(turns.filter(|turn| !told.contains(&turn.sha256)).map(|turn| (id, turn.id)));
        }
        Ok(untold)
    }

    /// First what could be read, then the row that says where it was.
    async fn remove(&self, session: Uuid, turn: Uuid) -> Result<(), RecordingError> {
        let kept = self.index.session(session).await?.into_iter().flat_map(|session| session.turns);
        let wraps = kept.filter(|kept| kept.id == turn).flat_map(|kept| kept.wraps);
        let purposes: Vec<Purpose> = wraps.map(|wrap| wrap.purpose).collect();
        Store::new(&self.settings.folder).discard(session, turn, &purposes);
        self.index.remove_turn(turn).await
    }

    /// Reads the public keys of purposes that a dialog announces which was not there when this was opened. Sessions that begin from now on
    /// can seal to them.
    ///
    /// # Errors
    /// [`RecordingError::NoPublicKey`] for a purpose that nothing could be sealed for; then nothing has changed.
    pub fn admit(&self, purposes: &[Purpose]) -> Result<(), RecordingError> {
        let known = self.keys.load();
        let new: Vec<&Purpose> = purposes.iter().filter(|purpose| known.get(purpose).is_none()).collect();
        if !new.is_empty() {
            let more = PurposeKeys::load(&self.settings.keys, new)?;
            self.keys.rcu(|keys| keys.with(&more));
        }
        Ok(())
    }

    /// Starts the recorder of a session. Never waits; must be called in a tokio runtime.
    pub fn session(&self, ledger: SessionLedger, facts: SessionFacts) -> SessionRecorder {
        SessionRecorder::start(self.settings.clone(), self.index.clone(), PurposeKeys::clone(&self.keys.load()), ledger, facts)
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Where things lie.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
