//! Days on which nothing fires.
//!
//! Owns dates and days of the week that are skipped; refuses zones: it is asked about local dates.
//! Invariant: at least one day of the week is left.

use std::collections::BTreeSet;

use chrono::{Datelike as _, NaiveDate, Weekday};
use cp_model::Invalid;

/// Three years of dates in full; a list of public holidays has some ten a year.
pub const SKIPPED_DATES_MAX: usize = 1_100;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Calendar {
    dates: BTreeSet<NaiveDate>,
    /// Bit 0 is Monday.
    weekdays: u8,
}

// === impl Calendar ===

impl Calendar {
    /// Dates as `2026-12-24`, days of the week by their English names, whole or three letters.
    pub(crate) fn parse(dates: &[String], weekdays: &[String]) -> Result<Self, Invalid> {
        if dates.len() > SKIPPED_DATES_MAX {
            let reason = format!("must be at most {SKIPPED_DATES_MAX} dates");
            return Err(Invalid::new("skip_dates", reason));
        }
        let mut calendar = Self::default();
        for text in dates {
            calendar.dates.insert(parse_date(text)?);
        }
        for text in weekdays {
            let day: Weekday = text.parse().map_err(|_unknown| {
                Invalid::new("skip_weekdays", "must be days of the week such as sat")
            })?;
            calendar.weekdays |= 1 << day.num_days_from_monday();
        }
        if calendar.weekdays == 0x7f {
            return Err(Invalid::new(
                "skip_weekdays",
                "must leave a day of the week",
            ));
        }
        Ok(calendar)
    }

    pub(crate) fn skips(&self, date: NaiveDate) -> bool {
        self.weekdays & (1 << date.weekday().num_days_from_monday()) != 0
            || self.dates.contains(&date)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.weekdays == 0 && self.dates.is_empty()
    }
}

/// Exactly `YYYY-MM-DD`: chrono alone would take signs, spaces and years of five digits.
fn parse_date(text: &str) -> Result<NaiveDate, Invalid> {
    let plain = text.len() == 10
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-');
    text.parse()
        .ok()
        .filter(|_date| plain)
        .filter(|date: &NaiveDate| (1970..2100).contains(&date.year()))
        .ok_or_else(|| {
            Invalid::new(
                "skip_dates",
                "must be dates of 1970 to 2099 such as 2026-12-24",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn dates_and_weekdays_are_skipped() {
        let calendar =
            Calendar::parse(&texts(&["2026-12-24"]), &texts(&["sat", "Sunday"])).unwrap();
        let skipped: Vec<u32> = (20..=31)
            .filter(|day| calendar.skips(NaiveDate::from_ymd_opt(2026, 12, *day).unwrap()))
            .collect();
        assert_eq!(skipped, [20, 24, 26, 27]);
    }

    #[test]
    fn what_is_no_date_and_what_leaves_no_day_is_refused() {
        for bad in [
            "",
            "2026-13-01",
            "2026-02-30",
            "1969-12-31",
            "2100-01-01",
            " 2026-1-1 ",
            "+2026-01-01",
        ] {
            let error = Calendar::parse(&texts(&[bad]), &[]).expect_err(bad);
            assert_eq!(error.field, "skip_dates");
        }
        let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        assert!(Calendar::parse(&[], &texts(&week)).is_err());
        assert!(Calendar::parse(&[], &texts(&week[1..])).is_ok());
        assert!(Calendar::parse(&[], &texts(&["8"])).is_err());
    }
}
