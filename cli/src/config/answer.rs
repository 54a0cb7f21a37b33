//! What the control plane says that a configuration changes, as people read it. Pure.
//!
//! Invariant: every difference and every effect of the answer has a line.

use serde_json::{Map, Value};

use super::kinds::{Kind, Kinds};
use super::tree;
use crate::output::{Output, Paint, field};

/// How many objects come, change and go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) created: usize,
    pub(crate) changed: usize,
    pub(crate) deleted: usize,
}

/// What an answer of `POST /config` changes.
pub(crate) fn counts(answer: &Value) -> Counts {
    let mut counts = Counts::default();
    for item in items(answer, "items") {
        match field(item, "/change").as_str() {
            "created" => counts.created += 1,
            "deleted" => counts.deleted += 1,
            _ => counts.changed += 1,
        }
    }
    counts
}

/// What goes away, as `channel crm.old`.
pub(crate) fn deleted(answer: &Value) -> Vec<String> {
    let deleted = |item: &&Value| field(item, "/change") == "deleted";
    let named = |item: &Value| format!("{} {}", field(item, "/kind"), field(item, "/name"));
    items(answer, "items").filter(deleted).map(named).collect()
}

/// A line for each object, for each of its fields and for each effect.
pub(crate) fn lines(answer: &Value, kinds: &Kinds, output: &Output) -> Vec<String> {
    let mut lines = Vec::new();
    for item in items(answer, "items") {
        let kind = field(item, "/kind");
        let named = format!("{kind} {}", field(item, "/name"));
        let change = field(item, "/change");
        let (mark, paint) = match change.as_str() {
            "created" => ("+", Paint::Green),
            "deleted" => ("-", Paint::Red),
            _ => ("~", Paint::Yellow),
        };
        lines.push(output.paint(paint, &format!("{mark} {named}")));
        if change != "deleted" {
            let known = kinds.kinds.iter().find(|known| known.name == kind);
            lines.extend(of_fields(item, &change, known));
        }
    }
    let effects: Vec<_> = items(answer, "effects").collect();
    if !effects.is_empty() {
        lines.push(output.paint(Paint::Bold, "effects:"));
    }
    for effect in effects {
        let part = |name: &str| field(effect, name);
        lines.push(format!(
            "  {} {} {}",
            part("/kind"),
            part("/name"),
            part("/text")
        ));
    }
    lines
}

fn of_fields(item: &Value, change: &str, kind: Option<&Kind>) -> Vec<String> {
    let mut lines = Vec::new();
    for one in items(item, "fields") {
        let pointer = field(one, "/pointer");
        let name = pointer.trim_start_matches('/');
        let value = |side: &str| one.get(side).filter(|value| !value.is_null());
        let (before, after) = (value("before"), value("after"));
        if change == "created" {
            let said = after.and_then(|after| said(kind, name, after));
            lines.extend(said.map(|said| format!("    {name}: {}", shown(&said))));
            continue;
        }
        lines.push(match (before, after) {
            (None, Some(after)) => format!("    {name}: {} (new)", shown(after)),
            (Some(before), None) => format!("    {name}: {} (gone)", shown(before)),
            (before, after) => {
                let shown = |value: Option<&Value>| value.map_or_else(|| "-".to_owned(), shown);
                format!("    {name}: {} → {}", shown(before), shown(after))
            }
        });
    }
    lines
}

/// Of a new object's field, what a file would say; `None` when it is as everywhere.
fn said(kind: Option<&Kind>, name: &str, value: &Value) -> Option<Value> {
    let Some(kind) = kind else {
        return Some(value.clone());
    };
    let field = Map::from_iter([(name.to_owned(), value.clone())]);
    tree::object(kind, &field, None).value().get(name).cloned()
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if is_simple(text) => text.clone(),
        value => value.to_string(),
    }
}

fn is_simple(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control) && text.trim() == text
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let items = value.get(name).and_then(Value::as_array);
    items.into_iter().flatten()
}

// === impl Counts ===

impl Counts {
    pub(crate) fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_nothing() {
            return f.write_str("nothing is different");
        }
        let parts = [
            (self.created, "new"),
            (self.changed, "changed"),
            (self.deleted, "deleted"),
        ];
        let parts: Vec<_> = parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        f.write_str(&parts.join(", "))
    }
}
