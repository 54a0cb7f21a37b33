//! `order_by=timeout_ms desc`: the order of a list.
//!
//! Invariant: the name decides between equals, so that pages never repeat or leave out an object.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::Invalid;
use crate::nearest::nearest;

/// By one field, up or down; by name when nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    field: String,
    is_down: bool,
}

// === impl Order ===

impl Order {
    pub fn parse<'a>(
        text: &str,
        known: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Self, Invalid> {
        let fault = |reason: String| Invalid::new("order_by", reason);
        let mut words = text.split_whitespace();
        let field = words.next().unwrap_or("name").to_owned();
        let is_down = match (words.next(), words.next()) {
            (None | Some("asc"), None) => false,
            (Some("desc"), None) => true,
            _ => return Err(fault("must be one field, and asc or desc".to_owned())),
        };
        if !known.clone().any(|name| name == field) {
            let near = nearest(&field, known).map_or_else(String::new, |near| format!("; {near}?"));
            return Err(fault(format!(
                "has the unknown field {}{near}",
                crate::name::shown(&field)
            )));
        }
        Ok(Self { field, is_down })
    }

    pub fn is_by_name(&self) -> bool {
        self.field == "name" && !self.is_down
    }

    /// The fields by which `compare` places an object, to go on after it on the next page.
    pub fn place(&self, fields: &Map<String, Value>) -> Map<String, Value> {
        let names = [self.field.as_str(), "name"];
        let kept = names
            .iter()
            .filter_map(|name| Some((*name, fields.get(*name)?)));
        kept.map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    }

    pub fn compare(&self, left: &Map<String, Value>, right: &Map<String, Value>) -> Ordering {
        let by_field = values(left.get(&self.field), right.get(&self.field));
        let by_field = if self.is_down {
            by_field.reverse()
        } else {
            by_field
        };
        by_field.then_with(|| values(left.get("name"), right.get("name")))
    }
}

/// What is not there comes first; different types in the order of JSON's own list.
fn values(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left, right) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => {
            let (left, right) = (left.as_f64(), right.as_f64());
            left.partial_cmp(&right).unwrap_or(Ordering::Equal)
        }
        (Some(Value::String(left)), Some(Value::String(right))) => left.cmp(right),
        (Some(Value::Bool(left)), Some(Value::Bool(right))) => left.cmp(right),
        (left, right) => rank(left).cmp(&rank(right)),
    }
}

fn rank(value: Option<&Value>) -> u8 {
    match value {
        None | Some(Value::Null) => 0,
        Some(Value::Bool(_)) => 1,
        Some(Value::Number(_)) => 2,
        Some(Value::String(_)) => 3,
        Some(Value::Array(_)) => 4,
        Some(Value::Object(_)) => 5,
    }
}
