//! The life of endpoints: told in stories, then simulated with random events.

use std::time::Duration;

use proptest::prelude::*;

use super::{Check, EndpointHealth, HealthSettings, Outcome, PoolHealth, State};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn pool(endpoints: usize) -> PoolHealth {
    PoolHealth::new(
        HealthSettings::default(),
        vec![EndpointHealth::trusted(); endpoints],
    )
}

fn break_often(pool: &PoolHealth, index: usize, now: Duration) -> bool {
    (0..HealthSettings::BROKEN_MAX).any(|_| pool.exchanged(index, Outcome::Broken, now, |_| true))
}

#[test]
fn three_broken_exchanges_eject_for_two_seconds() {
    let pool = pool(2);
    assert!(!pool.exchanged(0, Outcome::Broken, s(1), |_| true));
    assert!(!pool.exchanged(0, Outcome::Broken, s(1), |_| true));
    assert!(pool.exchanged(0, Outcome::Broken, s(1), |_| true));
    assert!(!pool.is_usable(0, s(2)));
    assert_eq!(pool.next_return(s(2)), Some(s(1)));
    assert!(pool.is_usable(0, s(3)));
}

#[test]
fn an_answer_breaks_the_row() {
    let pool = pool(2);
    for _ in 0..10 {
        pool.exchanged(0, Outcome::Broken, s(1), |_| true);
        pool.exchanged(0, Outcome::Broken, s(1), |_| true);
        pool.exchanged(0, Outcome::Answered, s(1), |_| true);
    }
    assert!(pool.is_usable(0, s(1)));
}

#[test]
fn five_gateway_errors_eject() {
    let pool = pool(2);
    let changes = (0..5).map(|_| pool.exchanged(1, Outcome::GatewayError, s(1), |_| true));
    assert_eq!(
        changes.collect::<Vec<_>>(),
        [false, false, false, false, true]
    );
}

#[test]
fn the_last_one_is_never_ejected() {
    let pool = pool(2);
    assert!(break_often(&pool, 0, s(1)));
    assert!(!break_often(&pool, 1, s(1)));
    assert!(pool.is_usable(1, s(1)));
    let alone = self::pool(1);
    assert!(!break_often(&alone, 0, s(1)));
}

#[test]
fn an_endpoint_that_may_take_nothing_is_nobody_to_fall_back_on() {
    let pool = pool(2);
    for _ in 0..10 {
        assert!(!pool.exchanged(1, Outcome::Broken, s(1), |index| index != 0));
    }
    assert!(pool.is_usable(1, s(1)));
    assert!(pool.exchanged(1, Outcome::Broken, s(1), |_| true));
}

#[test]
fn at_most_half_are_ejected() {
    let pool = pool(4);
    let ejected: Vec<_> = (0..4)
        .map(|index| break_often(&pool, index, s(1)))
        .collect();
    assert_eq!(ejected, [true, true, false, false]);
}

#[test]
fn an_endpoint_on_probation_is_ejected_by_one_broken_exchange_for_twice_as_long() {
    let pool = pool(2);
    break_often(&pool, 0, s(0));
    let mut now = s(2);
    for length in [4, 8, 16, 32, 60, 60] {
        assert!(pool.exchanged(0, Outcome::Broken, now, |_| true));
        assert_eq!(pool.next_return(now), Some(s(length)));
        now += s(length);
    }
    pool.exchanged(0, Outcome::Answered, now, |_| true);
    assert!(
        !pool.exchanged(0, Outcome::Broken, now, |_| true),
        "the probation is over"
    );
}

#[test]
fn ejections_are_short_again_after_a_quiet_minute() {
    let pool = pool(2);
    break_often(&pool, 0, s(0));
    pool.exchanged(0, Outcome::Broken, s(2), |_| true);
    let later = s(6 + 61);
    pool.exchanged(0, Outcome::Answered, later, |_| true);
    break_often(&pool, 0, later);
    assert_eq!(pool.next_return(later), Some(s(2)));
}

#[test]
fn late_failures_of_exchanges_from_before_do_not_prolong_an_ejection() {
    let pool = pool(2);
    break_often(&pool, 0, s(0));
    for _ in 0..100 {
        pool.exchanged(0, Outcome::Broken, s(1), |_| true);
    }
    assert!(pool.is_usable(0, s(2)));
}

#[test]
fn checks_take_down_after_three_and_bring_up_after_two() {
    let pool = pool(1);
    let mut changes = Vec::new();
    for check in [
        Check::Failed,
        Check::Failed,
        Check::Failed,
        Check::Passed,
        Check::Failed,
        Check::Passed,
        Check::Passed,
    ] {
        changes.push(pool.checked(0, check, s(1)));
    }
    assert_eq!(changes, [false, false, true, false, false, false, true]);
}

#[test]
fn a_new_endpoint_is_not_used_before_one_check_passed() {
    let endpoints = vec![EndpointHealth::unchecked(), EndpointHealth::unchecked()];
    let pool = PoolHealth::new(HealthSettings::default(), endpoints);
    assert!(!pool.is_usable(0, s(1)));
    assert!(pool.checked(0, Check::Passed, s(1)));
    pool.checked(1, Check::Failed, s(1));
    assert_eq!(pool.endpoint(1).unwrap().state(), State::Down);
}

#[test]
fn a_draining_endpoint_is_left_alone_until_checks_pass_again() {
    let pool = pool(2);
    assert!(pool.drain(0, s(1)));
    assert!(!pool.checked(0, Check::Passed, s(1)));
    assert!(!pool.checked(0, Check::Draining, s(1)));
    assert!(!pool.checked(0, Check::Passed, s(1)));
    assert!(pool.checked(0, Check::Passed, s(1)));
    assert!(pool.drain(0, s(1)) && pool.resume(0, s(1)));
}

#[test]
fn slow_start_grows_from_a_tenth_to_all_in_ten_seconds() {
    let pool = pool(2);
    assert_eq!(
        pool.weight(0, 3, s(0)),
        300,
        "who is trusted at the start is warm"
    );
    for _ in 0..3 {
        pool.checked(0, Check::Failed, s(100));
    }
    assert_eq!(pool.weight(0, 3, s(100)), 0);
    pool.checked(0, Check::Passed, s(102));
    pool.checked(0, Check::Passed, s(104));
    let weights = [104, 105, 109, 113, 114, 200].map(|at| pool.weight(0, 1, s(at)));
    assert_eq!(weights, [10, 10, 50, 90, 100, 100]);
}

#[test]
fn slow_start_follows_an_ejection() {
    let pool = pool(2);
    break_often(&pool, 0, s(50));
    let weights = [51, 52, 57, 62].map(|at| pool.weight(0, 1, s(at)));
    assert_eq!(weights, [0, 10, 50, 100]);
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Check(usize, Check),
    Exchange(usize, Outcome),
    Drain(usize),
    Resume(usize),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let index = 0..5_usize;
    let check = prop_oneof![
        Just(Check::Passed),
        Just(Check::Failed),
        Just(Check::Draining)
    ];
    let outcome = prop_oneof![
        2 => Just(Outcome::Answered), 4 => Just(Outcome::Broken), 2 => Just(Outcome::GatewayError)
    ];
    prop_oneof![
        2 => (index.clone(), check).prop_map(|(index, check)| Event::Check(index, check)),
        8 => (index.clone(), outcome).prop_map(|(index, outcome)| Event::Exchange(index, outcome)),
        1 => index.clone().prop_map(Event::Drain),
        1 => index.prop_map(Event::Resume),
        2 => (0..5_000_u64).prop_map(Event::Pass),
    ]
}

proptest! {
    #[test]
    fn exchanges_never_take_the_last_endpoint_nor_more_than_half(
        size in 1..6_usize,
        events in proptest::collection::vec(event(), 0..300),
    ) {
        let pool = pool(size);
        let mut now = Duration::ZERO;
        for event in events {
            let usable = |pool: &PoolHealth| (0..size).filter(|&i| pool.is_usable(i, now)).count();
            let before = usable(&pool);
            match event {
                Event::Pass(ms) => now += Duration::from_millis(ms),
                Event::Check(index, check) => {
                    let changed = pool.checked(index, check, now);
                    prop_assert_eq!(changed, usable(&pool) != before);
                }
                Event::Drain(index) => prop_assert_eq!(pool.drain(index, now), usable(&pool) != before),
                Event::Resume(index) => prop_assert_eq!(pool.resume(index, now), usable(&pool) != before),
                Event::Exchange(index, outcome) => {
                    let changed = pool.exchanged(index, outcome, now, |_| true);
                    let after = usable(&pool);
                    prop_assert_eq!(after, before - usize::from(changed));
                    prop_assert!(before == 0 || after > 0, "the last one was ejected");
                    prop_assert!(!changed || outcome != Outcome::Answered);
                }
            }
            let ejected = pool.endpoints().filter(|e| e.ejected_for(now).is_some()).count();
            prop_assert!(ejected <= (size / 2).max(1));
            for (index, endpoint) in pool.endpoints().enumerate() {
                let weight = pool.weight(index, 1, now);
                prop_assert_eq!(weight > 0, endpoint.is_usable(now));
                prop_assert!(weight == 0 || (10..=100).contains(&weight));
                prop_assert!(endpoint.ejected_for(now).is_none_or(|left| left <= HealthSettings::EJECTION_MAX));
            }
        }
        // Whatever happened, a minute and a few good checks later everything serves.
        now += HealthSettings::EJECTION_MAX;
        for index in 0..size {
            pool.checked(index, Check::Passed, now);
            pool.checked(index, Check::Passed, now);
            prop_assert!(pool.is_usable(index, now));
        }
    }
}
