//! Changes of objects: one or a thousand, one transaction, one generation, all or nothing.
//!
//! Owns the order: all rows are changed first, then the whole is looked at (claims, references), so a
//! set of changes may pass through states that would not stand alone. Invariant: after a commit every
//! reference leads to something, and no two objects claim the same.

mod rows;
mod whole;

use cp_model::kind::Kind;
use cp_model::{Generation, Object, ObjectName, Origin, Spec, Version};
use uuid::Uuid;

pub use whole::{Decided, WholeChange};

use super::{absent, find, references};
use crate::history;
use crate::write::{Event, Write, expect_version};
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

/// What is wrong with one of the objects that were to change.
#[derive(Debug)]
pub struct ObjectFault {
    pub kind: &'static str,
    pub name: String,
    pub error: Box<OdbError>,
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
    let mut found = Vec::with_capacity(changes.len());
    for change in changes {
        let before = find(&mut write.tx, change.kind, &change.name).await?;
        found.push((change, before));
    }
    let changed = change_found(write, found).await;
    changed.map_err(OdbError::of_first_object)
}

/// As `change_all`, each change with the object as this transaction has it. What is wrong with single
/// objects is told of all of them at once.
async fn change_found(
    write: &mut Write<'_>,
    changes: Vec<(Change, Option<Object>)>,
) -> Result<Vec<ChangedObject>, OdbError> {
    let version = write.version().await?;
    let mut changed = Vec::with_capacity(changes.len());
    for (change, before) in changes {
        changed.extend(decide(write, change, before, version)?);
    }
    rows::remove(write, &changed).await?;
    let mut faults = rows::insert(write, &changed).await?;
    let after = changed.iter().filter_map(|one| one.after.as_ref());
    faults.extend(references::check(&mut write.tx, after).await?);
    if !faults.is_empty() {
        return Err(OdbError::Objects(faults));
    }
    references::check_types(&mut write.tx, &changed).await?;
    references::check_gone(&mut write.tx, &changed).await?;
    Ok(changed)
}

/// Gives what changed its generation, its history and its events.
async fn publish(mut write: Write<'_>, changed: &[ChangedObject]) -> Result<Generation, OdbError> {
    if changed.is_empty() {
        return write.generation().await;
    }
    let next = write.generation().await?.0 + 1;
    history::keep(&mut write.tx, changed, next).await?;
    let events = changed.iter().map(ChangedObject::event).collect();
    write.publish_all(events).await
}

/// What the change comes to; `None` when nothing would be different.
fn decide(
    write: &Write<'_>,
    change: Change,
    before: Option<Object>,
    version: Version,
) -> Result<Option<ChangedObject>, OdbError> {
    let Change {
        kind,
        name,
        expected,
        to,
    } = change;
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

// === impl ObjectFault ===

impl ObjectFault {
    pub(super) fn new(object: &Object, error: OdbError) -> Self {
        Self {
            kind: object.kind.name,
            name: object.name.to_string(),
            error: Box::new(error),
        }
    }

    pub(super) fn is_of(&self, object: &Object) -> bool {
        self.kind == object.kind.name && self.name == object.name.as_str()
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
