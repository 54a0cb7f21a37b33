//! Which object names which.
//!
//! Invariant: a committed reference leads to an object that exists, to a service of a live package, or
//! to a built-in service, and to one of a type that may stand there.

use cp_model::{Object, Reference, ServiceName};

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

/// Everything that `object` names exists, and is of a type that may stand there.
pub(super) async fn check(tx: &mut Transaction, object: &Object) -> Result<(), OdbError> {
    for reference in object.spec.references(object.kind) {
        check_one(tx, reference).await?;
    }
    Ok(())
}

/// `object` is of a type that may stand where others name it: it may have become another one.
pub(super) async fn check_users(tx: &mut Transaction, object: &Object) -> Result<(), OdbError> {
    let rows = sql("SELECT * FROM object WHERE EXISTS (
             SELECT 1 FROM object_reference
             WHERE object_reference.kind = object.kind AND object_reference.name = object.name
               AND target_kind = ? AND target_name = ?)
         ORDER BY kind, name")
    .bind(object.kind.name)
    .bind(object.name.as_str())
    .fetch_all(&mut *tx)
    .await?;
    for row in &rows {
        let user = super::parse(row)?;
        let is_wrong = |one: &Reference| {
            (one.kind, one.name.as_str()) == (object.kind.name, object.name.as_str())
                && !takes(one, object.spec.text("type"))
        };
        let references = user.spec.references(user.kind);
        if let Some(wrong) = references.into_iter().find(is_wrong) {
            return Err(OdbError::TypeInUse {
                kind: object.kind.name,
                name: wrong.name,
                user: format!("{} {}", user.kind.name, user.name),
                wanted: wrong.types.join(" | "),
            });
        }
    }
    Ok(())
}

async fn check_one(tx: &mut Transaction, reference: Reference) -> Result<(), OdbError> {
    let target = if reference.types.is_empty() {
        exists(tx, reference.kind, &reference.name)
            .await?
            .then(String::new)
    } else {
        type_of(tx, reference.kind, &reference.name).await?
    };
    match target {
        None => Err(OdbError::ReferenceUnknown {
            place: reference.place,
            kind: reference.kind,
            name: reference.name,
        }),
        Some(is) if !takes(&reference, &is) => Err(OdbError::ReferenceType {
            place: reference.place,
            kind: reference.kind,
            name: reference.name,
            is,
            wanted: reference.types.join(" | "),
        }),
        Some(_) => Ok(()),
    }
}

fn takes(reference: &Reference, is: &str) -> bool {
    reference.types.is_empty() || reference.types.contains(&is)
}

/// The `type` of an object, or `None` when there is no such object.
async fn type_of(
    tx: &mut Transaction,
    kind: &'static str,
    name: &str,
) -> Result<Option<String>, OdbError> {
    let row = sql("SELECT * FROM object WHERE kind = ? AND name = ?")
        .bind(kind)
        .bind(name)
        .fetch_optional(&mut *tx)
        .await?;
    let object = row.as_ref().map(super::parse).transpose()?;
    Ok(object.map(|object| object.spec.text("type").to_owned()))
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
