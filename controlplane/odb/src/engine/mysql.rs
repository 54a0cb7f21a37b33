//! What is peculiar to `MariaDB` and `MySQL`.
//!
//! - Writers of all control planes lock the one row of `write_lock`. Their first statement is that
//!   locking read, so what they read afterwards is as new as the lock.
//! - DDL commits by itself here: a migration is applied statement by statement under a named lock,
//!   and the steps that were done are counted, so a process that dies in the middle of one leaves a
//!   place to go on from.
//! - Texts are compared byte by byte (`utf8mb4_bin`), as the other engines do.

use std::borrow::Cow;
use std::time::Duration;

use cp_model::Timestamp;
use sqlx::mysql::{
    MySqlArguments, MySqlConnectOptions, MySqlDatabaseError, MySqlPool, MySqlPoolOptions,
    MySqlQueryResult, MySqlRow,
};
use sqlx::{
    Arguments as _, AssertSqlSafe, Executor as _, MySql, Row as _, SqlSafeStr as _, SqlStr,
    TypeInfo as _, ValueRef as _,
};

use super::Migration;
use super::cell::Cell;
use super::query::{Argument, Dialect, add_all};
use crate::OdbError;

mod migrate;

const MIGRATIONS: &[Migration] = &[
    (
        1,
        include_str!("../../../../migrations/mysql/0001_init.sql"),
    ),
    (
        2,
        include_str!("../../../../migrations/mysql/0002_schedule.sql"),
    ),
    (
        3,
        include_str!("../../../../migrations/mysql/0003_audit_chain.sql"),
    ),
];

const TAKE_WRITE_LOCK: &str = "SELECT id FROM write_lock WHERE id = 1 FOR UPDATE";
/// A caller that waits longer for a connection is told so; a server that restarts is back by then.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// For each session. Waiting for the lock: longer than any write of ours, shorter than a caller's
/// patience. The second line is read by `MariaDB` only: it ends a write that stands idle, so that a
/// control plane that was stopped in one does not hold the others up; `MySQL` has nothing like it.
const SESSION: &str = "SET SESSION innodb_lock_wait_timeout = 10, \
     sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES') \
     /*M!100301 , idle_write_transaction_timeout = 4 */";

pub(super) async fn open(
    options: &MySqlConnectOptions,
    connections: u32,
) -> Result<MySqlPool, OdbError> {
    let options = options.clone().charset("utf8mb4").collation("utf8mb4_bin");
    MySqlPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _meta| {
            Box::pin(async move { connection.execute(SESSION).await.map(|_| ()) })
        })
        .connect_with(options)
        .await
        .map_err(classify)
}

pub(super) async fn prepare(pool: &MySqlPool, at: Timestamp) -> Result<(), OdbError> {
    migrate::run(pool, MIGRATIONS, at).await
}

pub(super) async fn begin_write(
    pool: &MySqlPool,
) -> Result<sqlx::Transaction<'static, MySql>, OdbError> {
    let mut tx = pool.begin().await.map_err(classify)?;
    sqlx::query(TAKE_WRITE_LOCK)
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
    Ok(tx)
}

pub(super) async fn begin_read(
    pool: &MySqlPool,
) -> Result<sqlx::Transaction<'static, MySql>, OdbError> {
    let begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
    pool.begin_with(begin).await.map_err(classify)
}

/// By error number: <https://mariadb.com/kb/en/mariadb-error-codes/>.
pub(super) fn classify(error: sqlx::Error) -> OdbError {
    let number = match &error {
        sqlx::Error::Database(inner) => inner
            .try_downcast_ref::<MySqlDatabaseError>()
            .map(MySqlDatabaseError::number),
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) => {
            return OdbError::Unreachable(error);
        }
        _ => None,
    };
    match number.unwrap_or_default() {
        // Lock waited for too long, deadlock, too many connections, statement too slow.
        1205 | 1213 | 1040 | 1203 | 1969 | 3024 => OdbError::Busy(error),
        // The server stops, or ended this session.
        1053 | 1077 | 1079 | 1080 | 1152 | 1184 | 1927 | 4031 => OdbError::Unreachable(error),
        3 | 1021 | 1114 => OdbError::DiskFull(error),
        1290 | 1792 | 1836 => OdbError::ReadOnly(error),
        126 | 127 | 144 | 145 | 1034 | 1035 | 1194 | 1195 => OdbError::Corrupt(error.to_string()),
        1044 | 1045 | 1049 | 1142 | 1698 => OdbError::CannotOpen(error),
        1048 | 1062 | 1216 | 1217 | 1406 | 1451 | 1452 | 3819 | 4025 => OdbError::Constraint(error),
        _ => OdbError::Engine(error),
    }
}

// === impl Dialect ===

impl Dialect for MySql {
    fn text(text: Cow<'static, str>) -> SqlStr {
        match text {
            Cow::Borrowed(text) => text.into_sql_str(),
            Cow::Owned(text) => AssertSqlSafe(text).into_sql_str(),
        }
    }

    fn arguments(arguments: Vec<Argument>) -> Result<MySqlArguments, sqlx::Error> {
        add_all!(MySqlArguments, arguments)
    }

    fn row(row: &MySqlRow) -> Result<Vec<Cell>, sqlx::Error> {
        let cell = |index| {
            let raw = row.try_get_raw(index)?;
            if raw.is_null() {
                return Ok(Cell::Null);
            }
            let kind = raw.type_info().name().to_owned();
            Ok(match kind.as_str() {
                "BIGINT" | "INT" | "SMALLINT" | "TINYINT" => {
                    Cell::Integer(row.try_get_unchecked(index)?)
                }
                // A text with a `_bin` collation is told like bytes.
                _ => Cell::Either(row.try_get_unchecked(index)?),
            })
        };
        (0..row.len()).map(cell).collect()
    }

    fn affected(result: &MySqlQueryResult) -> u64 {
        result.rows_affected()
    }

    fn classify(error: sqlx::Error) -> OdbError {
        classify(error)
    }
}
