//! Requests for any kind, made from its table of fields, so that a new kind is compared without a word here.
//!
//! Whether a sample is a valid object is not known here: what counts is that both faces say the same of it. So the
//! class of these outcomes is not looked at.

use cp_model::kind::Kind;
use cp_model::schema::{Field, Presence, Type};
use serde_json::{Map, Value, json};

use super::ask::{ANY_CLASS, Ask, Etag, List, Page, Show, What};

pub(crate) fn of(kind: &'static Kind) -> Vec<Ask> {
    let of_kind = kind.name;
    let name = "sample";
    let ask = |what| Ask::new(ANY_CLASS, what);
    let create = |spec| {
        ask(What::Create {
            kind: of_kind,
            name,
            spec,
        })
    };
    let update = |etag, patch| {
        ask(What::Update {
            kind: of_kind,
            name,
            etag,
            patch,
            mask: false,
        })
    };
    let masked = |patch| {
        ask(What::Update {
            kind: of_kind,
            name,
            etag: Etag::Any,
            patch,
            mask: true,
        })
    };
    let replace = |etag, spec| {
        ask(What::Replace {
            kind: of_kind,
            name,
            etag,
            spec,
        })
    };
    let delete = |etag| {
        ask(What::Delete {
            kind: of_kind,
            name,
            etag,
        })
    };
    let list = |page| ask(What::List(List::Objects(of_kind), page));
    let show = || ask(What::Show(Show::Object(of_kind, name)));
    let mut asks = vec![
        show(),
        create(json!({})),
        create(json!({"nonsense": 1, "more": {"of": ["it", 2.5]}})),
    ];
    for field in kind.fields {
        // Each field wrong by itself: of no type, and of another one.
        for wrong in [json!({"x": [true]}), json!("wrong"), json!(-7), json!([{}])] {
            let mut spec = spec(kind.fields);
            spec[field.name] = wrong;
            asks.push(create(spec).how(|how| how.is_dry_run = true));
        }
    }
    asks.extend([
        create(spec(kind.fields)).how(|how| how.is_dry_run = true),
        create(spec(kind.fields)).how(|how| how.key = Some("k")),
        create(spec(kind.fields)).how(|how| how.key = Some("k")),
        create(spec(kind.fields)),
        show(),
        list(Page::First),
        list(Page::Size(1)),
        update(Etag::Missing, json!({})),
        update(Etag::Text("\"1\""), json!({})),
        replace(Etag::Last, spec(kind.fields)),
        update(Etag::Last, json!({"nonsense": 1})),
    ]);
    for field in kind.fields {
        asks.push(masked(json!({ field.name: sample(&field.kind) })));
        asks.push(masked(json!({ field.name: null })));
    }
    asks.extend([
        show(),
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
        Type::Text { .. } | Type::Secret { .. } => json!("/sample"),
        Type::Integer { min, .. } => json!(min),
        Type::Bool => json!(true),
        Type::Choice(choices) => json!(choices[0]),
        Type::Reference(_) => json!("other"),
        Type::Service => json!("bascule.echo"),
        Type::List { of, .. } => json!([sample(of)]),
        Type::Object(fields) => spec(fields),
        Type::Map { .. } => json!({"name": "value"}),
    }
}
