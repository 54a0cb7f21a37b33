//! The `OpenAPI` of every kind, made from its table of fields.
//!
//! Invariant: what is documented is what the parser takes, because both read one table.

use cp_model::kind::{KINDS, Kind, NameGrammar};
use cp_model::schema::{Field, Presence, Type};
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

/// Paths and schemas of all kinds.
pub(crate) fn document() -> OpenApi {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for kind in KINDS {
        paths.insert(format!("/api/v1/{}", kind.plural), collection(kind));
        paths.insert(format!("/api/v1/{}/{{name}}", kind.plural), item(kind));
        let title = title(kind.name);
        schemas.insert(title.clone(), shown(kind));
        schemas.insert(format!("{title}Input"), input(kind));
        schemas.insert(format!("{title}Patch"), patch(kind));
        schemas.insert(format!("{title}Changed"), changed(kind));
        schemas.insert(format!("Page_{title}"), page(kind));
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "", "version": "" },
        "paths": paths,
        "components": { "schemas": schemas },
    });
    // Ours from end to end: a fault shows in the test that compares the document.
    serde_json::from_value(document).unwrap_or_default()
}

fn collection(kind: &Kind) -> Value {
    let title = title(kind.name);
    json!({
        "get": {
            "tags": [kind.plural],
            "summary": format!("All {} in order of name.", kind.plural),
            "description": kind.about,
            "operationId": format!("{}_list", kind.name),
            "parameters": [query("page_size", "1 to 1000; 100 unless set."),
                           query("page_token", "`next_page_token` of the page before."),
                           query("filter", "For example `service:crm.* AND timeout_ms>5s`."),
                           query("order_by", "A field, and `asc` or `desc`; `name` unless set.")],
            "responses": { "200": answer("", &format!("Page_{title}")) },
        },
        "post": {
            "tags": [kind.plural],
            "summary": format!("Makes {}.", one(kind.name)),
            "operationId": format!("{}_create", kind.name),
            "parameters": write_parameters(),
            "requestBody": request(&format!("{title}Input")),
            "responses": {
                "200": answer("what a dry run would have made", &format!("{title}Changed")),
                "201": answer("", &format!("{title}Changed")),
                "202": answer("committed, not applied in time", &format!("{title}Changed")),
                "400": problem("a field is not valid"),
                "409": problem("its name, or what it claims, is taken"),
                "422": problem("something that it names does not exist"),
            },
        },
    })
}

fn item(kind: &Kind) -> Value {
    let title = title(kind.name);
    let write = |verb: &str, summary: String, body: Option<Value>| {
        let mut operation = json!({
            "tags": [kind.plural],
            "summary": summary,
            "operationId": format!("{}_{verb}", kind.name),
            "parameters": changes_parameters(),
            "responses": {
                "200": answer("", &format!("{title}Changed")),
                "202": answer("committed, not applied in time", &format!("{title}Changed")),
                "404": problem(""),
                "409": problem("a name or claim is taken, or it is in use"),
                "412": problem("it was changed meanwhile"),
                "428": problem("If-Match is missing"),
            },
        });
        if let (Value::Object(operation), Some(body)) = (&mut operation, body) {
            operation.insert("requestBody".to_owned(), body);
        }
        operation
    };
    let name = kind.name;
    let one = one(name);
    json!({
        "get": {
            "tags": [kind.plural],
            "summary": format!("One {name}."),
            "operationId": format!("{name}_show"),
            "parameters": [path()],
            "responses": { "200": answer("", &title), "404": problem("") },
        },
        "put": write("replace", format!("Replaces {one} as a whole. Needs `If-Match`."),
                     Some(request(&format!("{title}Input")))),
        "patch": write("update", format!("Changes the given fields of {one}. Needs `If-Match`."),
                       Some(request(&format!("{title}Patch")))),
        "delete": write("delete", format!("Takes {one} away. Needs `If-Match`."), None),
    })
}

fn shown(kind: &Kind) -> Value {
    let mut properties = own_properties(kind);
    for field in kind.fields.iter().filter(|field| !is_secret(field)) {
        properties.insert(field.name.to_owned(), property(field));
    }
    let required: Vec<_> = properties
        .keys()
        .filter(|name| {
            let field = kind.fields.iter().find(|field| field.name == name.as_str());
            let is_always_there = |field: &Field| {
                field.only.is_none() && !matches!(field.presence, Presence::Optional)
            };
            field.is_none_or(is_always_there)
        })
        .cloned()
        .collect();
    json!({ "type": "object", "description": kind.about, "required": required,
            "properties": properties })
}

fn own_properties(kind: &Kind) -> Map<String, Value> {
    let text = |about: &str| json!({ "type": "string", "description": about });
    Map::from_iter([
        ("name".to_owned(), name(kind)),
        ("id".to_owned(), text("Stays when the object is renamed.")),
        ("etag".to_owned(), text("For `If-Match`.")),
        ("created_at".to_owned(), text("RFC 3339.")),
        ("changed_at".to_owned(), text("RFC 3339.")),
        (
            "secrets_set".to_owned(),
            json!({ "type": "array", "items": { "type": "string" },
                    "description": "Fields that hold a secret; their values are never shown." }),
        ),
    ])
}

fn input(kind: &Kind) -> Value {
    let mut properties = Map::from_iter([("name".to_owned(), name(kind))]);
    let mut required = vec!["name"];
    for field in kind.fields {
        properties.insert(field.name.to_owned(), property(field));
        if is_needed(field) {
            required.push(field.name);
        }
    }
    // A replacement keeps its name unless another one is given.
    required.retain(|name| *name != "name");
    json!({ "type": "object", "additionalProperties": false, "properties": properties,
            "required": required })
}

fn patch(kind: &Kind) -> Value {
    let mut properties = Map::from_iter([("name".to_owned(), name(kind))]);
    for field in kind.fields {
        properties.insert(field.name.to_owned(), part(field));
    }
    json!({ "type": "object", "additionalProperties": false, "properties": properties,
            "description": "Only what shall change (RFC 7396): null takes a field back to its default." })
}

/// An object in a partial change says only what shall change, too.
fn part(field: &Field) -> Value {
    let mut schema = property(field);
    if let (Type::Object(fields), Value::Object(schema)) = (&field.kind, &mut schema) {
        let parts = fields
            .iter()
            .map(|field| (field.name.to_owned(), part(field)));
        schema.insert("properties".to_owned(), parts.collect());
        schema.remove("required");
    }
    schema
}

fn changed(kind: &Kind) -> Value {
    json!({
        "type": "object",
        "required": [kind.name, "generation", "applied"],
        "properties": {
            kind.name: reference(&title(kind.name)),
            "generation": { "type": "integer", "format": "int64", "minimum": 0 },
            "applied": reference("Applied"),
            "is_dry_run": { "type": "boolean", "description": "Nothing was committed." },
        },
    })
}

fn page(kind: &Kind) -> Value {
    json!({
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": { "type": "array", "items": reference(&title(kind.name)) },
            "next_page_token": { "type": ["string", "null"],
                                 "description": "`null` on the last page." },
        },
    })
}

fn name(kind: &Kind) -> Value {
    let about = match kind.names {
        NameGrammar::Strict => "`[a-z0-9][a-z0-9._-]{0,62}`",
        NameGrammar::Wide => "1 to 200 bytes, printable, no `/`.",
    };
    json!({ "type": "string", "description": about })
}

fn property(field: &Field) -> Value {
    let mut schema = of_type(&field.kind);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), about(field).into());
        if let Some(default) = field.default_value() {
            schema.insert("default".to_owned(), default);
        }
    }
    schema
}

fn about(field: &Field) -> String {
    match field.only {
        Some(only) => {
            let values = only.values.join("` or `");
            format!("{} Only when `{}` is `{values}`.", field.about, only.field)
        }
        None => field.about.to_owned(),
    }
}

fn of_type(kind: &Type) -> Value {
    match kind {
        Type::Text { .. } | Type::Reference(_) | Type::ReferenceOf { .. } | Type::Service => {
            json!({ "type": "string" })
        }
        Type::Scalar { .. } => json!({ "type": ["boolean", "integer", "string"] }),
        Type::Secret { .. } => json!({ "type": "string", "writeOnly": true, "format": "password" }),
        Type::Integer { min, max } => {
            json!({ "type": "integer", "format": "int64", "minimum": min, "maximum": max })
        }
        Type::Bool => json!({ "type": "boolean" }),
        Type::Choice(choices) => json!({ "type": "string", "enum": choices }),
        Type::List { of, .. } => json!({ "type": "array", "items": of_type(of) }),
        Type::Map { .. } => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
        Type::Object(fields) => {
            let required: Vec<_> = fields
                .iter()
                .filter(|field| is_needed(field))
                .map(|field| field.name)
                .collect();
            let properties: Map<String, Value> = fields
                .iter()
                .map(|field| (field.name.to_owned(), property(field)))
                .collect();
            json!({ "type": "object", "properties": properties, "required": required })
        }
    }
}

fn is_needed(field: &Field) -> bool {
    field.only.is_none() && matches!(field.presence, Presence::Required)
}

fn is_secret(field: &Field) -> bool {
    matches!(field.kind, Type::Secret { .. })
}

fn write_parameters() -> Vec<Value> {
    vec![
        query(
            "wait",
            "`applied`: answer when every connected node runs the change, 202 when the time is up.",
        ),
        query(
            "timeout",
            "For example `5s` (the default) or `500ms`; at most `60s`.",
        ),
        query("dry_run", "`true`: do everything but the commit."),
        header(
            "Idempotency-Key",
            "The same key with the same request is done once, for a day.",
        ),
        header("Bascule-Why", "The reason, for the audit trail."),
    ]
}

fn changes_parameters() -> Vec<Value> {
    let mut parameters = vec![
        path(),
        json!({
            "name": "If-Match", "in": "header", "required": true, "schema": { "type": "string" },
        }),
    ];
    parameters.extend(write_parameters());
    parameters
}

fn path() -> Value {
    json!({ "name": "name", "in": "path", "required": true, "schema": { "type": "string" } })
}

fn query(name: &str, about: &str) -> Value {
    json!({ "name": name, "in": "query", "required": false, "description": about,
            "schema": { "type": "string" } })
}

fn header(name: &str, about: &str) -> Value {
    json!({ "name": name, "in": "header", "required": false, "description": about,
            "schema": { "type": "string" } })
}

fn request(schema: &str) -> Value {
    json!({ "required": true, "content": { "application/json": { "schema": reference(schema) } } })
}

fn answer(about: &str, schema: &str) -> Value {
    json!({ "description": about,
            "content": { "application/json": { "schema": reference(schema) } } })
}

fn problem(about: &str) -> Value {
    json!({ "description": about,
            "content": { "application/problem+json": { "schema": reference("Problem") } } })
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// For people.
fn one(name: &str) -> String {
    let has_vowel = name.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {name}", if has_vowel { "an" } else { "a" })
}

fn title(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
