//! When a job runs, as people write it.
//!
//! Refuses to know zones and to reckon with cron lines: the scheduler does, and refuses what never
//! fires.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::Invalid;
use crate::name::shown;
use crate::object::Spec;
use crate::schema::{Field, Type, check};

const INTERVAL: &[&str] = &["interval"];
/// A century: what is longer never fires twice before the scheduler's horizon.
const PERIOD_DAYS_MAX: i64 = 36_525;
const DAY_S: i64 = 86_400;
/// Zones know their changes of clocks for these.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2099;
/// What Zato allows.
const CRON_BYTES_MAX: usize = 4_000;
/// Three years of dates in full; a list of public holidays has some ten a year.
const SKIP_DATES_MAX: usize = 1_100;

pub(super) const TYPE: Field = Field::new(
    "type",
    Type::Choice(&["interval", "cron", "one_time"]),
    "`interval` counts from `start`, `cron` follows the clock of `time_zone`, `one_time` is `start` \
     alone.",
);
pub(super) const START: Field = Field::new(
    "start",
    Type::text(40, check_start),
    "RFC 3339, or without an offset a time of `time_zone`. When a one-time job runs (needed), where an \
     interval begins (when the job was made, if missing), before which cron does nothing.",
)
.optional();
pub(super) const WEEKS: Field = part("weeks", PERIOD_DAYS_MAX / 7);
pub(super) const DAYS: Field = part("days", PERIOD_DAYS_MAX);
pub(super) const HOURS: Field = part("hours", PERIOD_DAYS_MAX * 24);
pub(super) const MINUTES: Field = part("minutes", PERIOD_DAYS_MAX * 24 * 60);
pub(super) const SECONDS: Field = part("seconds", PERIOD_DAYS_MAX * DAY_S);
pub(super) const REPEATS: Field = Field::new(
    "repeats",
    Type::integer(1, 1_000_000_000),
    "So many runs, then no more; missing: for ever.",
)
.optional()
.only_for("type", INTERVAL);
pub(super) const CRON: Field = Field::new(
    "cron",
    Type::text(CRON_BYTES_MAX, check_cron),
    "Minute, hour, day of month, month, day of week; six fields have seconds in front; or `@hourly`, \
     `@daily`, `@weekly`, `@monthly`, `@yearly`.",
)
.only_for("type", &["cron"]);
pub(super) const TIME_ZONE: Field = Field::new(
    "time_zone",
    Type::text(64, check_time_zone),
    "A name of the IANA database, `Europe/Berlin`. UTC, whose clocks never change.",
)
.or_text("UTC");
pub(super) const JITTER: Field = Field::new(
    "jitter_s",
    Type::integer(0, DAY_S),
    "A run is late by up to so many seconds, each time differently, so that jobs of one minute do not \
     all start at once. 0: on time, as people expect.",
)
.or_integer(0);
pub(super) const SKIP_DATES: Field = Field::new(
    "skip_dates",
    Type::list(&Type::text(10, check::date), SKIP_DATES_MAX),
    "Days of `time_zone` on which nothing runs, `2026-12-25`.",
)
.or_empty();
pub(super) const SKIP_WEEKDAYS: Field = Field::new(
    "skip_weekdays",
    Type::list(&Type::Choice(WEEKDAYS), WEEKDAYS.len()),
    "Likewise, days of the week.",
)
.or_empty();

const WEEKDAYS: &[&str] = &["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const fn part(name: &'static str, max: i64) -> Field {
    Field::new(
        name,
        Type::integer(0, max),
        "A part of the interval; all parts are added up.",
    )
    .or_integer(0)
    .only_for("type", INTERVAL)
}

pub(super) fn faults(spec: &Spec) -> Vec<Invalid> {
    let mut faults = Vec::new();
    match spec.text("type") {
        "interval" => faults.extend(interval_fault(spec)),
        "one_time" if !spec.has("start") => {
            faults.push(Invalid::new("start", "is needed for type one_time"));
        }
        _ => {}
    }
    if spec.texts("skip_weekdays").len() == WEEKDAYS.len() {
        faults.push(Invalid::new(
            "skip_weekdays",
            "must leave a day of the week",
        ));
    }
    faults
}

fn interval_fault(spec: &Spec) -> Option<Invalid> {
    let parts = [
        ("weeks", 7 * DAY_S),
        ("days", DAY_S),
        ("hours", 3_600),
        ("minutes", 60),
        ("seconds", 1),
    ];
    let period_s: i64 = parts
        .into_iter()
        .map(|(name, seconds)| spec.integer(name).saturating_mul(seconds))
        .fold(0, i64::saturating_add);
    if period_s == 0 {
        let reason = "is needed, or minutes, hours, days or weeks: together at least one second";
        return Some(Invalid::new("seconds", reason));
    }
    let reason = "must not come to more than a hundred years with the other parts";
    (period_s > PERIOD_DAYS_MAX * DAY_S).then(|| Invalid::new("seconds", reason))
}

fn check_start(text: &str) -> Result<(), String> {
    let local = format_description!("[year]-[month]-[day]T[hour]:[minute][optional [:[second]]]");
    let year = match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(at) => Some(at.year()),
        Err(_) => PrimitiveDateTime::parse(text, &local)
            .ok()
            .map(PrimitiveDateTime::year),
    };
    match year {
        Some(year) if YEARS.contains(&year) => Ok(()),
        Some(_) => Err("must lie between 1970 and 2099".to_owned()),
        None => Err(format!(
            "must be a time such as 2027-01-31T08:30:00Z, or without Z one of time_zone, got {}",
            shown(text)
        )),
    }
}

/// The form alone: which names there are, the scheduler knows.
fn check_time_zone(text: &str) -> Result<(), String> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+');
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_good);
    if text.split('/').all(is_part) && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        Ok(())
    } else {
        Err(format!(
            "must be a time zone such as Europe/Berlin, got {}",
            shown(text)
        ))
    }
}

/// The form alone: what it means, and whether it ever fires, the scheduler knows.
fn check_cron(text: &str) -> Result<(), String> {
    const NAMES: [&str; 7] = [
        "@hourly",
        "@daily",
        "@midnight",
        "@weekly",
        "@monthly",
        "@yearly",
        "@annually",
    ];
    if let Some(named) = text.strip_prefix('@') {
        if NAMES.contains(&text) {
            return Ok(());
        }
        let names = NAMES.join(", ");
        return Err(format!("must not be @{named}; there are {names}"));
    }
    let fields: Vec<_> = text.split_ascii_whitespace().collect();
    if !matches!(fields.len(), 5 | 6) {
        return Err(format!("must have 5 or 6 fields, got {}", fields.len()));
    }
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"*?,-/#".contains(&byte);
    let wrong = fields.into_iter().find(|field| !field.bytes().all(is_good));
    wrong.map_or(Ok(()), |field| {
        Err(format!("must not have the field {}", shown(field)))
    })
}
