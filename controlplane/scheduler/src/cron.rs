//! Cron schedules: what the text means, in local time.
//!
//! Owns the grammar and the search for the next local time that matches; `fire` turns local times
//! into instants. Refuses what never matches, with the reason. Invariant: a pattern that was parsed
//! matches at least one second between 1970 and 2100.
//!
//! Five fields (minute, hour, day of month, month, day of week), or six with seconds in front. A
//! field is `*` or `?`, or a list of values, ranges `a-b` and steps `*/n`, `a-b/n`, `a/n` (from `a`
//! on). Months and days of the week have English names of three letters; Sunday is 0 and 7. Day of
//! month may be `L`, the last; day of week may be `5L`, the last Friday, or `5#2`, the second one.
//! When both day fields are restricted a day matches if *either* does, as in Vixie's cron; a field
//! that begins with `*` or `?` is not restricted.

mod field;
mod fire;
#[cfg(test)]
mod tests;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};
use cp_model::Invalid;

pub(crate) use fire::next_fire;

/// What Zato allows; lists of single values stay far below.
const TEXT_BYTES_MAX: usize = 4_000;
/// The last year in which zones know their changes of clocks.
const LAST_YEAR: i32 = 2099;

/// A parsed pattern: one bit for each value that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    seconds: u64,
    minutes: u64,
    hours: u64,
    months: u64,
    days: Days,
}

/// Which days of a month match.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Days {
    /// Bits 1 to 31.
    of_month: u64,
    last_of_month: bool,
    /// Bits 0 (Sunday) to 6.
    of_week: u64,
    /// Bit `6 * day + week`; week 0 is the last of the month, 1 to 5 are counted from its start.
    nth_of_week: u64,
    rule: DayRule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayRule {
    Both,
    Either,
}

// === impl Pattern ===

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        let pattern = parse(text).map_err(|reason| Invalid::new("cron", reason))?;
        if pattern.next_date(NaiveDate::default()).is_none() {
            let reason = "never fires: no day has this day of month, month and day of week";
            return Err(Invalid::new("cron", reason));
        }
        Ok(pattern)
    }

    /// Whether it fires in every hour: then it follows real time when clocks are changed.
    pub(crate) fn is_hourly(&self) -> bool {
        self.hours == field::HOUR.all()
    }

    /// The first local time from `from` on that matches.
    pub(crate) fn next(&self, from: NaiveDateTime) -> Option<NaiveDateTime> {
        let date = self.next_date(from.date())?;
        if date == from.date()
            && let Some(time) = self.next_time(from.time())
        {
            return Some(date.and_time(time));
        }
        let date = if date == from.date() {
            self.next_date(date.succ_opt()?)?
        } else {
            date
        };
        Some(date.and_time(self.next_time(NaiveTime::MIN)?))
    }

    fn next_date(&self, from: NaiveDate) -> Option<NaiveDate> {
        let (mut year, mut month, mut day) = (from.year(), from.month(), from.day());
        while year <= LAST_YEAR {
            if self.months & (1 << month) != 0
                && let Some(found) = next_bit(self.days.mask(year, month)?, day)
            {
                return NaiveDate::from_ymd_opt(year, month, found);
            }
            day = 1;
            month += 1;
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
        None
    }

    fn next_time(&self, from: NaiveTime) -> Option<NaiveTime> {
        let (hour, minute, second) = (from.hour(), from.minute(), from.second());
        let first_minute = next_bit(self.minutes, 0)?;
        let first_second = next_bit(self.seconds, 0)?;
        let found_hour = next_bit(self.hours, hour)?;
        if found_hour == hour {
            let found_minute = next_bit(self.minutes, minute);
            if found_minute == Some(minute)
                && let Some(found) = next_bit(self.seconds, second)
            {
                return NaiveTime::from_hms_opt(hour, minute, found);
            }
            let later = match found_minute {
                Some(found) if found == minute => next_bit(self.minutes, minute + 1),
                other => other,
            };
            if let Some(minute) = later {
                return NaiveTime::from_hms_opt(hour, minute, first_second);
            }
            let hour = next_bit(self.hours, hour + 1)?;
            return NaiveTime::from_hms_opt(hour, first_minute, first_second);
        }
        NaiveTime::from_hms_opt(found_hour, first_minute, first_second)
    }
}

// === impl Days ===

impl Days {
    /// One bit for each day of the month that matches, bits 1 to 31.
    fn mask(&self, year: i32, month: u32) -> Option<u64> {
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        let length = u32::from(first.num_days_in_month());
        let mut of_month = self.of_month;
        if self.last_of_month {
            of_month |= 1 << length;
        }
        let mut of_week = 0;
        let mut weekday = first.weekday().num_days_from_sunday();
        for day in 1..=length {
            let week = (day - 1) / 7 + 1;
            let nth = 1 << (6 * weekday + week) | u64::from(day + 7 > length) << (6 * weekday);
            if self.of_week & (1 << weekday) != 0 || self.nth_of_week & nth != 0 {
                of_week |= 1 << day;
            }
            weekday = (weekday + 1) % 7;
        }
        let mask = match self.rule {
            DayRule::Both => of_month & of_week,
            DayRule::Either => of_month | of_week,
        };
        Some(mask & ((1 << (length + 1)) - 1))
    }
}

/// The first bit that is set, from bit `from` on.
fn next_bit(bits: u64, from: u32) -> Option<u32> {
    let rest = bits.checked_shr(from)?.checked_shl(from)?;
    (rest != 0).then(|| rest.trailing_zeros())
}

fn parse(text: &str) -> Result<Pattern, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("must be at most {TEXT_BYTES_MAX} bytes"));
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let named;
    let fields = match words.as_slice() {
        [name] if name.starts_with('@') => {
            named = expand(name)?;
            named.as_slice()
        }
        fields => fields,
    };
    let (second, [minute, hour, of_month, month, of_week]) = match *fields {
        [minute, hour, of_month, month, of_week] => ("0", [minute, hour, of_month, month, of_week]),
        [second, minute, hour, of_month, month, of_week] => {
            (second, [minute, hour, of_month, month, of_week])
        }
        _ => return Err(format!("must have 5 or 6 fields, got {}", fields.len())),
    };
    let (of_month_bits, last_of_month) = field::parse_days_of_month(of_month)?;
    let (of_week_bits, nth_of_week) = field::parse_days_of_week(of_week)?;
    let is_restricted = |text: &str| !text.starts_with(['*', '?']);
    Ok(Pattern {
        seconds: field::SECOND.parse(second)?,
        minutes: field::MINUTE.parse(minute)?,
        hours: field::HOUR.parse(hour)?,
        months: field::MONTH.parse(month)?,
        days: Days {
            of_month: of_month_bits,
            last_of_month,
            of_week: of_week_bits,
            nth_of_week,
            rule: if is_restricted(of_month) && is_restricted(of_week) {
                DayRule::Either
            } else {
                DayRule::Both
            },
        },
    })
}

fn expand(name: &str) -> Result<[&'static str; 5], String> {
    match name {
        "@yearly" | "@annually" => Ok(["0", "0", "1", "1", "*"]),
        "@monthly" => Ok(["0", "0", "1", "*", "*"]),
        "@weekly" => Ok(["0", "0", "*", "*", "0"]),
        "@daily" | "@midnight" => Ok(["0", "0", "*", "*", "*"]),
        "@hourly" => Ok(["0", "*", "*", "*", "*"]),
        _ => Err("must be @yearly, @monthly, @weekly, @daily or @hourly when it has an @".into()),
    }
}
