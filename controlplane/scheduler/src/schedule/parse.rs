//! From the fields that people write to a schedule.
//!
//! Owns the limits of schedules; refuses fields that do not belong to the kind, so that nothing that
//! was written is silently ignored. Invariant: what is accepted has a slot before 2100.

use chrono::{DateTime, NaiveDateTime};
use cp_model::Invalid;

use super::{JITTER_S_MAX, Kind, Schedule, ScheduleFields};
use crate::calendar::Calendar;
use crate::cron::Pattern;
use crate::interval::Interval;
use crate::mix;
use crate::moment::Moment;
use crate::zone::{EARLIEST_S, HORIZON_S, Zone};

/// A century: what is longer never fires twice before the horizon.
const PERIOD_S_MAX: u64 = 36_525 * 86_400;

pub(super) fn schedule(fields: &ScheduleFields) -> Result<Schedule, Invalid> {
    let zone = Zone::parse(&fields.zone)?;
    let kind = match fields.kind.as_str() {
        "one_time" => one_time(fields, zone)?,
        "interval" => interval(fields, zone)?,
        "cron" => cron(fields, zone)?,
        _ => return Err(Invalid::new("kind", "must be one_time, interval or cron")),
    };
    if fields.jitter_s > JITTER_S_MAX {
        let reason = format!("must be 0 to {JITTER_S_MAX} seconds");
        return Err(Invalid::new("jitter_s", reason));
    }
    let schedule = Schedule {
        kind,
        zone,
        calendar: Calendar::parse(&fields.skip_dates, &fields.skip_weekdays)?,
        jitter_ms: i64::try_from(fields.jitter_s * 1_000).unwrap_or(0),
        repeats: fields.repeats,
        fingerprint: fingerprint(fields),
    };
    if schedule
        .slot_after(Moment::from_unix_s(EARLIEST_S - 1))
        .is_none()
    {
        let field = match schedule.kind {
            Kind::Cron { .. } => "cron",
            Kind::OneTime { .. } | Kind::Interval(_) => "start",
        };
        return Err(Invalid::new(
            field,
            "never fires on a day that is not skipped",
        ));
    }
    Ok(schedule)
}

fn one_time(fields: &ScheduleFields, zone: Zone) -> Result<Kind, Invalid> {
    refuse_period(fields)?;
    refuse_cron(fields)?;
    refuse_repeats(fields)?;
    let at_s = start(&fields.start, zone)?.ok_or_else(missing_start)?;
    Ok(Kind::OneTime { at_s })
}

fn interval(fields: &ScheduleFields, zone: Zone) -> Result<Kind, Invalid> {
    refuse_cron(fields)?;
    if fields.repeats == Some(0) {
        return Err(Invalid::new("repeats", "must be at least 1, or left out"));
    }
    let period_s = [
        (fields.weeks, 604_800),
        (fields.days, 86_400),
        (fields.hours, 3_600),
        (fields.minutes, 60),
        (fields.seconds, 1),
    ]
    .into_iter()
    .try_fold(0_u64, |sum, (count, seconds)| {
        sum.checked_add(count.checked_mul(seconds)?)
    })
    .filter(|period_s| (1..=PERIOD_S_MAX).contains(period_s))
    .and_then(|period_s| i64::try_from(period_s).ok())
    .ok_or_else(|| Invalid::new("seconds", "an interval must be 1 second to 100 years"))?;
    let start_s = start(&fields.start, zone)?.ok_or_else(missing_start)?;
    Ok(Kind::Interval(Interval { start_s, period_s }))
}

fn cron(fields: &ScheduleFields, zone: Zone) -> Result<Kind, Invalid> {
    refuse_period(fields)?;
    refuse_repeats(fields)?;
    Ok(Kind::Cron {
        pattern: Pattern::parse(&fields.cron)?,
        start_s: start(&fields.start, zone)?.unwrap_or(EARLIEST_S),
    })
}

/// An instant, or a local time that is first passed then; `None` when empty.
fn start(text: &str, zone: Zone) -> Result<Option<i64>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    let invalid = |reason: &str| Invalid::new("start", reason);
    let at = if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        instant.timestamp()
    } else if let Some(local) = local(text) {
        zone.first_passage(local)
    } else {
        return Err(invalid(
            "must be a time such as 2026-03-29T02:30:00Z, or without Z a time of the zone",
        ));
    };
    if (EARLIEST_S..HORIZON_S).contains(&at) {
        return Ok(Some(at));
    }
    Err(invalid("must lie between 1970 and 2099"))
}

/// `YYYY-MM-DDTHH:MM:SS`, seconds may be left out, a space may stand for the T.
fn local(text: &str) -> Option<NaiveDateTime> {
    let plain =
        (16..=19).contains(&text.len()) && text.starts_with(|first: char| first.is_ascii_digit());
    [
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
    ]
    .into_iter()
    .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    .filter(|_local| plain)
}

fn missing_start() -> Invalid {
    Invalid::new("start", "must say when it fires first")
}

fn refuse_period(fields: &ScheduleFields) -> Result<(), Invalid> {
    let all = [
        ("weeks", fields.weeks),
        ("days", fields.days),
        ("hours", fields.hours),
        ("minutes", fields.minutes),
        ("seconds", fields.seconds),
    ];
    match all.into_iter().find(|(_field, count)| *count > 0) {
        Some((field, _count)) => Err(Invalid::new(field, "belongs to an interval")),
        None => Ok(()),
    }
}

fn refuse_cron(fields: &ScheduleFields) -> Result<(), Invalid> {
    if fields.cron.is_empty() {
        return Ok(());
    }
    Err(Invalid::new("cron", "belongs to a cron schedule"))
}

fn refuse_repeats(fields: &ScheduleFields) -> Result<(), Invalid> {
    if fields.repeats.is_none() {
        return Ok(());
    }
    Err(Invalid::new("repeats", "belongs to an interval"))
}

/// Of what was written rather than of what it means: a change that means the same merely starts anew.
fn fingerprint(fields: &ScheduleFields) -> u64 {
    let mut words = vec![
        mix::text(&fields.kind),
        mix::text(&fields.start),
        fields.weeks,
        fields.days,
        fields.hours,
        fields.minutes,
        fields.seconds,
        fields
            .repeats
            .map_or(0, |repeats| repeats.saturating_add(1)),
        mix::text(&fields.cron),
        mix::text(&fields.zone),
        fields.jitter_s,
        u64::try_from(fields.skip_dates.len()).unwrap_or(u64::MAX),
    ];
    words.extend(fields.skip_dates.iter().map(|date| mix::text(date)));
    words.extend(fields.skip_weekdays.iter().map(|day| mix::text(day)));
    mix::words(&words)
}
