//! Every object as each generation left it: states, differences, restoring.
//!
//! Owns the `history` table. Packages stand in it too, as what was live: their content is kept, so an
//! earlier generation's code can come back. Nodes do not: taking one out is an operation, not
//! configuration. Invariant: the state at a generation is, of each name, the newest row up to it.

mod restore;

use cp_model::{DeclaredService, FileName, Generation, Object, PackageId};
use serde_json::{Map, Value, json};

use crate::engine::{Argument, Row, Transaction, insert_rows, sql};
use crate::object::ChangedObject;
use crate::row::{json_maybe, text, to_sql};
use crate::{Odb, OdbError};

const INTO_HISTORY: &str = "INSERT INTO history (kind, name, generation, id, spec) VALUES";
/// The kind under which live packages stand.
pub(crate) const PACKAGE: &str = "package";

/// An object as one generation has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    pub id: String,
    pub fields: Map<String, Value>,
}

/// What differs between two generations for one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    pub kind: String,
    pub name: String,
    pub before: Option<Kept>,
    pub after: Option<Kept>,
}

type Key = (String, String);

// === impl Odb ===

impl Odb {
    /// What would change by going from the content of generation `from` to that of `to`, in order of kind and
    /// name.
    pub async fn history_diff(
        &self,
        from: Generation,
        to: Generation,
    ) -> Result<Vec<Difference>, OdbError> {
        let mut tx = self.pools.read.begin_read().await?;
        let differences = differences(&mut tx, from, to).await?;
        tx.commit().await?;
        Ok(differences)
    }
}

async fn differences(
    tx: &mut Transaction,
    from: Generation,
    to: Generation,
) -> Result<Vec<Difference>, OdbError> {
    for wanted in [from, to] {
        check_kept(tx, wanted).await?;
    }
    let touched = touched(tx, from.min(to), from.max(to)).await?;
    let mut differences = Vec::new();
    for (kind, name) in touched {
        let before = at(tx, &kind, &name, from).await?;
        let after = at(tx, &kind, &name, to).await?;
        if before != after {
            differences.push(Difference {
                kind,
                name,
                before,
                after,
            });
        }
    }
    Ok(differences)
}

/// The generation exists and its content is kept.
async fn check_kept(tx: &mut Transaction, wanted: Generation) -> Result<(), OdbError> {
    let row = sql("SELECT generation, history_from FROM cluster")
        .fetch_one(&mut *tx)
        .await?;
    let newest: i64 = row.try_get("generation")?;
    let oldest: i64 = row.try_get("history_from")?;
    let wanted_sql = to_sql(wanted.0);
    if wanted_sql > newest || wanted_sql < 1 {
        return Err(OdbError::NotFound {
            kind: "generation",
            name: wanted.to_string(),
        });
    }
    if wanted_sql < oldest {
        return Err(OdbError::NotKept {
            generation: wanted,
            oldest: Generation(crate::row::from_sql(oldest)),
        });
    }
    Ok(())
}

/// Names that changed after `older` and up to `newer`.
async fn touched(
    tx: &mut Transaction,
    older: Generation,
    newer: Generation,
) -> Result<Vec<Key>, OdbError> {
    let rows = sql(
        "SELECT DISTINCT kind, name FROM history WHERE generation > ? AND generation <= ?
         ORDER BY kind, name",
    )
    .bind(to_sql(older.0))
    .bind(to_sql(newer.0))
    .fetch_all(&mut *tx)
    .await?;
    rows.iter()
        .map(|row| Ok((text(row, "kind")?, text(row, "name")?)))
        .collect()
}

async fn at(
    tx: &mut Transaction,
    kind: &str,
    name: &str,
    generation: Generation,
) -> Result<Option<Kept>, OdbError> {
    let row = sql(
        "SELECT id, spec FROM history WHERE kind = ? AND name = ? AND generation <= ?
         ORDER BY generation DESC LIMIT 1",
    )
    .bind(kind)
    .bind(name)
    .bind(to_sql(generation.0))
    .fetch_optional(&mut *tx)
    .await?;
    row.as_ref().map_or(Ok(None), parse)
}

fn parse(row: &Row) -> Result<Option<Kept>, OdbError> {
    let fields: Option<Map<String, Value>> = json_maybe(row, "spec")?;
    let id = text(row, "id")?;
    Ok(fields.map(|fields| Kept { id, fields }))
}

/// Keeps what the changes left.
pub(crate) async fn keep(
    tx: &mut Transaction,
    changed: &[ChangedObject],
    generation: u64,
) -> Result<(), OdbError> {
    let mut rows = Vec::with_capacity(changed.len());
    for one in changed {
        let (before, after) = (one.before.as_ref(), one.after.as_ref());
        if let Some(before) = before
            && after.is_none_or(|after| after.name != before.name)
        {
            rows.push(kept(before, generation, None));
        }
        if let Some(after) = after {
            let spec = serde_json::to_string(&after.spec)?;
            rows.push(kept(after, generation, Some(spec)));
        }
    }
    insert_rows(tx, INTO_HISTORY, rows).await
}

fn kept(object: &Object, generation: u64, spec: Option<String>) -> [Argument; 5] {
    [
        object.kind.name.into(),
        object.name.as_str().into(),
        to_sql(generation).into(),
        object.id.to_string().into(),
        spec.into(),
    ]
}

/// Keeps what a file runs from `generation` on; `None`: nothing.
pub(crate) async fn keep_package(
    tx: &mut Transaction,
    (file, id): (&FileName, &PackageId),
    generation: u64,
    live: Option<(u32, &[DeclaredService])>,
) -> Result<(), OdbError> {
    let spec = live
        .map(|(version, services)| json!({ "version": version, "services": services }).to_string());
    let row = [
        PACKAGE.into(),
        file.as_str().into(),
        to_sql(generation).into(),
        id.as_str().into(),
        spec.into(),
    ];
    insert_rows(tx, INTO_HISTORY, vec![row]).await
}
