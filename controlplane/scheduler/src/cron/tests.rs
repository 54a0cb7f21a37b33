//! Cron: tables of what fires when, and properties against a search by brute force.

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::zone::Zone;

/// Zones with changes of an hour, half an hour, at midnight, of a day, and none.
const ZONES: &[&str] = &[
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "UTC",
];

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn at(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp()
}

/// What the clocks show at the next fires after `from`.
fn fires(zone: &str, text: &str, from: &str, count: usize) -> Vec<String> {
    let (pattern, zone) = (pattern(text), Zone::parse(zone).unwrap());
    std::iter::successors(next_fire(&pattern, zone, at(from)), |at| {
        next_fire(&pattern, zone, *at)
    })
    .take(count)
    .map(|at| zone.local(at).format("%m-%d %H:%M").to_string())
    .collect()
}

#[test]
fn what_is_left_out_fires_once_after_the_gap() {
    for (zone, text, from, expected) in [
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-03-28T12:00:00Z",
            ["03-29 03:00", "03-30 02:30"],
        ),
        (
            "Europe/Berlin",
            "0,30 2 * * *",
            "2026-03-28T12:00:00Z",
            ["03-29 03:00", "03-30 02:00"],
        ),
        (
            "Europe/Berlin",
            "0 */2 * * *",
            "2026-03-28T23:00:00Z",
            ["03-29 03:00", "03-29 04:00"],
        ),
        (
            "Europe/Berlin",
            "0 2,3 * * *",
            "2026-03-28T23:00:00Z",
            ["03-29 03:00", "03-30 02:00"],
        ),
        (
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2026-10-03T12:00:00Z",
            ["10-04 02:30", "10-05 02:15"],
        ),
        (
            "America/Santiago",
            "0 0 * * *",
            "2026-09-05T12:00:00Z",
            ["09-06 01:00", "09-07 00:00"],
        ),
        (
            "America/Sao_Paulo",
            "@daily",
            "2018-11-03T12:00:00Z",
            ["11-04 01:00", "11-05 00:00"],
        ),
        (
            "Pacific/Apia",
            "0 9 * * *",
            "2011-12-29T20:00:00Z",
            ["12-31 00:00", "12-31 09:00"],
        ),
    ] {
        assert_eq!(fires(zone, text, from, 2), expected, "{zone} {text}");
    }
}

#[test]
fn what_is_repeated_fires_once() {
    for (zone, text, from, expected) in [
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-10-24T12:00:00Z",
            ["10-25 02:30", "10-26 02:30"],
        ),
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-10-25T01:10:00Z",
            ["10-26 02:30", "10-27 02:30"],
        ),
        (
            "Europe/Berlin",
            "0 */2 * * *",
            "2026-10-24T22:30:00Z",
            ["10-25 02:00", "10-25 04:00"],
        ),
        (
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2026-04-04T12:00:00Z",
            ["04-05 01:45", "04-06 01:45"],
        ),
        (
            "America/Sao_Paulo",
            "30 23 * * *",
            "2018-02-17T12:00:00Z",
            ["02-17 23:30", "02-18 23:30"],
        ),
        (
            "America/Santiago",
            "30 23 * * *",
            "2026-04-04T12:00:00Z",
            ["04-04 23:30", "04-05 23:30"],
        ),
    ] {
        assert_eq!(fires(zone, text, from, 2), expected, "{zone} {text}");
    }
}

#[test]
fn what_fires_every_hour_stays_regular() {
    for zone in ["Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"] {
        let zone = Zone::parse(zone).unwrap();
        for (text, period_s) in [
            ("*/30 * * * *", 1_800),
            ("*/10 * * * *", 600),
            ("*/20 * * * * *", 20),
        ] {
            let pattern = pattern(text);
            for start in [
                "2026-03-28T22:00:00Z",
                "2026-04-04T12:00:00Z",
                "2026-10-03T12:00:00Z",
            ] {
                let mut last = at(start);
                while last < at(start) + 16 * 3_600 {
                    let next = next_fire(&pattern, zone, last).unwrap();
                    assert_eq!(next - last, period_s, "{} {text} {last}", zone.name());
                    last = next;
                }
            }
        }
    }
    assert_eq!(
        fires("Europe/Berlin", "30 * * * *", "2026-10-24T23:00:00Z", 4),
        ["10-25 01:30", "10-25 02:30", "10-25 02:30", "10-25 03:30"]
    );
}

#[test]
fn days_of_months_and_weeks() {
    for (text, expected) in [
        ("0 0 L * *", ["01-31 00:00", "02-28 00:00", "03-31 00:00"]),
        ("0 0 * * 5L", ["01-30 00:00", "02-27 00:00", "03-27 00:00"]),
        (
            "0 0 * * fri#2",
            ["01-09 00:00", "02-13 00:00", "03-13 00:00"],
        ),
        (
            "0 0 * * mon#5",
            ["03-30 00:00", "06-29 00:00", "08-31 00:00"],
        ),
        ("0 0 13 * 5", ["01-02 00:00", "01-09 00:00", "01-13 00:00"]),
        (
            "0 0 */13 * 5",
            ["02-27 00:00", "03-27 00:00", "05-01 00:00"],
        ),
        ("0 0 ? * 7", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        (
            "0 0 * jan-mar/2 Sun,SAT",
            ["01-03 00:00", "01-04 00:00", "01-10 00:00"],
        ),
        ("@yearly", ["01-01 00:00", "01-01 00:00", "01-01 00:00"]),
        ("@monthly", ["01-01 00:00", "02-01 00:00", "03-01 00:00"]),
        ("@weekly", ["01-04 00:00", "01-11 00:00", "01-18 00:00"]),
        ("@hourly", ["01-01 00:00", "01-01 01:00", "01-01 02:00"]),
        (
            "30 50/5 23 * * *",
            ["01-01 23:50", "01-01 23:55", "01-02 23:50"],
        ),
        ("0 0 29 2 *", ["02-29 00:00", "02-29 00:00", "02-29 00:00"]),
    ] {
        assert_eq!(
            fires("UTC", text, "2025-12-31T23:59:59Z", 3),
            expected,
            "{text}"
        );
    }
}

#[test]
fn what_is_wrong_is_refused_with_a_reason() {
    for (text, reason) in [
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("0 0 31 2 mon#5", ""),
        ("", "5 or 6 fields, got 0"),
        ("* * * *", "5 or 6 fields, got 4"),
        ("* * * * * * *", "5 or 6 fields, got 7"),
        ("60 * * * *", "minute: must be 0 to 59"),
        ("* 24 * * *", "hour: must be 0 to 23"),
        ("* * 0 * *", "day of month: must be 1 to 31"),
        ("* * * 13 *", "month: must be 1 to 12"),
        ("* * * * 8", "day of week: must be 0 to 7"),
        ("*/0 * * * *", "a step must be"),
        ("*/90 * * * *", "a step must be"),
        ("5-1 * * * *", "runs backwards"),
        ("+5 * * * *", "minute: must be"),
        ("1,,2 * * * *", "minute: must be"),
        ("* * * * fri#6", "after # must be 1 to 5"),
        ("* * * foo *", "month: must be"),
        ("@reboot", "must be @yearly"),
        ("@daily *", "5 or 6 fields"),
    ] {
        match Pattern::parse(text) {
            Ok(_) => assert!(reason.is_empty(), "{text}"),
            Err(error) => {
                assert_eq!(error.field, "cron");
                assert!(
                    !reason.is_empty() && error.reason.contains(reason),
                    "{text}: {error}"
                );
            }
        }
    }
    assert!(Pattern::parse(&"1,".repeat(101)).is_err());
    assert!(Pattern::parse(&" ".repeat(4_001)).is_err());
}

/// All fires in `(from, to]` by looking at every minute: what follows real time fires when the clocks
/// show it; what follows the wall clock fires when the furthest time that was shown passes it.
fn by_brute_force(pattern: &Pattern, zone: Zone, from: i64, to: i64) -> Vec<i64> {
    let matches = |local: NaiveDateTime| pattern.next(local) == Some(local);
    let minute = TimeDelta::minutes(1);
    let mut found = Vec::new();
    let mut furthest = (from - 86_400 * 2..=from)
        .step_by(60)
        .map(|at| zone.local(at))
        .max()
        .unwrap();
    for at in (from + 60..=to).step_by(60) {
        let local = zone.local(at);
        let fires = if pattern.is_hourly() {
            matches(local)
        } else {
            let mut passed = false;
            while furthest < local {
                furthest += minute;
                passed |= matches(furthest);
            }
            passed
        };
        if fires {
            found.push(at);
        }
    }
    found
}

fn a_pattern() -> impl Strategy<Value = String> {
    let minutes = select(vec!["0", "30", "15,45", "*/20", "*", "7-50/9", "59"]);
    let hours = select(vec![
        "*",
        "0",
        "1",
        "2",
        "3",
        "23",
        "*/2",
        "0-5",
        "22,23,0,1",
        "1-3",
    ]);
    let days = select(vec!["*", "*", "1-15", "*/2", "L", "4,5,29,30,31"]);
    let weekdays = select(vec!["*", "*", "0", "sun,sat", "0#1", "0L", "1-5"]);
    (minutes, hours, days, weekdays)
        .prop_map(|(minute, hour, day, weekday)| format!("{minute} {hour} {day} * {weekday}"))
}

/// A day before a change of clocks in the zone, or some other day.
fn a_window() -> impl Strategy<Value = (Zone, i64)> {
    let changes = vec![
        "2026-03-28T00:00:00Z",
        "2026-10-24T00:00:00Z",
        "2026-03-07T00:00:00Z",
        "2026-10-31T00:00:00Z",
        "2026-10-03T00:00:00Z",
        "2026-04-04T00:00:00Z",
        "2026-09-05T00:00:00Z",
        "2018-02-17T00:00:00Z",
        "2018-11-03T00:00:00Z",
        "2011-12-29T00:00:00Z",
    ];
    let day = prop_oneof![
        4 => select(changes).prop_map(at),
        1 => (0_i64..40_000).prop_map(|day| day * 86_400),
    ];
    (select(ZONES), day).prop_map(|(zone, day)| (Zone::parse(zone).unwrap(), day))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn fires_are_those_of_a_search_by_brute_force((zone, from) in a_window(), text in a_pattern()) {
        let Ok(pattern) = Pattern::parse(&text) else { return Ok(()) };
        let to = from + 3 * 86_400;
        let found: Vec<i64> = std::iter::successors(next_fire(&pattern, zone, from), |at| {
            next_fire(&pattern, zone, *at)
        })
        .take_while(|at| *at <= to)
        .collect();
        prop_assert_eq!(found, by_brute_force(&pattern, zone, from, to), "{} {}", zone.name(), text);
    }

    #[test]
    fn asking_at_any_time_gives_the_same_fires(
        (zone, from) in a_window(),
        text in a_pattern(),
        late_s in 0_i64..172_800,
    ) {
        let Ok(pattern) = Pattern::parse(&text) else { return Ok(()) };
        let asked = from + late_s;
        let next = next_fire(&pattern, zone, asked);
        let mut walked = next_fire(&pattern, zone, from);
        while walked.is_some_and(|at| at <= asked) {
            walked = next_fire(&pattern, zone, walked.unwrap());
        }
        prop_assert_eq!(next, walked, "{} {}", zone.name(), text);
    }

    #[test]
    fn parsing_never_panics(text in "\\PC{0,60}") {
        Pattern::parse(&text).ok();
    }

    #[test]
    fn parsing_what_looks_right_never_panics(
        text in "[0-9*/,LW#?a-z-]{1,8}( [0-9*/,L#?-]{1,6}){4,5}",
        after in 0_i64..4_200_000_000,
    ) {
        if let Ok(pattern) = Pattern::parse(&text) {
            let zone = Zone::parse("Europe/Berlin").unwrap();
            if let Some(next) = next_fire(&pattern, zone, after) {
                prop_assert!(next > after);
            }
        }
    }
}
