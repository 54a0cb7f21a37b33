//! The document: objects → JSON → objects.
//!
//! Invariant: a secret's value is not in it; where the value is (`$NAME`, `file:PATH`) is.

use std::convert::Infallible;

use cp_model::kind::{self, KINDS, Kind};
use cp_model::nearest::nearest;
use cp_model::schema::is_secret_reference;
use cp_model::{Invalid, Object};
use serde_json::{Map, Value};

/// Lists of objects by the plural of their kind; every kind is there.
pub(super) fn shown(objects: &[Object]) -> Value {
    let mut document = Map::new();
    for kind in KINDS {
        let of_kind = objects
            .iter()
            .filter(|object| object.kind.name == kind.name);
        let list = of_kind.map(shown_object).collect();
        document.insert(kind.plural.to_owned(), Value::Array(list));
    }
    Value::Object(document)
}

fn shown_object(object: &Object) -> Value {
    let reference = |_: &str, text: &str| {
        Ok::<_, Infallible>(is_secret_reference(text).then(|| text.to_owned()))
    };
    let spec = object.spec.clone().with_secrets(object.kind, reference);
    let mut fields = match spec {
        Ok(spec) => spec.into_fields(),
        Err(never) => match never {},
    };
    fields.insert("name".to_owned(), object.name.as_str().into());
    Value::Object(fields)
}

type Objects = Vec<(&'static Kind, Vec<Map<String, Value>>)>;

/// Objects whose fields nobody has looked at yet.
pub(super) fn parse(document: Map<String, Value>) -> Result<Objects, Vec<Invalid>> {
    let mut faults = Vec::new();
    let mut objects = Vec::new();
    for (plural, list) in document {
        let known = kind::find(&plural).filter(|kind| kind.plural == plural);
        let Some(kind) = known else {
            faults.push(unknown(&plural));
            continue;
        };
        match list {
            Value::Array(items) => objects.push((kind, maps(kind, items, &mut faults))),
            Value::Null => {}
            _ => faults.push(Invalid::new(plural, "must be a list of objects")),
        }
    }
    if faults.is_empty() {
        Ok(objects)
    } else {
        Err(faults)
    }
}

fn maps(kind: &Kind, items: Vec<Value>, faults: &mut Vec<Invalid>) -> Vec<Map<String, Value>> {
    let mut maps = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        match item {
            Value::Object(fields) => maps.push(fields),
            _ => faults.push(Invalid::new(
                format!("{}/{index}", kind.plural),
                "must be an object",
            )),
        }
    }
    maps
}

fn unknown(plural: &str) -> Invalid {
    let known = KINDS.iter().map(|kind| kind.plural);
    let meant = nearest(plural, known).map_or_else(String::new, |near| format!("; {near}?"));
    let shown: String = plural.chars().take(80).collect();
    let field = shown.replace('~', "~0").replace('/', "~1");
    Invalid::new(field, format!("is not a kind of objects{meant}"))
}
