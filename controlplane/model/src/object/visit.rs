//! The texts of an object, with their places.
//!
//! Invariant: every text that the table gives a meaning to is visited, and `set` finds the place of
//! each of them.

use serde_json::{Map, Value};

use crate::schema::{Field, Type};

/// Calls `look` with each text's type, place and value.
pub(super) fn texts(
    fields: &[Field],
    given: &Map<String, Value>,
    look: &mut impl FnMut(Type, &str, &str),
) {
    object(fields, given, "", look);
}

fn object(
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
            of_value(field.kind, value, &place, look);
        }
    }
}

fn of_value(kind: Type, value: &Value, place: &str, look: &mut impl FnMut(Type, &str, &str)) {
    match (kind, value) {
        (Type::List { of, .. }, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                of_value(*of, item, &format!("{place}/{index}"), look);
            }
        }
        (Type::Object(fields), Value::Object(given)) => object(fields, given, place, look),
        (kind, Value::String(text)) => look(kind, place, text),
        _ => {}
    }
}

/// Puts `text` at `place`, or takes out what is there. An element of a list stays in its place as an
/// empty text, so that those behind it keep theirs.
pub(super) fn set(fields: &mut Map<String, Value>, place: &str, text: Option<String>) {
    let (parent, last) = match place.rsplit_once('/') {
        None => (None, place),
        Some((parent, last)) => (Some(parent), last),
    };
    let Some(parent) = parent else {
        set_field(fields, last, text);
        return;
    };
    match found(fields, parent) {
        Some(Value::Object(fields)) => set_field(fields, last, text),
        Some(Value::Array(items)) => {
            let item = last.parse::<usize>().ok().and_then(|i| items.get_mut(i));
            if let Some(item) = item {
                *item = text.unwrap_or_default().into();
            }
        }
        _ => {}
    }
}

fn set_field(fields: &mut Map<String, Value>, name: &str, text: Option<String>) {
    match text {
        Some(text) => fields.insert(name.to_owned(), text.into()),
        None => fields.remove(name),
    };
}

fn found<'a>(fields: &'a mut Map<String, Value>, place: &str) -> Option<&'a mut Value> {
    let mut steps = place.split('/');
    let mut value = fields.get_mut(steps.next()?)?;
    for step in steps {
        value = match value {
            Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?)?,
            Value::Object(fields) => fields.get_mut(step)?,
            _ => return None,
        };
    }
    Some(value)
}
