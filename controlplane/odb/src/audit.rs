//! The audit trail: a chain of hashes, appended to and read.
//!
//! Owns the `audit` table and the place where its chain begins (`cluster.audit_from`: the events of
//! before the chain have no hash). Refuses to say what a hash is over: `cp_model::audit_chain` does.
//! Invariant: nothing here changes or removes an event, and an event stands with its hash or not at
//! all. That a row was changed by other hands is found by `audit_verify`, and never makes a write fail.

use cp_model::audit_chain::{Broken, ChainHash, ChainVerifier, Verified};
use cp_model::{AuditEvent, Generation};

use crate::engine::{Row, Transaction, sql};
use crate::row::{from_sql, json_maybe, number, text, time, to_sql};
use crate::{Odb, OdbError};

/// Events that are in memory at once while all are read; some hundred bytes each, or a few KiB.
const PAGE_EVENTS: u32 = 500;

/// An event with the hash that its row holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainedEvent {
    pub event: AuditEvent,
    /// 64 hexadecimal digits unless somebody changed the row; `None` before the chain began.
    pub hash: Option<String>,
}

// === impl Odb ===

impl Odb {
    /// Newest first, those before `before`, at most `limit`.
    pub async fn audit_list(&self, before: u64, limit: u32) -> Result<Vec<AuditEvent>, OdbError> {
        let rows = sql("SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?")
            .bind(to_sql(before))
            .bind(i64::from(limit))
            .fetch_all(&self.pools.read)
            .await?;
        rows.iter().map(parse).collect()
    }

    /// Oldest first, those after `after`, a page of them; empty after the newest.
    pub async fn audit_page(&self, after: u64) -> Result<Vec<ChainedEvent>, OdbError> {
        let rows = self.audit_rows(after).await?;
        let chained = |row| {
            Ok(ChainedEvent {
                event: parse(row)?,
                hash: row.try_get("hash")?,
            })
        };
        rows.iter().map(chained).collect()
    }

    /// Checks every event since the chain began, page by page: how many there are and the newest hash,
    /// or the first event whose hash is not what it must be.
    pub async fn audit_verify(&self) -> Result<Result<Verified, Broken>, OdbError> {
        let first: i64 = sql("SELECT audit_from FROM cluster")
            .scalar(&self.pools.read)
            .await?;
        let mut verifier = ChainVerifier::from(ChainHash::START);
        let mut after = from_sql(first).saturating_sub(1);
        loop {
            let rows = self.audit_rows(after).await?;
            if rows.is_empty() {
                return Ok(Ok(verifier.finish()));
            }
            for row in &rows {
                after = number(row, "id")?;
                if let Err(broken) = check(&mut verifier, after, row) {
                    return Ok(Err(broken));
                }
            }
        }
    }

    async fn audit_rows(&self, after: u64) -> Result<Vec<Row>, OdbError> {
        sql("SELECT * FROM audit WHERE id > ? ORDER BY id LIMIT ?")
            .bind(to_sql(after))
            .bind(i64::from(PAGE_EVENTS))
            .fetch_all(&self.pools.read)
            .await
    }
}

/// Adds the newest event, in the transaction of its change.
pub(crate) async fn append(tx: &mut Transaction, event: AuditEvent) -> Result<(), OdbError> {
    let hash = head(tx).await?.link(&event);
    sql(
        "INSERT INTO audit (id, at, who, why, action, object, generation, before_value, after_value,
                            hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(to_sql(event.id))
    .bind(event.at.unix_us())
    .bind(event.who)
    .bind(event.why)
    .bind(event.action)
    .bind(event.object)
    .bind(event.generation.map(|generation| to_sql(generation.0)))
    .bind(event.before.map(|value| value.to_string()))
    .bind(event.after.map(|value| value.to_string()))
    .bind(hash.to_string())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// The newest hash. One that is no hash any more is as good as none: whoever made it so must not be
/// able to stop all changes with it, and verifying tells of it.
async fn head(tx: &mut Transaction) -> Result<ChainHash, OdbError> {
    let row = sql("SELECT hash FROM audit WHERE hash IS NOT NULL ORDER BY id DESC LIMIT 1")
        .fetch_optional(&mut *tx)
        .await?;
    let hash = row.map(|row| text(&row, "hash")).transpose()?;
    Ok(hash.map_or(ChainHash::START, |hash| {
        ChainHash::parse(&hash).unwrap_or(ChainHash::START)
    }))
}

/// A row that cannot be read any more was changed, too.
fn check(verifier: &mut ChainVerifier, id: u64, row: &Row) -> Result<(), Broken> {
    let hash = text(row, "hash").ok();
    let hash = hash.and_then(|hash| ChainHash::parse(&hash).ok());
    match (parse(row), hash) {
        (Ok(event), Some(hash)) => verifier.check(&event, hash),
        _ => Err(verifier.broken_at(id)),
    }
}

fn parse(row: &Row) -> Result<AuditEvent, OdbError> {
    let generation: Option<i64> = row.try_get("generation")?;
    Ok(AuditEvent {
        id: number(row, "id")?,
        at: time(row, "at")?,
        who: text(row, "who")?,
        why: text(row, "why")?,
        action: text(row, "action")?,
        object: text(row, "object")?,
        generation: generation.map(|number| Generation(from_sql(number))),
        before: json_maybe(row, "before_value")?,
        after: json_maybe(row, "after_value")?,
    })
}
