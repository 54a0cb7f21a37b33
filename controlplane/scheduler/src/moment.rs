//! A point of wall-clock time in milliseconds.
//!
//! Owns the arithmetic of time here; refuses to know what time it is. Invariant: arithmetic
//! saturates, so no clock and no setting can make it panic.

use std::fmt;

use cp_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(i64);

// === impl Moment ===

impl Moment {
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self(ms)
    }

    pub const fn from_unix_s(s: i64) -> Self {
        Self(s.saturating_mul(1_000))
    }

    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded towards the past.
    pub const fn unix_s(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The moment `ms` later (earlier when negative).
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; negative when it is not earlier.
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.unix_us().div_euclid(1_000))
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        Self::from_unix_us(moment.0.saturating_mul(1_000))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Timestamp::from(*self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_round_towards_the_past() {
        assert_eq!(Moment::from_unix_ms(-1).unix_s(), -1);
        assert_eq!(
            Moment::from(Timestamp::from_unix_us(-1)),
            Moment::from_unix_ms(-1)
        );
        assert_eq!(
            Moment::from_unix_ms(1_767_225_600_042).to_string(),
            "2026-01-01T00:00:00.042000Z"
        );
    }

    #[test]
    fn arithmetic_saturates() {
        let far = Moment::from_unix_ms(i64::MAX).plus_ms(1);
        assert_eq!(far.unix_ms(), i64::MAX);
        assert_eq!(far.ms_since(Moment::from_unix_ms(-1)), i64::MAX);
    }
}
