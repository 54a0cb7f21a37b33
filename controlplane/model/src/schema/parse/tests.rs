//! What the parser of fields promises, on a table that has every type.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::schema::any_text;

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
}
