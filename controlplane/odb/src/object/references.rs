//! Which object names which.
//!
//! Invariant: a committed reference leads to an object that exists, to a service of a live package, or
//! to a built-in service, and to one of a type that may stand there.

use std::collections::{BTreeMap, HashMap};

use cp_model::{Object, Reference, ServiceName};

use super::change::{ChangedObject, ObjectFault};
use crate::OdbError;
use crate::engine::{Argument, Transaction, fetch_in, insert_rows, sql};
use crate::row::text;

pub(super) async fn insert(tx: &mut Transaction, objects: &[&Object]) -> Result<(), OdbError> {
    let mut rows: Vec<[Argument; 5]> = Vec::new();
    for object in objects {
        for reference in object.spec.references(object.kind) {
            rows.push([
                object.kind.name.into(),
                object.name.as_str().into(),
                reference.place.into(),
                reference.kind.into(),
                reference.name.into(),
            ]);
        }
    }
    let head = "INSERT INTO object_reference (kind, name, place, target_kind, target_name) VALUES";
    insert_rows(tx, head, rows).await
}

/// Everything that the objects name exists, and is of a type that may stand there; else each reference
/// that is wrong.
pub(super) async fn check(
    tx: &mut Transaction,
    objects: impl Iterator<Item = &Object>,
) -> Result<Vec<ObjectFault>, OdbError> {
    let mut faults = Vec::new();
    // Many objects name few others.
    let mut known = HashMap::new();
    for object in objects {
        for reference in object.spec.references(object.kind) {
            let has_type = !reference.types.is_empty();
            let target = (reference.kind, reference.name.clone(), has_type);
            if !known.contains_key(&target) {
                let found = type_of(tx, &reference).await?;
                known.insert(target.clone(), found);
            }
            let found = known.get(&target).and_then(Option::as_deref);
            if let Err(error) = check_one(reference, found) {
                faults.push(ObjectFault::new(object, error));
            }
        }
    }
    Ok(faults)
}

/// `found` is the type of what is named, or empty when any will do; `None`: there is nothing.
fn check_one(reference: Reference, found: Option<&str>) -> Result<(), OdbError> {
    match found {
        None => Err(OdbError::ReferenceUnknown {
            place: reference.place,
            kind: reference.kind,
            name: reference.name,
        }),
        Some(is) if !takes(&reference, is) => Err(OdbError::ReferenceType {
            place: reference.place,
            kind: reference.kind,
            name: reference.name,
            is: is.to_owned(),
            wanted: reference.types.join(" | "),
        }),
        Some(_) => Ok(()),
    }
}

fn takes(reference: &Reference, is: &str) -> bool {
    reference.types.is_empty() || reference.types.contains(&is)
}

async fn type_of(tx: &mut Transaction, reference: &Reference) -> Result<Option<String>, OdbError> {
    if reference.types.is_empty() {
        let is_there = exists(tx, reference.kind, &reference.name).await?;
        return Ok(is_there.then(String::new));
    }
    let row = sql("SELECT * FROM object WHERE kind = ? AND name = ?")
        .bind(reference.kind)
        .bind(&reference.name)
        .fetch_optional(&mut *tx)
        .await?;
    let object = row.as_ref().map(super::parse).transpose()?;
    Ok(object.map(|object| object.spec.text("type").to_owned()))
}

/// What became one of another type may stand where others name it.
pub(super) async fn check_types(
    tx: &mut Transaction,
    changed: &[ChangedObject],
) -> Result<(), OdbError> {
    for one in changed {
        let (Some(before), Some(after)) = (&one.before, &one.after) else {
            continue;
        };
        if before.spec.text("type") != after.spec.text("type") {
            check_users(tx, after).await?;
        }
    }
    Ok(())
}

/// `object` is of a type that may stand where others name it: it may have become another one.
async fn check_users(tx: &mut Transaction, object: &Object) -> Result<(), OdbError> {
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

/// Nothing names what is gone, or has another name now; else each that is still named, with who does.
pub(super) async fn check_gone(
    tx: &mut Transaction,
    changed: &[ChangedObject],
) -> Result<(), OdbError> {
    let mut gone: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for one in changed {
        let (Some(before), after) = (&one.before, &one.after) else {
            continue;
        };
        if after.as_ref().is_none_or(|after| after.name != before.name) {
            let of_kind = gone.entry(before.kind.name).or_default();
            of_kind.push(before);
        }
    }
    let mut faults = Vec::new();
    for (kind, gone) in gone {
        let names: Vec<_> = gone.iter().map(|object| object.name.as_str()).collect();
        let head = "SELECT DISTINCT target_name FROM object_reference
             WHERE target_kind = ? AND target_name IN";
        for row in fetch_in(tx, head, kind, &names).await? {
            let name = text(&row, "target_name")?;
            let Some(object) = gone.iter().find(|object| object.name.as_str() == name) else {
                continue;
            };
            if let Err(error) = check_unused(tx, kind, &name).await {
                faults.push(ObjectFault::new(object, error));
            }
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(OdbError::Objects(faults))
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
