//! What goes in comes out, and what would not is refused with its place.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn number(number: f64) -> ProtoValue {
    ProtoValue {
        kind: Some(Kind::NumberValue(number)),
    }
}

fn places(given: Struct) -> Vec<String> {
    let errors = fields_of(given).unwrap_err();
    errors
        .into_iter()
        .map(|error| error.field.into_owned())
        .collect()
}

#[test]
fn what_is_no_value_is_refused_with_its_place() {
    let value = |kind| ProtoValue { kind: Some(kind) };
    let list = ListValue {
        values: vec![number(1.0), number(f64::INFINITY)],
    };
    let inner = Struct {
        fields: [("timeout_ms".to_owned(), number(f64::NAN))].into(),
    };
    let given = [
        ("a", number(2.0)),
        ("d", value(Kind::ListValue(list))),
        ("e", value(Kind::StructValue(inner))),
        ("f", ProtoValue { kind: None }),
    ];
    let given = given.map(|(name, value)| (name.to_owned(), value)).into();
    assert_eq!(
        places(Struct { fields: given }),
        ["d/1", "e/timeout_ms", "f"]
    );
}

#[test]
fn a_fraction_is_refused_by_the_kind_with_what_it_would_take() {
    for bad in [7.5, 9_007_199_254_740_994.0, -1.0] {
        let text = |text: &str| ProtoValue {
            kind: Some(Kind::StringValue(text.to_owned())),
        };
        let given = [
            ("name", text("a")),
            ("path", text("/a")),
            ("service", text("bascule.echo")),
            ("timeout_ms", number(bad)),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value)).into();
        let fields = fields_of(Struct { fields: given }).unwrap();
        let errors = cp_model::kind::CHANNEL.parse(fields).unwrap_err();
        assert_eq!(errors.len(), 1);
        let told = "timeout_ms: must be a whole number, 1 to 3600000";
        assert_eq!(errors[0].to_string(), told, "{bad}");
    }
}

#[test]
fn a_number_that_a_double_cannot_hold_is_shown_as_text() {
    let shown = proto_of(json!(u64::MAX));
    assert_eq!(
        shown.kind,
        Some(Kind::StringValue("18446744073709551615".to_owned()))
    );
    assert_eq!(proto_of(json!(0.5)).kind, Some(Kind::NumberValue(0.5)));
}

fn json() -> impl Strategy<Value = Value> {
    let whole = -(1_i64 << 53)..=(1_i64 << 53);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        whole.prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(fields in prop::collection::btree_map("[a-z_]{1,6}", json(), 0..6)) {
        let fields: Map<String, Value> = fields.into_iter().collect();
        prop_assert_eq!(fields_of(struct_of(fields.clone())), Ok(fields));
    }

    #[test]
    fn a_double_is_taken_exactly_or_not_at_all(double in any::<f64>()) {
        let given = Struct { fields: [("a".to_owned(), number(double))].into() };
        if let Ok(fields) = fields_of(given) {
            prop_assert_eq!(fields["a"].as_f64(), Some(double + 0.0));
        }
    }

    #[test]
    fn any_bytes_that_are_a_struct_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(given) = <Struct as prost::Message>::decode(&*bytes) {
            fields_of(given).ok();
        }
    }
}
