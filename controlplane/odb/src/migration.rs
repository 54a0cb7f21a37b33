//! Brings the schema to this version, at start, under the write lock.
//!
//! Owns the order of migrations and their checksums; refuses to go back. Invariant: either all
//! missing migrations are applied or none is (an engine whose DDL commits by itself counts steps
//! instead, `engine/mysql/migrate.rs`), and running twice, or in two processes at once, changes
//! nothing the second time.

use cp_model::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;

use crate::OdbError;
use crate::engine::{Migration, Transaction, sql};

const TABLE_SQLITE: &str = "CREATE TABLE IF NOT EXISTS migration (
    number INTEGER NOT NULL PRIMARY KEY, checksum BLOB NOT NULL, at INTEGER NOT NULL)";
const TABLE_POSTGRES: &str = "CREATE TABLE IF NOT EXISTS migration (
    number BIGINT NOT NULL PRIMARY KEY, checksum BYTEA NOT NULL, at BIGINT NOT NULL)";

/// A migration that the ODB has seen.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) number: i64,
    pub(crate) checksum: Vec<u8>,
}

/// Applies what is missing in the one transaction `tx`, which holds the write lock.
pub(crate) async fn run(
    mut tx: Transaction,
    migrations: &[Migration],
    at: Timestamp,
) -> Result<(), OdbError> {
    let table = match tx {
        Transaction::Postgres(_) => TABLE_POSTGRES,
        _ => TABLE_SQLITE,
    };
    sql(table).execute(&mut tx).await?;
    let rows = sql("SELECT number, checksum FROM migration ORDER BY number")
        .fetch_all(&mut tx)
        .await?;
    let mut applied = Vec::with_capacity(rows.len());
    for row in &rows {
        applied.push(Applied {
            number: row.try_get("number")?,
            checksum: row.try_get("checksum")?,
        });
    }
    for (number, text) in missing(migrations, &applied)? {
        script(&mut tx, text).await?;
        sql("INSERT INTO migration (number, checksum, at) VALUES (?, ?, ?)")
            .bind(number)
            .bind(checksum(text))
            .bind(at.unix_us())
            .execute(&mut tx)
            .await?;
        tracing::info!(number, "migration applied");
    }
    tx.commit().await
}

/// Which are still to be applied; an ODB of a newer version or with an edited migration is refused.
pub(crate) fn missing(
    migrations: &[Migration],
    applied: &[Applied],
) -> Result<Vec<Migration>, OdbError> {
    let newest = migrations.iter().map(|(number, _)| *number).max();
    let newer = applied.iter().find(|known| Some(known.number) > newest);
    if let Some(known) = newer {
        return Err(OdbError::TooNew(known.number));
    }
    let mut missing = Vec::new();
    for (number, text) in migrations {
        match applied.iter().find(|known| known.number == *number) {
            Some(known) if known.checksum == checksum(text) => {}
            Some(_) => return Err(OdbError::MigrationChanged(*number)),
            None => missing.push((*number, *text)),
        }
    }
    Ok(missing)
}

/// SHA-256 of the text.
pub(crate) fn checksum(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

/// Several statements at once. Our own files, compiled in; nothing of a client is in them.
async fn script(tx: &mut Transaction, text: &'static str) -> Result<(), OdbError> {
    let script = sqlx::raw_sql(AssertSqlSafe(text));
    match tx {
        Transaction::Sqlite(tx) => script.execute(&mut **tx).await.map(|_| ()),
        Transaction::Postgres(tx) => script.execute(&mut **tx).await.map(|_| ()),
        Transaction::MySql(tx) => script.execute(&mut **tx).await.map(|_| ()),
    }
    .map_err(OdbError::Engine)
}
