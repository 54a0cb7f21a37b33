//! The plan of an open model is exact, whatever the reader does.

use super::*;

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

#[test]
fn rates_have_up_to_three_decimals_and_are_above_zero() {
    assert_eq!(rate("2.5").per_1000_seconds, 2500);
    assert_eq!(rate("40000").per_1000_seconds, 40_000_000);
    for bad in [
        "0",
        "-1",
        "",
        "x",
        "1.2345",
        "0.000",
        "1e3",
        "99999999999999999999",
    ] {
        assert!(bad.parse::<Rate>().is_err(), "{bad}");
    }
}

#[test]
fn arrivals_neither_drift_nor_depend_on_when_they_are_taken() {
    let mut arrivals = Arrivals::new(rate("3"), (0, 1), 2_000_000_000, u64::MAX);
    assert_eq!(arrivals.pop_due(0), Some((0, 0)));
    assert_eq!(arrivals.pop_due(0), None);
    let late: Vec<_> = std::iter::from_fn(|| arrivals.pop_due(u64::MAX)).collect();
    let wanted = [
        (1, 333_333_333),
        (2, 666_666_666),
        (3, 1_000_000_000),
        (4, 1_333_333_333),
        (5, 1_666_666_666),
    ];
    assert_eq!(late, wanted);
    assert_eq!(arrivals.peek(), None);
}

#[test]
fn shares_together_make_the_whole_plan() {
    let end = 1_000_000_000;
    let times = |index, shares| {
        let mut share = Arrivals::new(rate("1000"), (index, shares), end, 500);
        std::iter::from_fn(move || share.pop_due(end)).map(|(_, at)| at)
    };
    let mut all: Vec<u64> = (0..3).flat_map(|index| times(index, 3)).collect();
    all.sort_unstable();
    let whole: Vec<u64> = times(0, 1).collect();
    assert_eq!(all, whole);
    assert_eq!(whole.len(), 500);
}

#[test]
fn every_share_takes_the_servers_in_turn_and_begins_at_another_one() {
    for index in 0..4 {
        let mut share = Arrivals::new(rate("1000"), (index, 4), 1_000_000_000, 400);
        let turns: Vec<u64> =
            std::iter::from_fn(|| share.pop_due(u64::MAX).map(|(turn, _)| turn)).collect();
        assert_eq!(turns, (index..index + 100).collect::<Vec<_>>());
    }
}

#[test]
fn arrivals_before_a_moment_are_those_that_the_plan_makes_before_it() {
    for (text, ns) in [
        ("3", 1_000_000_000),
        ("3", 999_999_999),
        ("7.5", 123_456_789),
        ("1000", 0),
    ] {
        let mut arrivals = Arrivals::new(rate(text), (0, 1), ns, u64::MAX);
        let made = std::iter::from_fn(|| arrivals.pop_due(ns)).count() as u64;
        assert_eq!(rate(text).arrivals_before(ns), made, "{text} before {ns}");
    }
}
