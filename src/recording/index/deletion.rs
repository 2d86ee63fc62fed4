use jiff::Timestamp;
use uuid::Uuid;

use super::sessions::{id, purpose};
use super::{Index, RecordingError};
use crate::consent::Purpose;
use crate::ledger::written_at;

/// Why wraps go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::recording) enum Ending {
    /// The caller took the consent back.
    Withdrawn,
    /// Somebody erased them.
    Erased,
    /// Their time is over.
    Retention,
}

impl Ending {
    pub(in crate::recording) fn as_str(self) -> &'static str {
        match self {
            Ending::Withdrawn => "withdrawn",
            Ending::Erased => "erased",
            Ending::Retention => "retention",
        }
    }

    pub(in crate::recording) fn of(name: &str) -> Ending {
        match name {
            "withdrawn" => Ending::Withdrawn,
            "erased" => Ending::Erased,
            _ => Ending::Retention,
        }
    }
}

/// A wrap that is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::recording) struct EndingWrap {
    pub(in crate::recording) turn: Uuid,
    pub(in crate::recording) purpose: Purpose,
    pub(in crate::recording) ending: Ending,
}

impl Index {
    /// Marks a session's wraps for `purpose` (all purposes without one) as to go.
    pub(in crate::recording) async fn end_purpose(
        &self,
        session: Uuid,
        purpose: Option<&Purpose>,
        ending: Ending,
    ) -> Result<(), RecordingError> {
        let update = "UPDATE wraps SET ending = COALESCE(ending, ?)
            WHERE purpose = COALESCE(?, purpose) AND turn IN (SELECT id FROM turns WHERE session = ?)";
        sqlx::query(update)
            .bind(ending.as_str())
            .bind(purpose.map(Purpose::as_str))
            .bind(session.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Marks one wrap as to go.
    pub(in crate::recording) async fn end_wrap(
        &self,
        turn: Uuid,
        purpose: &Purpose,
        ending: Ending,
    ) -> Result<(), RecordingError> {
        sqlx::query("UPDATE wraps SET ending = ? WHERE turn = ? AND purpose = ?")
            .bind(ending.as_str())
            .bind(turn.to_string())
            .bind(purpose.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Marks the wraps whose time is over, and gives the sessions that have wraps to go and no hold.
    pub(in crate::recording) async fn end_what_is_due(&self, now: Timestamp) -> Result<Vec<Uuid>, RecordingError> {
        sqlx::query("UPDATE wraps SET ending = 'retention' WHERE ending IS NULL AND until <= ?")
            .bind(written_at(now))
            .execute(&self.pool)
            .await?;
        let select = "SELECT DISTINCT session FROM turns JOIN wraps ON turns.id = wraps.turn
            WHERE ending IS NOT NULL AND session NOT IN (SELECT session FROM holds)";
        let rows = sqlx::query(select).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(id(row, "session")?)).collect()
    }

    /// The wraps of a session that are to go.
    pub(in crate::recording) async fn ending_wraps(&self, session: Uuid) -> Result<Vec<EndingWrap>, RecordingError> {
        let select = "SELECT wraps.* FROM wraps JOIN turns ON turns.id = wraps.turn WHERE session = ? AND ending IS NOT NULL";
        let rows = sqlx::query(select).bind(session.to_string()).fetch_all(&self.pool).await?;
        let wrap = |row| {
            let ending: String = sqlx::Row::try_get(row, "ending")?;
            Ok(EndingWrap { turn: id(row, "turn")?, purpose: purpose(row)?, ending: Ending::of(&ending) })
        };
        rows.iter().map(wrap).collect()
    }

    /// Which of the turns of `wraps` have no other wrap.
    pub(in crate::recording) async fn last_wraps(&self, wraps: &[EndingWrap]) -> Result<Vec<Uuid>, RecordingError> {
        let mut last = Vec::new();
        for wrap in wraps {
            let select = "SELECT count(*) FROM wraps WHERE turn = ?";
            let there: i64 = sqlx::query_scalar(select).bind(wrap.turn.to_string()).fetch_one(&self.pool).await?;
            let going = wraps.iter().filter(|other| other.turn == wrap.turn).count() as i64;
            if there == going && !last.contains(&wrap.turn) {
                last.push(wrap.turn);
            }
        }
        Ok(last)
    }

    /// How many turns of a session have a wrap.
    pub(in crate::recording) async fn kept_turns(&self, session: Uuid) -> Result<u64, RecordingError> {
        let select = "SELECT count(DISTINCT turn) FROM wraps JOIN turns ON turns.id = wraps.turn WHERE session = ?";
        let kept: i64 = sqlx::query_scalar(select).bind(session.to_string()).fetch_one(&self.pool).await?;
        Ok(kept.unsigned_abs())
    }

    /// Takes deleted wraps out, and turns that have none.
    pub(in crate::recording) async fn remove_wraps(&self, wraps: &[EndingWrap], turns: &[Uuid]) -> Result<(), RecordingError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for wrap in wraps {
            sqlx::query("DELETE FROM wraps WHERE turn = ? AND purpose = ?")
                .bind(wrap.turn.to_string())
                .bind(wrap.purpose.as_str())
                .execute(&mut *transaction)
                .await?;
        }
        for turn in turns {
            sqlx::query("DELETE FROM turns WHERE id = ?").bind(turn.to_string()).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
