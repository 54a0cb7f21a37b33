//! What a generation changed, in one line for people.
//!
//! Pure: reads what the audit trail keeps of the change. Invariant: every change has a line, however
//! little is known of it.

use serde_json::Value;

use crate::write::Event;

/// Counted or set by us, not by whoever made the change.
const OWN_FIELDS: [&str; 5] = ["id", "version", "created_at", "binary_version", "python"];
/// A line in a list; the audit trail has the whole.
const VALUE_CHARS_MAX: usize = 60;

/// More than these are counted.
const NAMED_MAX: usize = 3;

/// One change in full, several by name.
pub(crate) fn of_all(events: &[Event]) -> String {
    match events {
        [event] => of(event),
        events => {
            let named = events.iter().take(NAMED_MAX);
            let mut names: Vec<_> = named.map(|event| event.object.clone()).collect();
            if events.len() > NAMED_MAX {
                names.push("…".to_owned());
            }
            format!("{} changes: {}", events.len(), names.join(", "))
        }
    }
}

/// For example `node n1: state online → draining` or `package hello.py v2`.
fn of(event: &Event) -> String {
    let object = &event.object;
    match (event.action.as_str(), &event.before, &event.after) {
        ("package.deploy", _, Some(package)) => {
            format!("{object} v{}", text(package.get("version")))
        }
        ("generation.restore", _, Some(after)) => {
            let changed = after
                .get("changed")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            format!("restored {object}: {changed} changes")
        }
        ("cluster.overtake", _, Some(after)) => format!("{object}: {}", text(after.get("reason"))),
        (_, Some(before), Some(after)) => match changes(before, after) {
            changes if changes.is_empty() => format!("{} {object}", event.action),
            changes => format!("{object}: {}", changes.join(", ")),
        },
        (action, ..) => format!("{action} {object}"),
    }
}

fn changes(before: &Value, after: &Value) -> Vec<String> {
    let fields = after.as_object().into_iter().flatten();
    fields
        .filter(|(name, _)| !OWN_FIELDS.contains(&name.as_str()))
        .filter(|(name, value)| before.get(name) != Some(value))
        .map(|(name, value)| format!("{name} {} → {}", text(before.get(name)), text(Some(value))))
        .collect()
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) if !text.is_empty() => {
            text.chars().take(VALUE_CHARS_MAX).collect()
        }
        // An empty method is "any", an empty data format "raw": nothing to show.
        None | Some(Value::Null | Value::String(_)) => "none".to_owned(),
        Some(other) => other.to_string().chars().take(VALUE_CHARS_MAX).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn summary(action: &str, before: Value, after: Value) -> String {
        let some = |value: Value| (!value.is_null()).then_some(value);
        of(&Event {
            action: action.to_owned(),
            object: "thing a".to_owned(),
            before: some(before),
            after: some(after),
        })
    }

    #[test]
    fn a_line_says_what_changed() {
        let table = [
            (
                summary(
                    "node.update",
                    json!({"state": "online", "weight": 1, "version": 1}),
                    json!({"state": "draining", "weight": 1, "version": 2}),
                ),
                "thing a: state online → draining",
            ),
            (
                summary(
                    "channel.update",
                    json!({"path": "/a", "timeout_ms": 1, "method": ""}),
                    json!({"path": "/b", "timeout_ms": 2, "method": "GET"}),
                ),
                "thing a: method none → GET, path /a → /b, timeout_ms 1 → 2",
            ),
            (
                summary(
                    "package.deploy",
                    json!({"version": 1}),
                    json!({"version": 2}),
                ),
                "thing a v2",
            ),
            (
                summary("channel.create", Value::Null, json!({"path": "/a"})),
                "channel.create thing a",
            ),
            (
                summary("channel.delete", json!({"path": "/a"}), Value::Null),
                "channel.delete thing a",
            ),
        ];
        for (line, expected) in table {
            assert_eq!(line, expected);
        }
    }
}
