//! Rows of objects, to read; `object/change.rs` writes them.
//!
//! Invariant: lists are in order of name, byte by byte, on every engine.

mod change;
mod claims;
mod references;

use cp_model::kind::{self, Kind};
use cp_model::{Invalid, Object, ObjectName, Spec, Version};
use serde_json::{Map, Value};

pub(crate) use change::change_all;
pub use change::{Change, ChangedObject, Decided, ObjectFault, Wanted, WholeChange};
pub(crate) use references::{check_services, check_unused};

use crate::engine::{Row, Transaction, sql};
use crate::row::{json, number, text, time, uuid};
use crate::{Odb, OdbError};

/// Who names what: a user's kind and name, and the name that it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub kind: String,
    pub name: String,
    pub target: String,
}

// === impl Odb ===

impl Odb {
    pub async fn object_find(
        &self,
        kind: &'static Kind,
        name: &ObjectName,
    ) -> Result<Object, OdbError> {
        let row = sql("SELECT * FROM object WHERE kind = ? AND name = ?")
            .bind(kind.name)
            .bind(name.as_str())
            .fetch_optional(&self.pools.read)
            .await?;
        parse(&row.ok_or_else(|| absent(kind, name))?)
    }

    /// In order of name, those after `after`, at most `limit`.
    pub async fn object_list(
        &self,
        kind: &'static Kind,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Object>, OdbError> {
        let rows = sql("SELECT * FROM object WHERE kind = ? AND name > ? ORDER BY name LIMIT ?")
            .bind(kind.name)
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.pools.read)
            .await?;
        rows.iter().map(parse).collect()
    }

    /// Every object of every kind, in order of kind and name.
    pub async fn object_list_all(&self) -> Result<Vec<Object>, OdbError> {
        let rows = sql("SELECT * FROM object ORDER BY kind, name")
            .fetch_all(&self.pools.read)
            .await?;
        rows.iter().map(parse).collect()
    }

    /// Who uses objects of the kind `target` (or services), in order of what is used and who uses it.
    pub async fn object_uses(&self, target: &str) -> Result<Vec<Use>, OdbError> {
        let rows = sql(
            "SELECT DISTINCT target_name, kind, name FROM object_reference WHERE target_kind = ?
             ORDER BY target_name, kind, name",
        )
        .bind(target)
        .fetch_all(&self.pools.read)
        .await?;
        let parse = |row: &Row| {
            Ok(Use {
                kind: text(row, "kind")?,
                name: text(row, "name")?,
                target: text(row, "target_name")?,
            })
        };
        rows.iter().map(parse).collect()
    }
}

pub(crate) fn parse(row: &Row) -> Result<Object, OdbError> {
    let name = text(row, "kind")?;
    let kind = kind::find(&name)
        .ok_or_else(|| Invalid::new("kind", format!("{name} is not known to this version")))?;
    let fields: Map<String, Value> = json(row, "spec")?;
    Ok(Object {
        kind,
        id: uuid(row, "id")?,
        name: ObjectName::stored(text(row, "name")?),
        spec: Spec::stored(kind, fields),
        version: Version(number(row, "version")?),
        created_at: time(row, "created_at")?,
        changed_at: time(row, "changed_at")?,
    })
}

pub(crate) async fn find(
    tx: &mut Transaction,
    kind: &'static Kind,
    name: &ObjectName,
) -> Result<Option<Object>, OdbError> {
    let row = sql("SELECT * FROM object WHERE kind = ? AND name = ?")
        .bind(kind.name)
        .bind(name.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    row.as_ref().map(parse).transpose()
}

fn absent(kind: &Kind, name: &ObjectName) -> OdbError {
    OdbError::NotFound {
        kind: kind.name,
        name: name.to_string(),
    }
}
