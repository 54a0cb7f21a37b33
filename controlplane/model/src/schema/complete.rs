//! Fields that were right once → fields that are right for the table of today.
//!
//! Invariant: total, and what `parse` takes stays as it is.

use serde_json::{Map, Value};

use super::{Field, Type};

/// What the table got since `given` was written takes its default; what it lost, and what is not part
/// of an object of this type, is left out.
pub fn complete(fields: &[Field], mut given: Map<String, Value>) -> Map<String, Value> {
    let mut whole = Map::new();
    for field in fields {
        if !field.is_of(&whole) {
            continue;
        }
        let value = match given.remove(field.name) {
            None | Some(Value::Null) => field.default_value(),
            Some(value) => Some(completed(&field.kind, value)),
        };
        if let Some(value) = value {
            whole.insert(field.name.to_owned(), value);
        }
    }
    whole
}

fn completed(kind: &Type, value: Value) -> Value {
    match (kind, value) {
        (Type::Object(fields), Value::Object(given)) => Value::Object(complete(fields, given)),
        (Type::List { of, .. }, Value::Array(items)) => {
            items.into_iter().map(|item| completed(of, item)).collect()
        }
        (_, value) => value,
    }
}
