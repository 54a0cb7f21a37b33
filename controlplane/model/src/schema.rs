//! What an object may say: its fields, as a table.
//!
//! Owns types, bounds, defaults and texts of fields. One table makes the parser, the `OpenAPI` schema,
//! the reference of the docs, the references between objects and the list of secrets, so these cannot
//! disagree. Invariant: a table is constant data; nothing here reads a clock, a file or a row.

pub mod check;
mod complete;
mod parse;

use serde_json::{Map, Value};

pub use complete::complete;
pub use parse::parse;

/// One field of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// As clients write it; lower case with underscores, the unit last (`timeout_ms`).
    pub name: &'static str,
    /// One or two sentences for people: what it does, and why this default.
    pub about: &'static str,
    pub kind: Type,
    pub presence: Presence,
    /// The field is only there when another one says so.
    pub only: Option<Only>,
}

/// Of which objects a field is a part: of those whose `field`, a choice that stands before it in the
/// table, is one of `values`.
#[derive(Debug, Clone, Copy)]
pub struct Only {
    pub field: &'static str,
    pub values: &'static [&'static str],
}

/// What a field's value is.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// A text of at most so many bytes; `check` says what else is wrong with it.
    Text {
        bytes_max: usize,
        check: Check,
    },
    /// A whole number, both ends included.
    Integer {
        min: i64,
        max: i64,
    },
    Bool,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// The name of an object of this kind, which must exist.
    Reference(&'static str),
    /// The name of an object of this kind whose `type` is one of these.
    ReferenceOf {
        kind: &'static str,
        types: &'static [&'static str],
    },
    /// The name of a service: of a live package, or built in.
    Service,
    /// A text of at most so many bytes that is never shown again: a value, or `$NAME` of an environment
    /// variable, or `file:PATH`.
    Secret {
        bytes_max: usize,
    },
    /// A list of at most so many elements.
    List {
        of: &'static Type,
        len_max: usize,
    },
    /// An object with fields of its own.
    Object(&'static [Field]),
    /// Texts by name, for example headers; at most so many.
    Map {
        len_max: usize,
    },
    /// Whatever the object's name asks for: true or false, a whole number, or a text of at most so many
    /// bytes. The kind's rules say which.
    Scalar {
        bytes_max: usize,
    },
}

/// Whether a field must be there, and what it is when it is not.
#[derive(Debug, Clone, Copy)]
pub enum Presence {
    Required,
    Optional,
    Text(&'static str),
    Integer(i64),
    Bool(bool),
    /// A list of these.
    Texts(&'static [&'static str]),
    EmptyMap,
    /// An object whose fields are all missing, each of which has a default of its own.
    Defaults,
}

/// `Err` holds what is wrong with the text, for people: "must …".
pub type Check = fn(&str) -> Result<(), String>;

/// Every text is good.
pub fn any_text(_text: &str) -> Result<(), String> {
    Ok(())
}

/// Whether a secret's text says where its value is, and is not the value itself: `$NAME` or
/// `file:PATH`. Such a text may be shown, exported and compared.
pub fn is_secret_reference(text: &str) -> bool {
    if let Some(path) = text.strip_prefix("file:") {
        return !path.is_empty();
    }
    let Some(name) = text.strip_prefix('$') else {
        return false;
    };
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}

/// Whether what stands at `place` is a secret or holds one.
pub fn holds_secret(fields: &[Field], place: &str) -> bool {
    let (first, rest) = place.split_once('/').unwrap_or((place, ""));
    let field = fields.iter().find(|field| field.name == first);
    field.is_some_and(|field| type_holds_secret(&field.kind, rest))
}

fn type_holds_secret(kind: &Type, place: &str) -> bool {
    match kind {
        Type::Secret { .. } => true,
        Type::List { of, .. } => {
            let rest = place.split_once('/').map_or("", |(_index, rest)| rest);
            type_holds_secret(of, rest)
        }
        Type::Object(fields) if place.is_empty() => fields
            .iter()
            .any(|field| type_holds_secret(&field.kind, "")),
        Type::Object(fields) => holds_secret(fields, place),
        _ => false,
    }
}

// === impl Type ===

impl Type {
    /// Both ends included.
    pub const fn integer(min: i64, max: i64) -> Self {
        Self::Integer { min, max }
    }

    pub const fn text(bytes_max: usize, check: Check) -> Self {
        Self::Text { bytes_max, check }
    }

    pub const fn list(of: &'static Self, len_max: usize) -> Self {
        Self::List { of, len_max }
    }
}

// === impl Field ===

impl Field {
    pub const fn new(name: &'static str, kind: Type, about: &'static str) -> Self {
        Self {
            name,
            about,
            kind,
            presence: Presence::Required,
            only: None,
        }
    }

    /// Only a part of objects whose `field` is one of `values`; elsewhere it is refused, and neither
    /// needed nor given its default.
    #[must_use]
    pub const fn only_for(mut self, field: &'static str, values: &'static [&'static str]) -> Self {
        self.only = Some(Only { field, values });
        self
    }

    /// May be missing, and is nothing then.
    #[must_use]
    pub const fn optional(self) -> Self {
        self.when_missing(Presence::Optional)
    }

    #[must_use]
    pub const fn or_text(self, default: &'static str) -> Self {
        self.when_missing(Presence::Text(default))
    }

    #[must_use]
    pub const fn or_integer(self, default: i64) -> Self {
        self.when_missing(Presence::Integer(default))
    }

    #[must_use]
    pub const fn or_bool(self, default: bool) -> Self {
        self.when_missing(Presence::Bool(default))
    }

    /// An empty list or map.
    #[must_use]
    pub const fn or_empty(self) -> Self {
        let presence = match self.kind {
            Type::Map { .. } => Presence::EmptyMap,
            _ => Presence::Texts(&[]),
        };
        self.when_missing(presence)
    }

    #[must_use]
    pub const fn or_texts(self, default: &'static [&'static str]) -> Self {
        self.when_missing(Presence::Texts(default))
    }

    /// An object with each field's own default.
    #[must_use]
    pub const fn or_defaults(self) -> Self {
        self.when_missing(Presence::Defaults)
    }

    const fn when_missing(mut self, presence: Presence) -> Self {
        self.presence = presence;
        self
    }

    /// What stands in for a missing value.
    pub fn default_value(&self) -> Option<Value> {
        match self.presence {
            Presence::Required | Presence::Optional => None,
            Presence::Text(text) => Some(text.into()),
            Presence::Integer(number) => Some(number.into()),
            Presence::Bool(is) => Some(is.into()),
            Presence::Texts(texts) => Some(texts.iter().copied().map(Value::from).collect()),
            Presence::EmptyMap => Some(Value::Object(Map::new())),
            Presence::Defaults => match self.kind {
                Type::Object(fields) => Some(Value::Object(complete(fields, Map::new()))),
                _ => None,
            },
        }
    }

    /// Whether an object of which `known` is known has this field.
    pub fn is_of(&self, known: &Map<String, Value>) -> bool {
        self.only.is_none_or(|only| only.holds(known))
    }
}

// === impl Only ===

impl Only {
    fn holds(&self, known: &Map<String, Value>) -> bool {
        let value = known.get(self.field).and_then(Value::as_str);
        value.is_some_and(|value| self.values.contains(&value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_to_a_secret_is_no_secret_and_everything_else_is() {
        for reference in ["$CRM_PASSWORD", "$_x9", "file:/run/secrets/crm"] {
            assert!(is_secret_reference(reference), "{reference}");
        }
        for secret in [
            "", "$", "$9", "$a b", "$a$b", "$é", "file:", "pa$$word", "a file:b",
        ] {
            assert!(!is_secret_reference(secret), "{secret}");
        }
    }
}
