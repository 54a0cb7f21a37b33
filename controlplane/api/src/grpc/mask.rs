//! A `FieldMask` → the patch that it asks for.
//!
//! Invariant: only what the mask names changes, and a mask that names what no object of the kind has is
//! refused, since it would change nothing in silence.

use cp_model::Invalid;
use cp_model::kind::Kind;
use cp_model::schema::{Field, Type};
use prost_types::FieldMask;
use serde_json::{Map, Value};

/// Every field that is given.
const ALL: &str = "*";

/// `given`, cut to the mask; `null` for what the mask names and `given` does not have.
pub(super) fn patch(
    kind: &Kind,
    given: Map<String, Value>,
    mask: Option<FieldMask>,
) -> Result<Map<String, Value>, Vec<Invalid>> {
    let paths = mask.map(|mask| mask.paths).unwrap_or_default();
    match &paths[..] {
        [] => return Ok(given),
        [all] if all == ALL => return Ok(given),
        _ => {}
    }
    let faults: Vec<_> = paths
        .iter()
        .filter_map(|path| fault(kind, path))
        .map(|reason| Invalid::new("update_mask", reason))
        .collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut patch = Map::new();
    // `tls` holds all of `tls.mode`.
    let has_wider = |path: &str| {
        let wider = |other: &String| path.starts_with(&format!("{other}."));
        paths.iter().any(wider)
    };
    for path in paths.iter().filter(|path| !has_wider(path)) {
        let steps: Vec<_> = path.split('.').collect();
        let value = find(&given, &steps).cloned().unwrap_or_default();
        set(&mut patch, &steps, value);
    }
    Ok(patch)
}

fn fault(kind: &Kind, path: &str) -> Option<String> {
    match path {
        ALL => Some("`*` must stand alone".to_owned()),
        "name" => Some("`name` changes by rename_to".to_owned()),
        path => {
            let steps: Vec<_> = path.split('.').collect();
            let is_known = is_known(kind.fields, &steps);
            (!is_known).then(|| format!("`{path}` is not a field of a {}", kind.name))
        }
    }
}

/// Lists change as a whole, so nothing in them can be named; the entries of a map have any name.
fn is_known(fields: &[Field], steps: &[&str]) -> bool {
    let Some((first, rest)) = steps.split_first() else {
        return true;
    };
    let field = fields.iter().find(|field| field.name == *first);
    field.is_some_and(|field| match (field.kind, rest) {
        (_, []) => true,
        (Type::Object(fields), rest) => is_known(fields, rest),
        (Type::Map { .. }, [name]) => !name.is_empty(),
        _ => false,
    })
}

fn find<'a>(given: &'a Map<String, Value>, steps: &[&str]) -> Option<&'a Value> {
    let (first, rest) = steps.split_first()?;
    match (given.get(*first)?, rest) {
        (value, []) => Some(value),
        (Value::Object(inner), rest) => find(inner, rest),
        _ => None,
    }
}

fn set(patch: &mut Map<String, Value>, steps: &[&str], value: Value) {
    match steps {
        [] => {}
        [last] => {
            patch.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let inner = patch
                .entry(*first)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cp_model::kind::{NameGrammar, Rules};
    use cp_model::schema::any_text;
    use serde_json::json;

    use super::*;

    const TEXT: Type = Type::Text {
        bytes_max: 9,
        check: any_text,
    };
    static THING: Kind = Kind {
        name: "thing",
        plural: "things",
        about: "For the tests.",
        names: NameGrammar::Strict,
        fields: &[
            Field::new("a", TEXT, "").optional(),
            Field::new(
                "list",
                Type::List {
                    of: &TEXT,
                    len_max: 3,
                },
                "",
            )
            .or_empty(),
            Field::new("map", Type::Map { len_max: 3 }, "").or_empty(),
            Field::new(
                "tls",
                Type::Object(&[
                    Field::new("mode", TEXT, "").optional(),
                    Field::new("ca", TEXT, "").optional(),
                ]),
                "",
            )
            .optional(),
        ],
        examples: &[],
        rules: Rules::NONE,
    };

    fn cut(given: &Value, paths: &[&str]) -> Result<Value, Vec<Invalid>> {
        let mask = FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        };
        let given = given.as_object().unwrap().clone();
        patch(&THING, given, Some(mask)).map(Value::Object)
    }

    #[test]
    fn only_what_the_mask_names_changes() {
        let given = json!({"a": "x", "list": ["y"], "map": {"k": "v", "l": "w"}, "tls": {"mode": "on", "ca": "c"}});
        for all in [&[][..], &["*"]] {
            assert_eq!(cut(&given, all), Ok(given.clone()));
        }
        for (paths, wanted) in [
            (&["a"][..], json!({"a": "x"})),
            (
                &["tls.mode", "map.k"],
                json!({"tls": {"mode": "on"}, "map": {"k": "v"}}),
            ),
            (
                &["tls.mode", "tls.ca"],
                json!({"tls": {"mode": "on", "ca": "c"}}),
            ),
            (
                &["tls.mode", "tls"],
                json!({"tls": {"mode": "on", "ca": "c"}}),
            ),
            (
                &["tls", "tls.mode", "tls"],
                json!({"tls": {"mode": "on", "ca": "c"}}),
            ),
            (&["list"], json!({"list": ["y"]})),
        ] {
            assert_eq!(cut(&given, paths), Ok(wanted), "{paths:?}");
        }
    }

    #[test]
    fn what_is_named_and_not_given_goes_back_to_its_default() {
        assert_eq!(
            cut(&json!({"a": "x"}), &["list"]),
            Ok(json!({"list": null}))
        );
        for given in [json!({}), json!({"tls": null}), json!({"tls": {}})] {
            assert_eq!(cut(&given, &["tls.ca"]), Ok(json!({"tls": {"ca": null}})));
        }
    }

    #[test]
    fn a_mask_that_names_nothing_is_refused() {
        for bad in [
            "", ".", "b", "a.b", "list.0", "list.0.x", "map.", "map.k.l", "tls.", "tls.x", ".a",
            "A", "name", "*.a",
        ] {
            let errors = cut(&json!({"a": "x"}), &["a", bad]).unwrap_err();
            assert_eq!(errors.len(), 1, "{bad}");
            assert_eq!(errors[0].field, "update_mask");
        }
        assert!(cut(&json!({}), &["*", "a"]).is_err());
    }
}
