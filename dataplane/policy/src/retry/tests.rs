//! The rules of retries, one by one, and the budget under any load.

use std::time::Duration;

use proptest::prelude::*;

use super::{Attempt, Decision, Failure, Reason, RetryBudget, decide};

const GET: Attempt = Attempt {
    failure: Failure::Reset,
    idempotent: true,
    replayable: true,
    endpoints_left: 1,
    resends: 0,
    retries: 0,
};
const POST: Attempt = Attempt {
    idempotent: false,
    ..GET
};
const AT_ONCE: Decision = Decision::Retry {
    after: Duration::ZERO,
};

fn decided(attempt: Attempt) -> Decision {
    decide(&attempt, &mut RetryBudget::default(), 0)
}

#[test]
fn a_failed_connect_goes_to_another_endpoint_whatever_the_method() {
    assert_eq!(
        decided(Attempt {
            failure: Failure::Connect,
            ..POST
        }),
        AT_ONCE
    );
    assert_eq!(
        decided(Attempt {
            failure: Failure::Connect,
            resends: 1,
            ..POST
        }),
        AT_ONCE
    );
}

#[test]
fn a_failed_connect_needs_another_endpoint() {
    let attempt = Attempt {
        failure: Failure::Connect,
        endpoints_left: 0,
        ..GET
    };
    assert_eq!(decided(attempt), Decision::GiveUp(Reason::NoEndpoint));
}

#[test]
fn an_idempotent_request_is_resent_once_after_a_reset() {
    assert_eq!(decided(GET), AT_ONCE);
    assert_eq!(
        decided(Attempt {
            resends: 1,
            retries: 1,
            ..GET
        }),
        Decision::GiveUp(Reason::Spent)
    );
}

#[test]
fn what_may_have_begun_is_not_done_twice() {
    for failure in [Failure::Reset, Failure::GivenUp] {
        let attempt = Attempt { failure, ..POST };
        assert_eq!(decided(attempt), Decision::GiveUp(Reason::NotIdempotent));
    }
}

#[test]
fn all_that_waited_for_an_endpoint_that_went_down_may_go_elsewhere_once() {
    let mut budget = RetryBudget::default();
    for _ in 0..500 {
        budget.exchange_began();
    }
    let given_up = Attempt {
        failure: Failure::GivenUp,
        ..GET
    };
    for _ in 0..500 {
        assert_eq!(decide(&given_up, &mut budget, 0), AT_ONCE);
    }
    assert_eq!(budget.retries(), 500);
    // What breaks meanwhile finds nothing left.
    assert_eq!(
        decide(&GET, &mut budget, 0),
        Decision::GiveUp(Reason::Budget)
    );
    let again = Attempt {
        resends: 1,
        ..given_up
    };
    assert_eq!(
        decide(&again, &mut budget, 0),
        Decision::GiveUp(Reason::Spent)
    );
}

#[test]
fn nothing_is_retried_without_its_body_or_after_the_response_began() {
    for (failure, replayable, reason) in [
        (Failure::Reset, false, Reason::NotReplayable),
        (Failure::Connect, false, Reason::NotReplayable),
        (Failure::Response, true, Reason::TooLate),
        (Failure::Timeout, true, Reason::TooLate),
    ] {
        assert_eq!(
            decided(Attempt {
                failure,
                replayable,
                ..GET
            }),
            Decision::GiveUp(reason)
        );
    }
}

#[test]
fn later_retries_wait_longer_up_to_the_limit() {
    let after = |retries, random| {
        decided_with(
            Attempt {
                failure: Failure::Connect,
                retries,
                ..GET
            },
            random,
        )
    };
    assert_eq!(
        [after(1, 0), after(2, 0), after(9, 0)],
        [12_500, 25_000, 125_000]
    );
    assert!(
        [after(1, 999), after(2, 999), after(9, 999)]
            .into_iter()
            .zip([25_000, 50_000, 250_000])
            .all(|(got, most)| got < most)
    );
}

fn decided_with(attempt: Attempt, random: u32) -> u128 {
    match decide(&attempt, &mut RetryBudget::default(), random) {
        Decision::Retry { after } => after.as_micros(),
        Decision::GiveUp(reason) => panic!("{reason:?}"),
    }
}

#[test]
fn the_budget_is_a_share_and_a_floor() {
    let mut budget = RetryBudget::default();
    assert_eq!(budget.limit(), 20);
    for _ in 0..200 {
        budget.exchange_began();
    }
    assert_eq!(budget.limit(), 120);
    let granted = (0..200)
        .filter(|_| decide(&GET, &mut budget, 0) == AT_ONCE)
        .count();
    assert_eq!(granted, 120);
    assert_eq!(
        decide(&GET, &mut budget, 0),
        Decision::GiveUp(Reason::Budget)
    );
    budget.retry_ended();
    assert_eq!(decide(&GET, &mut budget, 0), AT_ONCE);
}

proptest! {
    #[test]
    fn resends_never_exceed_the_budget(steps in proptest::collection::vec(0..4_u8, 0..500)) {
        let mut budget = RetryBudget::default();
        let (mut active, mut resends) = (0_u32, 0_u32);
        for step in steps {
            match step {
                0 => { budget.exchange_began(); active += 1; }
                1 if active > 0 => { budget.exchange_ended(); active -= 1; }
                2 if resends > 0 => { budget.retry_ended(); resends -= 1; }
                3 => {
                    if let Decision::Retry { .. } = decide(&GET, &mut budget, 0) {
                        resends += 1;
                        prop_assert!(resends <= 20 + active / 2);
                    }
                }
                _ => {}
            }
            prop_assert_eq!(budget.retries(), resends);
        }
    }
}
