//! What is peculiar to `SQLite`, the embedded engine.
//!
//! - WAL: readers (snapshots, lists) never wait for a writer.
//! - `synchronous = FULL`: in WAL, NORMAL survives `kill -9` but a power cut may take the newest
//!   commits back. Nodes may already run that generation, and numbers must never go backwards, so
//!   each commit pays one fsync. Changes are made by people and deploys; they are rare.
//! - The writer takes the lock as it begins; the busy timeout is for other processes (a second
//!   control plane on the machine, a back-up, a person with the `sqlite3` shell).

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use cp_model::Timestamp;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteQueryResult, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, Row as _, SqlSafeStr as _, SqlStr, Sqlite,
    TypeInfo as _, ValueRef as _,
};

use super::cell::Cell;
use super::query::{Argument, Dialect, add_all};
use super::{Migration, Transaction};
use crate::{OdbError, migration};

const MIGRATIONS: &[Migration] = &[
    (
        1,
        include_str!("../../../../migrations/sqlite/0001_init.sql"),
    ),
    (
        2,
        include_str!("../../../../migrations/sqlite/0002_object.sql"),
    ),
    (
        3,
        include_str!("../../../../migrations/sqlite/0003_schedule.sql"),
    ),
    (
        4,
        include_str!("../../../../migrations/sqlite/0004_audit_chain.sql"),
    ),
];

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A caller that waits longer than this for the writer is told "busy" instead.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn open(path: &Path, connections: u32) -> Result<SqlitePool, OdbError> {
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
        .map_err(classify)
}

/// A corrupt file is found at start, not by the first unlucky request; then the schema is brought to
/// this version.
pub(super) async fn prepare(pool: &SqlitePool, at: Timestamp) -> Result<(), OdbError> {
    let verdict: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(pool)
        .await
        .map_err(classify)?;
    if verdict != "ok" {
        return Err(OdbError::Corrupt(verdict));
    }
    let tx = Transaction::Sqlite(begin_write(pool).await?);
    migration::run(tx, MIGRATIONS, at).await
}

/// Takes the write lock at once: a transaction that only upgrades later may fail half-way.
pub(super) async fn begin_write(
    pool: &SqlitePool,
) -> Result<sqlx::Transaction<'static, Sqlite>, OdbError> {
    pool.begin_with("BEGIN IMMEDIATE").await.map_err(classify)
}

pub(super) async fn begin_read(
    pool: &SqlitePool,
) -> Result<sqlx::Transaction<'static, Sqlite>, OdbError> {
    pool.begin().await.map_err(classify)
}

pub(super) fn classify(error: sqlx::Error) -> OdbError {
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

// === impl Dialect ===

impl Dialect for Sqlite {
    fn text(text: Cow<'static, str>) -> SqlStr {
        match text {
            Cow::Borrowed(text) => text.into_sql_str(),
            Cow::Owned(text) => AssertSqlSafe(text).into_sql_str(),
        }
    }

    fn arguments(arguments: Vec<Argument>) -> Result<SqliteArguments, sqlx::Error> {
        add_all!(SqliteArguments, arguments)
    }

    fn row(row: &SqliteRow) -> Result<Vec<Cell>, sqlx::Error> {
        let cell = |index| {
            let raw = row.try_get_raw(index)?;
            if raw.is_null() {
                return Ok(Cell::Null);
            }
            let kind = raw.type_info().name().to_owned();
            Ok(match kind.as_str() {
                "INTEGER" => Cell::Integer(row.try_get_unchecked(index)?),
                "BLOB" => Cell::Bytes(row.try_get_unchecked(index)?),
                _ => Cell::Text(row.try_get_unchecked(index)?),
            })
        };
        (0..row.len()).map(cell).collect()
    }

    fn affected(result: &SqliteQueryResult) -> u64 {
        result.rows_affected()
    }

    fn classify(error: sqlx::Error) -> OdbError {
        classify(error)
    }
}
