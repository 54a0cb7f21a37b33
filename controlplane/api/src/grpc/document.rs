//! JSON ↔ `google.protobuf.Struct`: the specs of all kinds, in both directions.
//!
//! A `Struct` has only doubles, our objects only whole numbers. Invariant: a number arrives as it was sent or
//! is refused with its place; none is rounded.

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
        Some(Kind::NumberValue(number)) => match whole(number) {
            Ok(number) => number.into(),
            Err(reason) => refused(reason, place, errors),
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

fn whole(number: f64) -> Result<i64, &'static str> {
    if !number.is_finite() {
        return Err("must be a number");
    }
    if number.fract() != 0.0 {
        return Err("must be a whole number: objects have no fractions");
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a power of two is exact, and is compared with"
    )]
    if number.abs() > WHOLE_MAX as f64 {
        return Err("must be within ±2^53: larger numbers do not travel exactly");
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and within ±2^53, as was just looked at"
    )]
    Ok(number as i64)
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
        Value::Number(number) => number_of(&number),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(items) => Kind::ListValue(ListValue {
            values: items.into_iter().map(proto_of).collect(),
        }),
        Value::Object(fields) => Kind::StructValue(struct_of(fields)),
    };
    ProtoValue { kind: Some(kind) }
}

/// Whole numbers that a double cannot hold travel as text, rather than as another number.
fn number_of(number: &Number) -> Kind {
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
