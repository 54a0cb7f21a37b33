//! Sums of points in time and durations.
//!
//! Owns nothing; refuses to know what time it is. Invariant: a sum that does not fit stays at the
//! end of time, so that a mistake never makes something expire in the past or live for ever.

use std::time::Duration;

use cp_model::Timestamp;

/// `at` + `life`, no later than the last point in time that there is.
pub(crate) fn after(at: Timestamp, life: Duration) -> Timestamp {
    let life_us = i64::try_from(life.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_unix_us(at.unix_us().saturating_add(life_us))
}

/// From one to the other; zero when they are the wrong way round, as after a clock was set back.
pub(crate) fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    let us = later.unix_us().saturating_sub(earlier.unix_us());
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stay_within_time() {
        let at = Timestamp::from_unix_us;
        assert_eq!(after(at(5), Duration::from_micros(7)), at(12));
        assert_eq!(after(at(5), Duration::MAX), at(i64::MAX));
        assert_eq!(between(at(5), at(12)), Duration::from_micros(7));
        assert_eq!(between(at(12), at(5)), Duration::ZERO);
        assert_eq!(
            between(at(i64::MIN), at(i64::MAX)),
            Duration::from_micros(u64::try_from(i64::MAX).unwrap())
        );
    }
}
