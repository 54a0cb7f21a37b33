//! The wall clock of the control plane, read in one place.
//!
//! Invariant: times that are shown or stored come from here; durations are measured with
//! `tokio::time::Instant`, which a step of the wall clock does not bend.

use std::time::{SystemTime, UNIX_EPOCH};

use cp_model::Timestamp;

pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix_us(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The second that `at` falls in, for statistics.
pub fn second_of(at: Timestamp) -> u64 {
    u64::try_from(at.unix_us()).unwrap_or(0) / 1_000_000
}
