use std::collections::HashMap;
use std::fmt;

use serde::Serialize;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::sessions::id;
use super::{Index, RecordingError};

/// Why a session may not be deleted for the time being: legal claims (GDPR article 17(3)(e)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hold {
    /// The case, as the organisation names it.
    pub case_ref: String,
    /// Why.
    pub reason: String,
    /// Who placed it.
    pub placed_by: String,
    /// When: RFC 3339, UTC.
    pub placed_at: String,
    /// The day on which it must be looked at again: `2027-03-01`.
    pub review_at: String,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.placed_at.get(..10).unwrap_or(&self.placed_at);
        let (case, by, review) = (&self.case_ref, &self.placed_by, &self.review_at);
        write!(f, "case {case}, placed by {by} on {day}, to be reviewed on {review}")
    }
}

impl Index {
    /// The holds on a session, the oldest first.
    pub(in crate::recording) async fn holds(&self, session: Uuid) -> Result<Vec<Hold>, RecordingError> {
        let select = "SELECT * FROM holds WHERE session = ? ORDER BY placed_at, case_ref";
        let rows = sqlx::query(select).bind(session.to_string()).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(hold(row)?)).collect()
    }

    /// All holds by session, the oldest first.
    pub(super) async fn all_holds(&self) -> Result<HashMap<Uuid, Vec<Hold>>, RecordingError> {
        let rows = sqlx::query("SELECT * FROM holds ORDER BY placed_at, case_ref").fetch_all(&self.pool).await?;
        let mut holds: HashMap<Uuid, Vec<Hold>> = HashMap::new();
        for row in &rows {
            holds.entry(id(row, "session")?).or_default().push(hold(row)?);
        }
        Ok(holds)
    }

    /// Places a hold; one for the same case is replaced.
    pub(in crate::recording) async fn place_hold(&self, session: Uuid, hold: &Hold) -> Result<(), RecordingError> {
        let insert = "INSERT OR REPLACE INTO holds (session, case_ref, reason, placed_by, placed_at, review_at)
            VALUES (?, ?, ?, ?, ?, ?)";
        sqlx::query(insert)
            .bind(session.to_string())
            .bind(&hold.case_ref)
            .bind(&hold.reason)
            .bind(&hold.placed_by)
            .bind(&hold.placed_at)
            .bind(&hold.review_at)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends the hold for a case, or all of a session's; gives how many there were.
    pub(in crate::recording) async fn release_holds(&self, session: Uuid, case: Option<&str>) -> Result<u64, RecordingError> {
        let delete = "DELETE FROM holds WHERE session = ? AND case_ref = COALESCE(?, case_ref)";
        let released = sqlx::query(delete).bind(session.to_string()).bind(case).execute(&self.pool).await?;
        Ok(released.rows_affected())
    }
}

fn hold(row: &SqliteRow) -> Result<Hold, sqlx::Error> {
    Ok(Hold {
        case_ref: row.try_get("case_ref")?,
        reason: row.try_get("reason")?,
        placed_by: row.try_get("placed_by")?,
        placed_at: row.try_get("placed_at")?,
        review_at: row.try_get("review_at")?,
    })
}
