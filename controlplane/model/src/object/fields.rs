//! Fields, to read.
//!
//! Invariant: total. What is missing reads as empty, 0 or false; a parsed object misses only what is
//! optional, or not part of its type.

use serde_json::{Map, Value};

/// The fields of an object, or of an object in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fields<'a>(Option<&'a Map<String, Value>>);

// === impl Fields ===

impl<'a> Fields<'a> {
    pub(super) fn of(fields: &'a Map<String, Value>) -> Self {
        Self(Some(fields))
    }

    pub fn value(self, field: &str) -> Option<&'a Value> {
        self.0?.get(field)
    }

    pub fn has(self, field: &str) -> bool {
        self.value(field).is_some()
    }

    pub fn text(self, field: &str) -> &'a str {
        let value = self.value(field).and_then(Value::as_str);
        value.unwrap_or_default()
    }

    pub fn integer(self, field: &str) -> i64 {
        let value = self.value(field).and_then(Value::as_i64);
        value.unwrap_or_default()
    }

    pub fn is(self, field: &str) -> bool {
        let value = self.value(field).and_then(Value::as_bool);
        value.unwrap_or_default()
    }

    /// The texts of a list.
    pub fn texts(self, field: &str) -> Vec<&'a str> {
        self.items(field).filter_map(Value::as_str).collect()
    }

    /// An object; one without fields when it is missing.
    #[must_use]
    pub fn object(self, field: &str) -> Self {
        Self(self.value(field).and_then(Value::as_object))
    }

    /// The objects of a list.
    pub fn objects(self, field: &str) -> Vec<Self> {
        let items = self.items(field).filter_map(Value::as_object);
        items.map(Self::of).collect()
    }

    /// The entries of a map, in order of name.
    pub fn entries(self, field: &str) -> Vec<(&'a str, &'a str)> {
        let map = self.value(field).and_then(Value::as_object);
        let entries = map.into_iter().flatten();
        entries
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
            .collect()
    }

    fn items(self, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let list = self.value(field).and_then(Value::as_array);
        list.into_iter().flatten()
    }
}
