//! What holds of every kind.

mod document;

use super::*;
use crate::schema::{Presence, Type};

fn each_type(kind: &Type, look: &mut impl FnMut(&Type)) {
    look(kind);
    match kind {
        Type::List { of, .. } => each_type(of, look),
        Type::Object(fields) => {
            for field in *fields {
                each_type(&field.kind, look);
            }
        }
        _ => {}
    }
}

#[test]
fn names_are_unique_and_every_field_says_what_it_is() {
    for (index, kind) in KINDS.iter().enumerate() {
        for other in &KINDS[index + 1..] {
            assert_ne!(kind.name, other.name);
            assert_ne!(kind.plural, other.plural);
        }
        for own in [
            "name",
            "id",
            "etag",
            "version",
            "created_at",
            "changed_at",
            "secrets_set",
        ] {
            let is_taken = kind.fields.iter().any(|field| field.name == own);
            assert!(!is_taken, "{own} is the object's own");
        }
        each_table(kind.fields, &mut |fields| {
            for (index, field) in fields.iter().enumerate() {
                let mut later = fields[index + 1..].iter();
                assert!(
                    later.all(|other| other.name != field.name),
                    "{}",
                    field.name
                );
                let says = field.about.ends_with('.') && !field.about.contains("  ");
                assert!(says, "{}.{}: {:?}", kind.name, field.name, field.about);
            }
        });
    }
}

#[test]
fn references_lead_to_kinds_and_to_types_that_they_have() {
    for (index, kind) in KINDS.iter().enumerate() {
        let look = &mut |kind: &Type| {
            let (target, types): (_, &[_]) = match kind {
                Type::Reference(target) => (target, &[]),
                Type::ReferenceOf { kind, types } => (kind, types),
                _ => return,
            };
            let place = KINDS.iter().position(|kind| kind.name == *target);
            assert!(
                place.is_some_and(|place| place <= index),
                "{target} does not stand before"
            );
            let has = |wanted: &&str| {
                let mut fields = KINDS[place.unwrap()].fields.iter();
                let is = |field: &Field| {
                    let Type::Choice(choices) = field.kind else {
                        return false;
                    };
                    field.name == "type" && choices.contains(wanted)
                };
                fields.any(is)
            };
            assert!(
                types.iter().all(has),
                "{target} has not the types {types:?}"
            );
        };
        for field in kind.fields {
            each_type(&field.kind, look);
        }
    }
}

#[test]
fn a_secret_stands_where_a_replacement_keeps_it() {
    for kind in KINDS {
        for field in kind.fields {
            let is_nested = !matches!(field.kind, Type::Secret { .. });
            assert!(
                !(is_nested && kind.is_secret(field.name)),
                "{}.{}",
                kind.name,
                field.name
            );
        }
    }
}

fn each_table(fields: &'static [Field], look: &mut impl FnMut(&'static [Field])) {
    look(fields);
    for field in fields {
        let inner = match &field.kind {
            Type::List { of, .. } => of,
            other => other,
        };
        if let Type::Object(fields) = inner {
            each_table(fields, look);
        }
    }
}

#[test]
fn what_decides_about_a_field_is_a_choice_before_it_that_every_object_has() {
    for kind in KINDS {
        each_table(kind.fields, &mut |fields| {
            for (index, field) in fields.iter().enumerate() {
                let Some(only) = field.only else {
                    continue;
                };
                let chooser = fields[..index].iter().find(|one| one.name == only.field);
                let chooser = chooser.unwrap_or_else(|| panic!("{} is not before", only.field));
                assert!(
                    !matches!(chooser.presence, Presence::Optional),
                    "{}",
                    only.field
                );
                let Type::Choice(choices) = chooser.kind else {
                    panic!("{} is no choice", only.field);
                };
                for value in only.values {
                    assert!(choices.contains(value), "{}: {value}", field.name);
                }
            }
        });
    }
}

fn parsed_example(kind: &Kind, text: &str) -> (ObjectName, Spec) {
    let given = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    kind.parse(given)
        .unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

#[test]
fn examples_are_valid_and_name_only_what_stands_before_them() {
    let mut known = Vec::new();
    for kind in KINDS {
        assert!(!kind.examples.is_empty(), "{} has no example", kind.name);
        for text in kind.examples {
            let (name, spec) = parsed_example(kind, text);
            for reference in spec.references(kind) {
                let is_built_in = reference.kind == "service";
                let target = (reference.kind, reference.name);
                assert!(is_built_in || known.contains(&target), "{text}: {target:?}");
            }
            known.push((kind.name, name.to_string()));
        }
    }
}

#[test]
fn examples_set_every_secret_and_every_type() {
    for kind in KINDS {
        let specs: Vec<_> = kind
            .examples
            .iter()
            .map(|text| parsed_example(kind, text).1)
            .collect();
        for field in kind.fields {
            match field.kind {
                Type::Secret { .. } => assert!(
                    specs.iter().any(|spec| spec.has(field.name)),
                    "{}.{}",
                    kind.name,
                    field.name
                ),
                Type::Choice(choices) if field.name == "type" => {
                    for choice in choices {
                        let is = |spec: &Spec| spec.text("type") == *choice;
                        assert!(specs.iter().any(is), "{} of type {choice}", kind.name);
                    }
                }
                _ => {}
            }
        }
    }
}

#[test]
fn what_is_stored_is_read_as_it_was_written() {
    for kind in KINDS {
        for text in kind.examples {
            let (_, spec) = parsed_example(kind, text);
            assert_eq!(Spec::stored(kind, spec.fields().clone()), spec, "{text}");
        }
    }
}

#[test]
fn defaults_are_values_that_the_fields_take() {
    for kind in KINDS {
        for field in kind.fields {
            let Some(value) = field.default_value() else {
                continue;
            };
            let alone = [Field {
                presence: Presence::Required,
                only: None,
                ..*field
            }];
            let given = Map::from_iter([(field.name.to_owned(), value)]);
            let result = schema::parse(&alone, given);
            assert!(result.is_ok(), "{}.{}: {result:?}", kind.name, field.name);
        }
    }
}
