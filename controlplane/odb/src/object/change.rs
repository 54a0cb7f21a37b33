//! Changes of objects: one or a thousand, one transaction, one generation, all or nothing.
//!
//! Owns the order: all rows are changed first, then the whole is looked at (claims, references), so a
//! set of changes may pass through states that would not stand alone. Invariant: after a commit every
//! reference leads to something, and no two objects claim the same.

use cp_model::kind::Kind;
use cp_model::{Generation, Object, ObjectName, Origin, Spec, Version};
use uuid::Uuid;

use super::{absent, claims, find, references};
use crate::engine::sql;
use crate::history;
use crate::write::{Event, Write, expect_version, version_to_sql};
use crate::{Odb, OdbError, Written};

/// What shall become of one object.
#[derive(Debug, Clone)]
pub struct Change {
    pub kind: &'static Kind,
    pub name: ObjectName,
    /// The version that the author saw; `None` asks for no such check.
    pub expected: Option<Version>,
    pub to: Wanted,
}

/// What an object shall be.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// It must not exist yet.
    New(Spec),
    /// It must exist; the name may be another one.
    As(ObjectName, Spec),
    /// Made when it does not exist, else changed.
    Either(Spec),
    /// As an earlier generation had it, with the id that it had.
    Kept(Uuid, Spec),
    Gone,
}

/// An object before and after; both `None` cannot be.
#[derive(Debug, Clone)]
pub struct ChangedObject {
    pub before: Option<Object>,
    pub after: Option<Object>,
}

// === impl Odb ===

impl Odb {
    /// Makes all `changes` or none. Those that change nothing are left out of the answer; when none
    /// changes anything there is no new generation.
    pub async fn objects_change(
        &self,
        origin: &Origin,
        changes: Vec<Change>,
    ) -> Result<Written<Vec<ChangedObject>>, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        if let Some(generation) = write.repeated().await? {
            let value = as_they_are(&mut write, &changes).await?;
            return Ok(Written { value, generation });
        }
        let changed = change_all(&mut write, changes).await?;
        let generation = publish(write, &changed).await?;
        Ok(Written {
            value: changed,
            generation,
        })
    }
}

/// Changes rows, claims and references, and looks at the whole. The caller publishes.
pub(crate) async fn change_all(
    write: &mut Write<'_>,
    changes: Vec<Change>,
) -> Result<Vec<ChangedObject>, OdbError> {
    let version = write.version().await?;
    let mut changed = Vec::with_capacity(changes.len());
    for change in changes {
        if let Some(one) = decide(write, change, version).await? {
            changed.push(one);
        }
    }
    for before in changed.iter().filter_map(|one| one.before.as_ref()) {
        remove(write, before).await?;
    }
    for after in changed.iter().filter_map(|one| one.after.as_ref()) {
        if find(&mut write.tx, after.kind, &after.name)
            .await?
            .is_some()
        {
            return Err(OdbError::Exists {
                kind: after.kind.name,
                name: after.name.to_string(),
            });
        }
        insert(write, after).await?;
    }
    for one in &changed {
        let Some(after) = &one.after else {
            continue;
        };
        references::check(&mut write.tx, after).await?;
        let kept_type = |before: &Object| before.spec.text("type") == after.spec.text("type");
        if one.before.as_ref().is_some_and(|before| !kept_type(before)) {
            references::check_users(&mut write.tx, after).await?;
        }
    }
    for one in &changed {
        let (Some(before), after) = (&one.before, &one.after) else {
            continue;
        };
        if after.as_ref().is_none_or(|after| after.name != before.name) {
            references::check_unused(&mut write.tx, before.kind.name, before.name.as_str()).await?;
        }
    }
    Ok(changed)
}

/// Gives what changed its generation, its history and its events.
async fn publish(mut write: Write<'_>, changed: &[ChangedObject]) -> Result<Generation, OdbError> {
    if changed.is_empty() {
        return write.generation().await;
    }
    let next = write.generation().await?.0 + 1;
    for one in changed {
        history::keep(&mut write.tx, one, next).await?;
    }
    let events = changed.iter().map(ChangedObject::event).collect();
    write.publish_all(events).await
}

/// What the change comes to; `None` when nothing would be different.
async fn decide(
    write: &mut Write<'_>,
    change: Change,
    version: Version,
) -> Result<Option<ChangedObject>, OdbError> {
    let Change {
        kind,
        name,
        expected,
        to,
    } = change;
    let before = find(&mut write.tx, kind, &name).await?;
    if let Some(before) = &before {
        expect_version(kind.name, name.as_str(), before.version, expected)?;
    }
    let mut id = before
        .as_ref()
        .map_or_else(Uuid::now_v7, |before| before.id);
    let (name, spec) = match (to, &before) {
        (Wanted::New(_), Some(_)) => {
            return Err(OdbError::Exists {
                kind: kind.name,
                name: name.to_string(),
            });
        }
        (Wanted::As(..) | Wanted::Gone, None) => return Err(absent(kind, &name)),
        (Wanted::Gone, Some(_)) => {
            return Ok(Some(ChangedObject {
                before,
                after: None,
            }));
        }
        (Wanted::New(spec) | Wanted::Either(spec), _) => (name, spec),
        (Wanted::As(name, spec), Some(_)) => (name, spec),
        (Wanted::Kept(kept, spec), _) => {
            id = kept;
            (name, spec)
        }
    };
    let is_same = |before: &Object| (before.id, &before.name, &before.spec) == (id, &name, &spec);
    if before.as_ref().is_some_and(is_same) {
        return Ok(None);
    }
    let at = write.origin().at;
    let after = Object {
        kind,
        id,
        name,
        spec,
        version,
        created_at: before.as_ref().map_or(at, |before| before.created_at),
        changed_at: at,
    };
    Ok(Some(ChangedObject {
        before,
        after: Some(after),
    }))
}

async fn remove(write: &mut Write<'_>, object: &Object) -> Result<(), OdbError> {
    for table in [
        "DELETE FROM claim WHERE kind = ? AND name = ?",
        "DELETE FROM object_reference WHERE kind = ? AND name = ?",
        "DELETE FROM object WHERE kind = ? AND name = ?",
    ] {
        sql(table)
            .bind(object.kind.name)
            .bind(object.name.as_str())
            .execute(&mut write.tx)
            .await?;
    }
    Ok(())
}

async fn insert(write: &mut Write<'_>, object: &Object) -> Result<(), OdbError> {
    sql(
        "INSERT INTO object (kind, name, id, spec, version, created_at, changed_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(object.kind.name)
    .bind(object.name.as_str())
    .bind(object.id.to_string())
    .bind(serde_json::to_string(&object.spec)?)
    .bind(version_to_sql(object.version))
    .bind(object.created_at.unix_us())
    .bind(object.changed_at.unix_us())
    .execute(&mut write.tx)
    .await?;
    claims::insert(&mut write.tx, object).await?;
    references::insert(&mut write.tx, object).await
}

/// The answer to a request that was done before: the objects as they are now.
async fn as_they_are(
    write: &mut Write<'_>,
    changes: &[Change],
) -> Result<Vec<ChangedObject>, OdbError> {
    let mut found = Vec::with_capacity(changes.len());
    for change in changes {
        let name = match &change.to {
            Wanted::As(name, _) => name,
            _ => &change.name,
        };
        let after = find(&mut write.tx, change.kind, name).await?;
        found.push(ChangedObject {
            before: None,
            after,
        });
    }
    Ok(found)
}

// === impl Wanted ===

impl Wanted {
    /// What the object shall be; `None` when it shall not be.
    pub fn spec(&self) -> Option<&Spec> {
        match self {
            Self::New(spec) | Self::As(_, spec) | Self::Either(spec) | Self::Kept(_, spec) => {
                Some(spec)
            }
            Self::Gone => None,
        }
    }
}

// === impl ChangedObject ===

impl ChangedObject {
    /// The object as it is now, or was.
    pub fn object(&self) -> Option<&Object> {
        self.after.as_ref().or(self.before.as_ref())
    }

    fn event(&self) -> Event {
        let (kind, name) = self
            .before
            .as_ref()
            .or(self.after.as_ref())
            .map_or(("object", String::new()), |o| {
                (o.kind.name, o.name.to_string())
            });
        let verb = match (&self.before, &self.after) {
            (None, _) => "create",
            (_, None) => "delete",
            _ => "update",
        };
        Event {
            action: format!("{kind}.{verb}"),
            object: format!("{kind} {name}"),
            before: self.before.as_ref().map(|before| before.shown(None)),
            after: self
                .after
                .as_ref()
                .map(|after| after.shown(self.before.as_ref())),
        }
    }
}
