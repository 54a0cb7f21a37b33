//! Backends: endpoints that share requests.
//!
//! Invariant: at least one endpoint, no address twice, and nothing that the chosen protocol cannot do.

mod health;
mod limits;
mod tls;

use std::collections::HashSet;

pub(super) use tls::{CA, CERTIFICATE};

use super::{Kind, NameGrammar, Rules};
use crate::object::Spec;
use crate::schema::{Field, Type, check};
use crate::{Invalid, ObjectName};

/// Beyond this, endpoints belong behind a name of their own.
const ENDPOINTS_MAX: usize = 1_000;
/// As a node's.
const WEIGHT_MAX: i64 = 1_000;
const WEIGHT_DEFAULT: i64 = 100;
const ADDRESS_BYTES_MAX: usize = 270;
const NAME_BYTES_MAX: usize = 256;

pub static KIND: Kind = Kind {
    name: "backend",
    plural: "backends",
    about: concat!(
        "A balanced pool of endpoints: which of them gets a request, and what happens when one fails. ",
        not_yet!()
    ),
    names: NameGrammar::Strict,
    fields: FIELDS,
    rules: Rules {
        check,
        ..Rules::NONE
    },
    examples: EXAMPLES,
};

static FIELDS: &[Field] = &[
    Field::new(
        "protocol",
        Type::Choice(&["http", "tcp"]),
        "What is balanced: requests, or connections whose bytes are passed on as they are.",
    )
    .or_text("http"),
    Field::new(
        "endpoints",
        Type::list(&Type::Object(ENDPOINT), ENDPOINTS_MAX),
        "Who answers; at least one.",
    ),
    Field::new(
        "algorithm",
        Type::Choice(ALGORITHMS),
        "Who is next. `round_robin`, by weight, is what most pools need, and what people expect; \
         `least_requests`, `power_of_two` and `ewma` look at load or latency; `consistent_hash` and \
         `source_address` keep one client or key with one endpoint.",
    )
    .or_text("round_robin"),
    Field::new(
        "hash_on",
        Type::Choice(&["source_address", "header", "cookie", "path"]),
        "What requests of one endpoint have in common.",
    )
    .or_text("source_address")
    .only_for("algorithm", &["consistent_hash"]),
    Field::new(
        "hash_name",
        Type::text(NAME_BYTES_MAX, check::token),
        "The name of the header or cookie; a request without it is balanced at random.",
    )
    .only_for("hash_on", &["header", "cookie"]),
    Field::new(
        "hash_load_percent_max",
        Type::integer(101, 1_000),
        "No endpoint gets more than this share of the mean load; the next one on the ring takes the \
         rest. 125 is what bounded loads were published with.",
    )
    .or_integer(125)
    .only_for("algorithm", &["consistent_hash"]),
    Field::new("active_check", Type::Object(health::ACTIVE_CHECK), "Asking whether an endpoint is up.")
        .or_defaults(),
    Field::new(
        "passive_ejection",
        Type::Object(health::PASSIVE_EJECTION),
        "Leaving out an endpoint that fails with real requests.",
    )
    .or_defaults(),
    Field::new(
        "slow_start_ms",
        Type::integer(0, 600_000),
        "How long an endpoint that came up gets less than its share, in milliseconds; caches and pools \
         of a fresh process fill within seconds. 0: none.",
    )
    .or_integer(10_000),
    Field::new(
        "slow_start_percent_min",
        Type::integer(1, 100),
        "The share that it starts with.",
    )
    .or_integer(10),
    Field::new(
        "connections_max",
        Type::integer(0, 1_000_000),
        "Connections to one endpoint from one node; further requests wait. 0: as many as come.",
    )
    .or_integer(0),
    Field::new(
        "queue_len_max",
        Type::integer(0, 1_000_000),
        "Requests of one node that wait for a connection; more get 503 at once. A longer queue only \
         hides that the pool is too slow.",
    )
    .or_integer(1_000),
    Field::new(
        "queue_timeout_ms",
        Type::integer(1, 60_000),
        "How long one may wait, in milliseconds, then 503; a second is less than people bear.",
    )
    .or_integer(1_000),
    Field::new(
        "circuit_breaker",
        Type::Object(limits::CIRCUIT_BREAKER),
        "Answering 503 without trying while the pool as a whole is in trouble.",
    )
    .or_defaults(),
    Field::new(
        "retries",
        Type::Object(limits::RETRIES),
        "Sending a request again, to another endpoint.",
    )
    .or_defaults()
    .only_for("protocol", &["http"]),
    Field::new("timeouts", Type::Object(limits::TIMEOUTS), "How long the parts of an exchange may take.")
        .or_defaults(),
    Field::new("tls", Type::Object(tls::TLS), "Missing: bytes are sent as they are.").optional(),
    Field::new(
        "sticky",
        Type::Object(limits::STICKY),
        "A cookie that keeps a client with its endpoint; missing: none.",
    )
    .optional()
    .only_for("protocol", &["http"]),
    Field::new(
        "proxy_protocol",
        Type::Choice(&["off", "v1", "v2"]),
        "Tells endpoints the client's address before the first byte; off, since those that do not \
         expect it fail.",
    )
    .or_text("off"),
];

const ALGORITHMS: &[&str] = &[
    "round_robin",
    "least_requests",
    "power_of_two",
    "ewma",
    "consistent_hash",
    "source_address",
    "random",
];

static ENDPOINT: &[Field] = &[
    Field::new(
        "address",
        Type::text(ADDRESS_BYTES_MAX, check::host_port),
        "`host:port`; a name is resolved by each node, and each of its addresses is an endpoint.",
    ),
    Field::new(
        "weight",
        Type::integer(1, WEIGHT_MAX),
        "Its share of the requests, against those of the others; 100 leaves room on both sides.",
    )
    .or_integer(WEIGHT_DEFAULT),
    Field::new(
        "is_backup",
        Type::Bool,
        "Gets requests only when no other endpoint is up.",
    )
    .or_bool(false),
    Field::new(
        "state",
        Type::Choice(&["online", "draining", "offline"]),
        "`draining` finishes what it has, and keeps the clients that stick to it; `offline` gets \
         nothing.",
    )
    .or_text("online"),
];

const EXAMPLES: &[&str] = &[
    r#"{"name": "crm", "endpoints": [{"address": "10.0.0.1:8080"}, {"address": "10.0.0.2:8080"}]}"#,
    r#"{"name": "legacy", "protocol": "tcp", "endpoints": [{"address": "mainframe.example.com:992"}],
        "active_check": {"type": "tcp"},
        "tls": {"ca": "company CA", "certificate": "api.example.com"}}"#,
];

fn check(_name: &ObjectName, spec: &Spec) -> Vec<Invalid> {
    let mut faults = endpoint_faults(spec);
    if spec.text("protocol") == "tcp" {
        let reason = "looks at requests, which the protocol tcp does not know";
        if matches!(spec.text("hash_on"), "header" | "cookie" | "path") {
            faults.push(Invalid::new("hash_on", reason));
        }
    }
    faults.extend(health::faults(spec));
    faults.extend(limits::faults(spec));
    faults
}

fn endpoint_faults(spec: &Spec) -> Vec<Invalid> {
    let endpoints = spec.objects("endpoints");
    let mut faults = Vec::new();
    if endpoints.is_empty() {
        faults.push(Invalid::new("endpoints", "must not be empty"));
    } else if endpoints.iter().all(|endpoint| endpoint.is("is_backup")) {
        let reason = "must not all be backups: the last resort needs a first one";
        faults.push(Invalid::new("endpoints", reason));
    }
    let mut seen = HashSet::new();
    for (index, endpoint) in endpoints.iter().enumerate() {
        if !seen.insert(endpoint.text("address").to_ascii_lowercase()) {
            let place = format!("endpoints/{index}/address");
            faults.push(Invalid::new(place, "is there twice"));
        }
    }
    faults
}

#[cfg(test)]
mod tests;
