//! A point in time, in microseconds since 1970.
//!
//! Owns the one text form (RFC 3339, UTC, always six digits of fraction, so that texts sort as times
//! do); refuses to know what time it is. Invariant: formatting never fails.

use std::fmt;

use serde::{Serialize, Serializer};
use time::OffsetDateTime;

/// Microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

// === impl Timestamp ===

impl Timestamp {
    pub const fn from_unix_us(us: i64) -> Self {
        Self(us)
    }

    pub const fn unix_us(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.microsecond()
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_with_microseconds() {
        let at = Timestamp::from_unix_us(1_767_225_600_000_042);
        assert_eq!(at.to_string(), "2026-01-01T00:00:00.000042Z");
    }
}
