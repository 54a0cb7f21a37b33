//! What a listener takes from HTTP clients, and for how long it waits for them.
//!
//! The defaults are those that nodes keep today (`dataplane/codec/src/limits.rs`, `Timeouts` in
//! `dataplane/proxy/src/settings.rs`).

use crate::Invalid;
use crate::object::Spec;
use crate::schema::{Field, Type};

pub(super) const PURPOSES: &[&str] = &["http", "routes", "channels"];
const HOUR_MS: i64 = 3_600_000;

pub(super) static LIMITS: &[Field] = &[
    Field::new(
        "target_bytes_max",
        Type::integer(256, 64 * 1024),
        "Of path and query, in bytes, then 414; what browsers, servers and caches agree on.",
    )
    .or_integer(8 * 1024),
    Field::new(
        "line_bytes_max",
        Type::integer(256, 64 * 1024),
        "Of one header, in bytes, then 431; a Kerberos ticket fits.",
    )
    .or_integer(16 * 1024),
    Field::new(
        "head_bytes_max",
        Type::integer(1_024, 256 * 1024),
        "Of the whole head, in bytes, then 431; cookies of single sign-on fit.",
    )
    .or_integer(64 * 1024),
    Field::new(
        "headers_max",
        Type::integer(8, 128),
        "Headers of one request, then 431; the number that other proxies have.",
    )
    .or_integer(100),
    Field::new(
        "body_bytes_max",
        Type::integer(0, 1 << 40),
        "Of a body that goes through a route, in bytes, then 413; channels have their own limit. 0: no \
         limit, since such a body is not held in memory.",
    )
    .or_integer(0),
    Field::new(
        "requests_per_connection_max",
        Type::integer(0, 1_000_000_000),
        "Then the connection is closed. 0: no limit.",
    )
    .or_integer(0),
];

pub(super) static TIMEOUTS: &[Field] = &[
    Field::new(
        "head_ms",
        Type::integer(100, 600_000),
        "For a whole head, in milliseconds, then 408; dripping does not help.",
    )
    .or_integer(10_000),
    Field::new(
        "body_idle_ms",
        Type::integer(100, HOUR_MS),
        "Between two reads of a body, in milliseconds, then 408.",
    )
    .or_integer(30_000),
    Field::new(
        "body_rate_bytes_per_s_min",
        Type::integer(0, 1 << 30),
        "A body that comes slower, after a grace of 5 seconds, gets 408: such a client only holds a \
         place. 0: no limit.",
    )
    .or_integer(240),
    Field::new(
        "keep_alive_ms",
        Type::integer(0, HOUR_MS),
        "Between two requests of a connection, in milliseconds; longer than the usual minute of \
         balancers in front of us, so that they close first. 0: one request each.",
    )
    .or_integer(65_000),
    Field::new(
        "write_idle_ms",
        Type::integer(100, HOUR_MS),
        "For a client that does not read its answer, in milliseconds.",
    )
    .or_integer(60_000),
    Field::new(
        "connection_age_ms_max",
        Type::integer(0, 24 * HOUR_MS),
        "Then a connection ends after its next answer, in milliseconds, so that clients spread again \
         over the nodes. 0: no limit.",
    )
    .or_integer(HOUR_MS),
];

pub(super) fn fault(spec: &Spec) -> Option<Invalid> {
    let limits = spec.object("limits");
    let is_wrong = limits.integer("line_bytes_max") > limits.integer("head_bytes_max");
    let reason = "must not be less than line_bytes_max";
    is_wrong.then(|| Invalid::new("limits/head_bytes_max", reason))
}
