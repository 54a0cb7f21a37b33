//! When to renew a certificate.
//!
//! Invariant: renewal is due before the end, with a third of the life left to try in.

use cp_model::Timestamp;

/// At two thirds of the life.
pub fn renew_at(not_before: Timestamp, not_after: Timestamp) -> Timestamp {
    let life_us = not_after.unix_us().saturating_sub(not_before.unix_us());
    Timestamp::from_unix_us(not_before.unix_us().saturating_add(life_us / 3 * 2))
}

pub fn renewal_due(not_before: Timestamp, not_after: Timestamp, now: Timestamp) -> bool {
    now >= renew_at(not_before, not_after)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_month_is_renewed_after_twenty_days() {
        let day = |n: i64| Timestamp::from_unix_us(n * 86_400_000_000);
        assert_eq!(renew_at(day(0), day(30)), day(20));
        assert!(!renewal_due(day(0), day(30), day(19)));
        assert!(renewal_due(day(0), day(30), day(20)));
    }

    proptest! {
        #[test]
        fn it_is_due_before_the_end(from in any::<i64>(), to in any::<i64>()) {
            let (from, to) = (from.min(to), from.max(to));
            let at = renew_at(Timestamp::from_unix_us(from), Timestamp::from_unix_us(to));
            prop_assert!(at.unix_us() >= from && at.unix_us() <= to);
        }
    }
}
