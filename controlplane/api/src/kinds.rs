//! `/kinds`: the tables of fields, for whoever writes or checks a configuration as a file.
//!
//! Owns their shape in JSON. `controlplane/api/kinds.json` is the same list, kept in the tree for the
//! command line, which checks files where no control plane can be asked. Invariant: what is told is what
//! the parser takes, because both read one table.

use axum::{Json, Router, routing::get};
use cp_model::kind::{KINDS, Kind, NameGrammar, SETTINGS};
use cp_model::schema::{Field, Presence, Type};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::Api;
use crate::context::Context;

#[derive(OpenApi)]
#[openapi(paths(kind_list))]
pub(crate) struct Doc;

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/kinds", get(kind_list))
}

/// Every kind of object with its table of fields.
///
/// `{"kinds": [{"name", "plural", "about", "names": "strict" or "wide", "fields": [{"name", "about",
/// "presence": "required", "optional" or "default", "default", "type", …}]}]}`. `type` is `text`
/// (`bytes_max`), `integer` (`min`, `max`), `bool`, `choice` (`choices`), `reference` (`kind`, and `types`
/// when its `type` must be one of these), `service`, `secret` (`bytes_max`), `list` (`of`, `len_max`),
/// `object` (`fields`), `map` (`len_max`) or `scalar` (`bytes_max`). A field with `only` is a part of objects
/// whose `field` is one of `values`. `settings` are the settings that there are, as fields: `name` is the
/// setting's, the rest says what its `value` may be.
#[utoipa::path(get, path = "/api/v1/kinds", tag = "config",
    responses((status = 200, body = Object, description = "in order of dependence")))]
async fn kind_list(_context: Context) -> Json<Value> {
    Json(document())
}

fn document() -> Value {
    let kinds: Vec<_> = KINDS.iter().map(|kind| of_kind(kind)).collect();
    json!({ "kinds": kinds, "settings": of_fields(SETTINGS) })
}

fn of_kind(kind: &Kind) -> Value {
    let names = match kind.names {
        NameGrammar::Strict => "strict",
        NameGrammar::Wide => "wide",
    };
    json!({ "name": kind.name, "plural": kind.plural, "about": kind.about, "names": names,
            "fields": of_fields(kind.fields) })
}

fn of_fields(fields: &[Field]) -> Vec<Value> {
    fields.iter().map(of_field).collect()
}

fn of_field(field: &Field) -> Value {
    let mut table = of_type(&field.kind);
    table.insert("name".to_owned(), field.name.into());
    table.insert("about".to_owned(), field.about.into());
    let presence = match (field.presence, field.default_value()) {
        (Presence::Required, _) => "required",
        (_, Some(default)) => {
            table.insert("default".to_owned(), default);
            "default"
        }
        (_, None) => "optional",
    };
    table.insert("presence".to_owned(), presence.into());
    if let Some(only) = field.only {
        let only = json!({ "field": only.field, "values": only.values });
        table.insert("only".to_owned(), only);
    }
    Value::Object(table)
}

fn of_type(kind: &Type) -> Map<String, Value> {
    let table = match kind {
        Type::Text { bytes_max, .. } => json!({ "type": "text", "bytes_max": bytes_max }),
        Type::Integer { min, max } => json!({ "type": "integer", "min": min, "max": max }),
        Type::Bool => json!({ "type": "bool" }),
        Type::Choice(choices) => json!({ "type": "choice", "choices": choices }),
        Type::Reference(kind) => json!({ "type": "reference", "kind": kind }),
        Type::ReferenceOf { kind, types } => {
            json!({ "type": "reference", "kind": kind, "types": types })
        }
        Type::Service => json!({ "type": "service" }),
        Type::Secret { bytes_max } => json!({ "type": "secret", "bytes_max": bytes_max }),
        Type::List { of, len_max } => {
            json!({ "type": "list", "of": of_type(of), "len_max": len_max })
        }
        Type::Object(fields) => json!({ "type": "object", "fields": of_fields(fields) }),
        Type::Map { len_max } => json!({ "type": "map", "len_max": len_max }),
        Type::Scalar { bytes_max } => json!({ "type": "scalar", "bytes_max": bytes_max }),
    };
    match table {
        Value::Object(table) => table,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kinds.json");

    #[test]
    fn the_kept_tables_are_those_of_the_kinds() {
        let now = serde_json::to_string_pretty(&document()).unwrap() + "\n";
        if std::env::var_os("BASCULE_BLESS").is_some() {
            std::fs::write(KEPT, &now).unwrap();
        }
        let kept = std::fs::read_to_string(KEPT).unwrap_or_default();
        assert!(
            kept == now,
            "controlplane/api/kinds.json is old: run `make api-types` and look at the difference"
        );
    }
}
