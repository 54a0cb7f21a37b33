//! JSON ↔ `google.protobuf.Struct`: the specs of all kinds, in both directions.
//!
//! A `Struct` has only doubles. What is whole becomes a whole number; a fraction stays one, which the parser of
//! the kind refuses as it does on the other face. Invariant: a number arrives as it was sent or is refused with
//! its place; none is rounded.

use cp_model::Invalid;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as ProtoValue};
use serde_json::{Map, Number, Value};

/// 2^53: above it doubles skip whole numbers.
const WHOLE_MAX: u64 = 1 << 53;

/// What a client sent, as the parser of its kind takes it; every fault at once.
pub(super) fn fields_of(given: Struct) -> Result<Map<String, Value>, Vec<Invalid>> {
    let mut errors = Vec::new();
    let fields = map_of(given, "", &mut errors);
    if errors.is_empty() {
        Ok(fields)
    } else {
        Err(errors)
    }
}

fn map_of(given: Struct, place: &str, errors: &mut Vec<Invalid>) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in given.fields {
        let place = match place {
            "" => name.clone(),
            place => format!("{place}/{name}"),
        };
        let value = json_of(value, &place, errors);
        fields.insert(name, value);
    }
    fields
}

fn json_of(value: ProtoValue, place: &str, errors: &mut Vec<Invalid>) -> Value {
    match value.kind {
        Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(is)) => is.into(),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::NumberValue(number)) => match number_of(number) {
            Some(number) => number.into(),
            None => refused("must be a number", place, errors),
        },
        Some(Kind::StructValue(given)) => Value::Object(map_of(given, place, errors)),
        Some(Kind::ListValue(list)) => {
            let items = list.values.into_iter().enumerate();
            let item = |(index, item)| json_of(item, &format!("{place}/{index}"), errors);
            Value::Array(items.map(item).collect())
        }
        None => refused("has no value; null is one", place, errors),
    }
}

fn refused(reason: &str, place: &str, errors: &mut Vec<Invalid>) -> Value {
    errors.push(Invalid::new(place.to_owned(), reason));
    Value::Null
}

/// `None` for what is no number at all. Beyond ±2^53 it may have been rounded on its way: it stays a double, which is
/// no whole number.
fn number_of(number: f64) -> Option<Number> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a power of two is exact, and is compared with"
    )]
    let is_exact = number.abs() <= WHOLE_MAX as f64;
    if is_exact && number.fract() == 0.0 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and within ±2^53, as was just looked at"
        )]
        return Some((number as i64).into());
    }
    Number::from_f64(number)
}

pub(super) fn struct_of(fields: Map<String, Value>) -> Struct {
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name, proto_of(value)));
    Struct {
        fields: fields.collect(),
    }
}

/// What is no object has no fields to show.
pub(super) fn struct_of_value(value: Value) -> Struct {
    match value {
        Value::Object(fields) => struct_of(fields),
        _ => Struct::default(),
    }
}

pub(super) fn proto_of(value: Value) -> ProtoValue {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(is) => Kind::BoolValue(is),
        Value::Number(number) => double_of(&number),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(items) => Kind::ListValue(ListValue {
            values: items.into_iter().map(proto_of).collect(),
        }),
        Value::Object(fields) => Kind::StructValue(struct_of(fields)),
    };
    ProtoValue { kind: Some(kind) }
}

/// Whole numbers that a double cannot hold travel as text, rather than as another number.
fn double_of(number: &Number) -> Kind {
    let magnitude = number
        .as_i64()
        .map_or_else(|| number.as_u64(), |number| Some(number.unsigned_abs()));
    match (magnitude, number.as_f64()) {
        (Some(magnitude), _) if magnitude > WHOLE_MAX => Kind::StringValue(number.to_string()),
        (_, Some(double)) => Kind::NumberValue(double),
        (_, None) => Kind::StringValue(number.to_string()),
    }
}

#[cfg(test)]
mod tests;
