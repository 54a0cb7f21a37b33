//! Fires that are a fixed time apart.
//!
//! Owns the arithmetic of phases; refuses zones and calendars. Invariant: a fire is the start plus a
//! whole number of periods, however late anybody asks.

/// A start and a period, in seconds. A day is 24 hours here, a week seven of them: what follows the
/// clocks of a zone is a cron schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) start_s: i64,
    /// At least 1.
    pub(crate) period_s: i64,
}

// === impl Interval ===

impl Interval {
    /// The first fire that is later than `after_s`.
    pub(crate) fn next(self, after_s: i64) -> i64 {
        if after_s < self.start_s {
            return self.start_s;
        }
        let passed = (after_s - self.start_s) / self.period_s;
        self.start_s
            .saturating_add((passed + 1).saturating_mul(self.period_s))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fires_keep_their_phase(
            start_s in 0_i64..4_000_000_000,
            period_s in 1_i64..40_000_000,
            after_s in -10_i64..4_100_000_000,
        ) {
            let next = Interval { start_s, period_s }.next(after_s);
            prop_assert!(next > after_s && next >= start_s);
            prop_assert_eq!((next - start_s) % period_s, 0);
            prop_assert!(next == start_s || next - period_s <= after_s);
        }
    }
}
