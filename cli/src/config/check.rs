//! What the tables of fields alone say about an object. The control plane says the rest: what a path or a name may look
//! like in detail, and whether what is named exists. Pure. Invariant: what is a fault here is one there.

use serde_json::{Map, Value};

use super::kinds::{Field, Kind, Kinds, Names, Presence, Type};
use crate::suggest::nearest;

/// Of names that our own objects have.
const STRICT_BYTES_MAX: usize = 63;
const WIDE_BYTES_MAX: usize = 200;

/// A JSON pointer, and what is wrong there.
type Faults = Vec<(String, String)>;

/// All of them; `given` holds the name, too.
pub(super) fn faults(kinds: &Kinds, kind: &Kind, given: &Map<String, Value>) -> Faults {
    let mut faults = Vec::new();
    let name = match given.get("name") {
        Some(Value::String(name)) => {
            if let Some(text) = name_fault(kind.names, name) {
                faults.push(("/name".to_owned(), format!("name {text}")));
            }
            name.as_str()
        }
        Some(Value::Null) | None => {
            faults.push((String::new(), format!("name is needed for a {}", kind.name)));
            ""
        }
        Some(_) => {
            faults.push(("/name".to_owned(), "name must be a text".to_owned()));
            ""
        }
    };
    let mut fields = given.clone();
    fields.remove("name");
    object(&kind.fields, &fields, "", &mut faults);
    if let (Some(setting), Some(value)) = (kinds.setting(kind, name), given.get("value")) {
        of_type(&setting.kind, value, "/value", &mut faults);
    }
    faults
}

fn object(fields: &[Field], given: &Map<String, Value>, pointer: &str, faults: &mut Faults) {
    for name in given.keys() {
        if fields.iter().any(|field| field.name == *name) {
            continue;
        }
        let known = fields.iter().map(|field| field.name.as_str());
        let near = nearest(
            name,
            known.chain(["name"].into_iter().filter(|_| pointer.is_empty())),
        );
        let meant = near.map_or_else(String::new, |near| format!("; {near}?"));
        let shown: String = name.chars().take(80).collect();
        faults.push((
            below(pointer, name),
            format!("{shown} is not a field{meant}"),
        ));
    }
    for field in fields {
        let place = below(pointer, &field.name);
        let value = given.get(&field.name).filter(|value| !value.is_null());
        let is_of = field.is_of(fields, given);
        match (value, &field.only) {
            (Some(_), Some(only)) if !is_of => {
                let values = only.values.join(" | ");
                let text = format!("{} is only for {} {values}", field.name, only.field);
                faults.push((place, text));
            }
            (Some(value), _) => of_type(&field.kind, value, &place, faults),
            // The control plane may have a secret that the file does not hold.
            (None, _) if field.is_secret() => {}
            (None, _) if is_of && field.presence == Presence::Required => {
                faults.push((pointer.to_owned(), format!("{} is needed", field.name)));
            }
            (None, _) => {}
        }
    }
}

fn of_type(kind: &Type, value: &Value, pointer: &str, faults: &mut Faults) {
    let is_right = match (kind, value) {
        (Type::Text { bytes_max } | Type::Secret { bytes_max }, Value::String(text)) => {
            if text.len() > *bytes_max {
                let text = format!("must not be longer than {bytes_max} bytes");
                faults.push((pointer.to_owned(), with_field(pointer, &text)));
            }
            true
        }
        (Type::Integer { min, max }, Value::Number(number)) => number
            .as_i64()
            .is_some_and(|number| (*min..=*max).contains(&number)),
        (Type::Choice { choices }, Value::String(text)) => choices.contains(text),
        (Type::List { of, len_max }, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                of_type(of, item, &format!("{pointer}/{index}"), faults);
            }
            items.len() <= *len_max
        }
        (Type::Object { fields }, Value::Object(given)) => {
            object(fields, given, pointer, faults);
            true
        }
        (Type::Map { len_max }, Value::Object(entries)) => {
            entries.values().all(Value::is_string) && entries.len() <= *len_max
        }
        (Type::Bool, Value::Bool(_))
        | (Type::Reference { .. } | Type::Service, Value::String(_))
        | (Type::Scalar {}, Value::Bool(_) | Value::Number(_) | Value::String(_))
        | (Type::Unknown, _) => true,
        _ => false,
    };
    if !is_right {
        let text = with_field(pointer, &format!("must be {}", described(kind)));
        faults.push((pointer.to_owned(), text));
    }
}

fn with_field(pointer: &str, text: &str) -> String {
    let field = pointer.trim_start_matches('/');
    format!("{field} {text}")
}

fn described(kind: &Type) -> String {
    match kind {
        Type::Text { .. } | Type::Secret { .. } => "a text".to_owned(),
        Type::Integer { min, max } => format!("a whole number, {min} to {max}"),
        Type::Bool => "true or false".to_owned(),
        Type::Choice { choices } => {
            let shown = |choice: &String| match choice.as_str() {
                "" => "empty".to_owned(),
                choice => choice.to_owned(),
            };
            choices.iter().map(shown).collect::<Vec<_>>().join(" | ")
        }
        Type::Reference { kind } => format!("the name of a {kind}"),
        Type::Service => "the name of a service".to_owned(),
        Type::List { of, len_max } => {
            format!("a list of at most {len_max}, each {}", described(of))
        }
        Type::Object { .. } => "a map of fields".to_owned(),
        Type::Map { len_max } => format!("a map of at most {len_max} texts"),
        Type::Scalar {} => "true or false, a whole number or a text".to_owned(),
        Type::Unknown => "something that this version does not know".to_owned(),
    }
}

pub(crate) fn name_fault(names: Names, name: &str) -> Option<String> {
    match names {
        Names::Strict if !is_strict(name) => Some(format!(
            "must be 1 to {STRICT_BYTES_MAX} of a-z, 0-9 and ._- with a letter or digit first"
        )),
        Names::Wide if !is_wide(name) => Some(format!(
            "must be 1 to {WIDE_BYTES_MAX} bytes, printable, without a / or spaces at its ends"
        )),
        _ => None,
    }
}

fn is_strict(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= STRICT_BYTES_MAX
        && name.starts_with(is_first)
        && name.chars().all(|c| is_first(c) || "._-".contains(c))
}

fn is_wide(name: &str) -> bool {
    let is_bad = |c: char| c.is_control() || c == '/';
    let is_trimmed = name.trim() == name;
    (1..=WIDE_BYTES_MAX).contains(&name.len()) && is_trimmed && !name.contains(is_bad)
}

fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}
