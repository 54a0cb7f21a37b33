//! Objects of every kind: channels, listeners, jobs, …; one set of operations for all.
//!
//! Invariant: what is one request is one generation, or none.

use std::time::Duration;

use cp_auth::{Action, OpContext};
use cp_model::kind::Kind;
use cp_model::object::{keep_secrets, merge_patch};
use cp_model::{Invalid, Object, ObjectName, Version};
use cp_odb::{Change, ChangedObject, Wanted, Written};
use cp_scheduler::Revision;
use serde_json::{Map, Value};

use crate::{App, AppError, Changed, job};

/// What shall become of one object, as a face of the API says it.
#[derive(Debug, Clone)]
pub enum ObjectWish {
    /// Make it; the name is among the fields.
    Create(Map<String, Value>),
    /// Make it or change it; the name is among the fields.
    Put(Map<String, Value>),
    Delete(ObjectName),
}

/// Which object, in which version that the caller saw; `None`: whichever there is.
#[derive(Debug, Clone)]
pub struct Seen {
    pub name: ObjectName,
    pub version: Option<Version>,
}

// === impl App ===

impl App {
    /// In order of name, those after `after`.
    pub async fn object_list(
        &self,
        context: &OpContext,
        kind: &'static Kind,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Object>, AppError> {
        context.authorize(Action::Read)?;
        Ok(self.odb.object_list(kind, after, limit).await?)
    }

    /// Every object of the kind, in order of name.
    pub async fn object_list_all(
        &self,
        context: &OpContext,
        kind: &'static Kind,
    ) -> Result<Vec<Object>, AppError> {
        self.object_list(context, kind, "", u32::MAX).await
    }

    pub async fn object_find(
        &self,
        context: &OpContext,
        kind: &'static Kind,
        name: &ObjectName,
    ) -> Result<Object, AppError> {
        context.authorize(Action::Read)?;
        Ok(self.odb.object_find(kind, name).await?)
    }

    pub async fn object_create(
        &self,
        context: &OpContext,
        kind: &'static Kind,
        fields: Map<String, Value>,
        wait: Option<Duration>,
    ) -> Result<Changed<ChangedObject>, AppError> {
        context.authorize(Action::Change)?;
        let (name, spec) = kind.parse(fields)?;
        let change = Change {
            kind,
            name,
            expected: None,
            to: Wanted::New(spec),
        };
        self.object_change(context, change, wait).await
    }

    /// Replaces the object as a whole. Without a name among the fields it keeps its own.
    pub async fn object_replace(
        &self,
        context: &OpContext,
        (kind, seen): (&'static Kind, &Seen),
        mut fields: Map<String, Value>,
        wait: Option<Duration>,
    ) -> Result<Changed<ChangedObject>, AppError> {
        context.authorize(Action::Change)?;
        let before = self.odb.object_find(kind, &seen.name).await?;
        keep_secrets(&before, &mut fields);
        fields
            .entry("name")
            .or_insert_with(|| seen.name.as_str().into());
        self.object_become(context, (before, seen.version), fields, wait)
            .await
    }

    /// Changes the given fields (RFC 7396).
    pub async fn object_update(
        &self,
        context: &OpContext,
        (kind, seen): (&'static Kind, &Seen),
        patch: Map<String, Value>,
        wait: Option<Duration>,
    ) -> Result<Changed<ChangedObject>, AppError> {
        context.authorize(Action::Change)?;
        let before = self.odb.object_find(kind, &seen.name).await?;
        let mut fields = before.whole();
        merge_patch(&mut fields, patch)?;
        self.object_become(context, (before, seen.version), fields, wait)
            .await
    }

    pub async fn object_delete(
        &self,
        context: &OpContext,
        (kind, seen): (&'static Kind, &Seen),
        wait: Option<Duration>,
    ) -> Result<Changed<ChangedObject>, AppError> {
        context.authorize(Action::Change)?;
        let change = Change {
            kind,
            name: seen.name.clone(),
            expected: seen.version,
            to: Wanted::Gone,
        };
        self.object_change(context, change, wait).await
    }

    /// Fulfils all wishes as one generation, or none.
    pub async fn objects_apply(
        &self,
        context: &OpContext,
        wishes: Vec<(&'static Kind, ObjectWish)>,
        wait: Option<Duration>,
    ) -> Result<Changed<Vec<ChangedObject>>, AppError> {
        context.authorize(Action::Change)?;
        let mut changes = Vec::with_capacity(wishes.len());
        for (index, (kind, wish)) in wishes.into_iter().enumerate() {
            let change = self.change_of(kind, wish).await;
            changes.push(change.map_err(|error| at_change(index, error))?);
        }
        let written = self.odb.objects_change(&context.origin(), changes).await?;
        Ok(self
            .finished(context, written.value, written.generation, wait)
            .await)
    }

    /// Looks at what no table of fields can say, writes, and wakes who acts on it.
    async fn commit(
        &self,
        context: &OpContext,
        changes: Vec<Change>,
    ) -> Result<Written<Vec<ChangedObject>>, AppError> {
        for change in &changes {
            if let (Some(spec), "job") = (change.to.spec(), change.kind.name) {
                job::check(spec, context.at)?;
            }
        }
        let written = self.odb.objects_change(&context.origin(), changes).await?;
        let jobs = written.value.iter().filter_map(ChangedObject::object);
        if let Some(newest) = jobs
            .filter(|job| job.kind.name == "job")
            .map(|job| job.version)
            .max()
        {
            self.scheduler.reload(Revision(newest.0));
        }
        Ok(written)
    }

    async fn change_of(&self, kind: &'static Kind, wish: ObjectWish) -> Result<Change, AppError> {
        let (name, to) = match wish {
            ObjectWish::Create(fields) => {
                let (name, spec) = kind.parse(fields)?;
                (name, Wanted::New(spec))
            }
            ObjectWish::Put(mut fields) => {
                if let Some(name) = fields.get("name").and_then(Value::as_str)
                    && let Ok(name) = kind.parse_name(name)
                    && let Ok(before) = self.odb.object_find(kind, &name).await
                {
                    keep_secrets(&before, &mut fields);
                }
                let (name, spec) = kind.parse(fields)?;
                (name, Wanted::Either(spec))
            }
            ObjectWish::Delete(name) => (name, Wanted::Gone),
        };
        Ok(Change {
            kind,
            name,
            expected: None,
            to,
        })
    }

    async fn object_become(
        &self,
        context: &OpContext,
        (before, version): (Object, Option<Version>),
        fields: Map<String, Value>,
        wait: Option<Duration>,
    ) -> Result<Changed<ChangedObject>, AppError> {
        let (name, spec) = before.kind.parse(fields)?;
        let change = Change {
            kind: before.kind,
            name: before.name.clone(),
            // What was read above is what the fields stand on.
            expected: version.or(Some(before.version)),
            to: Wanted::As(name, spec),
        };
        let mut changed = self.object_change(context, change, wait).await?;
        // Nothing was different: the answer is the object as it is.
        if changed.value.object().is_none() {
            changed.value.after = Some(before);
        }
        Ok(changed)
    }

    async fn object_change(
        &self,
        context: &OpContext,
        change: Change,
        wait: Option<Duration>,
    ) -> Result<Changed<ChangedObject>, AppError> {
        let written = self.commit(context, vec![change]).await?;
        let one = written.value.into_iter().next();
        let one = one.unwrap_or(ChangedObject {
            before: None,
            after: None,
        });
        Ok(self.finished(context, one, written.generation, wait).await)
    }
}

/// Faults of one change's fields, with the place of the change: `changes/2/path`.
fn at_change(index: usize, error: AppError) -> AppError {
    let AppError::Invalid(errors) = error else {
        return error;
    };
    let place =
        |error: Invalid| Invalid::new(format!("changes/{index}/{}", error.field), error.reason);
    AppError::Invalid(errors.into_iter().map(place).collect())
}
