//! A statement with its arguments, and the ways to run it.
//!
//! Owns the arguments' types: integer, text and bytes, each of which may be NULL where a column may.
//! Refuses every other type of the engines, because no two of them agree on one.
//! Invariant: the text is a literal of this crate, or one followed by marks, so nothing of a client is
//! ever in it.

use std::borrow::Cow;

use sqlx::{Database, Executor, IntoArguments, SqlStr};

use super::cell::{FromCell, Row};
use super::{Pool, Transaction};
use crate::OdbError;

/// What stands for one `?`.
#[derive(Debug, Clone)]
pub(crate) enum Argument {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

/// Made by `sql`.
#[derive(Debug)]
pub(crate) struct Query {
    text: Cow<'static, str>,
    arguments: Vec<Argument>,
}

/// Where a statement runs.
#[derive(Debug)]
pub(crate) enum Target<'a> {
    Pool(&'a Pool),
    Transaction(&'a mut Transaction),
}

/// What the drivers have in common; each engine's file says the rest.
pub(super) trait Dialect: Database + Sized {
    /// The statement with the engine's own placeholders.
    fn text(text: Cow<'static, str>) -> SqlStr;
    fn arguments(arguments: Vec<Argument>) -> Result<Self::Arguments, sqlx::Error>;
    fn row(row: &Self::Row) -> Result<Vec<super::cell::Cell>, sqlx::Error>;
    fn affected(result: &Self::QueryResult) -> u64;
    /// What an error of the engine means to us.
    fn classify(error: sqlx::Error) -> OdbError;
}

/// A statement; `?` marks take the arguments in order.
pub(crate) fn sql(text: &'static str) -> Query {
    Query {
        text: text.into(),
        arguments: Vec::new(),
    }
}

/// For `batch`, which makes texts of literals and marks.
pub(super) fn sql_of(text: String) -> Query {
    Query {
        text: text.into(),
        arguments: Vec::new(),
    }
}

/// Runs `$body` with `$on` bound to the driver's own pool or connection.
macro_rules! on_engine {
    ($target:expr, |$on:ident| $body:expr) => {
        match $target.into() {
            Target::Pool(Pool::Sqlite($on)) => $body,
            Target::Pool(Pool::Postgres($on)) => $body,
            Target::Pool(Pool::MySql($on)) => $body,
            Target::Transaction(Transaction::Sqlite(tx)) => {
                let $on = &mut **tx;
                $body
            }
            Target::Transaction(Transaction::Postgres(tx)) => {
                let $on = &mut **tx;
                $body
            }
            Target::Transaction(Transaction::MySql(tx)) => {
                let $on = &mut **tx;
                $body
            }
        }
    };
}

// === impl Query ===

impl Query {
    pub(crate) fn bind(mut self, argument: impl Into<Argument>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) async fn fetch_all(
        self,
        target: impl Into<Target<'_>>,
    ) -> Result<Vec<Row>, OdbError> {
        on_engine!(target, |on| fetch(self, on).await)
    }

    pub(crate) async fn fetch_optional(
        self,
        target: impl Into<Target<'_>>,
    ) -> Result<Option<Row>, OdbError> {
        Ok(self.fetch_all(target).await?.into_iter().next())
    }

    pub(crate) async fn fetch_one(self, target: impl Into<Target<'_>>) -> Result<Row, OdbError> {
        let row = self.fetch_optional(target).await?;
        row.ok_or(OdbError::Engine(sqlx::Error::RowNotFound))
    }

    /// The first cell of the one row.
    pub(crate) async fn scalar<T: FromCell>(
        self,
        target: impl Into<Target<'_>>,
    ) -> Result<T, OdbError> {
        self.fetch_one(target).await?.first()
    }

    /// Number of rows that the statement touched.
    pub(crate) async fn execute(self, target: impl Into<Target<'_>>) -> Result<u64, OdbError> {
        on_engine!(target, |on| run(self, on).await)
    }
}

async fn fetch<'e, D, E>(query: Query, on: E) -> Result<Vec<Row>, OdbError>
where
    D: Dialect,
    D::Arguments: IntoArguments<D>,
    E: Executor<'e, Database = D>,
{
    let arguments = D::arguments(query.arguments).map_err(D::classify)?;
    let rows = sqlx::query_with::<D, _>(D::text(query.text), arguments)
        .fetch_all(on)
        .await
        .map_err(D::classify)?;
    Row::all::<D>(&rows).map_err(D::classify)
}

async fn run<'e, D, E>(query: Query, on: E) -> Result<u64, OdbError>
where
    D: Dialect,
    D::Arguments: IntoArguments<D>,
    E: Executor<'e, Database = D>,
{
    let arguments = D::arguments(query.arguments).map_err(D::classify)?;
    let result = sqlx::query_with::<D, _>(D::text(query.text), arguments)
        .execute(on)
        .await
        .map_err(D::classify)?;
    Ok(D::affected(&result))
}

// === impl Target ===

impl<'a> From<&'a Pool> for Target<'a> {
    fn from(pool: &'a Pool) -> Self {
        Self::Pool(pool)
    }
}

impl<'a> From<&'a mut Transaction> for Target<'a> {
    fn from(transaction: &'a mut Transaction) -> Self {
        Self::Transaction(transaction)
    }
}

// === impl Argument ===

impl Argument {
    /// Roughly what it takes on its way to the engine.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Integer(_) => size_of::<i64>(),
            Self::Text(text) => text.as_ref().map_or(0, String::len),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

impl From<i64> for Argument {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Argument {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Argument {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Argument {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&String> for Argument {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<Option<String>> for Argument {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Argument {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Vec<u8>> for Argument {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

/// Adds the arguments to a driver's own list.
macro_rules! add_all {
    ($list:ident, $arguments:expr) => {{
        let mut list = $list::default();
        for argument in $arguments {
            let added = match argument {
                Argument::Integer(value) => list.add(value),
                Argument::Text(value) => list.add(value),
                Argument::Bytes(value) => list.add(value),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        Ok(list)
    }};
}
pub(super) use add_all;
