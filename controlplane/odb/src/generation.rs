//! The history of generations, to read; `write` makes its rows.
//!
//! Invariant: newest first, so that the first page is the one people want.

use cp_model::{Generation, GenerationRow};

use crate::engine::{Row, sql};
use crate::row::{number, text, time, to_sql};
use crate::{Odb, OdbError};

// === impl Odb ===

impl Odb {
    pub async fn generation_find(&self, wanted: Generation) -> Result<GenerationRow, OdbError> {
        let row = sql("SELECT * FROM generation WHERE number = ?")
            .bind(to_sql(wanted.0))
            .fetch_optional(&self.pools.read)
            .await?;
        let absent = || OdbError::NotFound {
            kind: "generation",
            name: wanted.to_string(),
        };
        parse(&row.ok_or_else(absent)?)
    }

    /// Newest first, those before `before`, at most `limit`.
    pub async fn generation_list(
        &self,
        before: u64,
        limit: u32,
    ) -> Result<Vec<GenerationRow>, OdbError> {
        let rows = sql("SELECT * FROM generation WHERE number < ? ORDER BY number DESC LIMIT ?")
            .bind(to_sql(before))
            .bind(i64::from(limit))
            .fetch_all(&self.pools.read)
            .await?;
        rows.iter().map(parse).collect()
    }

    /// The first one after `after`, if there is one. Numbers may have holes where the ODB was overtaken.
    pub async fn generation_after(
        &self,
        after: Generation,
    ) -> Result<Option<GenerationRow>, OdbError> {
        let row = sql("SELECT * FROM generation WHERE number > ? ORDER BY number LIMIT 1")
            .bind(to_sql(after.0))
            .fetch_optional(&self.pools.read)
            .await?;
        row.as_ref().map(parse).transpose()
    }
}

fn parse(row: &Row) -> Result<GenerationRow, OdbError> {
    Ok(GenerationRow {
        number: Generation(number(row, "number")?),
        at: time(row, "at")?,
        who: text(row, "who")?,
        summary: text(row, "summary")?,
    })
}
