//! Routes: which requests of a listener go to which backend.
//!
//! Owns the matches and when two of them are the same. Invariant: no two routes take the same requests
//! at the same listener, so their order never depends on when they were made.

mod matches;

use super::methods::METHODS;
use super::{Claim, Kind, NameGrammar, Rules};
use crate::object::{Fields, Spec};
use crate::schema::{Field, Type, check};
use crate::{Invalid, ObjectName};

const LISTENERS_MAX: usize = 64;
const HEADERS_MAX: usize = 32;
/// Header names and values that are set.
const TEXT_BYTES_MAX: usize = 4_096;
const HOUR_MS: i64 = 3_600_000;

pub static KIND: Kind = Kind {
    name: "route",
    plural: "routes",
    about: concat!(
        "Which requests go to which backend, or are told to go elsewhere. ",
        not_yet!()
    ),
    names: NameGrammar::Strict,
    fields: FIELDS,
    rules: Rules {
        check,
        claims,
        ..Rules::NONE
    },
    examples: EXAMPLES,
};

static FIELDS: &[Field] = &[
    Field::new(
        "listeners",
        Type::list(&Type::Reference("listener"), LISTENERS_MAX),
        "At which listeners; empty: at all that take routes, after the routes that name theirs.",
    )
    .or_empty(),
    Field::new(
        "host",
        Type::text(255, check::host_pattern),
        "The `Host` of the request without its port; `*.example.com` is any one level below; empty is \
         any. A host wins over `*.`, which wins over any.",
    )
    .or_text(""),
    Field::new(
        "path_match",
        Type::Choice(&["prefix", "exact", "pattern"]),
        "How `path` is meant: `prefix` takes whole segments and all below them, as most routes do; \
         `pattern` has parameters, as channels do.",
    )
    .or_text("prefix"),
    Field::new(
        "path",
        Type::text(matches::PATH_BYTES_MAX, check::path),
        "Exact wins over pattern, pattern over prefix, the longer over the shorter.",
    )
    .or_text("/"),
    Field::new(
        "methods",
        Type::list(&Type::Choice(METHODS), METHODS.len()),
        "Empty is any.",
    )
    .or_empty(),
    Field::new(
        "headers",
        Type::list(&Type::Object(matches::HEADER), HEADERS_MAX),
        "Headers that the request must have; a route with more of them wins.",
    )
    .or_empty(),
    Field::new(
        "priority",
        Type::integer(-1_000, 1_000),
        "The greater wins, before all of the above is looked at.",
    )
    .or_integer(0),
    Field::new(
        "action",
        Type::Choice(&["backend", "redirect"]),
        "What becomes of the request.",
    )
    .or_text("backend"),
    Field::new("backend", Type::Reference("backend"), "Who answers.").only_for("action", BACKEND),
    Field::new(
        "rewrite",
        Type::Object(REWRITE),
        "What the backend sees that the client did not send.",
    )
    .or_defaults()
    .only_for("action", BACKEND),
    Field::new("redirect", Type::Object(REDIRECT), "Where the client shall go.")
        .only_for("action", &["redirect"]),
    Field::new(
        "response_headers",
        Type::Map {
            len_max: HEADERS_MAX,
        },
        "Headers that every answer of the route has; an empty value takes one away.",
    )
    .or_empty(),
    Field::new(
        "timeout_ms",
        Type::integer(0, HOUR_MS),
        "For the whole exchange, in milliseconds, then 504. 0: as the backend says.",
    )
    .or_integer(0)
    .only_for("action", BACKEND),
    Field::new(
        "first_byte_ms",
        Type::integer(0, HOUR_MS),
        "To the first byte of the answer, in milliseconds. 0: as the backend says.",
    )
    .or_integer(0)
    .only_for("action", BACKEND),
    Field::new("is_active", Type::Bool, "An inactive route keeps its place and takes nothing.")
        .or_bool(true),
];

const BACKEND: &[&str] = &["backend"];

static REWRITE: &[Field] = &[
    Field::new(
        "path_prefix",
        Type::text(matches::PATH_BYTES_MAX, check::path),
        "Stands in for the prefix that matched; missing: the path stays.",
    )
    .optional(),
    Field::new(
        "host",
        Type::text(255, check::host),
        "Stands in for `Host`; missing: it stays, as most backends want it.",
    )
    .optional(),
    Field::new(
        "headers",
        Type::Map {
            len_max: HEADERS_MAX,
        },
        "Headers of the request that are set; an empty value takes one away. Not a place for secrets: \
         they are shown.",
    )
    .or_empty(),
];

static REDIRECT: &[Field] = &[
    Field::new(
        "status",
        Type::Choice(&["301", "302", "303", "307", "308"]),
        "308 and 307 keep the method; what is permanent (301, 308) is kept by browsers for good, so it \
         is not the default.",
    )
    .or_text("307"),
    Field::new(
        "scheme",
        Type::Choice(&["", "http", "https"]),
        "Empty: as the request came.",
    )
    .or_text(""),
    Field::new("host", Type::text(270, check_redirect_host), "With its port, when it needs one; \
         missing: as the request came.")
        .optional(),
    Field::new(
        "path",
        Type::text(matches::PATH_BYTES_MAX, check::path),
        "Missing: as the request came.",
    )
    .optional(),
    Field::new("is_query_kept", Type::Bool, "Whether the query goes along, as people expect.")
        .or_bool(true),
];

const EXAMPLES: &[&str] = &[
    r#"{"name": "crm", "backend": "crm"}"#,
    r#"{"name": "orders", "listeners": ["public-tls"], "host": "api.example.com", "path": "/orders",
        "methods": ["GET", "POST"], "headers": [{"name": "X-Version", "value": "2"}],
        "backend": "crm", "rewrite": {"path_prefix": "/v2/orders"}}"#,
    r#"{"name": "to-tls", "listeners": ["public"], "action": "redirect",
        "redirect": {"scheme": "https", "status": "308"}}"#,
];

fn check_redirect_host(text: &str) -> Result<(), String> {
    check::host(text).or_else(|_| check::host_port(text))
}

fn check(_name: &ObjectName, spec: &Spec) -> Vec<Invalid> {
    let mut faults = Vec::new();
    faults.extend(matches::path_fault(spec));
    faults.extend(matches::header_faults(spec));
    let rewrite = spec.object("rewrite");
    if rewrite.has("path_prefix") && spec.text("path_match") != "prefix" {
        let reason = "is only for path_match prefix";
        faults.push(Invalid::new("rewrite/path_prefix", reason));
    }
    faults.extend(header_map_fault(rewrite, "headers", "rewrite/headers"));
    faults.extend(header_map_fault(
        spec.view(),
        "response_headers",
        "response_headers",
    ));
    let redirect = spec.object("redirect");
    let is_elsewhere =
        redirect.has("host") || redirect.has("path") || !redirect.text("scheme").is_empty();
    if spec.has("redirect") && !is_elsewhere {
        let reason = "must say scheme, host or path, else it leads to itself";
        faults.push(Invalid::new("redirect", reason));
    }
    faults
}

/// What stands between two nodes and the bytes of a head must not be set by a rule.
fn header_map_fault(fields: Fields<'_>, field: &str, place: &str) -> Option<Invalid> {
    const FRAMING: [&str; 6] = [
        "connection",
        "content-length",
        "host",
        "te",
        "transfer-encoding",
        "upgrade",
    ];
    fields.entries(field).into_iter().find_map(|(name, value)| {
        let place = format!("{place}/{name}");
        if let Err(reason) = check::token(name) {
            return Some(Invalid::new(place, reason));
        }
        if FRAMING.contains(&name.to_ascii_lowercase().as_str()) {
            return Some(Invalid::new(
                place,
                "must not be set: it frames the message",
            ));
        }
        header_value_fault(value).map(|reason| Invalid::new(place, reason))
    })
}

fn header_value_fault(value: &str) -> Option<&'static str> {
    let is_cut = value.len() > TEXT_BYTES_MAX || value.contains(['\n', '\t']);
    is_cut.then_some("must be one line of at most 4096 bytes")
}

/// Each listener, host, path, method and set of headers that the route takes. The priority is no part:
/// of two that take the same, one would never be reached.
fn claims(spec: &Spec) -> Vec<Claim> {
    let listeners = match spec.texts("listeners") {
        empty if empty.is_empty() => vec!["*"],
        named => named,
    };
    let what = matches::key(spec);
    let text = matches::text(spec);
    let mut claims = Vec::new();
    for listener in listeners {
        for method in matches::methods(spec) {
            claims.push(Claim {
                field: "path",
                key: format!("{listener} {method} {what}"),
                text: text.clone(),
            });
        }
    }
    claims
}

#[cfg(test)]
mod tests;
