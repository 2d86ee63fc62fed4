//! The index of recordings: which sessions and turns there are, until when, and what is under a hold. SQLite, in WAL mode, used
//! by the server and by the command line at the same time. No SQL stands anywhere else.

mod deletion;
mod holds;
mod sessions;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

pub(super) use self::deletion::Ending;
pub use self::holds::Hold;
pub(super) use self::sessions::NewTurn;
pub use self::sessions::{RecordedSession, RecordedTurn, RecordedWrap, SessionFacts};
use super::RecordingError;

/// The version that this program writes, in `user_version`.
const VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    dialog TEXT NOT NULL,
    dialog_version TEXT NOT NULL,
    language TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    closed_at TEXT,
    outcome TEXT
) STRICT;
CREATE TABLE turns (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL REFERENCES sessions (id),
    ordinal INTEGER NOT NULL,
    part INTEGER NOT NULL,
    began_ms INTEGER NOT NULL,
    ended_ms INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sealed_at TEXT NOT NULL
) STRICT;
CREATE INDEX turns_by_session ON turns (session);
-- ending: why it is to go (withdrawn, erased, retention), set before it goes, or while a hold keeps it.
CREATE TABLE wraps (
    turn TEXT NOT NULL REFERENCES turns (id),
    purpose TEXT NOT NULL,
    until TEXT NOT NULL,
    ending TEXT,
    PRIMARY KEY (turn, purpose)
) STRICT;
CREATE INDEX wraps_by_until ON wraps (until);
CREATE TABLE holds (
    session TEXT NOT NULL REFERENCES sessions (id),
    case_ref TEXT NOT NULL,
    reason TEXT NOT NULL,
    placed_by TEXT NOT NULL,
    placed_at TEXT NOT NULL,
    review_at TEXT NOT NULL,
    PRIMARY KEY (session, case_ref)
) STRICT;
PRAGMA user_version = 1;
";

/// The index. Clones use the same connections.
#[derive(Clone, Debug)]
pub struct Index {
    pool: SqlitePool,
}

impl Index {
    /// Opens the index, and makes it where it is missing.
    ///
    /// # Errors
    /// [`RecordingError::IndexVersion`] where a later version of this program made it, [`RecordingError::IndexDamaged`] where it cannot
    /// be read; the database's refusals.
    pub async fn open(path: &Path) -> Result<Index, RecordingError> {
        Index::connect(path).await.map_err(|error| damaged(path, error))
    }

    async fn connect(path: &Path) -> Result<Index, RecordingError> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(RecordingError::io("make", folder))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true)
            .pragma("secure_delete", "ON");
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        let index = Index { pool };
        index.make_schema(path).await?;
        Ok(index)
    }

    /// Looks at every page once: a server does not begin on an index that it cannot finish with.
    ///
    /// # Errors
    /// [`RecordingError::IndexDamaged`].
    pub(super) async fn check(&self, path: &Path) -> Result<(), RecordingError> {
        let found = sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)").fetch_one(&self.pool).await;
        match found.map_err(|error| damaged(path, error.into()))? {
            well if well == "ok" => Ok(()),
            why => Err(RecordingError::IndexDamaged { path: path.to_owned(), why }),
        }
    }

    async fn make_schema(&self, path: &Path) -> Result<(), RecordingError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
        match found {
            0 => {
                sqlx::raw_sql(SCHEMA).execute(&mut *transaction).await?;
                transaction.commit().await?;
                Ok(())
            }
            VERSION => Ok(()),
            _ => Err(RecordingError::IndexVersion { path: path.to_owned(), found, known: VERSION }),
        }
    }

    /// Closes the connections in an orderly manner.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// An error that says the file is no index any more, by its name.
fn damaged(path: &Path, error: RecordingError) -> RecordingError {
    if error.is_damage() { RecordingError::IndexDamaged { path: path.to_owned(), why: error.to_string() } } else { error }
}

/// A column that this program wrote itself and cannot read: somebody else did.
fn unreadable(column: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("the column `{column}` holds something that this program did not write").into())
}
