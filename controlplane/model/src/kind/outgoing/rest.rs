//! What an outgoing REST connection has that others do not.

use super::REST;
use crate::Invalid;
use crate::kind::methods::{ANY_METHODS, METHODS};
use crate::object::Spec;
use crate::schema::{Field, Type, check};

const PATH_BYTES_MAX: usize = 2_048;
/// What a frame to a worker holds.
const RESPONSE_BYTES_LIMIT: i64 = 63 * 1024 * 1024;

pub(super) const SECURITY: Type = Type::ReferenceOf {
    kind: "security",
    types: &["basic_auth", "api_key", "oauth2_client"],
};

pub(super) const PATH: Field = Field::new(
    "path",
    Type::text(PATH_BYTES_MAX, check::path),
    "`/customers/{id}`; a call's parameters of these names stand in for the braces.",
)
.or_text("/")
.only_for("type", REST);

pub(super) const METHOD: Field = Field::new(
    "method",
    Type::Choice(ANY_METHODS),
    "What a call without a verb of its own uses; empty: it must have one.",
)
.or_text("")
.only_for("type", REST);

pub(super) const DATA_FORMAT: Field = Field::new(
    "data_format",
    Type::Choice(&["", "json", "form"]),
    "How what a service sends becomes a body, and a body what it gets; empty: as it is.",
)
.or_text("")
.only_for("type", REST);

pub(super) const CONTENT_TYPE: Field = Field::new(
    "content_type",
    Type::text(256, check::not_empty),
    "Missing: that of `data_format`.",
)
.optional()
.only_for("type", REST);

pub(super) const PING_METHOD: Field = Field::new(
    "ping_method",
    Type::Choice(METHODS),
    "How the connection is tried; HEAD asks for no body.",
)
.or_text("HEAD")
.only_for("type", REST);

pub(super) const PING_PATH: Field = Field::new(
    "ping_path",
    Type::text(PATH_BYTES_MAX, check::path),
    "Where; missing: `path`, which must have no parameters then.",
)
.optional()
.only_for("type", REST);

pub(super) const RESPONSE_BYTES_MAX: Field = Field::new(
    "response_bytes_max",
    Type::integer(0, RESPONSE_BYTES_LIMIT),
    "The largest answer that is taken, in bytes; as the largest request of a channel.",
)
.or_integer(8 * 1024 * 1024)
.only_for("type", REST);

pub(super) static RETRIES: &[Field] = &[
    Field::new(
        "retries_max",
        Type::integer(0, 20),
        "How often a call is made again. 1: a connection that was closed while idle is the most common \
         fault, and a second one is a fault of the other side.",
    )
    .or_integer(1),
    Field::new(
        "on",
        Type::list(&Type::Choice(RETRY_ON), RETRY_ON.len()),
        "After what: no connection, a reset before the answer, no answer in time, or a status.",
    )
    .or_texts(&["connect", "reset"]),
    Field::new(
        "methods",
        Type::Choice(&["idempotent", "all"]),
        "Of which calls. `all` takes POST and PATCH too, which may then be done twice.",
    )
    .or_text("idempotent"),
    Field::new(
        "backoff_ms",
        Type::integer(0, 60_000),
        "Before the first one, in milliseconds, doubled each further time; below what a person notices.",
    )
    .or_integer(100),
    Field::new(
        "backoff_ms_max",
        Type::integer(0, 600_000),
        "The longest, in milliseconds; `timeout_ms` of the channel bounds the whole anyway.",
    )
    .or_integer(2_000),
];

const RETRY_ON: &[&str] = &["connect", "reset", "timeout", "429", "502", "503", "504"];

pub(super) fn faults(spec: &Spec) -> Vec<Invalid> {
    let mut faults = Vec::new();
    match spec.text("host") {
        "" => faults.push(Invalid::new("host", "is needed")),
        host => {
            let fault = check::http_origin(host).err();
            faults.extend(fault.map(|reason| Invalid::new("host", reason)));
        }
    }
    faults.extend(path_fault(spec.text("path")));
    let retries = spec.object("retries");
    if retries.integer("backoff_ms") > retries.integer("backoff_ms_max") {
        let reason = "must not be less than backoff_ms";
        faults.push(Invalid::new("retries/backoff_ms_max", reason));
    }
    let names = spec
        .view()
        .entries("headers")
        .into_iter()
        .map(|(name, _)| name);
    let wrong = names.filter_map(|name| Some((name, check::token(name).err()?)));
    faults.extend(wrong.map(|(name, reason)| Invalid::new(format!("headers/{name}"), reason)));
    faults
}

/// Braces may stand anywhere in a segment, but each pair names something.
fn path_fault(path: &str) -> Option<Invalid> {
    let mut rest = path;
    let refuse = |reason: &str| Some(Invalid::new("path", reason));
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else {
            return refuse("has a brace that is not closed");
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if before.contains('}') || name.is_empty() || !name.bytes().all(is_name) {
            return refuse("must have parameters such as {customer_id}");
        }
        rest = behind;
    }
    if rest.contains('}') {
        refuse("has a brace that is not opened")
    } else {
        None
    }
}
