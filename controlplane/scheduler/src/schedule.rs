//! When a job fires.
//!
//! Owns the three kinds of schedules, their limits, calendar and jitter; refuses to know whether
//! anything was fired. Invariant: slots are whole seconds between 1970 and 2100 and the next one is
//! always later; the moment of firing lies before the following slot.
//!
//! A **slot** is the planned time, which names the run; a job fires at its slot plus the jitter. The
//! calendar speaks of the day on which a slot lies in the schedule's zone, and jitter never carries a
//! fire from a day that is allowed into one that is not.

mod parse;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::cron::{self, Pattern};
use crate::id::JobId;
use crate::interval::Interval;
use crate::mix;
use crate::moment::Moment;
use crate::zone::{EARLIEST_S, HORIZON_S, Zone};

/// A job that is spread over more than a day is another schedule.
pub const JITTER_S_MAX: u64 = 86_400;
/// More fires than a person looks at before saving, and few enough to answer at once.
pub const PREVIEW_MAX: usize = 1_000;

/// A schedule as people write it; what does not belong to its kind must be left empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleFields {
    /// `one_time`, `interval` or `cron`.
    pub kind: String,
    /// RFC 3339 with an offset, or a local time of the zone without one (`2026-03-29T02:30:00`).
    /// When a one-time job fires; the phase of an interval; nothing of a cron job fires before.
    pub start: String,
    pub weeks: u64,
    pub days: u64,
    pub hours: u64,
    pub minutes: u64,
    pub seconds: u64,
    /// An interval fires at most so often.
    pub repeats: Option<u64>,
    /// Five or six fields, or `@daily` and the like.
    pub cron: String,
    /// A name of the IANA database; empty is UTC.
    pub zone: String,
    /// A fire is late by up to so many seconds, each time differently.
    pub jitter_s: u64,
    /// Dates on which nothing fires, `2026-12-24`.
    pub skip_dates: Vec<String>,
    /// Days of the week on which nothing fires, `sat`.
    pub skip_weekdays: Vec<String>,
}

/// A schedule that fires at least once, if asked early enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    kind: Kind,
    zone: Zone,
    calendar: Calendar,
    jitter_ms: i64,
    repeats: Option<u64>,
    fingerprint: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    OneTime { at_s: i64 },
    Interval(Interval),
    Cron { pattern: Pattern, start_s: i64 },
}

// === impl Schedule ===

impl Schedule {
    /// Parses; an error names the field. Refuses what never fires.
    pub fn parse(fields: &ScheduleFields) -> Result<Self, cp_model::Invalid> {
        parse::schedule(fields)
    }

    /// The first slot that is later than `after`, if there is one before 2100.
    pub fn slot_after(&self, after: Moment) -> Option<Moment> {
        let mut after_s = after.unix_s().max(EARLIEST_S - 1);
        while after_s < HORIZON_S {
            let at = self.next_s(after_s).filter(|at| *at < HORIZON_S)?;
            if self.calendar.is_empty() {
                return Some(Moment::from_unix_s(at));
            }
            let date = self.zone.local(at).date();
            if !self.calendar.skips(date) {
                return Some(Moment::from_unix_s(at));
            }
            after_s = self.zone.day_end(date) - 1;
        }
        None
    }

    /// When the job fires for a slot: the slot plus its jitter, which is the same for everybody.
    pub fn fire_at(&self, job: JobId, slot: Moment) -> Moment {
        if self.jitter_ms == 0 {
            return slot;
        }
        let room = self
            .slot_after(slot)
            .map_or(i64::MAX, |next| next.ms_since(slot) - 1);
        let jitter = self.jitter_ms.min(room);
        let [high, low] = job.halves();
        let mixed = mix::words(&[high, low, slot.unix_ms().unsigned_abs()]);
        // Both are far below 2^63, so neither conversion can fail.
        let late = mixed % (jitter.unsigned_abs() + 1);
        let at = slot.plus_ms(i64::try_from(late).unwrap_or(0));
        if self.calendar.skips(self.zone.local(at.unix_s()).date()) {
            return slot;
        }
        at
    }

    /// The next slots after `now` of a job that has not fired yet: at most `count`, at most
    /// [`PREVIEW_MAX`], and no more than it repeats.
    pub fn next_fires(&self, now: Moment, count: usize) -> Vec<Moment> {
        let repeats = self.repeats.map_or(usize::MAX, |repeats| {
            usize::try_from(repeats).unwrap_or(usize::MAX)
        });
        std::iter::successors(self.slot_after(now), |slot| self.slot_after(*slot))
            .take(count.min(PREVIEW_MAX).min(repeats))
            .collect()
    }

    /// How often the job fires at most.
    pub fn repeats(&self) -> Option<u64> {
        self.repeats
    }

    pub fn jitter_ms_max(&self) -> i64 {
        self.jitter_ms
    }

    /// The name of the zone in which it is understood.
    pub fn zone_name(&self) -> &'static str {
        self.zone.name()
    }

    /// A number that changes when the schedule does, the same in every process and version.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    fn next_s(&self, after_s: i64) -> Option<i64> {
        match &self.kind {
            Kind::OneTime { at_s } => (*at_s > after_s).then_some(*at_s),
            Kind::Interval(interval) => Some(interval.next(after_s)),
            Kind::Cron { pattern, start_s } => {
                cron::next_fire(pattern, self.zone, after_s.max(start_s - 1))
            }
        }
    }
}
