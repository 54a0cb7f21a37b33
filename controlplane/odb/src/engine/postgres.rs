//! What is peculiar to `PostgreSQL`.
//!
//! - Writers of all control planes take one advisory lock for the length of their transaction. It
//!   needs no table, so migrations take it too.
//! - A reader's transaction is REPEATABLE READ: its statements see one state.
//! - A control plane that was stopped in the middle of a write must not hold the others up, so the
//!   server ends a transaction that stands idle.

use std::borrow::Cow;
use std::time::Duration;

use cp_model::Timestamp;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgQueryResult, PgRow};
use sqlx::{
    Arguments as _, AssertSqlSafe, Postgres, Row as _, SqlSafeStr as _, SqlStr, TypeInfo as _,
    ValueRef as _,
};

use super::cell::Cell;
use super::query::{Argument, Dialect, add_all};
use super::{Migration, Transaction};
use crate::{OdbError, migration};

const MIGRATIONS: &[Migration] = &[
    (
        1,
        include_str!("../../../../migrations/postgres/0001_init.sql"),
    ),
    (
        2,
        include_str!("../../../../migrations/postgres/0002_schedule.sql"),
    ),
    (
        3,
        include_str!("../../../../migrations/postgres/0003_audit_chain.sql"),
    ),
];

/// Any fixed number would do; other programs in the same database may take other ones.
const TAKE_WRITE_LOCK: &str = "SELECT pg_advisory_xact_lock(4771930051720116033)";
/// A caller that waits longer for a connection is told so; a server that restarts is back by then.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// For each session. `lock_timeout`: longer than any write of ours, shorter than a caller's
/// patience. `idle_in_transaction_session_timeout`: no write of ours thinks for so long; a stopped
/// process frees the lock before the leader's lease would run out twice. `statement_timeout`: a
/// statement that takes longer has met a fault.
const SESSION: [(&str, &str); 3] = [
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "4s"),
    ("statement_timeout", "30s"),
];

pub(super) async fn open(options: &PgConnectOptions, connections: u32) -> Result<PgPool, OdbError> {
    let options = options.clone().application_name("bascule").options(SESSION);
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await
        .map_err(classify)
}

pub(super) async fn prepare(pool: &PgPool, at: Timestamp) -> Result<(), OdbError> {
    let tx = Transaction::Postgres(begin_write(pool).await?);
    migration::run(tx, MIGRATIONS, at).await
}

pub(super) async fn begin_write(
    pool: &PgPool,
) -> Result<sqlx::Transaction<'static, Postgres>, OdbError> {
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
    let mut tx = pool.begin_with(begin).await.map_err(classify)?;
    sqlx::query(TAKE_WRITE_LOCK)
        .execute(&mut *tx)
        .await
        .map_err(classify)?;
    Ok(tx)
}

pub(super) async fn begin_read(
    pool: &PgPool,
) -> Result<sqlx::Transaction<'static, Postgres>, OdbError> {
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    pool.begin_with(begin).await.map_err(classify)
}

/// By SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(super) fn classify(error: sqlx::Error) -> OdbError {
    let code = match &error {
        sqlx::Error::Database(inner) => inner.code().map(std::borrow::Cow::into_owned),
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) => {
            return OdbError::Unreachable(error);
        }
        _ => None,
    };
    let code = code.unwrap_or_default();
    match code.as_str() {
        "40001" | "40P01" | "55P03" | "57014" | "53300" => OdbError::Busy(error),
        "53100" => OdbError::DiskFull(error),
        "25006" => OdbError::ReadOnly(error),
        "XX001" | "XX002" => OdbError::Corrupt(error.to_string()),
        "3D000" | "42501" => OdbError::CannotOpen(error),
        // The server stops, starts, or ended this session.
        _ if code.starts_with("57P") || code.starts_with("08") || code == "25P03" => {
            OdbError::Unreachable(error)
        }
        _ if code.starts_with("28") => OdbError::CannotOpen(error),
        _ if code.starts_with("23") => OdbError::Constraint(error),
        _ => OdbError::Engine(error),
    }
}

// === impl Dialect ===

impl Dialect for Postgres {
    /// `?` becomes `$1`, `$2`, … No text of ours holds a `?` in a literal.
    fn text(text: Cow<'static, str>) -> SqlStr {
        let mut numbered = String::with_capacity(text.len() + 16);
        for (index, part) in text.split('?').enumerate() {
            if index > 0 {
                numbered.push('$');
                numbered.push_str(&index.to_string());
            }
            numbered.push_str(part);
        }
        AssertSqlSafe(numbered).into_sql_str()
    }

    fn arguments(arguments: Vec<Argument>) -> Result<PgArguments, sqlx::Error> {
        add_all!(PgArguments, arguments.into_iter().map(without_nul))
    }

    fn row(row: &PgRow) -> Result<Vec<Cell>, sqlx::Error> {
        let cell = |index| {
            let raw = row.try_get_raw(index)?;
            if raw.is_null() {
                return Ok(Cell::Null);
            }
            let kind = raw.type_info().name().to_owned();
            Ok(match kind.as_str() {
                "INT8" => Cell::Integer(row.try_get(index)?),
                "INT4" => Cell::Integer(row.try_get::<i32, _>(index)?.into()),
                "BYTEA" => Cell::Bytes(row.try_get(index)?),
                _ => Cell::Text(row.try_get(index)?),
            })
        };
        (0..row.len()).map(cell).collect()
    }

    fn affected(result: &PgQueryResult) -> u64 {
        result.rows_affected()
    }

    fn classify(error: sqlx::Error) -> OdbError {
        classify(error)
    }
}

/// `PostgreSQL`'s text cannot hold U+0000; the others' can. It is shown as what it is: not a letter.
fn without_nul(argument: Argument) -> Argument {
    match argument {
        Argument::Text(Some(text)) if text.contains('\0') => {
            Argument::Text(Some(text.replace('\0', "\u{fffd}")))
        }
        argument => argument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_numbered() {
        let text = Postgres::text("a = ? AND b IN (?, ?)".into());
        assert_eq!(text.as_str(), "a = $1 AND b IN ($2, $3)");
    }
}
