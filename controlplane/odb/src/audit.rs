//! The audit trail, to read; `write` makes its rows.
//!
//! Invariant: newest first; nothing here changes or removes an event.

use cp_model::{AuditEvent, Generation};

use crate::engine::{Row, sql};
use crate::row::{from_sql, json_maybe, number, text, time, to_sql};
use crate::{Odb, OdbError};

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
