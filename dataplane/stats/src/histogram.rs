//! The log-linear histogram: 32 sub-buckets an octave, so that a quantile is at most 1/32 off.
//!
//! Owns the bucket arithmetic that nodes and control plane share by number (the wire carries
//! bucket indexes). Invariant: merging the buckets of two recordings equals recording both into
//! one, in any order.

use std::sync::OnceLock;

use crate::Counter;

/// Number of buckets: values below 64 one by one, then 32 for each of the octaves up to 2^32.
pub const BUCKETS: usize = 896;
/// The largest value that has a bucket of its own width; more (71 minutes in microseconds) counts
/// as this.
const VALUE_MAX: u64 = (1 << 32) - 1;
const SUB_BUCKET_BITS: u32 = 5;

/// A histogram that one core writes. Empty ones own no buckets: 10,000 idle channels on every
/// core would otherwise hold 7 KiB each.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: OnceLock<Box<[Counter]>>,
    sum: Counter,
}

/// A histogram at rest: what was read, merged or subtracted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// Empty, or `BUCKETS` long.
    counts: Vec<u64>,
    sum: u64,
}

/// The bucket that counts `value`.
#[inline]
pub fn bucket_index(value: u64) -> usize {
    let value = value.min(VALUE_MAX);
    if value < 64 {
        return usize::try_from(value).unwrap_or(0);
    }
    let shift = value.ilog2() - SUB_BUCKET_BITS;
    let index = (u64::from(shift) << SUB_BUCKET_BITS) + (value >> shift);
    usize::try_from(index).unwrap_or(BUCKETS - 1)
}

/// The lowest and the highest value that `index` counts.
pub fn bucket_bounds(index: usize) -> (u64, u64) {
    let index = u64::try_from(index.min(BUCKETS - 1)).unwrap_or(0);
    if index < 64 {
        return (index, index);
    }
    let shift = (index >> SUB_BUCKET_BITS) - 1;
    let low = ((index & 31) | 32) << shift;
    (low, low + (1 << shift) - 1)
}

// === impl Histogram ===

impl Histogram {
    /// Counts one value; by the owning core alone.
    #[inline]
    pub fn record(&self, value: u64) {
        let buckets = self
            .buckets
            .get_or_init(|| (0..BUCKETS).map(|_| Counter::default()).collect());
        if let Some(bucket) = buckets.get(bucket_index(value)) {
            bucket.increment();
        }
        self.sum.add(value);
    }

    /// A copy of what was counted so far; from any thread.
    pub fn read(&self) -> Buckets {
        let counts = self
            .buckets
            .get()
            .map(|all| all.iter().map(Counter::value).collect());
        Buckets {
            counts: counts.unwrap_or_default(),
            sum: self.sum.value(),
        }
    }
}

// === impl Buckets ===

impl Buckets {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        self.add(bucket_index(value), 1);
        self.sum = self.sum.wrapping_add(value);
    }

    /// Adds all that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for (index, &count) in other.counts.iter().enumerate() {
            if count > 0 {
                self.add(index, count);
            }
        }
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// What was counted since `earlier`, a reading of the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut delta = self.clone();
        for (count, before) in delta.counts.iter_mut().zip(&earlier.counts) {
            *count = count.saturating_sub(*before);
        }
        delta.sum = self.sum.saturating_sub(earlier.sum);
        delta
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of the values, exact (values over the last bucket included).
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// How many values were counted in buckets that lie wholly at or below `value`.
    pub fn count_at_most(&self, value: u64) -> u64 {
        let counts = self.counts.iter().enumerate();
        counts
            .take_while(|(index, _)| bucket_bounds(*index).1 <= value)
            .map(|(_, n)| n)
            .sum()
    }

    /// The value below which the share `q` (0 to 1) of the values lies: the upper bound of its
    /// bucket, so never too low and at most 1/32 too high. `None` when nothing was counted.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank needs no more than 53 bits: nothing counts 2^53 requests between restarts"
    )]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        let rank = ((q.clamp(0.0, 1.0) * total as f64).ceil() as u64).clamp(1, total);
        let mut seen = 0;
        for (index, &count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(bucket_bounds(index).1);
            }
        }
        None
    }

    /// The wire shape: pairs of bucket index and count, empty buckets left out. A count beyond
    /// `u32` is written as several pairs, because the reader adds pairs up.
    pub fn to_sparse(&self) -> Vec<u32> {
        let mut pairs = Vec::new();
        for (index, &count) in self.counts.iter().enumerate() {
            let mut left = count;
            while left > 0 {
                let part = u32::try_from(left).unwrap_or(u32::MAX);
                pairs.extend([u32::try_from(index).unwrap_or(u32::MAX), part]);
                left -= u64::from(part);
            }
        }
        pairs
    }

    /// Reads the wire shape. An index that is no bucket counts in the last one, an odd end is
    /// left out: a newer node must not break an older reader.
    pub fn from_sparse(pairs: &[u32], sum: u64) -> Self {
        let mut buckets = Self {
            counts: Vec::new(),
            sum,
        };
        for pair in pairs.chunks_exact(2) {
            if let [index, count] = pair {
                buckets.add(
                    usize::try_from(*index).unwrap_or(BUCKETS),
                    u64::from(*count),
                );
            }
        }
        buckets
    }

    fn add(&mut self, index: usize, n: u64) {
        if self.counts.is_empty() {
            self.counts = vec![0; BUCKETS];
        }
        if let Some(count) = self.counts.get_mut(index.min(BUCKETS - 1)) {
            *count = count.wrapping_add(n);
        }
    }
}

#[cfg(test)]
mod tests;
