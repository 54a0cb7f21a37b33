//! From local times that match to instants that fire, also when clocks are changed.
//!
//! Owns the two rules for the days on which the clocks of a zone are changed. Invariant: the next
//! fire is later than the instant it was asked for.
//!
//! - A pattern that fires in **every hour** (`*/15 * * * *`, `@hourly`) follows real time: it fires
//!   in both passes of an hour that is repeated, and nothing is made up for an hour that is left out.
//! - Every other pattern follows the wall clock, each local time once: one that is **repeated** fires
//!   in its first pass, one that is **left out** fires at the moment after the gap; several that are
//!   left out fire there together, once.

use chrono::{NaiveDateTime, TimeDelta};

use super::Pattern;
use crate::zone::{HORIZON_S, Shown, Zone};

const SECOND: TimeDelta = TimeDelta::seconds(1);

/// The first fire after `after_s`, in seconds since the epoch, if there is one before 2100.
pub(crate) fn next_fire(pattern: &Pattern, zone: Zone, after_s: i64) -> Option<i64> {
    let fire = if pattern.is_hourly() {
        next_in_real_time(pattern, zone, after_s)
    } else {
        next_by_wall_clock(pattern, zone, after_s)
    };
    fire.filter(|at| *at < HORIZON_S)
}

fn next_by_wall_clock(pattern: &Pattern, zone: Zone, after_s: i64) -> Option<i64> {
    let mut from = match zone.repeat(after_s) {
        // In the second pass all that it shows has been passed once.
        Some(repeat) if after_s == repeat.second => repeat.end,
        _ => zone.local(after_s).checked_add_signed(SECOND)?,
    };
    loop {
        let local = pattern.next(from)?;
        let at = zone.first_passage(local);
        if at > after_s {
            return Some(at);
        }
        from = local.checked_add_signed(SECOND)?;
    }
}

fn next_in_real_time(pattern: &Pattern, zone: Zone, after_s: i64) -> Option<i64> {
    let local = zone.local(after_s).checked_add_signed(SECOND)?;
    match zone.repeat(after_s) {
        Some(repeat) if after_s == repeat.first => {
            let next = pattern.next(local)?;
            if next < repeat.end {
                return Some(after_s + (next - local).num_seconds() + 1);
            }
            first_shown(pattern, zone, zone.local(repeat.change), repeat.change - 1)
        }
        _ => first_shown(pattern, zone, local, after_s),
    }
}

/// The first instant after `after_s` at which a local time from `from` on is shown that matches.
fn first_shown(
    pattern: &Pattern,
    zone: Zone,
    mut from: NaiveDateTime,
    after_s: i64,
) -> Option<i64> {
    loop {
        let local = pattern.next(from)?;
        match zone.shown(local) {
            Shown::Once(at) => return Some(at),
            Shown::Twice { first, second } if first <= after_s => return Some(second),
            Shown::Twice { first, .. } => return Some(first),
            Shown::Never { change } => from = zone.local(change),
        }
    }
}
