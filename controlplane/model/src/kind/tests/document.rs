//! `docs/objects.md` is made from the tables and kept in the tree, so that a change of a kind shows in
//! the page that people read.

use std::fmt::{Display, Write as _};

use super::*;
use crate::kind::SETTINGS;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/objects.md");

#[test]
fn the_kept_page_is_what_the_tables_say() {
    let now = page();
    if std::env::var_os("BASCULE_BLESS").is_some() {
        std::fs::write(KEPT, &now).unwrap();
    }
    let kept = std::fs::read_to_string(KEPT).unwrap_or_default();
    assert!(
        kept == now,
        "docs/objects.md is old: run `BASCULE_BLESS=1 cargo nextest run -p cp-model the_kept_page`"
    );
}

fn page() -> String {
    let mut page = String::from(
        "# Objects of the configuration\n\n\
         Made from the tables in `controlplane/model/src/kind/` by a test; do not edit it here. Every kind has \
         the same operations at `/api/v1/PLURAL` (see [the OpenAPI document](../controlplane/api/openapi.json)), \
         a history, differences, restoring, and optimistic locking. A field that is not there has its default; \
         `null` is the same as not there. A secret is a value, `$NAME` of an environment variable, or \
         `file:PATH`; it is never shown again.\n\n",
    );
    page.push_str("| kind | what it is | acted on |\n|---|---|---|\n");
    for kind in KINDS {
        let name = kind.name;
        let acted_on = if kind.is_acted_on() { "yes" } else { "not yet" };
        writeln!(page, "| [{name}](#{name}) | {} | {acted_on} |", about(kind)).unwrap();
    }
    let idle: Vec<_> = KINDS
        .iter()
        .filter(|kind| !kind.is_acted_on())
        .map(|kind| kind.name)
        .collect();
    writeln!(
        page,
        "\nThis version keeps, checks, compares and restores {}, and does not act on them yet.",
        idle.join(", ")
    )
    .unwrap();
    for kind in KINDS {
        section(&mut page, kind);
    }
    page
}

fn section(page: &mut String, kind: &Kind) {
    let names = match kind.names {
        NameGrammar::Strict => "`[a-z0-9][a-z0-9._-]{0,62}`",
        NameGrammar::Wide => "1 to 200 bytes, printable, no `/`",
    };
    writeln!(
        page,
        "\n## {}\n\n{} `/api/v1/{}`\n",
        kind.name, kind.about, kind.plural
    )
    .unwrap();
    table(page, kind.fields, Some(names));
    objects(page, kind.fields, "");
    if kind.name == "setting" {
        page.push_str("\nThe settings, each with what its `value` is:\n\n");
        table(page, SETTINGS, None);
    }
    for example in kind.examples {
        let value: Value = serde_json::from_str(example).unwrap();
        writeln!(page, "\n```json\n{value:#}\n```").unwrap();
    }
}

/// A table for each object in the object.
fn objects(page: &mut String, fields: &[Field], place: &str) {
    for field in fields {
        let (inner, each) = match &field.kind {
            Type::List { of, .. } => (*of, "[]"),
            other => (other, ""),
        };
        if let Type::Object(fields) = inner {
            let place = format!("{place}{}{each}", field.name);
            writeln!(page, "\n`{place}`:\n").unwrap();
            table(page, fields, None);
            objects(page, fields, &format!("{place}."));
        }
    }
}

fn table(page: &mut String, fields: &[Field], names: Option<&str>) {
    page.push_str("| field | type | default | unit | what it does, and why this default |\n");
    page.push_str("|---|---|---|---|---|\n");
    if let Some(names) = names {
        writeln!(
            page,
            "| `name` | {names} | needed | | Unique among its kind. |"
        )
        .unwrap();
    }
    for field in fields {
        let only = field.only.map_or_else(String::new, |only| {
            format!(
                " *Only when `{}` is `{}`.*",
                only.field,
                only.values.join("` or `")
            )
        });
        writeln!(
            page,
            "| `{}` | {} | {} | {} | {}{only} |",
            field.name,
            shown(&field.kind),
            default(field),
            unit(field.name),
            cell(field.about),
        )
        .unwrap();
    }
}

fn about(kind: &Kind) -> String {
    let first = kind.about.split_inclusive(". ").next().unwrap_or_default();
    cell(first.trim_end())
}

fn shown(kind: &Type) -> String {
    match kind {
        Type::Text { bytes_max, .. } => {
            format!("text, at most {} bytes", grouped(*bytes_max))
        }
        Type::Secret { bytes_max } => {
            format!("secret, at most {} bytes", grouped(*bytes_max))
        }
        Type::Integer { min, max } => format!("{}–{}", grouped(*min), grouped(*max)),
        Type::Bool => "true, false".to_owned(),
        Type::Choice(choices) => {
            let quoted = |choice: &&str| match *choice {
                "" => "empty".to_owned(),
                choice => format!("`{choice}`"),
            };
            choices.iter().map(quoted).collect::<Vec<_>>().join(", ")
        }
        Type::Reference(kind) => format!("name of a [{kind}](#{kind})"),
        Type::ReferenceOf { kind, types } => {
            format!(
                "name of a [{kind}](#{kind}) of type `{}`",
                types.join("`, `")
            )
        }
        Type::Service => "name of a service".to_owned(),
        Type::List { of, len_max } => {
            format!("list, at most {}, of: {}", grouped(*len_max), shown(of))
        }
        Type::Object(_) => "object, below".to_owned(),
        Type::Map { len_max } => format!("texts by name, at most {len_max}"),
        Type::Scalar { bytes_max } => {
            format!(
                "true, false, a whole number, or a text of at most {} bytes",
                grouped(*bytes_max)
            )
        }
    }
}

fn default(field: &Field) -> String {
    match field.presence {
        Presence::Required => "needed".to_owned(),
        Presence::Optional => "none".to_owned(),
        Presence::Text("") | Presence::Texts([]) | Presence::EmptyMap => "empty".to_owned(),
        Presence::Text(text) => format!("`{text}`"),
        Presence::Integer(number) => grouped(number),
        Presence::Bool(is) => is.to_string(),
        Presence::Texts(texts) => format!("`{}`", texts.join("`, `")),
        Presence::Defaults => "those below".to_owned(),
    }
}

/// Names end with their unit, but for what qualifies it.
fn unit(name: &str) -> &'static str {
    let name = name.trim_end_matches("_max").trim_end_matches("_min");
    match name.rsplit('_').next() {
        Some("ms") => "milliseconds",
        Some("s") if name.ends_with("bytes_per_s") => "bytes per second",
        Some("s") => "seconds",
        Some("days") if name.contains('_') => "days",
        Some("bytes") => "bytes",
        Some("percent") => "%",
        _ => "",
    }
}

/// 1000000 → 1,000,000.
fn grouped(number: impl Display) -> String {
    let number = number.to_string();
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number.as_str()),
    };
    let mut text = String::from(sign);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index % 3 == digits.len() % 3 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
