//! Secrets that a whole new object does not mention.
//!
//! Owns which of them stay: nobody can send back what is never shown. Those of a type that the object is
//! no longer of do not. Invariant: a secret of a list's element stays only with an element that says of itself what it said before, so that it never goes
//! to another one that has taken its place.

use serde_json::{Map, Value};

use super::Object;

/// Puts the secrets of `before` into the `given` fields that leave them out; `null` takes one away.
pub fn keep_secrets(before: &Object, given: &mut Map<String, Value>) {
    for (place, secret) in before.spec.secrets(before.kind) {
        let (parent, name) = place.rsplit_once('/').unwrap_or(("", &place));
        if parent.is_empty() {
            if !given.contains_key(name) && before.kind.has_field(given, name) {
                given.insert(name.to_owned(), secret.into());
            }
            continue;
        }
        let path: Vec<_> = parent.split('/').collect();
        let was = at(before.spec.fields(), &path);
        let Some(holder) = at_mut(given, &path) else {
            continue;
        };
        let is_same = |(field, value): (&String, &Value)| {
            was.is_some_and(|was| was.get(field) == Some(value))
        };
        if !holder.contains_key(name) && holder.iter().all(is_same) {
            holder.insert(name.to_owned(), secret.into());
        }
    }
}

fn at<'a>(fields: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Map<String, Value>> {
    let (first, rest) = path.split_first()?;
    let mut value = fields.get(*first)?;
    for step in rest {
        value = match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?)?,
            value => value.get(*step)?,
        };
    }
    value.as_object()
}

fn at_mut<'a>(
    fields: &'a mut Map<String, Value>,
    path: &[&str],
) -> Option<&'a mut Map<String, Value>> {
    let (first, rest) = path.split_first()?;
    let mut value = fields.get_mut(*first)?;
    for step in rest {
        value = match value {
            Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?)?,
            value => value.get_mut(*step)?,
        };
    }
    value.as_object_mut()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::{Kind, NameGrammar, Rules};
    use crate::schema::{Field, Type};
    use crate::{Timestamp, Version};

    const SECRET: Type = Type::Secret { bytes_max: 99 };
    static KIND: Kind = Kind {
        name: "thing",
        plural: "things",
        about: "",
        names: NameGrammar::Strict,
        fields: &[
            Field::new("password", SECRET, "").optional(),
            Field::new(
                "ends",
                Type::List {
                    of: &Type::Object(&[
                        Field::new("host", Type::Bool, "").or_bool(false),
                        Field::new("key", SECRET, "").optional(),
                    ]),
                    len_max: 9,
                },
                "",
            )
            .or_empty(),
        ],
        rules: Rules::NONE,
        examples: &[],
    };

    fn object(fields: &Value) -> Object {
        let (name, spec) = KIND.parse(fields.as_object().cloned().unwrap()).unwrap();
        Object {
            kind: &KIND,
            id: uuid::Uuid::nil(),
            name,
            spec,
            version: Version(1),
            created_at: Timestamp::from_unix_us(0),
            changed_at: Timestamp::from_unix_us(0),
        }
    }

    fn kept(before: &Value, given: &Value) -> Value {
        let mut given = given.as_object().cloned().unwrap();
        keep_secrets(&object(before), &mut given);
        Value::Object(given)
    }

    #[test]
    fn a_secret_stays_until_it_is_replaced_or_taken_away() {
        let before = json!({"name": "a", "password": "s"});
        assert_eq!(kept(&before, &json!({})), json!({"password": "s"}));
        for given in [json!({"password": "t"}), json!({"password": null})] {
            assert_eq!(kept(&before, &given), given);
        }
    }

    #[test]
    fn an_element_keeps_its_secret_and_another_in_its_place_does_not_get_it() {
        let before = json!({"name": "a", "ends": [{"host": true, "key": "s"}]});
        let same = json!({"ends": [{"host": true}]});
        assert_eq!(
            kept(&before, &same),
            json!({"ends": [{"host": true, "key": "s"}]})
        );
        for other in [
            json!({"ends": [{"host": false}]}),
            json!({"ends": []}),
            json!({"ends": 1}),
        ] {
            assert_eq!(kept(&before, &other), other);
        }
    }
}
