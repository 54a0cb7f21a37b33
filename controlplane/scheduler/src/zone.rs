//! Local time and instants, both ways.
//!
//! Owns what the clocks of a zone show, also when they are changed; refuses schedules. Invariant:
//! of a local time there is exactly one *first passage*: the first instant at which the zone's
//! clocks show it or, when they leave it out, something later.

use chrono::{
    DateTime, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _,
};
use chrono_tz::Tz;
use cp_model::Invalid;

/// 1970-01-01, in seconds since the epoch: nothing is planned before.
pub(crate) const EARLIEST_S: i64 = 0;
/// 2100-01-01, in seconds since the epoch: the time zone database has no changes of clocks beyond,
/// so what would be planned there would be wrong by an hour.
pub(crate) const HORIZON_S: i64 = 4_102_444_800;
/// Further than any zone is, or was since 1970, from UTC.
const OFFSET_MAX_S: i64 = 15 * 3_600;

/// An IANA time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zone(Tz);

/// When the clocks of a zone show a local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Once(i64),
    Twice {
        first: i64,
        second: i64,
    },
    /// Never: they are put forward over it, at this instant.
    Never {
        change: i64,
    },
}

/// A local time that is shown twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeat {
    pub(crate) first: i64,
    pub(crate) second: i64,
    /// The instant at which the clocks are put back.
    pub(crate) change: i64,
    /// What they would have shown then: the end of the repeated hour.
    pub(crate) end: NaiveDateTime,
}

// === impl Zone ===

impl Zone {
    /// Parses a name of the IANA database; the empty text is UTC.
    pub(crate) fn parse(name: &str) -> Result<Self, Invalid> {
        if name.is_empty() {
            return Ok(Self(Tz::UTC));
        }
        name.parse().map(Self).map_err(|_unknown| {
            let shown: String = name.chars().take(64).collect();
            Invalid::new(
                "zone",
                format!("must be an IANA time zone such as Europe/Berlin, got {shown:?}"),
            )
        })
    }

    pub(crate) fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the clocks show at an instant (seconds since the epoch).
    pub(crate) fn local(self, at_s: i64) -> NaiveDateTime {
        let utc = utc(at_s);
        utc.checked_add_offset(self.0.offset_from_utc_datetime(&utc).fix())
            .unwrap_or(utc)
    }

    pub(crate) fn shown(self, local: NaiveDateTime) -> Shown {
        let plain = local.and_utc().timestamp();
        let instant =
            |offset: chrono_tz::TzOffset| plain - i64::from(offset.fix().local_minus_utc());
        match self.0.offset_from_local_datetime(&local) {
            MappedLocalTime::Single(offset) => Shown::Once(instant(offset)),
            MappedLocalTime::Ambiguous(first, second) => {
                let (first, second) = (instant(first), instant(second));
                Shown::Twice {
                    first: first.min(second),
                    second: first.max(second),
                }
            }
            MappedLocalTime::None => Shown::Never {
                change: first_that(plain - OFFSET_MAX_S, plain + OFFSET_MAX_S, |at| {
                    self.local(at) >= local
                }),
            },
        }
    }

    /// The first instant at which the clocks show `local` or, when they leave it out, go past it.
    pub(crate) fn first_passage(self, local: NaiveDateTime) -> i64 {
        match self.shown(local) {
            Shown::Once(at) | Shown::Twice { first: at, .. } | Shown::Never { change: at } => at,
        }
    }

    /// The first instant of the day after `date`.
    pub(crate) fn day_end(self, date: NaiveDate) -> i64 {
        let next = date.succ_opt().unwrap_or(NaiveDate::MAX);
        self.first_passage(next.and_time(NaiveTime::MIN))
    }

    /// The repetition in which an instant lies, if what the clocks show then is shown twice.
    pub(crate) fn repeat(self, at_s: i64) -> Option<Repeat> {
        let Shown::Twice { first, second } = self.shown(self.local(at_s)) else {
            return None;
        };
        let offset = |at: i64| self.0.offset_from_utc_datetime(&utc(at)).fix();
        let after = offset(second);
        let change = first_that(first, second, |at| offset(at) == after);
        Some(Repeat {
            first,
            second,
            change,
            end: utc(change)
                .checked_add_offset(offset(first))
                .unwrap_or(NaiveDateTime::MAX),
        })
    }
}

/// The date and time in UTC; what chrono cannot represent is far out of every range here.
fn utc(at_s: i64) -> NaiveDateTime {
    DateTime::from_timestamp(at_s, 0)
        .unwrap_or(DateTime::UNIX_EPOCH)
        .naive_utc()
}

/// The first instant in `(no, yes]` that passes; `no` does not, `yes` does, and there is one change
/// between.
fn first_that(mut no: i64, mut yes: i64, passes: impl Fn(i64) -> bool) -> i64 {
    while yes - no > 1 {
        let middle = no + (yes - no) / 2;
        if passes(middle) {
            yes = middle;
        } else {
            no = middle;
        }
    }
    yes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    fn at(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp()
    }

    #[test]
    fn a_time_that_is_left_out_is_passed_at_the_change() {
        for (zone, left_out, change) in [
            (
                "Europe/Berlin",
                "2026-03-29T02:30:00",
                "2026-03-29T01:00:00Z",
            ),
            (
                "America/New_York",
                "2026-03-08T02:00:00",
                "2026-03-08T07:00:00Z",
            ),
            (
                "Australia/Lord_Howe",
                "2026-10-04T02:15:00",
                "2026-10-03T15:30:00Z",
            ),
            (
                "America/Santiago",
                "2026-09-06T00:00:00",
                "2026-09-06T04:00:00Z",
            ),
            (
                "America/Sao_Paulo",
                "2018-11-04T00:59:59",
                "2018-11-04T03:00:00Z",
            ),
            (
                "Pacific/Apia",
                "2011-12-30T09:00:00",
                "2011-12-30T10:00:00Z",
            ),
        ] {
            let shown = Zone::parse(zone).unwrap().shown(local(left_out));
            assert_eq!(shown, Shown::Never { change: at(change) }, "{zone}");
        }
    }

    #[test]
    fn a_time_that_is_repeated_has_two_instants() {
        for (zone, repeated, first, change, end) in [
            (
                "Europe/Berlin",
                "2026-10-25T02:30:00",
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T03:00:00",
            ),
            (
                "Australia/Lord_Howe",
                "2026-04-05T01:45:00",
                "2026-04-04T14:45:00Z",
                "2026-04-04T15:00:00Z",
                "2026-04-05T02:00:00",
            ),
            (
                "America/Sao_Paulo",
                "2018-02-17T23:00:00",
                "2018-02-18T01:00:00Z",
                "2018-02-18T02:00:00Z",
                "2018-02-18T00:00:00",
            ),
        ] {
            let zone = Zone::parse(zone).unwrap();
            let found = zone.repeat(at(first)).unwrap();
            assert_eq!((found.first, found.change), (at(first), at(change)));
            assert_eq!(found.end, local(end));
            assert_eq!(zone.local(found.second), local(repeated));
            assert_eq!(zone.repeat(found.second), Some(found));
            assert_eq!(zone.first_passage(local(repeated)), found.first);
        }
    }

    #[test]
    fn zones_know_summer_time_up_to_the_horizon() {
        let zone = Zone::parse("Europe/Berlin").unwrap();
        assert_eq!(
            zone.local(at("2099-07-01T00:00:00Z")),
            local("2099-07-01T02:00:00")
        );
        assert_eq!(zone.local(HORIZON_S), local("2100-01-01T01:00:00"));
    }

    #[test]
    fn a_zone_has_a_name_of_the_database() {
        assert_eq!(Zone::parse("").unwrap().name(), "UTC");
        let error = Zone::parse("Europe/Berlin\n").unwrap_err();
        assert_eq!(error.field, "zone");
        assert!(!error.reason.contains('\n'));
    }
}
