//! One write: rows, generation and audit event in one transaction.
//!
//! Owns the generation's number, the versions of rows and the audit trail's rows; refuses to know
//! any resource.
//! Invariant: dropping a `Write` before `commit` leaves no trace.

use cp_model::{Generation, Origin, Version};
use serde::Serialize;
use serde_json::Value;

use crate::engine::sql;
use crate::row::to_sql;
use crate::{Odb, OdbError, engine, summary};

/// An open transaction of one change.
pub(crate) struct Write<'a> {
    pub(crate) tx: engine::Transaction,
    origin: &'a Origin,
}

/// What the audit trail keeps of a change.
pub(crate) struct Event<'a> {
    pub(crate) action: &'a str,
    pub(crate) object: String,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

// === impl Write ===

impl<'a> Write<'a> {
    pub(crate) async fn begin(odb: &Odb, origin: &'a Origin) -> Result<Self, OdbError> {
        Ok(Self {
            tx: odb.pools.write.begin_write().await?,
            origin,
        })
    }

    pub(crate) fn at(&self) -> i64 {
        self.origin.at.unix_us()
    }

    /// The version of the rows that this write makes: the number of its audit event. A count per row
    /// would begin anew with a row that takes the name of a deleted one, and whoever saw the old one
    /// would overwrite the new; these numbers are never used again.
    pub(crate) async fn version(&mut self) -> Result<Version, OdbError> {
        let newest: i64 = sql("SELECT COALESCE(MAX(id), 0) FROM audit")
            .scalar(&mut self.tx)
            .await?;
        Ok(Version(crate::row::from_sql(newest).saturating_add(1)))
    }

    /// Ends a change of what nodes run: new generation, audit event, commit.
    pub(crate) async fn publish(mut self, event: Event<'_>) -> Result<Generation, OdbError> {
        sql("UPDATE cluster SET generation = generation + 1")
            .execute(&mut self.tx)
            .await?;
        let number: i64 = sql("SELECT generation FROM cluster")
            .scalar(&mut self.tx)
            .await?;
        sql("INSERT INTO generation (number, at, who, summary) VALUES (?, ?, ?, ?)")
            .bind(number)
            .bind(self.origin.at.unix_us())
            .bind(&self.origin.who)
            .bind(summary::of(&event))
            .execute(&mut self.tx)
            .await?;
        self.audit(event, Some(number)).await?;
        self.tx.commit().await?;
        Ok(Generation(crate::row::from_sql(number)))
    }

    /// Ends a change that nodes need not know: audit event, commit.
    pub(crate) async fn record(mut self, event: Event<'_>) -> Result<(), OdbError> {
        self.audit(event, None).await?;
        self.tx.commit().await?;
        Ok(())
    }

    /// Adds an event of a change that is part of another.
    pub(crate) async fn audit(
        &mut self,
        event: Event<'_>,
        generation: Option<i64>,
    ) -> Result<(), OdbError> {
        let id = self.version().await?;
        sql(
            "INSERT INTO audit (id, at, who, action, object, generation, before_value, after_value)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(version_to_sql(id))
        .bind(self.origin.at.unix_us())
        .bind(&self.origin.who)
        .bind(event.action)
        .bind(event.object)
        .bind(generation)
        .bind(event.before.map(|value| value.to_string()))
        .bind(event.after.map(|value| value.to_string()))
        .execute(&mut self.tx)
        .await?;
        Ok(())
    }

    /// The generation as this transaction sees it.
    pub(crate) async fn generation(&mut self) -> Result<Generation, OdbError> {
        let number: i64 = sql("SELECT generation FROM cluster")
            .scalar(&mut self.tx)
            .await?;
        Ok(Generation(crate::row::from_sql(number)))
    }
}

/// A resource as the audit trail shows it.
pub(crate) fn shown(value: &impl Serialize) -> Result<Option<Value>, OdbError> {
    Ok(Some(serde_json::to_value(value)?))
}

/// The fence of optimistic concurrency: `Ok` when `expected` is absent or is the version.
pub(crate) fn expect_version(
    kind: &'static str,
    name: &str,
    current: Version,
    expected: Option<Version>,
) -> Result<(), OdbError> {
    match expected {
        Some(expected) if expected != current => Err(OdbError::Stale {
            kind,
            name: name.to_owned(),
            current,
        }),
        _ => Ok(()),
    }
}

/// A version as SQL stores it.
pub(crate) fn version_to_sql(version: Version) -> i64 {
    to_sql(version.0)
}
