//! The policy by examples, and its promises as properties.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn address(n: u32) -> IpAddr {
    IpAddr::V4(n.into())
}

fn from(user: &str, n: u32) -> Attempt<'_> {
    Attempt {
        user,
        address: address(n),
    }
}

#[test]
fn the_wait_doubles_up_to_a_quarter_of_an_hour_and_is_forgiven() {
    let mut lockout = Lockout::default();
    let mut now = Instant::now();
    let mut waits = Vec::new();
    for n in 0..16 {
        // From ever new addresses: the user is what counts.
        lockout.admit(from("ana", n), now).unwrap();
        let wait = lockout
            .check(from("ana", 99), now)
            .err()
            .map_or(0, |retry| retry.0.as_secs());
        waits.push(wait);
        now += Duration::from_secs(wait);
    }
    assert_eq!(
        waits,
        [
            0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900
        ]
    );
    // Fourteen quarters of an hour later all is forgiven.
    now += LOCKOUT_WAIT_MAX * 14;
    for _ in 0..3 {
        lockout.admit(from("ana", 1), now).unwrap();
        assert_eq!(lockout.check(from("ana", 1), now), Ok(()));
    }
}

#[test]
fn many_at_once_get_no_further_than_one_by_one() {
    let mut lockout = Lockout::default();
    let now = Instant::now();
    let admitted = (0..1_000)
        .filter(|n| lockout.admit(from("ana", *n), now).is_ok())
        .count();
    assert_eq!(admitted, 4);
    // Who is refused counts nothing: a second later the wait is over.
    assert_eq!(lockout.check(from("ana", 1), now + SECOND), Ok(()));
}

#[test]
fn an_address_that_tries_many_users_waits_too() {
    let mut lockout = Lockout::default();
    let now = Instant::now();
    let users: Vec<String> = (0..100).map(|n| format!("user-{n}")).collect();
    let admitted = users
        .iter()
        .filter(|user| lockout.admit(from(user, 1), now).is_ok())
        .count();
    assert_eq!(admitted, 21);
    assert_eq!(lockout.check(from("user-0", 2), now), Ok(()));
}

#[test]
fn an_account_of_ones_own_is_no_way_to_guess_at_others() {
    let mut lockout = Lockout::default();
    let mut now = Instant::now();
    let mut guesses = 0;
    for n in 0..3_600 {
        now += SECOND;
        if lockout.admit(from(&format!("victim-{n}"), 1), now).is_ok() {
            guesses += 1;
        }
        if lockout.admit(from("mallory", 1), now).is_ok() {
            lockout.succeeded(from("mallory", 1), now);
        }
    }
    // 20 for nothing, 10 on the way up, then one each quarter of an hour.
    assert!(guesses <= 34, "{guesses}");
}

#[test]
fn a_person_who_mistypes_and_then_logs_in_waits_for_nothing() {
    let mut lockout = Lockout::default();
    let now = Instant::now();
    for _ in 0..3 {
        lockout.admit(from("ana", 1), now).unwrap();
    }
    lockout.admit(from("ana", 1), now).unwrap();
    lockout.succeeded(from("ana", 1), now);
    for _ in 0..100 {
        lockout.admit(from("ana", 1), now).unwrap();
        lockout.succeeded(from("ana", 1), now);
    }
}

#[test]
fn a_success_makes_nobody_wait() {
    let mut lockout = Lockout::default();
    let mut now = Instant::now();
    for n in 0..25 {
        let user = format!("user-{n}");
        lockout.admit(from(&user, 1), now).unwrap();
        now += SECOND * 30;
    }
    lockout.admit(from("ana", 1), now).unwrap();
    assert!(lockout.check(from("ben", 1), now).is_err());
    lockout.succeeded(from("ana", 1), now);
    assert_eq!(lockout.check(from("ben", 1), now), Ok(()));
}

#[test]
fn at_a_known_address_only_its_own_failures_count() {
    let mut lockout = Lockout::default();
    let now = Instant::now();
    lockout.know(from("ana", 1), now);
    for n in 2..500 {
        lockout.admit(from("ana", n), now).ok();
    }
    assert_eq!(lockout.check(from("ana", 1), now), Ok(()));
    assert!(lockout.check(from("ana", 2), now).is_err());
    for _ in 0..4 {
        lockout.admit(from("ana", 1), now).unwrap();
    }
    assert_eq!(lockout.check(from("ana", 1), now), Err(RetryAfter(SECOND)));
    // After a month away it is an address like any other.
    let later = now + KNOWN_LIFE;
    for n in 2..500 {
        lockout.admit(from("ana", n), later).ok();
    }
    assert!(lockout.check(from("ana", 1), later).is_err());
}

#[test]
fn one_network_is_one_address() {
    let mut lockout = Lockout::default();
    let now = Instant::now();
    let admit = |lockout: &mut Lockout, address: &str, n: usize| {
        let user = format!("user-{n}");
        let attempt = Attempt {
            user: &user,
            address: address.parse().unwrap(),
        };
        lockout.admit(attempt, now).is_ok()
    };
    let admitted = (0..100).filter(|n| admit(&mut lockout, &format!("2001:db8::{n:x}"), *n));
    assert_eq!(admitted.count(), 21);
    assert!(admit(&mut lockout, "2001:db8:0:1::1", 0));
    let v4 = |n: usize| {
        if n.is_multiple_of(2) {
            "192.0.2.1"
        } else {
            "::ffff:192.0.2.1"
        }
    };
    let admitted = (100..200)
        .filter(|n| admit(&mut lockout, v4(*n), *n))
        .count();
    assert_eq!(admitted, 21);
}

#[test]
fn memory_is_bounded_and_a_flood_washes_nobody_out() {
    let mut lockout = Lockout::default();
    let mut now = Instant::now();
    for _ in 0..6 {
        now += SECOND * 8;
        lockout.admit(from("ana", 1), now).unwrap();
    }
    let count = u32::try_from(COUNTERS_MAX).unwrap() + 500;
    for n in 0..count {
        lockout
            .admit(from(&format!("user-{n}"), 1_000 + n), now)
            .unwrap();
        lockout.know(from(&format!("user-{n}"), n), now);
    }
    for size in [
        lockout.users.len(),
        lockout.addresses.len(),
        lockout.known.len(),
    ] {
        assert!((COUNTERS_MAX / 2..=COUNTERS_MAX).contains(&size), "{size}");
    }
    assert_eq!(
        lockout.check(from("ana", 7), now),
        Err(RetryAfter(SECOND * 4))
    );
}

/// What happens to a few users at a few addresses.
#[derive(Debug, Clone, Copy)]
enum Step {
    Attempt {
        user: usize,
        address: u32,
        is_right: bool,
    },
    Pass {
        seconds: u64,
    },
}

const USERS: [&str; 3] = ["ana", "ben", "nobody"];

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..USERS.len(), 0_u32..4, prop::bool::weighted(0.1))
            .prop_map(|(user, address, is_right)| Step::Attempt { user, address, is_right }),
        1 => prop_oneof![0_u64..5, 0_u64..2_000].prop_map(|seconds| Step::Pass { seconds }),
    ]
}

fn play(lockout: &mut Lockout, steps: &[Step], start: Instant) -> Instant {
    let mut now = start;
    for step in steps {
        match *step {
            Step::Pass { seconds } => now += Duration::from_secs(seconds),
            Step::Attempt {
                user,
                address,
                is_right,
            } => {
                let attempt = from(USERS[user], address);
                if lockout.admit(attempt, now).is_ok() && is_right {
                    lockout.succeeded(attempt, now);
                }
            }
        }
    }
    now
}

proptest! {
    #[test]
    fn nobody_is_locked_out_for_ever(steps in prop::collection::vec(any_step(), 0..300)) {
        let mut lockout = Lockout::default();
        let now = play(&mut lockout, &steps, Instant::now());
        for user in USERS {
            for n in 0..5 {
                if let Err(RetryAfter(wait)) = lockout.check(from(user, n), now) {
                    prop_assert!(wait <= LOCKOUT_WAIT_MAX && wait >= SECOND);
                    // And who waits as long as was said is admitted.
                    prop_assert_eq!(lockout.check(from(user, n), now + wait), Ok(()));
                }
                prop_assert_eq!(lockout.check(from(user, n), now + LOCKOUT_WAIT_MAX), Ok(()));
            }
        }
    }

    #[test]
    fn others_never_lock_a_user_out_at_home(steps in prop::collection::vec(any_step(), 0..300)) {
        let mut lockout = Lockout::default();
        let start = Instant::now();
        lockout.know(from("ana", 77), start);
        let now = play(&mut lockout, &steps, start);
        prop_assume!(now < start + KNOWN_LIFE);
        prop_assert_eq!(lockout.check(from("ana", 77), now), Ok(()));
    }

    #[test]
    fn to_check_is_to_know(steps in prop::collection::vec(any_step(), 0..100), user in 0_usize..3, n in 0_u32..5) {
        let mut lockout = Lockout::default();
        let now = play(&mut lockout, &steps, Instant::now());
        let attempt = from(USERS[user], n);
        prop_assert_eq!(lockout.check(attempt, now), lockout.admit(attempt, now));
    }

    #[test]
    fn a_user_is_guessed_at_a_hundred_times_a_day(every in 1_u64..2_000, addresses in 1_u32..50) {
        let mut lockout = Lockout::default();
        let start = Instant::now();
        let (mut now, mut guesses, mut n) = (start, 0, 0);
        while now < start + Duration::from_hours(24) {
            n += 1;
            if lockout.admit(from("ana", n % addresses), now).is_ok() {
                guesses += 1;
            }
            now += Duration::from_secs(every);
        }
        prop_assert!(guesses <= 96 + 14, "{guesses}");
    }
}
