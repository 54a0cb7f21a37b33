//! Objects → what is printed: the name first, then fields in the order of their table, without those that have their
//! default. Pure. Invariant: what is left out is what the control plane puts there again.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::kinds::{Field, Kind, Kinds, Presence, Type};
use crate::yaml::{Node, Tree};

/// One object. A field that has its default stays when `before`, what a file said until now, names it: somebody wanted it
/// to be seen.
pub(crate) fn object(kind: &Kind, fields: &Map<String, Value>, before: Option<&Node>) -> Tree {
    let mut entries = Vec::new();
    if let Some(name) = fields.get("name") {
        entries.push(("name".to_owned(), name.clone().into()));
    }
    entries.extend(of_fields(&kind.fields, fields, before, "name"));
    Tree::Map(entries)
}

fn of_fields(
    table: &[Field],
    fields: &Map<String, Value>,
    before: Option<&Node>,
    told: &str,
) -> Vec<(String, Tree)> {
    let mut entries = Vec::new();
    for field in table {
        let Some(value) = fields.get(&field.name).filter(|value| !value.is_null()) else {
            continue;
        };
        let before = before.and_then(|before| before.get(&field.name));
        let is_default = field
            .default
            .as_ref()
            .is_some_and(|default| default == value);
        if is_default && before.is_none() {
            continue;
        }
        entries.push((field.name.clone(), of_type(&field.kind, value, before)));
    }
    let is_known = |name: &str| name == told || table.iter().any(|field| field.name == name);
    let unknown: BTreeMap<_, _> = fields.iter().filter(|(name, _)| !is_known(name)).collect();
    // Of a newer control plane than the table: better shown than lost.
    entries.extend(
        unknown
            .into_iter()
            .map(|(name, value)| (name.clone(), value.clone().into())),
    );
    entries
}

fn of_type(kind: &Type, value: &Value, before: Option<&Node>) -> Tree {
    match (kind, value) {
        (Type::Object { fields }, Value::Object(given)) => {
            Tree::Map(of_fields(fields, given, before, ""))
        }
        (Type::List { of, .. }, Value::Array(items)) => {
            let before = before.map(Node::items).unwrap_or_default();
            let items = items.iter().enumerate();
            Tree::List(
                items
                    .map(|(index, item)| of_type(of, item, before.get(index)))
                    .collect(),
            )
        }
        (_, value) => value.clone().into(),
    }
}

/// With every default in its place, as the control plane answers it; to compare what two files mean.
pub(crate) fn complete(kind: &Kind, fields: &Map<String, Value>) -> Map<String, Value> {
    completed(&kind.fields, fields)
}

fn completed(table: &[Field], given: &Map<String, Value>) -> Map<String, Value> {
    let mut whole = Map::new();
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let field = table.iter().find(|field| field.name == *name);
        let value = field.map_or_else(|| value.clone(), |field| filled(&field.kind, value));
        whole.insert(name.clone(), value);
    }
    for field in table {
        if whole.contains_key(&field.name) || !field.is_of(table, &whole) {
            continue;
        }
        if let (Presence::Default, Some(default)) = (field.presence, &field.default) {
            whole.insert(field.name.clone(), default.clone());
        }
    }
    whole
}

fn filled(kind: &Type, value: &Value) -> Value {
    match (kind, value) {
        (Type::Object { fields }, Value::Object(given)) => Value::Object(completed(fields, given)),
        (Type::List { of, .. }, Value::Array(items)) => {
            items.iter().map(|item| filled(of, item)).collect()
        }
        (_, value) => value.clone(),
    }
}

/// Objects of an answer of `GET /config`, in the order of kinds. Lists of kinds that the tables lack come last.
pub(crate) fn of_answer(answer: &Value, kinds: &Kinds) -> Vec<(String, Map<String, Value>)> {
    let empty = Map::new();
    let lists = answer.as_object().unwrap_or(&empty);
    let known = kinds.kinds.iter().map(|kind| &kind.plural);
    let rest = lists
        .keys()
        .filter(|plural| kinds.of_plural(plural).is_none());
    let mut objects = Vec::new();
    for plural in known.chain(rest) {
        let items = lists.get(plural).and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            if let Value::Object(fields) = item {
                objects.push((plural.clone(), fields.clone()));
            }
        }
    }
    objects
}
