//! An object as JSON.
//!
//! Invariant: no secret is in it, sealed or not.

use std::convert::Infallible;

use cp_model::Object;
use cp_model::kind::Kind;
use serde_json::{Map, Value, json};

use crate::etag;

/// The fields, `name`, `id`, `etag`, times, and where secrets are set.
pub(crate) fn shown(object: &Object) -> Value {
    let secrets = object.spec.secrets(object.kind);
    let places: Vec<_> = secrets.into_iter().map(|(place, _)| place).collect();
    let mut fields = without_secrets(object);
    fields.insert("name".into(), object.name.as_str().into());
    fields.insert("id".into(), object.id.to_string().into());
    fields.insert("etag".into(), etag::of_version(object.version).into());
    fields.insert("created_at".into(), object.created_at.to_string().into());
    fields.insert("changed_at".into(), object.changed_at.to_string().into());
    fields.insert("secrets_set".into(), json!(places));
    Value::Object(fields)
}

/// Every field that `shown` may have, to filter and order by.
pub(super) fn names(kind: &'static Kind) -> impl Iterator<Item = &'static str> + Clone {
    let own = ["name", "id", "created_at", "changed_at", "secrets_set"];
    own.into_iter()
        .chain(kind.fields.iter().map(|field| field.name))
}

fn without_secrets(object: &Object) -> Map<String, Value> {
    let gone = |_: &str, _: &str| Ok::<_, Infallible>(None);
    match object.spec.clone().with_secrets(object.kind, gone) {
        Ok(spec) => spec.into_fields(),
        Err(never) => match never {},
    }
}
