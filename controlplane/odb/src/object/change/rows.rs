//! The rows of objects that change: all old ones go, then all new ones come.
//!
//! Owns the statements. Invariant: what is wrong with single objects is told of all of them, and the
//! caller lets go of the transaction then.

use std::collections::{BTreeMap, HashSet};

use cp_model::Object;

use super::{ChangedObject, ObjectFault};
use crate::OdbError;
use crate::engine::{execute_in, insert_rows};
use crate::object::{claims, find, references};
use crate::write::{Write, version_to_sql};

/// Takes away what the objects were, with their claims and references.
pub(super) async fn remove(
    write: &mut Write<'_>,
    changed: &[ChangedObject],
) -> Result<(), OdbError> {
    let mut names: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for before in changed.iter().filter_map(|one| one.before.as_ref()) {
        let of_kind = names.entry(before.kind.name).or_default();
        of_kind.push(before.name.as_str());
    }
    for (kind, names) in names {
        for table in [
            "DELETE FROM claim WHERE kind = ? AND name IN",
            "DELETE FROM object_reference WHERE kind = ? AND name IN",
            "DELETE FROM object WHERE kind = ? AND name IN",
        ] {
            execute_in(&mut write.tx, table, kind, &names).await?;
        }
    }
    Ok(())
}

/// The objects that cannot be, each with why.
pub(super) async fn insert(
    write: &mut Write<'_>,
    changed: &[ChangedObject],
) -> Result<Vec<ObjectFault>, OdbError> {
    let mut faults = Vec::new();
    let mut taken = HashSet::new();
    let mut objects = Vec::with_capacity(changed.len());
    for one in changed {
        let Some(after) = &one.after else {
            continue;
        };
        // Under its old name it was looked up before.
        let is_renamed = (one.before.as_ref()).is_some_and(|before| before.name != after.name);
        let is_taken = !taken.insert((after.kind.name, after.name.as_str()))
            || (is_renamed
                && find(&mut write.tx, after.kind, &after.name)
                    .await?
                    .is_some());
        if is_taken {
            let error = OdbError::Exists {
                kind: after.kind.name,
                name: after.name.to_string(),
            };
            faults.push(ObjectFault::new(after, error));
        } else {
            objects.push(after);
        }
    }
    insert_objects(write, &objects).await?;
    references::insert(&mut write.tx, &objects).await?;
    faults.extend(claims::insert(&mut write.tx, &objects).await?);
    Ok(faults)
}

async fn insert_objects(write: &mut Write<'_>, objects: &[&Object]) -> Result<(), OdbError> {
    let mut rows = Vec::with_capacity(objects.len());
    for object in objects {
        rows.push([
            object.kind.name.into(),
            object.name.as_str().into(),
            object.id.to_string().into(),
            serde_json::to_string(&object.spec)?.into(),
            version_to_sql(object.version).into(),
            object.created_at.unix_us().into(),
            object.changed_at.unix_us().into(),
        ]);
    }
    let head = "INSERT INTO object (kind, name, id, spec, version, created_at, changed_at) VALUES";
    insert_rows(&mut write.tx, head, rows).await
}
