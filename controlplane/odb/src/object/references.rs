//! Which object names which.
//!
//! Invariant: a committed reference leads to an object that exists, to a service of a live package, or
//! to a built-in service.

use cp_model::{Object, ServiceName};

use crate::OdbError;
use crate::engine::{Transaction, sql};
use crate::row::text;

pub(super) async fn insert(tx: &mut Transaction, object: &Object) -> Result<(), OdbError> {
    for reference in object.spec.references(object.kind) {
        sql(
            "INSERT INTO object_reference (kind, name, place, target_kind, target_name)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(object.kind.name)
        .bind(object.name.as_str())
        .bind(&reference.place)
        .bind(reference.kind)
        .bind(&reference.name)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Everything that `object` names exists.
pub(super) async fn check(tx: &mut Transaction, object: &Object) -> Result<(), OdbError> {
    for reference in object.spec.references(object.kind) {
        if !exists(tx, reference.kind, &reference.name).await? {
            return Err(OdbError::ReferenceUnknown {
                place: reference.place,
                kind: reference.kind,
                name: reference.name,
            });
        }
    }
    Ok(())
}

async fn exists(tx: &mut Transaction, kind: &str, name: &str) -> Result<bool, OdbError> {
    let query = if kind == "service" {
        if ServiceName::parse(name).is_ok_and(|name| name.is_built_in()) {
            return Ok(true);
        }
        sql("SELECT COUNT(*) FROM service WHERE name = ?")
    } else {
        sql("SELECT COUNT(*) FROM object WHERE kind = ? AND name = ?").bind(kind)
    };
    let count: i64 = query.bind(name).scalar(&mut *tx).await?;
    Ok(count > 0)
}

/// Nothing names it, else the error says who does.
pub(crate) async fn check_unused(
    tx: &mut Transaction,
    kind: &'static str,
    name: &str,
) -> Result<(), OdbError> {
    let users = users(tx, kind, name).await?;
    if users.is_empty() {
        return Ok(());
    }
    Err(OdbError::InUse {
        kind,
        name: name.to_owned(),
        users,
    })
}

/// For example `channel crm`.
async fn users(tx: &mut Transaction, kind: &str, name: &str) -> Result<Vec<String>, OdbError> {
    let rows = sql("SELECT DISTINCT kind, name FROM object_reference
         WHERE target_kind = ? AND target_name = ? ORDER BY kind, name")
    .bind(kind)
    .bind(name)
    .fetch_all(&mut *tx)
    .await?;
    let user = |row| Ok(format!("{} {}", text(row, "kind")?, text(row, "name")?));
    rows.iter().map(user).collect()
}

/// Every service that any object names exists.
pub(crate) async fn check_services(tx: &mut Transaction) -> Result<(), OdbError> {
    let rows = sql(
        "SELECT object_reference.place, object_reference.target_name FROM object_reference
         LEFT JOIN service ON service.name = object_reference.target_name
         WHERE object_reference.target_kind = 'service' AND service.name IS NULL
         ORDER BY object_reference.target_name",
    )
    .fetch_all(&mut *tx)
    .await?;
    for row in &rows {
        let name = text(row, "target_name")?;
        if !ServiceName::parse(&name).is_ok_and(|name| name.is_built_in()) {
            return Err(OdbError::ReferenceUnknown {
                place: text(row, "place")?,
                kind: "service",
                name,
            });
        }
    }
    Ok(())
}
