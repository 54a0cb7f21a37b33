//! Migrations where DDL commits by itself.
//!
//! Owns the count of steps. Invariant: whatever moment a process dies in, the next one goes on from
//! there: a step that was done and not counted shows itself by "exists already", which is believed
//! of that one step only.

use cp_model::Timestamp;
use sqlx::mysql::{MySqlConnection, MySqlDatabaseError, MySqlPool};
use sqlx::{AssertSqlSafe, Row as _};

use super::classify;
use crate::OdbError;
use crate::engine::Migration;
use crate::migration::{self, Applied};

/// Seconds that a second process waits for the first one's migrations.
const TAKE_LOCK: &str = "SELECT GET_LOCK(CONCAT('bascule.', LEFT(DATABASE(), 40)), 60)";
const RELEASE_LOCK: &str = "SELECT RELEASE_LOCK(CONCAT('bascule.', LEFT(DATABASE(), 40)))";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS migration (
    number BIGINT NOT NULL PRIMARY KEY, checksum VARBINARY(32) NOT NULL, at BIGINT NOT NULL,
    steps BIGINT NOT NULL, steps_total BIGINT NOT NULL)";
/// Table, column, key and row that exist already.
const EXISTS: [u16; 4] = [1050, 1060, 1061, 1062];

pub(super) async fn run(
    pool: &MySqlPool,
    migrations: &[Migration],
    at: Timestamp,
) -> Result<(), OdbError> {
    let mut connection = pool.acquire().await.map_err(classify)?;
    let taken: Option<i64> = sqlx::query_scalar(TAKE_LOCK)
        .fetch_one(&mut *connection)
        .await
        .map_err(classify)?;
    if taken != Some(1) {
        return Err(OdbError::Busy(sqlx::Error::PoolTimedOut));
    }
    let result = migrate(&mut connection, migrations, at).await;
    // A connection that cannot say this any more has lost the lock already.
    let released = sqlx::query(RELEASE_LOCK).execute(&mut *connection).await;
    result.and(released.map(|_| ()).map_err(classify))
}

async fn migrate(
    connection: &mut MySqlConnection,
    migrations: &[Migration],
    at: Timestamp,
) -> Result<(), OdbError> {
    sqlx::query(TABLE)
        .execute(&mut *connection)
        .await
        .map_err(classify)?;
    let rows = sqlx::query("SELECT number, checksum, steps, steps_total FROM migration")
        .fetch_all(&mut *connection)
        .await
        .map_err(classify)?;
    let mut applied = Vec::with_capacity(rows.len());
    let mut unfinished = None;
    for row in &rows {
        let number: i64 = row.try_get(0).map_err(classify)?;
        let checksum: Vec<u8> = row.try_get(1).map_err(classify)?;
        let (steps, total): (i64, i64) = (
            row.try_get(2).map_err(classify)?,
            row.try_get(3).map_err(classify)?,
        );
        if steps < total {
            unfinished = Some((number, steps));
        }
        applied.push(Applied { number, checksum });
    }
    let missing = migration::missing(migrations, &applied)?;
    let again = unfinished.and_then(|(number, steps)| {
        let migration = migrations.iter().find(|(known, _)| *known == number)?;
        Some((*migration, steps))
    });
    let new = missing.into_iter().map(|migration| (migration, 0));
    for (migration, done) in again.into_iter().chain(new) {
        apply(
            connection,
            migration,
            usize::try_from(done).unwrap_or(0),
            at,
        )
        .await?;
    }
    Ok(())
}

async fn apply(
    connection: &mut MySqlConnection,
    (number, text): Migration,
    done: usize,
    at: Timestamp,
) -> Result<(), OdbError> {
    let steps = statements(text);
    if done == 0 {
        sqlx::query("INSERT IGNORE INTO migration VALUES (?, ?, ?, 0, ?)")
            .bind(number)
            .bind(migration::checksum(text))
            .bind(at.unix_us())
            .bind(i64::try_from(steps.len()).unwrap_or(i64::MAX))
            .execute(&mut *connection)
            .await
            .map_err(classify)?;
    }
    for (index, step) in steps.iter().enumerate().skip(done) {
        // Our own files, compiled in; nothing of a client is in them.
        let result = sqlx::raw_sql(AssertSqlSafe((*step).to_owned()))
            .execute(&mut *connection)
            .await;
        match result {
            Ok(_) => {}
            Err(error) if index == done && exists_already(&error) => {}
            Err(error) => return Err(classify(error)),
        }
        sqlx::query("UPDATE migration SET steps = ? WHERE number = ?")
            .bind(i64::try_from(index + 1).unwrap_or(i64::MAX))
            .bind(number)
            .execute(&mut *connection)
            .await
            .map_err(classify)?;
    }
    tracing::info!(number, "migration applied");
    Ok(())
}

/// A statement of our migrations ends with `;` at the end of a line.
fn statements(text: &str) -> Vec<&str> {
    let all = text.split(";\n").map(str::trim);
    let is_statement = |part: &str| {
        part.lines()
            .any(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--"))
    };
    all.filter(|part| is_statement(part)).collect()
}

fn exists_already(error: &sqlx::Error) -> bool {
    let number = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>())
        .map(MySqlDatabaseError::number);
    number.is_some_and(|number| EXISTS.contains(&number))
}
