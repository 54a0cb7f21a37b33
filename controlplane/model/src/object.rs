//! One object of the configuration, whatever its kind.
//!
//! Owns its shape. Invariant: a `Spec` went through its kind's parser, so its fields are there and of
//! their types; readers need no error path.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::kind::Kind;
use crate::schema::{Field, Type};
use crate::{Invalid, Timestamp, Version};

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
    pub fn stored(kind: &Kind, mut fields: Map<String, Value>) -> Self {
        fields.retain(|name, _| kind.fields.iter().any(|field| field.name == name));
        for field in kind.fields {
            if !fields.contains_key(field.name)
                && let Some(value) = field.default_value()
            {
                fields.insert(field.name.to_owned(), value);
            }
        }
        Self(fields)
    }

    pub fn fields(&self) -> &Map<String, Value> {
        &self.0
    }

    pub fn into_fields(self) -> Map<String, Value> {
        self.0
    }

    /// A text field's value; empty when it is optional and missing.
    pub fn text(&self, field: &str) -> &str {
        self.0
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub fn integer(&self, field: &str) -> i64 {
        self.0
            .get(field)
            .and_then(Value::as_i64)
            .unwrap_or_default()
    }

    pub fn is(&self, field: &str) -> bool {
        self.0
            .get(field)
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    /// The texts of a list.
    pub fn texts(&self, field: &str) -> Vec<&str> {
        let items = self.0.get(field).and_then(Value::as_array);
        items
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Every name of another object.
    pub fn references(&self, kind: &Kind) -> Vec<Reference> {
        let mut found = Vec::new();
        visit(kind.fields, &self.0, "", &mut |kind, place, text| {
            let target = match kind {
                Type::Reference(target) => target,
                Type::Service => "service",
                _ => return,
            };
            found.push(Reference {
                place: place.to_owned(),
                kind: target,
                name: text.to_owned(),
            });
        });
        found
    }

    /// Every secret, with its place.
    pub fn secrets(&self, kind: &Kind) -> Vec<(String, String)> {
        let mut found = Vec::new();
        visit(kind.fields, &self.0, "", &mut |kind, place, text| {
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
            set(&mut self.0, &place, changed);
        }
        Ok(self)
    }
}

/// Calls `look` with each text's type, place and value.
fn visit(
    fields: &[Field],
    given: &Map<String, Value>,
    place: &str,
    look: &mut impl FnMut(Type, &str, &str),
) {
    for field in fields {
        if let Some(value) = given.get(field.name) {
            let place = match place {
                "" => field.name.to_owned(),
                place => format!("{place}/{}", field.name),
            };
            visit_value(field.kind, value, &place, look);
        }
    }
}

fn visit_value(kind: Type, value: &Value, place: &str, look: &mut impl FnMut(Type, &str, &str)) {
    match (kind, value) {
        (Type::List { of, .. }, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                visit_value(*of, item, &format!("{place}/{index}"), look);
            }
        }
        (Type::Object(fields), Value::Object(given)) => visit(fields, given, place, look),
        (kind, Value::String(text)) => look(kind, place, text),
        _ => {}
    }
}

fn set(fields: &mut Map<String, Value>, place: &str, text: Option<String>) {
    let (parent, name) = place.rsplit_once('/').unwrap_or(("", place));
    let mut within = fields;
    if !parent.is_empty() {
        let mut steps = parent.split('/');
        let first = steps.next().unwrap_or_default();
        let Some(mut value) = within.get_mut(first) else {
            return;
        };
        for step in steps {
            let next = match value {
                Value::Array(items) => step.parse::<usize>().ok().and_then(|i| items.get_mut(i)),
                Value::Object(map) => map.get_mut(step),
                _ => None,
            };
            let Some(next) = next else {
                return;
            };
            value = next;
        }
        match value {
            Value::Object(map) => within = map,
            _ => return,
        }
    }
    match text {
        Some(text) => within.insert(name.to_owned(), text.into()),
        None => within.remove(name),
    };
}

// === impl Object ===

impl Object {
    /// As the audit trail and the history keep it: the fields, and the name.
    pub fn shown(&self) -> Value {
        let mut fields = self.spec.0.clone();
        fields.insert("name".to_owned(), self.name.as_str().into());
        Value::Object(fields)
    }
}

impl Object {
    /// As `shown`, with id and version.
    pub fn shown_with_version(&self) -> Value {
        let mut shown = self.shown();
        if let Value::Object(fields) = &mut shown {
            fields.insert("id".to_owned(), self.id.to_string().into());
            fields.insert("version".to_owned(), self.version.0.into());
        }
        shown
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
