//! How long to wait before the next attempt to reach the control plane.
//!
//! Invariant: full jitter. A hundred nodes that lost one control plane must not come back in step.

use std::time::Duration;

/// The waits of one endpoint. Randomness is an argument.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    attempts: u32,
}

// === impl Backoff ===

impl Backoff {
    /// Ceilings double from `first` up to `max`.
    pub fn new(first: Duration, max: Duration) -> Self {
        Self {
            first,
            max,
            attempts: 0,
        }
    }

    /// The next wait: `random` spread over nothing up to the ceiling of this attempt.
    pub fn next_wait(&mut self, random: u32) -> Duration {
        let factor = 1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        let ceiling = self.first.saturating_mul(factor).min(self.max);
        // Counted only while it changes something, so that the shift stays in range.
        if ceiling < self.max {
            self.attempts += 1;
        }
        ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_up_to_the_maximum() {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        let ceilings: Vec<u128> = (0..7)
            .map(|_| backoff.next_wait(u32::MAX).as_millis())
            .collect();
        assert_eq!(ceilings, [200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn jitter_reaches_down_to_nothing() {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        assert_eq!(backoff.next_wait(0), Duration::ZERO);
    }

    #[test]
    fn a_success_starts_over() {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        for _ in 0..100 {
            backoff.next_wait(1);
        }
        backoff.reset();
        assert_eq!(backoff.next_wait(u32::MAX), Duration::from_millis(200));
    }
}
