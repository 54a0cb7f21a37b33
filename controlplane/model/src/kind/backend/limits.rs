//! How long, how often and how much: times, retries, the breaker, the cookie of a backend.
//!
//! The defaults are those that nodes keep among themselves (`dataplane/policy/src/retry.rs`,
//! `Timeouts` in `dataplane/proxy/src/settings.rs`).

use crate::Invalid;
use crate::object::Spec;
use crate::schema::{Field, Type, check};

const HOUR_MS: i64 = 3_600_000;

pub(super) static CIRCUIT_BREAKER: &[Field] = &[
    Field::new(
        "requests_max",
        Type::integer(0, 1_000_000),
        "Requests in flight from one node to the whole pool; more get 503. 0: no limit, `queue_len_max` \
         has one already.",
    )
    .or_integer(0),
    Field::new(
        "error_percent_max",
        Type::integer(0, 100),
        "The share of failed requests at which the circuit opens. 0: never, since ejection takes \
         single endpoints out before; 50 is usual for those who want it.",
    )
    .or_integer(0),
    Field::new(
        "requests_min",
        Type::integer(1, 1_000_000),
        "Fewer requests in the window than this say nothing about the pool.",
    )
    .or_integer(20),
    Field::new(
        "window_ms",
        Type::integer(100, 600_000),
        "Over which the share is taken, in milliseconds; long enough for a trend, short enough to help.",
    )
    .or_integer(10_000),
    Field::new(
        "open_ms",
        Type::integer(100, 600_000),
        "How long nothing is tried, in milliseconds; then one request decides.",
    )
    .or_integer(5_000),
];

pub(super) static RETRIES: &[Field] = &[
    Field::new(
        "resends_max",
        Type::integer(0, 10),
        "How often a request that reached an endpoint is sent to another one. 1: the second reset is \
         most likely of its own making. A connection that fails is always tried at every endpoint.",
    )
    .or_integer(1),
    Field::new(
        "on",
        Type::list(&Type::Choice(RETRY_ON), RETRY_ON.len()),
        "What is sent again: a connection that was reset before the answer, no answer in time, or a \
         status. Resets only, since an answer is an answer.",
    )
    .or_texts(&["reset"]),
    Field::new(
        "methods",
        Type::Choice(&["idempotent", "all"]),
        "Of which requests. `all` takes POST and PATCH too, which may then be done twice.",
    )
    .or_text("idempotent"),
    Field::new(
        "budget_percent",
        Type::integer(0, 100),
        "Resends under way, as a share of the requests in flight. 50: one of two endpoints may die with \
         all that it had; without a budget a pool in trouble gets twice the load.",
    )
    .or_integer(50),
    Field::new(
        "budget_min",
        Type::integer(0, 10_000),
        "As many are always allowed: quiet pools have no share.",
    )
    .or_integer(20),
    Field::new(
        "backoff_ms",
        Type::integer(0, 60_000),
        "Before the second resend, in milliseconds, doubled each further time; the first one goes at \
         once.",
    )
    .or_integer(25),
    Field::new(
        "backoff_ms_max",
        Type::integer(0, 60_000),
        "The longest, in milliseconds; below what a person notices.",
    )
    .or_integer(250),
];

const RETRY_ON: &[&str] = &["reset", "timeout", "502", "503", "504"];

pub(super) static TIMEOUTS: &[Field] = &[
    Field::new(
        "connect_ms",
        Type::integer(1, 60_000),
        "To connect, TLS included, in milliseconds; far more than a healthy network needs, short enough \
         to try another endpoint.",
    )
    .or_integer(2_000),
    Field::new(
        "first_byte_ms",
        Type::integer(1, HOUR_MS),
        "To the first byte of the answer, in milliseconds, then 504; people give up after half a \
         minute.",
    )
    .or_integer(30_000),
    Field::new("idle_ms", Type::integer(1, HOUR_MS), "Between two reads of an answer, in milliseconds.")
        .or_integer(60_000),
    Field::new(
        "total_ms",
        Type::integer(0, 24 * HOUR_MS),
        "For the whole exchange, retries included, in milliseconds. 0: no limit, large downloads take \
         long.",
    )
    .or_integer(0),
    Field::new(
        "keep_alive_ms",
        Type::integer(0, HOUR_MS),
        "How long an idle connection is kept, in milliseconds; shorter than the keep-alive of common \
         servers. 0: each request has its own.",
    )
    .or_integer(50_000),
];

pub(super) static STICKY: &[Field] = &[
    Field::new("cookie", Type::text(128, check::token), "Its name.").or_text("bascule_sticky"),
    Field::new(
        "ttl_s",
        Type::integer(0, 31_536_000),
        "How long the browser keeps it, in seconds. 0: until it is closed, as a session should.",
    )
    .or_integer(0),
    Field::new(
        "same_site",
        Type::Choice(&["strict", "lax", "none"]),
        "When other sites' pages send it. `lax` is what browsers take for granted; `none` needs TLS.",
    )
    .or_text("lax"),
];

pub(super) fn faults(spec: &Spec) -> Option<Invalid> {
    let retries = spec.object("retries");
    let is_wrong = retries.integer("backoff_ms") > retries.integer("backoff_ms_max");
    is_wrong.then(|| {
        let reason = "must not be less than backoff_ms";
        Invalid::new("retries/backoff_ms_max", reason)
    })
}
