use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::{Hold, Index, RecordingError, unreadable};
use crate::consent::Purpose;
use crate::ledger::written_at;

/// What the index says about a session when it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// The dialog's name.
    pub dialog: String,
    /// SHA-256 over the dialog file and its prompts.
    pub dialog_version: String,
    /// BCP 47.
    pub language: String,
    /// When it opened.
    pub opened_at: Timestamp,
}

/// A session with what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedSession {
    /// Its id.
    pub id: Uuid,
    /// The dialog's name.
    pub dialog: String,
    /// SHA-256 over the dialog file and its prompts.
    pub dialog_version: String,
    /// BCP 47.
    pub language: String,
    /// RFC 3339, UTC.
    pub opened_at: String,
    /// RFC 3339, UTC; `None` while it goes on.
    pub closed_at: Option<String>,
    /// How it ended, as in the ledger's `session.closed`, or `lost`.
    pub outcome: Option<String>,
    /// What is kept, in the order of the call.
    pub turns: Vec<RecordedTurn>,
    /// The holds it is under.
    pub holds: Vec<Hold>,
}

/// A sealed turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedTurn {
    /// The random id that names its files.
    pub id: Uuid,
    /// Which turn of the session, from 1.
    pub ordinal: u32,
    /// Which part of it, from 1.
    pub part: u32,
    /// When it began, in milliseconds since the session began.
    pub began_ms: u64,
    /// When it ended.
    pub ended_ms: u64,
    /// SHA-256 of the sealed file.
    pub sha256: String,
    /// The length of the sealed file.
    pub bytes: u64,
    /// RFC 3339, UTC.
    pub sealed_at: String,
    /// For which purposes it can be opened, and until when.
    pub wraps: Vec<RecordedWrap>,
}

/// For one purpose, until one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedWrap {
    /// For which purpose.
    pub purpose: Purpose,
    /// RFC 3339, UTC.
    pub until: String,
    /// Why it is to go and only a hold keeps it: `withdrawn`, `erased`, `retention`.
    pub ending: Option<String>,
}

/// A turn that is being stored.
pub(in crate::recording) struct NewTurn {
    pub(in crate::recording) id: Uuid,
    pub(in crate::recording) ordinal: u32,
    pub(in crate::recording) part: u32,
    pub(in crate::recording) began_ms: u64,
    pub(in crate::recording) ended_ms: u64,
    pub(in crate::recording) sha256: String,
    pub(in crate::recording) bytes: u64,
    pub(in crate::recording) sealed_at: Timestamp,
    pub(in crate::recording) until: Vec<(Purpose, Timestamp)>,
}

impl Index {
    /// A session has opened.
    pub(in crate::recording) async fn open_session(&self, id: Uuid, facts: &SessionFacts) -> Result<(), RecordingError> {
        sqlx::query("INSERT OR IGNORE INTO sessions (id, dialog, dialog_version, language, opened_at) VALUES (?, ?, ?, ?, ?)")
            .bind(id.to_string())
            .bind(&facts.dialog)
            .bind(&facts.dialog_version)
            .bind(&facts.language)
            .bind(written_at(facts.opened_at))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// A session is over.
    pub(in crate::recording) async fn close_session(&self, id: Uuid, outcome: &str, at: Timestamp) -> Result<(), RecordingError> {
        sqlx::query("UPDATE sessions SET closed_at = ?, outcome = ? WHERE id = ?")
            .bind(written_at(at))
            .bind(outcome)
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The sessions that have not ended.
    pub(in crate::recording) async fn unclosed_sessions(&self) -> Result<Vec<Uuid>, RecordingError> {
        let rows = sqlx::query("SELECT id FROM sessions WHERE closed_at IS NULL").fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(id(row, "id")?)).collect()
    }

    /// Sessions that a crash left open are lost.
    pub(in crate::recording) async fn close_lost_sessions(&self, at: Timestamp) -> Result<(), RecordingError> {
        sqlx::query("UPDATE sessions SET closed_at = ?, outcome = 'lost' WHERE closed_at IS NULL")
            .bind(written_at(at))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The account of a session is over with its ledger.
    pub(in crate::recording) async fn forget_session(&self, id: Uuid) -> Result<(), RecordingError> {
        sqlx::query("DELETE FROM sessions WHERE id = ?").bind(id.to_string()).execute(&self.pool).await?;
        Ok(())
    }

    /// Notes a turn and until when it is kept for what, before its files get their names.
    pub(in crate::recording) async fn add_turn(&self, session: Uuid, turn: &NewTurn) -> Result<(), RecordingError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let insert = "INSERT INTO turns (id, session, ordinal, part, began_ms, ended_ms, sha256, bytes, sealed_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        sqlx::query(insert)
            .bind(turn.id.to_string())
            .bind(session.to_string())
            .bind(turn.ordinal)
            .bind(turn.part)
            .bind(turn.began_ms as i64)
            .bind(turn.ended_ms as i64)
            .bind(&turn.sha256)
            .bind(turn.bytes as i64)
            .bind(written_at(turn.sealed_at))
            .execute(&mut *transaction)
            .await?;
        for (purpose, until) in &turn.until {
            sqlx::query("INSERT INTO wraps (turn, purpose, until) VALUES (?, ?, ?)")
                .bind(turn.id.to_string())
                .bind(purpose.as_str())
                .bind(written_at(*until))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Takes a turn back.
    pub(in crate::recording) async fn remove_turn(&self, turn: Uuid) -> Result<(), RecordingError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let turn = turn.to_string();
        sqlx::query("DELETE FROM wraps WHERE turn = ?").bind(&turn).execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM turns WHERE id = ?").bind(&turn).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Every turn, by session.
    pub(in crate::recording) async fn all_turns(&self) -> Result<Vec<(Uuid, Uuid)>, RecordingError> {
        let rows = sqlx::query("SELECT session, id FROM turns").fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok((id(row, "session")?, id(row, "id")?))).collect()
    }

    /// All sessions, the newest first.
    pub async fn sessions(&self) -> Result<Vec<RecordedSession>, RecordingError> {
        let rows = sqlx::query("SELECT * FROM sessions ORDER BY opened_at DESC, id").fetch_all(&self.pool).await?;
        let turns = sqlx::query("SELECT * FROM turns ORDER BY ordinal, part").fetch_all(&self.pool).await?;
        let wraps = sqlx::query("SELECT * FROM wraps ORDER BY purpose").fetch_all(&self.pool).await?;
        let mut turns = joined(&turns, &wraps)?;
        let mut holds = self.all_holds().await?;
        let session = |row: &SqliteRow| {
            let of = id(row, "id")?;
            session(row, turns.remove(&of).unwrap_or_default(), holds.remove(&of).unwrap_or_default())
        };
        rows.iter().map(session).collect()
    }

    /// A session with its turns and holds.
    pub async fn session(&self, of: Uuid) -> Result<Option<RecordedSession>, RecordingError> {
        let query = sqlx::query("SELECT * FROM sessions WHERE id = ?").bind(of.to_string());
        let Some(row) = query.fetch_optional(&self.pool).await? else { return Ok(None) };
        let select = "SELECT * FROM turns WHERE session = ? ORDER BY ordinal, part";
        let turns = sqlx::query(select).bind(of.to_string()).fetch_all(&self.pool).await?;
        let select = "SELECT wraps.* FROM wraps JOIN turns ON turns.id = wraps.turn WHERE session = ? ORDER BY purpose";
        let wraps = sqlx::query(select).bind(of.to_string()).fetch_all(&self.pool).await?;
        let turns = joined(&turns, &wraps)?.remove(&of).unwrap_or_default();
        Ok(Some(session(&row, turns, self.holds(of).await?)?))
    }
}

fn session(row: &SqliteRow, turns: Vec<RecordedTurn>, holds: Vec<Hold>) -> Result<RecordedSession, RecordingError> {
    Ok(RecordedSession {
        id: id(row, "id")?,
        dialog: row.try_get("dialog")?,
        dialog_version: row.try_get("dialog_version")?,
        language: row.try_get("language")?,
        opened_at: row.try_get("opened_at")?,
        closed_at: row.try_get("closed_at")?,
        outcome: row.try_get("outcome")?,
        turns,
        holds,
    })
}

/// Turns with their wraps, by session, in the order of the rows.
fn joined(turns: &[SqliteRow], wraps: &[SqliteRow]) -> Result<HashMap<Uuid, Vec<RecordedTurn>>, RecordingError> {
    let mut wraps_of: HashMap<Uuid, Vec<RecordedWrap>> = HashMap::new();
    for row in wraps {
        let wrap = RecordedWrap { purpose: purpose(row)?, until: row.try_get("until")?, ending: row.try_get("ending")? };
        wraps_of.entry(id(row, "turn")?).or_default().push(wrap);
    }
    let mut turns_of: HashMap<Uuid, Vec<RecordedTurn>> = HashMap::new();
    for row in turns {
        let mut turn = turn(row)?;
        turn.wraps = wraps_of.remove(&turn.id).unwrap_or_default();
        turns_of.entry(id(row, "session")?).or_default().push(turn);
    }
    Ok(turns_of)
}

fn turn(row: &SqliteRow) -> Result<RecordedTurn, RecordingError> {
    let number = |column| row.try_get::<i64, _>(column).map(|value| value.unsigned_abs());
    Ok(RecordedTurn {
        id: id(row, "id")?,
        ordinal: row.try_get("ordinal")?,
        part: row.try_get("part")?,
        began_ms: number("began_ms")?,
        ended_ms: number("ended_ms")?,
        sha256: row.try_get("sha256")?,
        bytes: number("bytes")?,
        sealed_at: row.try_get("sealed_at")?,
        wraps: Vec::new(),
    })
}

pub(super) fn id(row: &SqliteRow, column: &str) -> Result<Uuid, sqlx::Error> {
    row.try_get::<String, _>(column)?.parse().map_err(|_| unreadable(column))
}

pub(super) fn purpose(row: &SqliteRow) -> Result<Purpose, sqlx::Error> {
    Purpose::new(row.try_get("purpose")?).map_err(|_| unreadable("purpose"))
}
