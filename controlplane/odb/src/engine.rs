//! What is peculiar to `SQLite`: how it is opened, how a write begins, what its errors mean.
//!
//! Every other file speaks SQL that other engines take too (`?` marks aside). Invariant: a commit
//! that returned survives the loss of the process and of the machine's power.
//!
//! - WAL: readers (snapshots, lists) never wait for a writer.
//! - `synchronous = FULL`: in WAL, NORMAL survives `kill -9` but a power cut may take the newest
//!   commits back. Nodes may already run that generation, and numbers must never go backwards, so
//!   each commit pays one fsync. Changes are made by people and deploys; they are rare.
//! - One connection writes, so writers queue here, fairly, instead of meeting `SQLITE_BUSY`; the
//!   busy timeout is for other processes (a back-up, a person with the `sqlite3` shell).

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Connection as _, Sqlite};

use crate::OdbError;

pub(crate) type Pool = SqlitePool;
pub(crate) type Row = SqliteRow;
pub(crate) type Transaction = sqlx::Transaction<'static, Sqlite>;

pub(crate) const WRITERS: u32 = 1;
/// Lists and snapshots are short; more readers than this only fight over two cores.
pub(crate) const READERS: u32 = 4;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A caller that waits longer than this for the writer is told "busy" instead.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) async fn open(path: &Path, connections: u32) -> Result<Pool, OdbError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT);
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A full disk makes SQLite roll back by itself; the driver's own ROLLBACK then fails, and it believes for ever
        // that the transaction is open: every later write would be refused. Such a connection is not used again.
        .before_acquire(|connection, _meta| {
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        })
        .connect_with(options)
        .await
        .map_err(OdbError::from)
}

/// A corrupt file is found at start, not by the first unlucky request.
pub(crate) async fn check(pool: &Pool) -> Result<(), OdbError> {
    let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(pool)
        .await?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(OdbError::Corrupt(verdict))
    }
}

/// Takes the write lock at once: a transaction that only upgrades later may fail half-way.
pub(crate) async fn begin_write(pool: &Pool) -> Result<Transaction, OdbError> {
    Ok(pool.begin_with("BEGIN IMMEDIATE").await?)
}

/// A read transaction: all its statements see one state.
pub(crate) async fn begin_read(pool: &Pool) -> Result<Transaction, OdbError> {
    Ok(pool.begin().await?)
}

/// What an error of the engine means to us.
pub(crate) fn classify(error: sqlx::Error) -> OdbError {
    let code = match &error {
        sqlx::Error::Database(inner) => inner.code().and_then(|code| code.parse::<u32>().ok()),
        sqlx::Error::PoolTimedOut => return OdbError::Busy(error),
        _ => None,
    };
    // Extended result codes carry the primary code in their low byte.
    match code.map(|code| code & 0xff) {
        Some(5 | 6) => OdbError::Busy(error),
        Some(8) => OdbError::ReadOnly(error),
        Some(13) => OdbError::DiskFull(error),
        Some(11 | 26) => OdbError::Corrupt(error.to_string()),
        Some(19) => OdbError::Constraint(error),
        Some(14) => OdbError::CannotOpen(error),
        _ => OdbError::Engine(error),
    }
}
