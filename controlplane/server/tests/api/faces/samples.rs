//! Requests for any kind, made from its table of fields, so that a new kind is compared without a word here.
//!
//! Whether a sample is a valid object is not known here: what counts is that both faces say the same of it. So the
//! class of these outcomes is not looked at.

use cp_model::kind::Kind;
use cp_model::schema::{Field, Presence, Type};
use serde_json::{Map, Value, json};

use super::ask::{ANY_CLASS, Ask, Etag, List, Page, Show, What};

const NAME: &str = "sample";

pub(crate) fn of(kind: &'static Kind) -> Vec<Ask> {
    [wrong(kind), made(kind), changed(kind)].concat()
}

fn ask(what: What) -> Ask {
    Ask::new(ANY_CLASS, what)
}

fn create(kind: &'static Kind, spec: Value) -> Ask {
    let (kind, name) = (kind.name, NAME);
    ask(What::Create { kind, name, spec })
}

fn update(kind: &'static Kind, etag: Etag, patch: Value, mask: bool) -> Ask {
    let (kind, name) = (kind.name, NAME);
    ask(What::Update {
        kind,
        name,
        etag,
        patch,
        mask,
    })
}

fn show(kind: &'static Kind) -> Ask {
    ask(What::Show(Show::Object(kind.name, NAME)))
}

/// Each field wrong by itself: of no type, and of another one.
fn wrong(kind: &'static Kind) -> Vec<Ask> {
    let nonsense = json!({"nonsense": 1, "more": {"of": ["it", 2.5]}});
    let mut asks = vec![show(kind), create(kind, json!({})), create(kind, nonsense)];
    for field in kind.fields {
        for wrong in [
            json!({"x": [true]}),
            json!("wrong"),
            json!(-7),
            json!(0.5),
            json!([{}]),
        ] {
            let mut spec = spec(kind.fields);
            spec[field.name] = wrong;
            asks.push(create(kind, spec).how(|how| how.is_dry_run = true));
        }
    }
    asks
}

fn made(kind: &'static Kind) -> Vec<Ask> {
    let create = || create(kind, spec(kind.fields));
    let list = |page| ask(What::List(List::Objects(kind.name), page));
    vec![
        create().how(|how| how.is_dry_run = true),
        create().how(|how| how.key = Some("k")),
        create().how(|how| how.key = Some("k")),
        create(),
        show(kind),
        list(Page::First),
        list(Page::Size(1)),
    ]
}

fn changed(kind: &'static Kind) -> Vec<Ask> {
    let (of_kind, name) = (kind.name, NAME);
    let delete = |etag| {
        ask(What::Delete {
            kind: of_kind,
            name,
            etag,
        })
    };
    let spec = spec(kind.fields);
    let etag = Etag::Any;
    let mut asks = vec![
        update(kind, Etag::Missing, json!({}), false),
        update(kind, Etag::Text("\"1\""), json!({}), false),
        ask(What::Replace {
            kind: of_kind,
            name,
            etag,
            spec,
        }),
        update(kind, Etag::Any, json!({"nonsense": 1}), false),
    ];
    for field in kind.fields {
        for value in [sample(&field.kind), Value::Null] {
            asks.push(update(kind, Etag::Any, json!({ field.name: value }), true));
        }
    }
    asks.extend([
        show(kind),
        delete(Etag::Missing),
        delete(Etag::Any),
        delete(Etag::Any),
    ]);
    asks
}

/// What has no default gets a value of its type.
fn spec(fields: &[Field]) -> Value {
    let needed = fields
        .iter()
        .filter(|field| matches!(field.presence, Presence::Required));
    let given = needed.map(|field| (field.name.to_owned(), sample(&field.kind)));
    Value::Object(given.collect::<Map<_, _>>())
}

fn sample(kind: &Type) -> Value {
    match kind {
        Type::Text { .. } | Type::Secret { .. } | Type::Scalar { .. } => json!("/sample"),
        Type::Integer { min, .. } => json!(min),
        Type::Bool => json!(true),
        Type::Choice(choices) => json!(choices[0]),
        Type::Reference(_) | Type::ReferenceOf { .. } => json!("other"),
        Type::Service => json!("bascule.echo"),
        Type::List { of, .. } => json!([sample(of)]),
        Type::Object(fields) => spec(fields),
        Type::Map { .. } => json!({"name": "value"}),
    }
}
