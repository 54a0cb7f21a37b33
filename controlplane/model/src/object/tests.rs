//! Where the secrets of an object are hidden.

use serde_json::json;

use super::*;
use crate::kind::{NameGrammar, Rules};
use crate::schema::Field;

const SECRET: Type = Type::Secret { bytes_max: 99 };
static KIND: Kind = Kind {
    name: "thing",
    plural: "things",
    about: "A thing.",
    names: NameGrammar::Strict,
    fields: &[
        Field::new("password", SECRET, "A.").optional(),
        Field::new(
            "keys",
            Type::List {
                of: &SECRET,
                len_max: 9,
            },
            "A.",
        )
        .or_empty(),
        Field::new(
            "peers",
            Type::List {
                of: &Type::Object(&[Field::new("key", SECRET, "A.").optional()]),
                len_max: 9,
            },
            "A.",
        )
        .or_empty(),
    ],
    rules: Rules::NONE,
    examples: &[],
};

fn thing(fields: Value) -> Object {
    let Value::Object(mut fields) = fields else {
        panic!("an object");
    };
    fields.insert("name".to_owned(), "a".into());
    let (name, spec) = KIND.parse(fields).unwrap();
    Object {
        kind: &KIND,
        id: Uuid::nil(),
        name,
        spec,
        version: Version(1),
        created_at: Timestamp::default(),
        changed_at: Timestamp::default(),
    }
}

#[test]
fn every_secret_is_hidden_wherever_it_stands() {
    let before = thing(json!({"password": "s1", "keys": ["s2", "s3"], "peers": [{"key": "s4"}]}));
    assert_eq!(
        before.shown(None),
        json!({"name": "a", "id": Uuid::nil(), "version": 1, "password": HIDDEN,
               "keys": [HIDDEN, HIDDEN], "peers": [{"key": HIDDEN}]})
    );
}

#[test]
fn that_a_secret_changed_is_told() {
    let before = thing(json!({"keys": ["s2", "s3"], "peers": [{"key": "s4"}]}));
    let after = thing(json!({"password": "s1", "keys": ["s2", "s9"], "peers": [{"key": "s4"}]}));
    let shown = after.shown(Some(&before));
    assert_eq!(shown["password"], HIDDEN_CHANGED);
    assert_eq!(shown["keys"], json!([HIDDEN, HIDDEN_CHANGED]));
    assert_eq!(shown["peers"], json!([{"key": HIDDEN}]));
}

#[test]
fn secrets_can_be_taken_out_wherever_they_stand() {
    let spec = thing(json!({"password": "s1", "keys": ["s2"], "peers": [{"key": "s4"}]})).spec;
    let gone = |_: &str, _: &str| Ok::<_, Infallible>(None);
    let Ok(spec) = spec.with_secrets(&KIND, gone);
    assert_eq!(Value::Object(spec.0), json!({"keys": [""], "peers": [{}]}));
}
