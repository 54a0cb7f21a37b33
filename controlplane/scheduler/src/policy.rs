//! What a job wants when things do not go as planned.
//!
//! Owns the four policies, their limits and defaults; refuses to apply them. Invariant: every policy
//! is bounded, so no job can fill memory or the nodes by being late, slow or wrong.

use cp_model::Invalid;

/// A fire that is late by no more than this counts as on time: a take-over of the lead takes 5 s, and
/// the first turn of the new leader some more.
pub const GRACE_MS: i64 = 10_000;
/// More runs at once after an outage would themselves be one.
pub const CATCH_UP_MAX: u64 = 1_000;
/// After a week nobody waits for a run that was missed.
pub const CATCH_UP_WITHIN_S_MAX: u64 = 7 * 86_400;
/// An hour, as other schedulers have it.
pub const CATCH_UP_WITHIN_S: u64 = 3_600;
/// Runs of one job that go or wait at the same time.
pub const OVERLAP_MAX: u64 = 100;
/// Shorter limits are not kept: a run may wait so long for a node that takes it.
pub const RUN_TIME_MS_MIN: u64 = 1_000;
/// A run of a day is a service that should be a process.
pub const RUN_TIME_MS_MAX: u64 = 86_400_000;
/// An hour, as Zato has it.
pub const RUN_TIME_MS: u64 = 3_600_000;
/// With back-off up to a day this is a season.
pub const ATTEMPTS_MAX: u64 = 100;
/// Faster retries meet the same fault.
pub const RETRY_BASE_MS_MIN: u64 = 100;
/// The longest time between two attempts.
pub const RETRY_CAP_MS_MAX: u64 = 86_400_000;

/// What becomes of slots that passed while nobody fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// They are counted, and that is all.
    Skip,
    /// The latest one fires, if it is not older than this; the others are counted.
    Once { within_ms: i64 },
    /// The latest so many fire, in order, those that are not older than this.
    All { max: usize, within_ms: i64 },
}

/// What becomes of a fire while another run of the job is not over, retries included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    Skip,
    /// It waits; so many may wait.
    Queue {
        max: usize,
    },
    /// It runs beside the others; so many may run.
    Allow {
        max: usize,
    },
}

/// How often a run is tried when its service fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// 1: it is not tried again.
    pub attempts_max: u32,
    /// The pause before the second attempt; it doubles with each further one.
    pub base_ms: i64,
    pub cap_ms: i64,
}

// === impl Missed ===

impl Missed {
    /// `skip`, `once` or `all`; `max` belongs to `all`, `within_s` to both others.
    pub(crate) fn parse(name: &str, max: u64, within_s: u64) -> Result<Self, Invalid> {
        if within_s > CATCH_UP_WITHIN_S_MAX {
            let reason = format!("must be 0 to {CATCH_UP_WITHIN_S_MAX} seconds");
            return Err(Invalid::new("catch_up_within_s", reason));
        }
        let within_ms = ms(within_s * 1_000);
        match name {
            "skip" => Ok(Self::Skip),
            "once" => Ok(Self::Once { within_ms }),
            "all" => Ok(Self::All {
                max: count("catch_up_max", max, CATCH_UP_MAX)?,
                within_ms,
            }),
            _ => Err(Invalid::new("missed", "must be skip, once or all")),
        }
    }
}

// === impl Overlap ===

impl Overlap {
    /// `skip`, `queue` or `allow`; `max` belongs to the latter two.
    pub(crate) fn parse(name: &str, max: u64) -> Result<Self, Invalid> {
        match name {
            "skip" => Ok(Self::Skip),
            "queue" => Ok(Self::Queue {
                max: count("overlap_max", max, OVERLAP_MAX)?,
            }),
            "allow" => Ok(Self::Allow {
                max: count("overlap_max", max, OVERLAP_MAX)?,
            }),
            _ => Err(Invalid::new("overlap", "must be skip, queue or allow")),
        }
    }
}

// === impl Retry ===

impl Retry {
    pub(crate) fn parse(attempts_max: u64, base_ms: u64, cap_ms: u64) -> Result<Self, Invalid> {
        if !(1..=ATTEMPTS_MAX).contains(&attempts_max) {
            let reason = format!("must be 1 to {ATTEMPTS_MAX}");
            return Err(Invalid::new("attempts_max", reason));
        }
        if !(RETRY_BASE_MS_MIN..=RETRY_CAP_MS_MAX).contains(&base_ms) {
            let reason = format!("must be {RETRY_BASE_MS_MIN} to {RETRY_CAP_MS_MAX} ms");
            return Err(Invalid::new("retry_base_ms", reason));
        }
        if !(base_ms..=RETRY_CAP_MS_MAX).contains(&cap_ms) {
            let reason = format!("must be retry_base_ms to {RETRY_CAP_MS_MAX} ms");
            return Err(Invalid::new("retry_cap_ms", reason));
        }
        Ok(Self {
            attempts_max: u32::try_from(attempts_max).unwrap_or(1),
            base_ms: ms(base_ms),
            cap_ms: ms(cap_ms),
        })
    }

    /// The pause after the failure number `failures`, from 1 on.
    pub fn pause_ms(self, failures: u32) -> i64 {
        back_off_ms(self.base_ms, self.cap_ms, failures)
    }
}

/// `base`, doubled with each count after the first, at most `cap`.
pub(crate) fn back_off_ms(base_ms: i64, cap_ms: i64, count: u32) -> i64 {
    // 2^40 ms are 35 years: beyond every cap, and far from overflow.
    let doubled = base_ms.saturating_mul(1 << count.saturating_sub(1).min(40));
    doubled.min(cap_ms)
}

fn count(field: &'static str, value: u64, max: u64) -> Result<usize, Invalid> {
    usize::try_from(value)
        .ok()
        .filter(|_count| (1..=max).contains(&value))
        .ok_or_else(|| Invalid::new(field, format!("must be 1 to {max}")))
}

/// All limits of this file fit.
pub(crate) fn ms(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap() {
        let retry = Retry::parse(100, 1_000, 60_000).unwrap();
        let pauses: Vec<i64> = (1..=8).map(|failures| retry.pause_ms(failures)).collect();
        assert_eq!(
            pauses,
            [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
        );
        assert_eq!(retry.pause_ms(u32::MAX), 60_000);
    }

    #[test]
    fn policies_have_limits() {
        let field = |result: Result<(), Invalid>| result.expect_err("refused").field;
        assert_eq!(field(Missed::parse("all", 0, 60).map(drop)), "catch_up_max");
        assert_eq!(
            field(Missed::parse("all", 1_001, 60).map(drop)),
            "catch_up_max"
        );
        assert_eq!(
            field(Missed::parse("once", 0, 604_801).map(drop)),
            "catch_up_within_s"
        );
        assert_eq!(field(Missed::parse("", 1, 60).map(drop)), "missed");
        assert_eq!(field(Overlap::parse("queue", 0).map(drop)), "overlap_max");
        assert_eq!(field(Overlap::parse("allow", 101).map(drop)), "overlap_max");
        assert_eq!(field(Overlap::parse("x", 1).map(drop)), "overlap");
        assert_eq!(field(Retry::parse(0, 100, 100).map(drop)), "attempts_max");
        assert_eq!(field(Retry::parse(1, 99, 100).map(drop)), "retry_base_ms");
        assert_eq!(field(Retry::parse(1, 200, 100).map(drop)), "retry_cap_ms");
    }
}
