//! Jobs: services that run by the clock.
//!
//! Owns what a job is and which of its fields go together; what its times mean is the scheduler's.
//! Invariant: every policy is bounded, so no job can fill memory or the nodes by being late, slow or
//! wrong.

mod policy;
mod schedule;

use super::{Kind, NameGrammar, Rules};
use crate::object::Spec;
use crate::schema::{Field, Type, any_text};
use crate::{Invalid, ObjectName};

/// What Zato allows.
const EXTRA_BYTES_MAX: usize = 500_000;

pub static KIND: Kind = Kind {
    name: "job",
    plural: "jobs",
    about: "A service that runs once, at intervals, or as a cron line says.",
    names: NameGrammar::Wide,
    fields: FIELDS,
    rules: Rules {
        check,
        ..Rules::NONE
    },
    examples: EXAMPLES,
};

static FIELDS: &[Field] = &[
    Field::new("service", Type::Service, "What runs."),
    Field::new(
        "extra",
        Type::text(EXTRA_BYTES_MAX, any_text),
        "The payload of its request.",
    )
    .or_text(""),
    schedule::TYPE,
    schedule::START,
    schedule::WEEKS,
    schedule::DAYS,
    schedule::HOURS,
    schedule::MINUTES,
    schedule::SECONDS,
    schedule::REPEATS,
    schedule::CRON,
    schedule::TIME_ZONE,
    schedule::JITTER,
    schedule::SKIP_DATES,
    schedule::SKIP_WEEKDAYS,
    policy::MISSED,
    policy::CATCH_UP_MAX,
    policy::CATCH_UP_WITHIN,
    policy::OVERLAP,
    policy::OVERLAP_MAX,
    policy::RUN_TIME_MAX,
    policy::ATTEMPTS_MAX,
    policy::RETRY_BASE,
    policy::RETRY_CAP,
    Field::new(
        "on_success_service",
        Type::Service,
        "Runs after a run that went well, with its answer.",
    )
    .optional(),
    Field::new(
        "on_success_job",
        Type::Reference("job"),
        "Likewise, a job: out of turn, once.",
    )
    .optional(),
    Field::new(
        "on_error_service",
        Type::Service,
        "Runs after a run that failed for good, with the error.",
    )
    .optional(),
    Field::new(
        "on_error_job",
        Type::Reference("job"),
        "Likewise, a job: out of turn, once.",
    )
    .optional(),
    Field::new(
        "is_active",
        Type::Bool,
        "An inactive job is paused: what passes meanwhile is not made up for.",
    )
    .or_bool(true),
];

const EXAMPLES: &[&str] = &[
    r#"{"name": "heartbeat", "service": "bascule.echo", "type": "interval", "minutes": 5}"#,
    r#"{"name": "nightly report", "service": "bascule.echo", "type": "cron", "cron": "30 2 * * mon-fri",
        "time_zone": "Europe/Berlin", "skip_dates": ["2026-12-25"], "attempts_max": 3,
        "on_success_job": "heartbeat", "extra": "format=pdf"}"#,
    r#"{"name": "migration", "service": "bascule.echo", "type": "one_time",
        "start": "2027-01-01T00:00:00Z"}"#,
];

fn check(name: &ObjectName, spec: &Spec) -> Vec<Invalid> {
    let mut faults = Vec::new();
    faults.extend(schedule::faults(spec));
    faults.extend(policy::faults(spec));
    for field in ["on_success_job", "on_error_job"] {
        if spec.text(field) == name.as_str() {
            faults.push(Invalid::new(
                field,
                "must be another job: this one would never end",
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests;
