//! One way to speak to three engines: a statement, its arguments, its rows.
//!
//! Owns what the engines have in common; `engine/sqlite.rs`, `engine/postgres.rs` and
//! `engine/mysql.rs` say what is peculiar to each: how it is opened, how a write takes its lock, how
//! placeholders and cells look, what its errors mean. Every other file writes one SQL, with `?`
//! marks, on integers, texts and bytes only, which all engines read alike. Invariant: a commit that
//! returned survives the loss of the process and of the machine's power.

mod batch;
mod cell;
mod mysql;
mod postgres;
mod query;
mod sqlite;
mod url;

use cp_model::Timestamp;
use sqlx::{MySql, Postgres, Sqlite};

pub use self::url::OdbUrl;
pub(crate) use batch::{execute_in, fetch_in, insert_rows};
pub(crate) use cell::Row;
pub(crate) use query::{Argument, sql};

use crate::OdbError;

/// Connections that read. Lists and snapshots are short; more readers than this only fight over two
/// cores.
const READERS: u32 = 4;
/// One connection writes, so that the writers of a process queue here, fairly, and not for the
/// engine's lock.
const WRITERS: u32 = 1;

/// Connections of one engine.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(sqlx::SqlitePool),
    Postgres(sqlx::PgPool),
    MySql(sqlx::MySqlPool),
}

/// Rolled back when it is dropped before `commit`.
#[derive(Debug)]
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
    MySql(sqlx::Transaction<'static, MySql>),
}

/// Readers and the writer.
#[derive(Debug, Clone)]
pub(crate) struct Pools {
    pub(crate) read: Pool,
    pub(crate) write: Pool,
}

/// A migration: its number and its text.
pub(crate) type Migration = (i64, &'static str);

/// Opens both pools, the writer first, brings the schema to this version in between.
pub(crate) async fn open(url: &OdbUrl, at: Timestamp) -> Result<Pools, OdbError> {
    let write = connect(url, WRITERS).await?;
    match &write {
        Pool::Sqlite(pool) => sqlite::prepare(pool, at).await?,
        Pool::Postgres(pool) => postgres::prepare(pool, at).await?,
        Pool::MySql(pool) => mysql::prepare(pool, at).await?,
    }
    let read = connect(url, READERS).await?;
    Ok(Pools { read, write })
}

async fn connect(url: &OdbUrl, connections: u32) -> Result<Pool, OdbError> {
    Ok(match url {
        OdbUrl::Sqlite(path) => Pool::Sqlite(sqlite::open(path, connections).await?),
        OdbUrl::Postgres(options) => Pool::Postgres(postgres::open(options, connections).await?),
        OdbUrl::MySql(options) => Pool::MySql(mysql::open(options, connections).await?),
    })
}

// === impl Pool ===

impl Pool {
    /// Begins a write and takes the one lock of all writers of all processes, so that what is read
    /// in it stays true until its commit.
    pub(crate) async fn begin_write(&self) -> Result<Transaction, OdbError> {
        Ok(match self {
            Self::Sqlite(pool) => Transaction::Sqlite(sqlite::begin_write(pool).await?),
            Self::Postgres(pool) => Transaction::Postgres(postgres::begin_write(pool).await?),
            Self::MySql(pool) => Transaction::MySql(mysql::begin_write(pool).await?),
        })
    }

    /// A read transaction: all its statements see one state.
    pub(crate) async fn begin_read(&self) -> Result<Transaction, OdbError> {
        Ok(match self {
            Self::Sqlite(pool) => Transaction::Sqlite(sqlite::begin_read(pool).await?),
            Self::Postgres(pool) => Transaction::Postgres(postgres::begin_read(pool).await?),
            Self::MySql(pool) => Transaction::MySql(mysql::begin_read(pool).await?),
        })
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
            Self::MySql(pool) => pool.close().await,
        }
    }
}

// === impl Transaction ===

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), OdbError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await.map_err(sqlite::classify),
            Self::Postgres(tx) => tx.commit().await.map_err(postgres::classify),
            Self::MySql(tx) => tx.commit().await.map_err(mysql::classify),
        }
    }
}
