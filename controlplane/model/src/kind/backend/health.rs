//! How a backend knows which endpoints are up.
//!
//! The defaults are those that nodes keep among themselves (`dataplane/policy/src/health.rs`).

use crate::Invalid;
use crate::object::Spec;
use crate::schema::{Field, Type, check};

const PATH_BYTES_MAX: usize = 1_024;
const HTTP: &[&str] = &["http"];
const ASKING: &[&str] = &["tcp", "http"];

pub(super) static ACTIVE_CHECK: &[Field] = &[
    Field::new(
        "type",
        Type::Choice(&["none", "tcp", "http"]),
        "`tcp` opens a connection, which every endpoint can answer; `http` also sends a request.",
    )
    .or_text("tcp"),
    Field::new("path", Type::text(PATH_BYTES_MAX, check::path), "What is asked for.")
        .or_text("/")
        .only_for("type", HTTP),
    Field::new("method", Type::Choice(&["GET", "HEAD"]), "How.")
        .or_text("GET")
        .only_for("type", HTTP),
    Field::new(
        "host",
        Type::text(253, check::host),
        "The `Host` of the request; the endpoint's address when missing.",
    )
    .optional()
    .only_for("type", HTTP),
    Field::new("status_min", Type::integer(100, 599), "The least status that counts as up.")
        .or_integer(200)
        .only_for("type", HTTP),
    Field::new(
        "status_max",
        Type::integer(100, 599),
        "The greatest; a redirect to a log-in page is no proof of health.",
    )
    .or_integer(299)
    .only_for("type", HTTP),
    Field::new(
        "port",
        Type::integer(1, 65_535),
        "Where it is asked, when that is not where it serves.",
    )
    .optional()
    .only_for("type", ASKING),
    Field::new(
        "interval_ms",
        Type::integer(100, 3_600_000),
        "Between two checks of an endpoint, in milliseconds; a dead one is found within seconds, and \
         the load is nothing.",
    )
    .or_integer(2_000)
    .only_for("type", ASKING),
    Field::new(
        "timeout_ms",
        Type::integer(10, 60_000),
        "For the whole check, in milliseconds; a healthy endpoint answers in a few.",
    )
    .or_integer(1_000)
    .only_for("type", ASKING),
    Field::new(
        "rise",
        Type::integer(1, 100),
        "Good checks in a row after which it is up; one lucky answer is not enough.",
    )
    .or_integer(2)
    .only_for("type", ASKING),
    Field::new(
        "fall",
        Type::integer(1, 100),
        "Bad checks in a row after which it is down; one lost packet is no outage.",
    )
    .or_integer(3)
    .only_for("type", ASKING),
    Field::new(
        "jitter_percent",
        Type::integer(0, 50),
        "By how much intervals differ, so that nodes do not ask all at once.",
    )
    .or_integer(10)
    .only_for("type", ASKING),
];

pub(super) static PASSIVE_EJECTION: &[Field] = &[
    Field::new("is_active", Type::Bool, "Real requests find a broken endpoint before any check does.")
        .or_bool(true),
    Field::new(
        "broken_max",
        Type::integer(1, 1_000),
        "Connect failures, resets and time-outs in a row after which an endpoint is left out.",
    )
    .or_integer(3),
    Field::new(
        "gateway_errors_max",
        Type::integer(0, 1_000),
        "Answers of 502, 503 or 504 in a row, likewise; 0: they do not count.",
    )
    .or_integer(5),
    Field::new(
        "ejection_ms",
        Type::integer(100, 3_600_000),
        "For how long the first time, in milliseconds, doubled each further time; a restart takes about \
         as long.",
    )
    .or_integer(2_000),
    Field::new(
        "ejection_ms_max",
        Type::integer(100, 3_600_000),
        "The longest, in milliseconds; who is repaired is back within a minute.",
    )
    .or_integer(60_000),
    Field::new(
        "ejected_percent_max",
        Type::integer(1, 100),
        "At most this share of the endpoints is left out at once, and never the last one; more would \
         push the load onto a few.",
    )
    .or_integer(50),
];

pub(super) fn faults(spec: &Spec) -> Vec<Invalid> {
    let mut faults = Vec::new();
    let check = spec.object("active_check");
    if check.integer("status_min") > check.integer("status_max") {
        let reason = "must not be less than status_min";
        faults.push(Invalid::new("active_check/status_max", reason));
    }
    if check.integer("timeout_ms") > check.integer("interval_ms") {
        let reason = "must not be longer than interval_ms: checks would overtake each other";
        faults.push(Invalid::new("active_check/timeout_ms", reason));
    }
    let ejection = spec.object("passive_ejection");
    if ejection.integer("ejection_ms") > ejection.integer("ejection_ms_max") {
        let reason = "must not be less than ejection_ms";
        faults.push(Invalid::new("passive_ejection/ejection_ms_max", reason));
    }
    faults
}
