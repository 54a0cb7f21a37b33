//! Groups of security definitions: any of them opens the door.
//!
//! Invariant: every member is a credential that a caller can send in a header.

use super::{Kind, NameGrammar, Rules};
use crate::schema::{Field, Type};

/// Callers of one channel; more of them are users, and belong to an identity provider.
const MEMBERS_MAX: usize = 1_000;

pub static KIND: Kind = Kind {
    name: "group",
    plural: "groups",
    about: concat!(
        "A security group: whoever has the credentials of one of its members may call. ",
        not_yet!()
    ),
    names: NameGrammar::Wide,
    fields: FIELDS,
    rules: Rules::NONE,
    examples: EXAMPLES,
};

static FIELDS: &[Field] = &[Field::new(
    "members",
    Type::List {
        of: &Type::ReferenceOf {
            kind: "security",
            types: &["basic_auth", "api_key"],
        },
        len_max: MEMBERS_MAX,
    },
    "Security definitions of callers, by name; an empty group lets nobody in.",
)
.or_empty()];

const EXAMPLES: &[&str] = &[
    r#"{"name": "partners", "members": ["partner key"]}"#,
    r#"{"name": "callers of the CRM", "members": ["CRM account", "partner key"]}"#,
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kind::testing::{changed, refused, taken};

    #[test]
    fn members_are_names_that_stand_there_once() {
        refused(
            &KIND,
            0,
            &[
                (
                    json!({"members": ["a", "a"]}),
                    "members/1: is there twice: \"a\"",
                ),
                (
                    json!({"members": [1]}),
                    "members/0: must be the name of a security of type basic_auth | api_key",
                ),
                (json!({"member": ["a"]}), "member: is not a field; members?"),
            ],
        );
        let slash = changed(&KIND, 0, &json!({"members": ["a/b"]})).unwrap_err();
        assert!(
            slash[0].starts_with("members/0: must be 1 to 200 bytes"),
            "{slash:?}"
        );
        taken(
            &KIND,
            0,
            &[json!({"members": []}), json!({"members": null})],
        );
    }

    #[test]
    fn every_member_is_a_reference() {
        let spec = changed(&KIND, 1, &json!({})).unwrap();
        let places: Vec<_> = spec
            .references(&KIND)
            .into_iter()
            .map(|reference| (reference.place, reference.name))
            .collect();
        let expected = [("members/0", "CRM account"), ("members/1", "partner key")];
        assert_eq!(
            places,
            expected.map(|(place, name)| (place.to_owned(), name.to_owned()))
        );
    }
}
