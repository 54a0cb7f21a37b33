//! Brings the schema to this version, at start, under the write lock.
//!
//! Owns the order of migrations and their checksums; refuses to go back. Invariant: either all
//! missing migrations are applied or none is, and running twice (or in two processes at once)
//! changes nothing the second time.

use cp_model::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Row as _};

use crate::{OdbError, engine};

/// Number and text; the number is the one in the file's name.
const MIGRATIONS: [(i64, &str); 1] =
    [(1, include_str!("../../../migrations/sqlite/0001_init.sql"))];

pub(crate) async fn run(pool: &engine::Pool, at: Timestamp) -> Result<(), OdbError> {
    let mut tx = engine::begin_write(pool).await?;
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS migration (
            number INTEGER NOT NULL PRIMARY KEY, checksum BLOB NOT NULL, at INTEGER NOT NULL)",
    )
    .execute(&mut *tx)
    .await?;
    let rows = sqlx::query("SELECT number, checksum FROM migration ORDER BY number")
        .fetch_all(&mut *tx)
        .await?;
    let mut applied = Vec::with_capacity(rows.len());
    for row in &rows {
        applied.push((row.try_get::<i64, _>(0)?, row.try_get::<Vec<u8>, _>(1)?));
    }
    let newest_known = MIGRATIONS
        .iter()
        .map(|(number, _)| *number)
        .max()
        .unwrap_or(0);
    if let Some((number, _)) = applied.iter().find(|(number, _)| *number > newest_known) {
        return Err(OdbError::TooNew(*number));
    }
    for (number, text) in MIGRATIONS {
        let checksum = Sha256::digest(text.as_bytes()).to_vec();
        match applied.iter().find(|(applied, _)| *applied == number) {
            Some((_, known)) if *known == checksum => {}
            Some(_) => return Err(OdbError::MigrationChanged(number)),
            None => {
                // Our own files, compiled in; nothing of a client is in them.
                sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *tx).await?;
                sqlx::query("INSERT INTO migration (number, checksum, at) VALUES (?, ?, ?)")
                    .bind(number)
                    .bind(checksum)
                    .bind(at.unix_us())
                    .execute(&mut *tx)
                    .await?;
                tracing::info!(number, "migration applied");
            }
        }
    }
    tx.commit().await?;
    Ok(())
}
