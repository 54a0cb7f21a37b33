//! The tables of fields, as `GET /api/v1/kinds` tells them. A copy is built in, for where no control plane can be asked;
//! a test of the control plane keeps it new. Invariant: a type that a newer control plane has and we do not know takes
//! every value, so that it can still be sent there.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::suggest::nearest;

const BUILT_IN: &str = include_str!("../../../controlplane/api/kinds.json");

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Kinds {
    /// In order of dependence.
    pub(crate) kinds: Vec<Kind>,
    /// The settings that there are; a field's type is that of the setting's value.
    #[serde(default)]
    pub(crate) settings: Vec<Field>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Kind {
    pub(crate) name: String,
    pub(crate) plural: String,
    pub(crate) names: Names,
    pub(crate) fields: Vec<Field>,
}

/// How objects may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Names {
    Strict,
    Wide,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) presence: Presence,
    #[serde(default)]
    pub(crate) default: Option<Value>,
    #[serde(default)]
    pub(crate) only: Option<Only>,
    #[serde(flatten)]
    pub(crate) kind: Type,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Presence {
    Required,
    Optional,
    Default,
}

/// A field is a part of those objects only whose `field` is one of `values`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Only {
    pub(crate) field: String,
    pub(crate) values: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Type {
    Text {
        bytes_max: usize,
    },
    Integer {
        min: i64,
        max: i64,
    },
    Bool,
    Choice {
        choices: Vec<String>,
    },
    Reference {
        kind: String,
    },
    Service,
    Secret {
        bytes_max: usize,
    },
    List {
        of: Box<Type>,
        len_max: usize,
    },
    Object {
        fields: Vec<Field>,
    },
    Map {
        len_max: usize,
    },
    Scalar {},
    #[serde(other)]
    Unknown,
}

// === impl Kinds ===

impl Kinds {
    pub(crate) fn built_in() -> Self {
        serde_json::from_str(BUILT_IN).unwrap_or_default()
    }

    pub(crate) fn of_plural(&self, plural: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.plural == plural)
    }

    /// The plural that was meant, when one is near.
    pub(crate) fn nearest(&self, plural: &str) -> Option<&str> {
        let singular = self.kinds.iter().find(|kind| kind.name == plural);
        let known = self.kinds.iter().map(|kind| kind.plural.as_str());
        singular.map_or_else(|| nearest(plural, known), |kind| Some(&kind.plural))
    }

    /// What decides about the value of an object's field: the kind's table, or, of a setting, the table of settings.
    pub(crate) fn setting(&self, kind: &Kind, name: &str) -> Option<&Field> {
        let is_settings = kind.name == "setting";
        let mut settings = self.settings.iter().filter(|_| is_settings);
        settings.find(|field| field.name == name)
    }
}

// === impl Field ===

impl Field {
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.kind, Type::Secret { .. })
    }

    /// Whether an object with these fields, some of which may be missing, has this one. `siblings` is its table.
    pub(crate) fn is_of(&self, siblings: &[Self], given: &Map<String, Value>) -> bool {
        let Some(only) = &self.only else {
            return true;
        };
        let Some(other) = siblings.iter().find(|field| field.name == only.field) else {
            return true;
        };
        // What decides may itself be no part of the object.
        if !other.is_of(siblings, given) {
            return false;
        }
        let value = given.get(&only.field).filter(|value| !value.is_null());
        let value = value.or(other.default.as_ref()).and_then(Value::as_str);
        value.is_some_and(|value| only.values.iter().any(|one| one == value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_tables_are_there_and_wholly_known() {
        fn is_known(kind: &Type) -> bool {
            match kind {
                Type::Unknown => false,
                Type::List { of, .. } => is_known(of),
                Type::Object { fields } => fields.iter().all(|field| is_known(&field.kind)),
                _ => true,
            }
        }
        let kinds = Kinds::built_in();
        assert!(kinds.of_plural("channels").is_some());
        for kind in &kinds.kinds {
            assert_ne!(kind.names, Names::Unknown, "{}", kind.name);
            for field in &kind.fields {
                assert!(is_known(&field.kind), "{} {}", kind.name, field.name);
            }
        }
    }

    #[test]
    fn a_type_of_a_newer_control_plane_is_no_error() {
        let newer = r#"{"kinds": [{"name": "a", "plural": "as", "names": "odd", "fields":
            [{"name": "b", "presence": "required", "type": "moon", "phase": 1}]}]}"#;
        let kinds: Kinds = serde_json::from_str(newer).unwrap();
        assert!(matches!(kinds.kinds[0].fields[0].kind, Type::Unknown));
    }

    #[test]
    fn the_singular_means_the_plural() {
        let kinds = Kinds::built_in();
        assert_eq!(kinds.nearest("channel"), Some("channels"));
        assert_eq!(kinds.nearest("chanels"), Some("channels"));
        assert_eq!(kinds.nearest("zzz"), None);
    }
}
