//! What every table of fields has to keep.

use super::*;
use crate::schema::Type;

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
fn names_are_unique_and_references_lead_to_kinds() {
    for (index, kind) in KINDS.iter().enumerate() {
        for other in &KINDS[index + 1..] {
            assert_ne!(kind.name, other.name);
            assert_ne!(kind.plural, other.plural);
        }
        for (index, field) in kind.fields.iter().enumerate() {
            let later = &kind.fields[index + 1..];
            assert!(
                later.iter().all(|other| other.name != field.name),
                "{}",
                field.name
            );
            assert!(
                field.about.ends_with('.'),
                "{}.{} says nothing",
                kind.name,
                field.name
            );
            assert!(
                !["name", "id", "etag"].contains(&field.name),
                "is the object's own"
            );
            each_type(&field.kind, &mut |kind| {
                if let Type::Reference(target) = kind {
                    assert!(find(target).is_some(), "{target} is no kind");
                }
            });
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
                presence: crate::schema::Presence::Required,
                ..*field
            }];
            let given = Map::from_iter([(field.name.to_owned(), value)]);
            let result = schema::parse(&alone, given);
            assert!(result.is_ok(), "{}.{}: {result:?}", kind.name, field.name);
        }
    }
}
