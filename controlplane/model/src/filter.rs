//! One grammar of filters for every list: `service:crm.* AND timeout_ms>5s`.
//!
//! Owns what a filter means; `filter/parse.rs` reads it. A subset of AIP-160: comparisons joined by
//! `AND`, `OR` and `NOT`, a bare word looks in the name, `:` looks inside (a part of a text, an element of a
//! list), `*` stands for anything at the ends of a text. `AND` and `OR` together need parentheses, since
//! people differ on which binds closer. Pure. Invariant: no filter takes longer than its length allows.

mod order;
mod parse;

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::Invalid;

pub use order::Order;

/// A filter that was read; the empty one takes everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Option<Expression>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    /// Stands in the name.
    Word(String),
    Compare {
        field: String,
        operator: Operator,
        value: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Has,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

// === impl Filter ===

impl Filter {
    /// `known` are the fields of what is listed; an unknown one is told with the nearest.
    pub fn parse<'a>(
        text: &str,
        known: &(impl Iterator<Item = &'a str> + Clone),
    ) -> Result<Self, Invalid> {
        let fault = |reason| Invalid::new("filter", reason);
        let parsed = parse::parse(text).map_err(fault)?;
        if let Some(expression) = &parsed {
            expression.check(known).map_err(fault)?;
        }
        Ok(Self(parsed))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the object is taken; `name` is one of its fields.
    pub fn takes(&self, fields: &Map<String, Value>) -> bool {
        self.0
            .as_ref()
            .is_none_or(|expression| expression.takes(fields))
    }
}

// === impl Expression ===

impl Expression {
    fn check<'a>(&self, known: &(impl Iterator<Item = &'a str> + Clone)) -> Result<(), String> {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().try_for_each(|part| part.check(known))
            }
            Self::Not(part) => part.check(known),
            Self::Word(_) => Ok(()),
            Self::Compare { field, .. } => {
                let first = field.split('.').next().unwrap_or_default();
                if known.clone().any(|name| name == first) {
                    return Ok(());
                }
                let near = crate::nearest::nearest(first, known.clone());
                let meant = near.map_or_else(String::new, |near| format!("; {near}?"));
                Err(format!("has the unknown field {first}{meant}"))
            }
        }
    }

    fn takes(&self, fields: &Map<String, Value>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.takes(fields)),
            Self::Any(parts) => parts.iter().any(|part| part.takes(fields)),
            Self::Not(part) => !part.takes(fields),
            Self::Word(word) => {
                let name = fields.get("name").and_then(Value::as_str);
                name.is_some_and(|name| contains(name, word))
            }
            Self::Compare {
                field,
                operator,
                value,
            } => compare(find(fields, field), *operator, value, field),
        }
    }
}

/// `a.b` is the field `b` of the field `a`.
fn find<'a>(fields: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut steps = path.split('.');
    let first = fields.get(steps.next()?)?;
    steps.try_fold(first, |value, step| value.get(step))
}

fn compare(found: Option<&Value>, operator: Operator, wanted: &str, field: &str) -> bool {
    let Some(found) = found else {
        // What is not there is the same as empty.
        return match operator {
            Operator::Equal | Operator::Has => wanted.is_empty(),
            Operator::NotEqual => !wanted.is_empty(),
            _ => false,
        };
    };
    match operator {
        Operator::Has => has(found, wanted, field),
        Operator::Equal => equals(found, wanted, field),
        Operator::NotEqual => !equals(found, wanted, field),
        Operator::Less => ordering(found, wanted, field) == Some(Ordering::Less),
        Operator::Greater => ordering(found, wanted, field) == Some(Ordering::Greater),
        Operator::LessOrEqual => ordering(found, wanted, field).is_some_and(Ordering::is_le),
        Operator::GreaterOrEqual => ordering(found, wanted, field).is_some_and(Ordering::is_ge),
    }
}

fn has(found: &Value, wanted: &str, field: &str) -> bool {
    match found {
        Value::String(text) if wanted.contains('*') => fits(text, wanted),
        Value::String(text) => contains(text, wanted),
        Value::Array(items) => items.iter().any(|item| has(item, wanted, field)),
        Value::Object(fields) => {
            fields.contains_key(wanted) || fields.values().any(|item| has(item, wanted, field))
        }
        other => equals(other, wanted, field),
    }
}

fn equals(found: &Value, wanted: &str, field: &str) -> bool {
    match found {
        Value::String(text) => fits(text, wanted),
        Value::Array(items) => items.iter().any(|item| equals(item, wanted, field)),
        Value::Bool(is) => wanted.parse() == Ok(*is),
        Value::Null => wanted.is_empty() || wanted == "null",
        _ => ordering(found, wanted, field) == Some(Ordering::Equal),
    }
}

fn ordering(found: &Value, wanted: &str, field: &str) -> Option<Ordering> {
    match found {
        Value::Number(number) => number.as_f64()?.partial_cmp(&number_of(wanted, field)?),
        Value::String(text) => Some(text.as_str().cmp(wanted)),
        _ => None,
    }
}

/// `5s`, `100ms` in the unit that the field's name ends with; else a plain number.
fn number_of(text: &str, field: &str) -> Option<f64> {
    let per_second = match field.rsplit('_').next()? {
        "us" => 1e6,
        "ms" => 1e3,
        "s" => 1.0,
        _ => return text.parse().ok(),
    };
    // Longest first: `ms` ends with `s`.
    let units = [
        ("us", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3_600.0),
    ];
    let unit = units
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    match unit {
        Some((number, seconds)) => number.parse::<f64>().ok().map(|n| n * seconds * per_second),
        None => text.parse().ok(),
    }
}

/// Without regard to case, as people look for things.
fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

fn fits(text: &str, pattern: &str) -> bool {
    let inner = pattern.trim_matches('*');
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (true, true) => text.contains(inner),
        (true, false) => text.ends_with(inner),
        (false, true) => text.starts_with(inner),
        (false, false) => text == pattern,
    }
}

#[cfg(test)]
mod tests;
