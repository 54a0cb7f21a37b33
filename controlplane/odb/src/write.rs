//! One write: rows, generation and audit events in one transaction.
//!
//! Owns the generation's number, the versions of rows, requests that are done once, and dry runs;
//! refuses to know any resource.
//! Invariant: dropping a `Write` before its end leaves no trace, and a dry run ends like that.

use cp_model::{AuditEvent, Generation, Origin, Version};
use serde::Serialize;
use serde_json::Value;

use crate::engine::sql;
use crate::row::{number, text, to_sql};
use crate::{Odb, OdbError, audit, engine, summary};

/// Requests with a key are remembered for a day; who repeats one later asks anew.
const KEYS_KEPT_US: i64 = 24 * 3_600 * 1_000_000;

/// An open transaction of one change.
pub(crate) struct Write<'a> {
    pub(crate) tx: engine::Transaction,
    origin: &'a Origin,
}

/// What the audit trail keeps of a change.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) action: String,
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

    pub(crate) fn origin(&self) -> &Origin {
        self.origin
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

    /// The generation that this very request made when it was sent before.
    pub(crate) async fn repeated(&mut self) -> Result<Option<Generation>, OdbError> {
        let Some(key) = &self.origin.key else {
            return Ok(None);
        };
        let row = sql("SELECT * FROM request_key WHERE request_key = ?")
            .bind(&key.key)
            .fetch_optional(&mut self.tx)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        if row.try_get::<i64>("at")? < self.at() - KEYS_KEPT_US {
            return Ok(None);
        }
        if text(&row, "fingerprint")? != key.fingerprint {
            return Err(OdbError::KeyReused);
        }
        Ok(Some(Generation(number(&row, "generation")?)))
    }

    /// Ends a change of the configuration: new generation, audit event, commit.
    pub(crate) async fn publish(self, event: Event) -> Result<Generation, OdbError> {
        self.publish_all(vec![event]).await
    }

    /// Ends several changes that are one generation.
    pub(crate) async fn publish_all(mut self, events: Vec<Event>) -> Result<Generation, OdbError> {
        sql("UPDATE cluster SET generation = generation + 1")
            .execute(&mut self.tx)
            .await?;
        let generation = self.generation().await?;
        sql("INSERT INTO generation (number, at, who, summary) VALUES (?, ?, ?, ?)")
            .bind(to_sql(generation.0))
            .bind(self.at())
            .bind(&self.origin.who)
            .bind(summary::of_all(&events))
            .execute(&mut self.tx)
            .await?;
        self.audit(events, Some(generation)).await?;
        self.remember(generation).await?;
        self.end().await?;
        Ok(generation)
    }

    /// Ends a change that nodes need not know: audit event, commit.
    pub(crate) async fn record(mut self, event: Event) -> Result<(), OdbError> {
        self.audit(vec![event], None).await?;
        let generation = self.generation().await?;
        self.remember(generation).await?;
        self.end().await
    }

    /// Adds the events of one change.
    async fn audit(
        &mut self,
        events: Vec<Event>,
        generation: Option<Generation>,
    ) -> Result<(), OdbError> {
        for event in events {
            let event = AuditEvent {
                id: self.version().await?.0,
                at: self.origin.at,
                who: self.origin.who.clone(),
                why: self.origin.why.clone(),
                action: event.action,
                object: event.object,
                generation,
                before: event.before,
                after: event.after,
            };
            audit::append(&mut self.tx, event).await?;
        }
        Ok(())
    }

    async fn remember(&mut self, generation: Generation) -> Result<(), OdbError> {
        let Some(key) = &self.origin.key else {
            return Ok(());
        };
        sql("DELETE FROM request_key WHERE at < ? OR request_key = ?")
            .bind(self.at() - KEYS_KEPT_US)
            .bind(&key.key)
            .execute(&mut self.tx)
            .await?;
        sql("INSERT INTO request_key (request_key, fingerprint, generation, at) VALUES (?, ?, ?, ?)")
            .bind(&key.key)
            .bind(&key.fingerprint)
            .bind(to_sql(generation.0))
            .bind(self.at())
            .execute(&mut self.tx)
            .await?;
        Ok(())
    }

    /// Ends a change that is no configuration and needs no event.
    pub(crate) async fn commit(self) -> Result<(), OdbError> {
        self.end().await
    }

    /// Everything was done and looked at; only now a dry run ends.
    async fn end(self) -> Result<(), OdbError> {
        if self.origin.is_dry_run {
            return Ok(());
        }
        self.tx.commit().await
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
