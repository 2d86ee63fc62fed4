use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::deletion::{Account, Erased, OneAtATime, delete_what_ends};
use super::export::{self, Export, Opening};
use super::index::Ending;
use super::{Hold, Index, RecordedSession, RecordingError, Settings, keys};
use crate::consent::Purpose;
use crate::ledger::{self, Access, LedgerKey, append_access, written_at};

/// What people do with recordings, each written into the chain of accesses before anything is shown, also when it is refused.
pub struct Archive {
    settings: Settings,
    ledger: ledger::Settings,
    index: Index,
    actor: String,
}

impl Archive {
    /// `actor` is the user of the operating system, for the ledger.
    pub async fn open(settings: &Settings, ledger: &ledger::Settings, actor: String) -> Result<Archive, RecordingError> {
        let index = Index::open(&settings.index).await?;
        Ok(Archive { settings: settings.clone(), ledger: ledger.clone(), index, actor })
    }

    /// All sessions, the newest first.
    pub async fn list(&self) -> Result<Vec<RecordedSession>, RecordingError> {
        self.note(self.access("list", None), "done".to_owned()).await?;
        self.index.sessions().await
    }

    /// One session: what is kept of it, for what and until when.
    pub async fn show(&self, session: Uuid) -> Result<RecordedSession, RecordingError> {
        let access = self.access("show", Some(session));
        let found = self.checked(&access, self.found(session).await).await?;
        self.note(access, "done".to_owned()).await?;
        Ok(found)
    }

    /// Opens what is kept of a session for a purpose, with that purpose's private key, in this process. `out` is the folder that it
    /// is to be written to ([`Export::write`]).
    ///
    /// # Errors
    /// [`RecordingError::WrongKey`], [`RecordingError::NothingKept`], [`RecordingError::Damaged`],
    /// [`RecordingError::ExportExists`], …
    pub async fn export(
        &self,
        session: Uuid,
        key: &Path,
        purpose: &Purpose,
        reason: &str,
        out: &Path,
    ) -> Result<Export, RecordingError> {
        let mut access = self.access("export", Some(session));
        access.purpose = Some(purpose.to_string());
        access.reason = Some(reason.to_owned());
        let opened = self.opened(session, key, purpose, reason, out).await;
        let export = self.checked(&access, opened).await?;
        self.note(access, "done".to_owned()).await?;
        Ok(export)
    }

    async fn opened(
        &self,
        session: Uuid,
        key_file: &Path,
        purpose: &Purpose,
        reason: &str,
        out: &Path,
    ) -> Result<Export, RecordingError> {
        if let Some(there) = export::files(out, session).into_iter().find(|path| path.exists()) {
            return Err(RecordingError::ExportExists(there));
        }
        let found = self.found(session).await?;
        let key = keys::read_private(key_file)?;
        let public = key.to_public().to_string();
        let other = keys::public_keys(&self.settings.keys)?.into_iter().find(|(_, key)| *key == public);
        let belongs = other.filter(|(other, _)| other != purpose);
        let belongs = belongs.map(|(other, _)| format!(": it is the key of `{other}`")).unwrap_or_default();
        let sealed = ledger::sealed_hashes(&self.ledger, session)?;
        let opening = Opening {
            key: &key,
            key_file,
            belongs,
            purpose,
            reason: reason.to_owned(),
            actor: self.actor.clone(),
            at: written_at(Timestamp::now()),
        };
        export::open(&self.settings, &found, &sealed, opening)
    }

    /// Erases what is kept of a session, for one purpose or for all. Refused while a hold stands.
    pub async fn erase(&self, session: Uuid, purpose: Option<&Purpose>, reason: &str) -> Result<Erased, RecordingError> {
        let mut access = self.access("erase", Some(session));
        access.purpose = purpose.map(ToString::to_string);
        access.reason = Some(reason.to_owned());
        let lock = OneAtATime::wait(&self.settings).await?;
        self.checked(&access, self.erasable(session, purpose).await).await?;
        self.checked(&access, self.can_write_down()).await?;
        self.note(access.clone(), "done".to_owned()).await?;
        let erased = async {
            self.index.end_purpose(session, purpose, Ending::Erased).await?;
            let account = Account::Afterwards(&self.ledger);
            delete_what_ends(&self.settings, &self.index, session, account, &lock).await
        };
        let erased = erased.await;
        if let Err(error) = &erased {
            self.note(access, format!("failed: {error}")).await?;
        }
        erased
    }

    async fn erasable(&self, session: Uuid, purpose: Option<&Purpose>) -> Result<(), RecordingError> {
        let found = self.found(session).await?;
        if let Some(hold) = found.holds.first() {
            return Err(RecordingError::Held { session, hold: Box::new(hold.clone()) });
        }
        let has = |purpose: &Purpose| found.turns.iter().flat_map(|turn| &turn.wraps).any(|wrap| wrap.purpose == *purpose);
        match purpose {
            Some(purpose) if !has(purpose) => Err(export::nothing_kept(&found, purpose)),
            _ => Ok(()),
        }
    }

    /// Keeps a session from being deleted, for a case, until it is released; `review` is the day to look at it again.
    pub async fn hold(&self, session: Uuid, case: &str, reason: &str, review: Date) -> Result<Hold, RecordingError> {
        let mut access = self.access("hold", Some(session));
        access.reason = Some(format!("case {case}: {reason}"));
        let _lock = OneAtATime::wait(&self.settings).await?;
        self.checked(&access, self.found(session).await).await?;
        self.note(access, "done".to_owned()).await?;
        let hold = Hold {
            case_ref: case.to_owned(),
            reason: reason.to_owned(),
            placed_by: self.actor.clone(),
            placed_at: written_at(Timestamp::now()),
            review_at: review.to_string(),
        };
        self.index.place_hold(session, &hold).await?;
        Ok(hold)
    }

    /// Ends the hold for a case, or all holds, on a session; what the hold alone kept goes at once.
    pub async fn release(&self, session: Uuid, case: Option<&str>) -> Result<Erased, RecordingError> {
        let mut access = self.access("release", Some(session));
        access.reason = case.map(|case| format!("case {case}"));
        let lock = OneAtATime::wait(&self.settings).await?;
        let held = self.found(session).await.and_then(|found| {
            let held = found.holds.iter().any(|hold| case.is_none_or(|case| hold.case_ref == case));
            if held { Ok(()) } else { Err(RecordingError::NotHeld(session)) }
        });
        self.checked(&access, held).await?;
        self.checked(&access, self.can_write_down()).await?;
        self.note(access, "done".to_owned()).await?;
        self.index.release_holds(session, case).await?;
        self.index.end_what_is_due(Timestamp::now()).await?;
        if !self.found(session).await?.holds.is_empty() {
            return Ok(Erased { kept: self.index.kept_turns(session).await?, ..Erased::default() });
        }
        delete_what_ends(&self.settings, &self.index, session, Account::Afterwards(&self.ledger), &lock).await
    }

    /// Whether a deletion could be signed, asked before anything is deleted.
    fn can_write_down(&self) -> Result<(), RecordingError> {
        LedgerKey::load(&self.ledger)?;
        Ok(())
    }

    async fn found(&self, session: Uuid) -> Result<RecordedSession, RecordingError> {
        self.index.session(session).await?.ok_or(RecordingError::UnknownSession(session))
    }

    fn access(&self, action: &'static str, session: Option<Uuid>) -> Access {
        let (actor, outcome) = (self.actor.clone(), String::new());
        Access { action, session, purpose: None, reason: None, actor, outcome }
    }

    /// Writes a refusal down before it is told.
    async fn checked<T>(&self, access: &Access, outcome: Result<T, RecordingError>) -> Result<T, RecordingError> {
        if let Err(error) = &outcome {
            self.note(access.clone(), format!("refused: {error}")).await?;
        }
        outcome
    }

    async fn note(&self, mut access: Access, outcome: String) -> Result<(), RecordingError> {
        access.outcome = outcome;
        let settings = self.ledger.clone();
        let written = spawn_blocking(move || append_access(&settings, access)).await;
        written.map_err(|_| RecordingError::Interrupted)??;
        Ok(())
    }
}
