//! One object of the configuration, whatever its kind.
//!
//! Owns its shape. Invariant: a `Spec` went through its kind's parser, so its fields are there and of
//! their types; readers need no error path.

mod fields;
mod keep;
mod visit;

use std::convert::Infallible;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

pub use fields::Fields;
pub use keep::keep_secrets;

use crate::kind::Kind;
use crate::schema::{Type, complete};
use crate::{Invalid, Timestamp, Version};

/// What stands where a secret is.
pub const HIDDEN: &str = "•••";
/// What stands where a secret is that another one was before.
pub const HIDDEN_CHANGED: &str = "••• (changed)";

/// A name that its kind's grammar takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectName(String);

/// What a person decides about an object, without its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Spec(Map<String, Value>);

/// An object as it stands in the ODB.
#[derive(Debug, Clone)]
pub struct Object {
    pub kind: &'static Kind,
    /// Stays when the object is renamed.
    pub id: Uuid,
    pub name: ObjectName,
    pub spec: Spec,
    pub version: Version,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

/// A field that names another object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Place in the object, for example `groups/0`.
    pub place: String,
    /// A kind's name, or `service`.
    pub kind: &'static str,
    /// Of which types the other may be; empty: any.
    pub types: &'static [&'static str],
    pub name: String,
}

// === impl ObjectName ===

impl ObjectName {
    /// For `Kind`, which has checked it, and for rows, which were checked when they were written.
    pub(crate) fn checked(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// A name that a row holds. An earlier version may have taken what is refused today; such a row
    /// must stay readable, so that a person can mend it.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Spec ===

impl Spec {
    pub(crate) fn checked(_kind: &Kind, fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    /// A spec that a row holds. What the kind's table got since then takes its default; what it lost
    /// is left out.
    pub fn stored(kind: &Kind, fields: Map<String, Value>) -> Self {
        Self(complete(kind.fields, fields))
    }

    pub fn fields(&self) -> &Map<String, Value> {
        &self.0
    }

    pub fn into_fields(self) -> Map<String, Value> {
        self.0
    }

    /// To read.
    pub fn view(&self) -> Fields<'_> {
        Fields::of(&self.0)
    }

    /// A text field's value; empty when it is optional and missing.
    pub fn text(&self, field: &str) -> &str {
        self.view().text(field)
    }

    pub fn integer(&self, field: &str) -> i64 {
        self.view().integer(field)
    }

    pub fn is(&self, field: &str) -> bool {
        self.view().is(field)
    }

    /// The texts of a list.
    pub fn texts(&self, field: &str) -> Vec<&str> {
        self.view().texts(field)
    }

    /// An object in it; one without fields when it is optional and missing.
    pub fn object(&self, field: &str) -> Fields<'_> {
        self.view().object(field)
    }

    /// The objects of a list.
    pub fn objects(&self, field: &str) -> Vec<Fields<'_>> {
        self.view().objects(field)
    }

    pub fn has(&self, field: &str) -> bool {
        self.view().has(field)
    }

    /// Every name of another object.
    pub fn references(&self, kind: &Kind) -> Vec<Reference> {
        let mut found = Vec::new();
        visit::texts(kind.fields, &self.0, &mut |kind, place, text| {
            let (target, types): (_, &[_]) = match kind {
                Type::Reference(target) => (target, &[]),
                Type::ReferenceOf { kind, types } => (kind, types),
                Type::Service => ("service", &[]),
                _ => return,
            };
            found.push(Reference {
                place: place.to_owned(),
                kind: target,
                types,
                name: text.to_owned(),
            });
        });
        found
    }

    /// Every secret, with its place.
    pub fn secrets(&self, kind: &Kind) -> Vec<(String, String)> {
        let mut found = Vec::new();
        visit::texts(kind.fields, &self.0, &mut |kind, place, text| {
            if matches!(kind, Type::Secret { .. }) {
                found.push((place.to_owned(), text.to_owned()));
            }
        });
        found
    }

    /// With each secret turned into what `change` makes of it; `None` takes it out.
    pub fn with_secrets<E>(
        mut self,
        kind: &Kind,
        mut change: impl FnMut(&str, &str) -> Result<Option<String>, E>,
    ) -> Result<Self, E> {
        for (place, text) in self.secrets(kind) {
            let changed = change(&place, &text)?;
            visit::set(&mut self.0, &place, changed);
        }
        Ok(self)
    }
}

// === impl Object ===

impl Object {
    /// The fields, secrets among them, and the name: what a partial change stands on.
    pub fn whole(&self) -> Map<String, Value> {
        let mut fields = self.spec.0.clone();
        fields.insert("name".to_owned(), self.name.as_str().into());
        fields
    }

    /// As the audit trail keeps it: the fields with each secret hidden, name, id and version. When
    /// `before` has another secret at the place than this one, that is told.
    pub fn shown(&self, before: Option<&Self>) -> Value {
        let known = before.map(|before| before.spec.secrets(before.kind));
        let hide = |place: &str, secret: &str| {
            let same = |(other, was): &(String, String)| other == place && was == secret;
            let is_kept = known.as_ref().is_none_or(|known| known.iter().any(same));
            let hidden = if is_kept { HIDDEN } else { HIDDEN_CHANGED };
            Ok::<_, Infallible>(Some(hidden.to_owned()))
        };
        let mut fields = match self.spec.clone().with_secrets(self.kind, hide) {
            Ok(spec) => spec.0,
            Err(never) => match never {},
        };
        fields.insert("name".to_owned(), self.name.as_str().into());
        fields.insert("id".to_owned(), self.id.to_string().into());
        fields.insert("version".to_owned(), self.version.0.into());
        Value::Object(fields)
    }
}

/// The start of a partial change: the fields, with `patch` on top; `null` takes a field out, objects
/// are merged, lists and the rest replaced (RFC 7396).
pub fn merge_patch(
    fields: &mut Map<String, Value>,
    patch: Map<String, Value>,
) -> Result<(), Invalid> {
    merge(fields, patch, MERGE_DEPTH_MAX)
}

/// No table of fields is deeper.
const MERGE_DEPTH_MAX: usize = 16;

fn merge(
    fields: &mut Map<String, Value>,
    patch: Map<String, Value>,
    depth_left: usize,
) -> Result<(), Invalid> {
    let Some(depth_left) = depth_left.checked_sub(1) else {
        return Err(Invalid::new("", "is nested too deep"));
    };
    for (name, value) in patch {
        match (value, fields.get_mut(&name)) {
            (Value::Null, _) => {
                fields.remove(&name);
            }
            (Value::Object(patch), Some(Value::Object(fields))) => {
                merge(fields, patch, depth_left)?;
            }
            (value, _) => {
                fields.insert(name, value);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
