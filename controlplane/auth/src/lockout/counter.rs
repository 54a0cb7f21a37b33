//! One count of failures, and a bounded table of them.
//!
//! Owns the arithmetic of waiting. Invariant: no wait is longer than `LOCKOUT_WAIT_MAX`, and each
//! such time without a failure forgives one.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::{COUNTERS_MAX, LOCKOUT_WAIT_MAX};

/// Of the first failure that is not free; each further one doubles it.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// 2^10 s are more than the longest wait.
const DOUBLINGS_MAX: u32 = 10;
/// A sixteenth of a table.
const FORGOTTEN_AT_ONCE: usize = COUNTERS_MAX / 16;

#[derive(Debug, Clone, Copy)]
pub(super) struct Counter {
    failures: u32,
    /// When `failures` was last right.
    at: Instant,
    until: Instant,
}

/// By user or by address.
#[derive(Debug)]
pub(super) struct Counters<K>(HashMap<K, Counter>);

// === impl Counter ===

impl Counter {
    pub(super) fn none(now: Instant) -> Self {
        Self {
            failures: 0,
            at: now,
            until: now,
        }
    }

    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }

    pub(super) fn fail(&mut self, free: u32, now: Instant) {
        self.forgive(now);
        // More would only lengthen the time until all is forgiven.
        self.failures = (self.failures + 1).min(free + 1 + DOUBLINGS_MAX);
        if let Some(doublings) = self.failures.checked_sub(free + 1) {
            let wait = WAIT_MIN * 2_u32.saturating_pow(doublings);
            self.until = now + wait.min(LOCKOUT_WAIT_MAX);
        }
    }

    /// The last failure was none.
    fn take_back(&mut self, now: Instant) {
        self.failures = self.failures.saturating_sub(1);
        self.until = self.until.min(now);
    }

    /// What is left of the failures at `now`.
    fn left(&self, now: Instant) -> u32 {
        let quiet = now.saturating_duration_since(self.at);
        let forgiven = quiet.as_secs() / LOCKOUT_WAIT_MAX.as_secs();
        self.failures
            .saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }

    fn forgive(&mut self, now: Instant) {
        self.failures = self.left(now);
        self.at = now;
    }
}

// === impl Counters ===

impl<K> Default for Counters<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq + Copy> Counters<K> {
    pub(super) fn wait(&self, key: &K, now: Instant) -> Duration {
        self.0
            .get(key)
            .map_or(Duration::ZERO, |counter| counter.wait(now))
    }

    pub(super) fn fail(&mut self, key: K, free: u32, now: Instant) {
        if self.0.len() >= COUNTERS_MAX && !self.0.contains_key(&key) {
            self.make_room(now);
        }
        let counter = self.0.entry(key).or_insert_with(|| Counter::none(now));
        counter.fail(free, now);
    }

    pub(super) fn take_back(&mut self, key: &K, now: Instant) {
        if let Some(counter) = self.0.get_mut(key) {
            counter.take_back(now);
        }
    }

    /// All that is forgiven goes; if that is nothing, those with the fewest failures, and of them the
    /// oldest. A flood of names that fail once each does not wash out one that is guessed at.
    fn make_room(&mut self, now: Instant) {
        self.0.retain(|_, counter| counter.left(now) > 0);
        if self.0.len() < COUNTERS_MAX {
            return;
        }
        let rank = |counter: &Counter| (counter.left(now), counter.at);
        for key in least(self.0.iter().map(|(key, counter)| (rank(counter), *key))) {
            self.0.remove(&key);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Those of least rank, so many at once that the search for them costs little for each.
pub(super) fn least<R: Ord, K>(ranked: impl Iterator<Item = (R, K)>) -> Vec<K> {
    let mut ranked: Vec<(R, K)> = ranked.collect();
    let count = ranked.len().min(FORGOTTEN_AT_ONCE);
    if count < ranked.len() {
        ranked.select_nth_unstable_by(count, |(one, _), (other, _)| one.cmp(other));
    }
    ranked.truncate(count);
    ranked.into_iter().map(|(_, key)| key).collect()
}
