//! What a scalar is: a text, a number, true, false or nothing. Pure.
//!
//! Quoted is always a text. Plain follows the core schema of YAML 1.2; `yes`, `no`, `on` and `off`, which YAML 1.1 took
//! for booleans, are texts there, and whoever reads the old files of others asks for `legacy_bool`.

use serde_json::{Number, Value};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Neither quoted nor a block, nor tagged as a text.
    pub(crate) is_plain: bool,
}

// === impl Scalar ===

impl Scalar {
    pub(crate) fn value(&self) -> Value {
        if self.is_plain {
            plain(&self.text)
        } else {
            Value::String(self.text.clone())
        }
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ => number(text).map_or_else(|| text.into(), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let has_digit = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !has_digit || !unsigned.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        let text = text.strip_prefix('+').unwrap_or(text);
        let whole = text.parse::<i64>().map(Number::from);
        let whole = whole.or_else(|_large| text.parse::<u64>().map(Number::from));
        if let Ok(number) = whole {
            return Some(number);
        }
    }
    let is_float = |byte: u8| byte.is_ascii_digit() || b".eE+-".contains(&byte);
    if !unsigned.bytes().all(is_float) {
        return None;
    }
    // Larger than any: a text then, which no field for numbers takes.
    Number::from_f64(text.parse().ok()?)
}

fn radix(digits: &str, radix: u32) -> Option<Number> {
    let is_signed = digits.starts_with(['+', '-']);
    u64::from_str_radix(digits, radix)
        .ok()
        .filter(|_| !is_signed)
        .map(Number::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_are_what_the_core_schema_says() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("True", json!(true)),
            ("tRUE", json!("tRUE")),
            ("yes", json!("yes")),
            ("12", json!(12)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("007", json!(7)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("0x+1", json!("0x+1")),
            ("18446744073709551615", json!(u64::MAX)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1e3", json!(1000.0)),
            ("1e999", json!("1e999")),
            (".", json!(".")),
            ("-", json!("-")),
            ("1.2.3", json!("1.2.3")),
            ("12:30", json!("12:30")),
            ("2026-12-25", json!("2026-12-25")),
            (".inf", json!(".inf")),
            ("$NAME", json!("$NAME")),
        ] {
            assert_eq!(plain(text), value, "{text}");
        }
    }

    #[test]
    fn quoted_is_a_text() {
        let quoted = |text: &str| {
            Scalar {
                text: text.to_owned(),
                is_plain: false,
            }
            .value()
        };
        assert_eq!(quoted("12"), json!("12"));
        assert_eq!(quoted(""), json!(""));
    }
}
