//! What the parser of fields promises, on a table that has every type.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::schema::{any_text, complete};

const ENDPOINT: &[Field] = &[
    Field::new("address", TEXT, "Where."),
    Field::new("weight", Type::Integer { min: 1, max: 9 }, "How much.").or_integer(1),
];
const TEXT: Type = Type::Text {
    bytes_max: 5,
    check: any_text,
};
const FIELDS: &[Field] = &[
    Field::new("path", TEXT, "A text."),
    Field::new("size", Type::Integer { min: 1, max: 9 }, "A number.").or_integer(3),
    Field::new("is_on", Type::Bool, "A switch.").or_bool(true),
    Field::new("color", Type::Choice(&["", "red"]), "A choice.").or_text(""),
    Field::new("password", Type::Secret { bytes_max: 9 }, "A secret.").optional(),
    Field::new(
        "endpoints",
        Type::List {
            of: &Type::Object(ENDPOINT),
            len_max: 2,
        },
        "A list.",
    )
    .or_empty(),
    Field::new("headers", Type::Map { len_max: 2 }, "A map.").or_empty(),
];

fn parsed(given: Value) -> Result<Value, Vec<String>> {
    let Value::Object(given) = given else {
        panic!("an object");
    };
    match parse(FIELDS, given) {
        Ok(fields) => Ok(Value::Object(fields)),
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn missing_fields_get_their_defaults_and_null_is_missing() {
    let expected = json!({"path": "a", "size": 3, "is_on": true, "color": "", "endpoints": [],
                          "headers": {}});
    assert_eq!(parsed(json!({"path": "a"})), Ok(expected.clone()));
    assert_eq!(
        parsed(json!({"path": "a", "size": null, "password": null})),
        Ok(expected)
    );
}

#[test]
fn every_fault_is_told_at_once_with_its_place() {
    let errors = parsed(json!({
        "size": 10, "is_on": "yes", "color": "blue", "pasword": "x",
        "endpoints": [{"address": "abcdef"}, {"adress": "a"}], "headers": {"a/b": 1},
    }))
    .unwrap_err();
    let expected = [
        "pasword: is not a field; password?",
        "path: is needed",
        "size: must be a whole number, 1 to 9",
        "is_on: must be true or false",
        "color: must be empty | red",
        "endpoints/0/address: must not be longer than 5 bytes",
        "endpoints/1/adress: is not a field; address?",
        "endpoints/1/address: is needed",
        "headers/a~1b: must be a text",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn what_is_too_much_is_refused_whole() {
    let errors = parsed(json!({"path": "a", "endpoints": [1, 2, 3], "size": 1.5})).unwrap_err();
    assert_eq!(
        errors,
        [
            "size: must be a whole number, 1 to 9",
            "endpoints: must not have more than 2 elements"
        ]
    );
    assert!(parsed(json!({"path": "a\u{1b}"})).is_err());
}

const TYPED: &[Field] = &[
    Field::new("type", Type::Choice(&["http", "tcp"]), "A type."),
    Field::new("path", TEXT, "A text.").only_for("type", &["http"]),
    Field::new("hash_on", Type::Choice(&["none", "header"]), "A choice.")
        .or_text("none")
        .only_for("type", &["http"]),
    Field::new("header", TEXT, "A text.").only_for("hash_on", &["header"]),
    Field::new("port", Type::Integer { min: 1, max: 9 }, "A number.")
        .or_integer(8)
        .only_for("type", &["tcp"]),
    Field::new("check", Type::Object(CHECK), "An object.").or_defaults(),
    Field::new(
        "days",
        Type::List {
            of: &Type::Choice(&["sat", "sun"]),
            len_max: 7,
        },
        "A list.",
    )
    .or_texts(&["sun"]),
    Field::new("value", Type::Scalar { bytes_max: 5 }, "A value.").optional(),
    Field::new("password", Type::Secret { bytes_max: 9 }, "A secret.").optional(),
];
const CHECK: &[Field] = &[
    Field::new("rise", Type::Integer { min: 1, max: 9 }, "A number.").or_integer(2),
    Field::new("host", TEXT, "A text.").optional(),
];

fn typed(given: Value) -> Result<Value, Vec<String>> {
    let Value::Object(given) = given else {
        panic!("an object");
    };
    match parse(TYPED, given) {
        Ok(fields) => Ok(Value::Object(fields)),
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn a_field_of_another_type_is_neither_needed_nor_there() {
    assert_eq!(
        typed(json!({"type": "tcp"})),
        Ok(json!({"type": "tcp", "port": 8, "check": {"rise": 2}, "days": ["sun"]}))
    );
    assert_eq!(
        typed(json!({"type": "http", "path": "/", "check": {"host": "a"}, "days": []})),
        Ok(
            json!({"type": "http", "path": "/", "hash_on": "none", "check": {"rise": 2, "host": "a"},
                  "days": []})
        )
    );
    assert_eq!(
        typed(json!({"type": "http"})),
        Err(vec!["path: is needed".to_owned()])
    );
}

#[test]
fn a_field_of_another_type_is_refused_unless_it_says_nothing() {
    assert_eq!(
        typed(json!({"type": "http", "path": "/", "port": 9, "header": "a"})),
        Err(vec![
            "header: is only for hash_on header".to_owned(),
            "port: is only for type tcp".to_owned(),
        ])
    );
    let silent = json!({"type": "tcp", "path": null, "hash_on": "none"});
    assert_eq!(typed(silent), typed(json!({"type": "tcp"})));
    let twice = json!({"type": "tcp", "header": "a"});
    assert_eq!(
        typed(twice),
        Err(vec!["header: is only for hash_on header".to_owned()])
    );
}

#[test]
fn an_unknown_type_is_the_one_fault_that_is_told() {
    assert_eq!(
        typed(json!({"type": "udp", "path": "/", "port": 1})),
        Err(vec!["type: must be http | tcp".to_owned()])
    );
    assert_eq!(
        typed(json!({"port": 1})),
        Err(vec!["type: is needed".to_owned()])
    );
}

#[test]
fn a_name_stands_in_a_list_once() {
    assert_eq!(
        typed(json!({"type": "tcp", "days": ["sat", "sun", "sat"]})),
        Err(vec!["days/2: is there twice: \"sat\"".to_owned()])
    );
}

#[test]
fn a_scalar_is_a_switch_a_number_or_a_text() {
    for good in [json!(true), json!(-5), json!("abc")] {
        let parsed = typed(json!({"type": "tcp", "value": good})).unwrap();
        assert_eq!(parsed["value"], good);
    }
    for bad in [
        json!(1.5),
        json!([]),
        json!({}),
        json!("abcdef"),
        json!(u64::MAX),
    ] {
        assert!(
            typed(json!({"type": "tcp", "value": bad})).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn a_refused_secret_is_not_told() {
    for secret in ["hunter\u{1}", "hunter2-hunter2", ""] {
        let errors = typed(json!({"type": "tcp", "password": secret})).unwrap_err();
        assert!(errors[0].starts_with("password: must not "), "{errors:?}");
        assert!(!errors[0].contains("hunter"), "{errors:?}");
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        "path|size|is_on|color|endpoints|headers|address|weight",
        "hash_on|header|port|check|days|value|password|rise|host",
        ".{0,4}"
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_comes_what_is_taken_is_taken_again_as_it_is(given in json_value()) {
        if let Value::Object(given) = given
            && let Ok(fields) = parse(FIELDS, given)
        {
            prop_assert_eq!(parse(FIELDS, fields.clone()), Ok(fields));
        }
    }

    #[test]
    fn what_is_taken_is_complete(kind in "http|tcp|udp", given in json_value()) {
        if let Value::Object(mut given) = given {
            given.insert("type".to_owned(), kind.into());
            if let Ok(fields) = parse(TYPED, given) {
                prop_assert_eq!(complete(TYPED, fields.clone()), fields.clone());
                prop_assert_eq!(parse(TYPED, fields.clone()), Ok(fields));
            }
        }
    }
}
