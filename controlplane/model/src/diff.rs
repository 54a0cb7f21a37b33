//! What differs between two JSON values, field by field.
//!
//! Pure. Invariant: no difference is left out, and equal values have none.

use serde::Serialize;
use serde_json::{Map, Value};

/// One place that differs; `None` is "not there".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// JSON pointer without its first slash: `endpoints/0/address`.
    pub place: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// In order of place. Objects are walked into, lists of the same length too; other lists differ as a
/// whole, since "element 3 became element 2" helps nobody.
pub fn between(
    before: Option<&Map<String, Value>>,
    after: Option<&Map<String, Value>>,
) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let empty = Map::new();
    objects(
        "",
        before.unwrap_or(&empty),
        after.unwrap_or(&empty),
        &mut changes,
    );
    changes
}

fn objects(
    place: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    changes: &mut Vec<FieldChange>,
) {
    let only_after = after.keys().filter(|name| !before.contains_key(*name));
    let mut names: Vec<_> = before.keys().chain(only_after).collect();
    names.sort();
    for name in names {
        let place = match place {
            "" => name.clone(),
            place => format!("{place}/{name}"),
        };
        values(&place, before.get(name), after.get(name), changes);
    }
}

fn values(
    place: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    changes: &mut Vec<FieldChange>,
) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            objects(place, before, after, changes);
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                values(
                    &format!("{place}/{index}"),
                    Some(before),
                    Some(after),
                    changes,
                );
            }
        }
        (before, after) => changes.push(FieldChange {
            place: place.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(before: &Value, after: &Value) -> Vec<String> {
        let changes = between(before.as_object(), after.as_object());
        let shown = |change: FieldChange| {
            let text = |value: Option<Value>| value.map_or("-".to_owned(), |v| v.to_string());
            format!(
                "{} {} {}",
                change.place,
                text(change.before),
                text(change.after)
            )
        };
        changes.into_iter().map(shown).collect()
    }

    #[test]
    fn each_field_that_differs_is_told_with_its_place() {
        let before = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 1}, 2], "g": [1], "h": 0});
        let after = json!({"a": 1, "b": {"c": 9, "d": 3}, "e": [{"f": 5}, 2], "g": [1, 2], "i": 4});
        assert_eq!(
            places(&before, &after),
            ["b/c 2 9", "e/0/f 1 5", "g [1] [1,2]", "h 0 -", "i - 4"]
        );
        assert!(places(&json!({"a": [1]}), &json!({"a": [1]})).is_empty());
    }
}
