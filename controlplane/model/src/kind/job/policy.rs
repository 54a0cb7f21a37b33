//! What a job wants when things do not go as planned.
//!
//! Names, limits and defaults are the scheduler's.

use crate::Invalid;
use crate::object::Spec;
use crate::schema::{Field, Type};

/// The longest time between two attempts.
const RETRY_MS_MAX: i64 = 86_400_000;

pub(super) const MISSED: Field = Field::new(
    "missed",
    Type::Choice(&["once", "skip", "all"]),
    "What becomes of runs that nobody could start, during an outage for example: the latest runs once, \
     as most jobs want it; none; or the latest `catch_up_max`, in order.",
)
.or_text("once");
pub(super) const CATCH_UP_MAX: Field = Field::new(
    "catch_up_max",
    Type::integer(1, 1_000),
    "So many at most; more would themselves be an outage.",
)
.or_integer(10)
.only_for("missed", &["all"]);
pub(super) const CATCH_UP_WITHIN: Field = Field::new(
    "catch_up_within_s",
    Type::integer(0, 7 * 86_400),
    "Those that are older are not made up for, in seconds; an hour, as other schedulers have it.",
)
.or_integer(3_600)
.only_for("missed", &["once", "all"]);
pub(super) const OVERLAP: Field = Field::new(
    "overlap",
    Type::Choice(&["skip", "queue", "allow"]),
    "What becomes of a run while the one before is not over: it is left out, waits, or runs beside it. \
     Most services do not expect themselves.",
)
.or_text("skip");
pub(super) const OVERLAP_MAX: Field = Field::new(
    "overlap_max",
    Type::integer(1, 100),
    "How many may wait (`queue`), or run at once (`allow`).",
)
.or_integer(1)
.only_for("overlap", &["queue", "allow"]);
pub(super) const RUN_TIME_MAX: Field = Field::new(
    "run_time_max_ms",
    Type::integer(1_000, 86_400_000),
    "How long one attempt may take, the search for a node included, in milliseconds; an hour, as Zato \
     has it.",
)
.or_integer(3_600_000);
pub(super) const ATTEMPTS_MAX: Field = Field::new(
    "attempts_max",
    Type::integer(1, 100),
    "How often a run is tried when its service fails. 1: not again, since only its author knows \
     whether it may be done twice.",
)
.or_integer(1);
pub(super) const RETRY_BASE: Field = Field::new(
    "retry_base_ms",
    Type::integer(100, RETRY_MS_MAX),
    "Before the second attempt, in milliseconds, doubled each further time; faster ones meet the same \
     fault.",
)
.or_integer(1_000);
pub(super) const RETRY_CAP: Field = Field::new(
    "retry_cap_ms",
    Type::integer(100, RETRY_MS_MAX),
    "The longest, in milliseconds; a minute after the other side is back the job is done.",
)
.or_integer(60_000);

pub(super) fn faults(spec: &Spec) -> Vec<Invalid> {
    let mut faults = Vec::new();
    if spec.text("overlap") == "allow" && spec.integer("overlap_max") < 2 {
        let reason = "must be at least 2 to allow that runs overlap";
        faults.push(Invalid::new("overlap_max", reason));
    }
    if spec.integer("retry_base_ms") > spec.integer("retry_cap_ms") {
        faults.push(Invalid::new(
            "retry_cap_ms",
            "must not be less than retry_base_ms",
        ));
    }
    faults
}
