//! JSON → fields that are right, or every fault at once.
//!
//! Invariant: what comes out has every field that has a default, none that the table does not know,
//! and no `null`. Total: no input panics, and depth is bounded by the table.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Field, Presence, Type};
use crate::name::{check_service_name, shown};
use crate::nearest::nearest;
use crate::{Invalid, kind};

/// Fields of one object. `null` is the same as a field that is missing.
pub fn parse(
    fields: &[Field],
    given: Map<String, Value>,
) -> Result<Map<String, Value>, Vec<Invalid>> {
    let mut errors = Vec::new();
    let parsed = object(fields, given, "", &mut errors);
    if errors.is_empty() {
        Ok(parsed)
    } else {
        Err(errors)
    }
}

fn object(
    fields: &[Field],
    mut given: Map<String, Value>,
    place: &str,
    errors: &mut Vec<Invalid>,
) -> Map<String, Value> {
    let mut parsed = Map::new();
    // First, since a misspelt name is also a missing one.
    for name in given.keys() {
        if fields.iter().any(|field| field.name == name) {
            continue;
        }
        let known = fields.iter().map(|field| field.name);
        let meant = nearest(name, known).map_or_else(String::new, |near| format!("; {near}?"));
        let reason = format!("is not a field{meant}");
        let name: String = name.chars().take(80).collect();
        errors.push(Invalid::new(below(place, &name), reason));
    }
    for field in fields {
        let place = below(place, field.name);
        let value = given.remove(field.name).filter(|value| !value.is_null());
        if !is_known_of(field, fields, &parsed) {
            // What every object of another type would have anyway says nothing.
            if value.is_some() && value != field.default_value() {
                errors.push(Invalid::new(place, elsewhere(field)));
            }
            continue;
        }
        match value {
            None => match field.default_value() {
                Some(value) => {
                    parsed.insert(field.name.to_owned(), value);
                }
                None if matches!(field.presence, Presence::Required) && field.is_of(&parsed) => {
                    errors.push(Invalid::new(place, "is needed"));
                }
                None => {}
            },
            Some(value) => {
                if let Some(value) = checked(&field.kind, value, &place, errors) {
                    parsed.insert(field.name.to_owned(), value);
                }
            }
        }
    }
    parsed
}

/// False when the object is known to be of a type that does not have the field. When the choice that
/// says so is itself missing or wrong, that is the fault to tell, and the field is looked at as if it
/// were right.
fn is_known_of(field: &Field, fields: &[Field], parsed: &Map<String, Value>) -> bool {
    let Some(only) = field.only else {
        return true;
    };
    let chooser = fields.iter().find(|field| field.name == only.field);
    let is_elsewhere = chooser.is_some_and(|chooser| !is_known_of(chooser, fields, parsed));
    !is_elsewhere && (field.is_of(parsed) || !parsed.contains_key(only.field))
}

fn elsewhere(field: &Field) -> String {
    match field.only {
        Some(only) => format!("is only for {} {}", only.field, one_of(only.values)),
        None => String::new(),
    }
}

fn checked(kind: &Type, value: Value, place: &str, errors: &mut Vec<Invalid>) -> Option<Value> {
    let mut refuse = |reason: String| {
        errors.push(Invalid::new(place.to_owned(), reason));
        None
    };
    match (kind, value) {
        (Type::Text { bytes_max, check }, Value::String(text)) => {
            match text_fault(&text, *bytes_max).map_or_else(|| check(&text), Err) {
                Ok(()) => Some(Value::String(text)),
                Err(reason) => refuse(reason),
            }
        }
        (Type::Secret { bytes_max }, Value::String(text)) => {
            match secret_fault(&text, *bytes_max) {
                None => Some(Value::String(text)),
                Some(reason) => refuse(reason),
            }
        }
        (Type::Integer { min, max }, Value::Number(number)) => match number.as_i64() {
            Some(integer) if (*min..=*max).contains(&integer) => Some(integer.into()),
            _ => refuse(format!("must be a whole number, {min} to {max}")),
        },
        (Type::Bool, Value::Bool(is)) => Some(is.into()),
        (Type::Choice(choices), Value::String(text)) if choices.contains(&text.as_str()) => {
            Some(text.into())
        }
        (Type::Choice(choices), _) => refuse(format!("must be {}", one_of(choices))),
        (Type::Reference(target) | Type::ReferenceOf { kind: target, .. }, Value::String(text)) => {
            match kind::name_fault(target, &text) {
                None => Some(text.into()),
                Some(reason) => refuse(reason),
            }
        }
        (Type::Service, Value::String(text)) => match check_service_name(&text) {
            Ok(()) => Some(text.into()),
            Err(reason) => refuse(reason),
        },
        (Type::List { of, len_max }, Value::Array(items)) => {
            list((*of, *len_max), items, place, errors)
        }
        (Type::Object(fields), Value::Object(given)) => {
            Some(Value::Object(object(fields, given, place, errors)))
        }
        (Type::Map { len_max }, Value::Object(given)) => map(*len_max, given, place, errors),
        (Type::Scalar { bytes_max }, value) => match scalar_fault(*bytes_max, &value) {
            None => Some(value),
            Some(reason) => refuse(reason),
        },
        (kind, _) => refuse(format!("must be {}", kind.described())),
    }
}

fn list(
    (of, len_max): (&Type, usize),
    items: Vec<Value>,
    place: &str,
    errors: &mut Vec<Invalid>,
) -> Option<Value> {
    if items.len() > len_max {
        let reason = format!("must not have more than {len_max} elements");
        errors.push(Invalid::new(place.to_owned(), reason));
        return None;
    }
    if of.is_name() {
        repeated(&items, place, errors);
    }
    let one = |(index, item)| checked(of, item, &below(place, &format!("{index}")), errors);
    // Each fault is noted; the list is kept only when there is none.
    let kept: Vec<_> = items.into_iter().enumerate().map(one).collect();
    kept.into_iter()
        .collect::<Option<Vec<_>>>()
        .map(Value::Array)
}

/// A name that stands in a list twice is a mistake, whatever the list is for.
fn repeated(items: &[Value], place: &str, errors: &mut Vec<Invalid>) {
    let mut seen = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        if let Some(text) = item.as_str()
            && !seen.insert(text)
        {
            let reason = format!("is there twice: {}", shown(text));
            errors.push(Invalid::new(below(place, &format!("{index}")), reason));
        }
    }
}

fn map(
    len_max: usize,
    given: Map<String, Value>,
    place: &str,
    errors: &mut Vec<Invalid>,
) -> Option<Value> {
    if given.len() > len_max {
        let reason = format!("must not have more than {len_max} entries");
        errors.push(Invalid::new(place.to_owned(), reason));
        return None;
    }
    for (name, value) in &given {
        let fault = match value {
            Value::String(text) => {
                text_fault(name, NAME_BYTES_MAX).or_else(|| text_fault(text, ENTRY_BYTES_MAX))
            }
            _ => Some("must be a text".to_owned()),
        };
        if let Some(reason) = fault {
            let name: String = name.chars().take(80).collect();
            errors.push(Invalid::new(below(place, &name), reason));
        }
    }
    Some(Value::Object(given))
}

fn scalar_fault(bytes_max: usize, value: &Value) -> Option<String> {
    match value {
        Value::Bool(_) => None,
        Value::Number(number) if number.is_i64() => None,
        Value::String(text) => text_fault(text, bytes_max),
        _ => Some(format!(
            "must be {}",
            Type::Scalar { bytes_max }.described()
        )),
    }
}

/// Of a map.
const NAME_BYTES_MAX: usize = 256;
const ENTRY_BYTES_MAX: usize = 8 * 1024;

/// Texts go into headers, logs and files; none of ours holds a control character but line breaks and
/// tabs.
fn text_fault(text: &str, bytes_max: usize) -> Option<String> {
    if text.len() > bytes_max {
        return Some(format!("must not be longer than {bytes_max} bytes"));
    }
    let is_bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    text.chars()
        .any(is_bad)
        .then(|| format!("must not hold control characters, got {}", shown(text)))
}

/// As `text_fault`; the text itself is not told. Whether an empty one is meant to be none, nobody can
/// know, and none is `null`.
fn secret_fault(text: &str, bytes_max: usize) -> Option<String> {
    if text.is_empty() {
        return Some("must not be empty; null is none".to_owned());
    }
    text_fault(text, bytes_max).map(|reason| match reason.split_once(", got ") {
        Some((reason, _)) => reason.to_owned(),
        None => reason,
    })
}

fn one_of(choices: &[&str]) -> String {
    let shown = |choice: &&str| match *choice {
        "" => "empty".to_owned(),
        choice => choice.to_owned(),
    };
    choices.iter().map(shown).collect::<Vec<_>>().join(" | ")
}

/// A JSON pointer without its first slash, as `Invalid` has it.
fn below(place: &str, name: &str) -> String {
    let name = name.replace('~', "~0").replace('/', "~1");
    match place {
        "" => name,
        place => format!("{place}/{name}"),
    }
}

// === impl Type ===

impl Type {
    /// For people: "a text", "a whole number, 1 to 5".
    pub fn described(&self) -> String {
        match self {
            Self::Text { .. } | Self::Secret { .. } => "a text".to_owned(),
            Self::Integer { min, max } => format!("a whole number, {min} to {max}"),
            Self::Bool => "true or false".to_owned(),
            Self::Choice(choices) => one_of(choices),
            Self::Reference(kind) => format!("the name of a {kind}"),
            Self::ReferenceOf { kind, types } => {
                format!("the name of a {kind} of type {}", one_of(types))
            }
            Self::Service => "the name of a service".to_owned(),
            Self::List { of, .. } => format!("a list, each element {}", of.described()),
            Self::Object(_) => "an object".to_owned(),
            Self::Map { .. } => "an object of texts".to_owned(),
            Self::Scalar { .. } => "true or false, a whole number or a text".to_owned(),
        }
    }

    /// What a list may hold only once.
    pub fn is_name(&self) -> bool {
        matches!(
            self,
            Self::Choice(_) | Self::Reference(_) | Self::ReferenceOf { .. } | Self::Service
        )
    }
}

#[cfg(test)]
mod tests;
