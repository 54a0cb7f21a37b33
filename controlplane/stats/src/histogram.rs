//! The log-linear histogram of the wire, merged: 32 sub-buckets an octave.
//!
//! Owns the arithmetic that turns a bucket's number into microseconds; the nodes' half stands in
//! dp-stats, and both follow the same rule of the wire. Sparse, because a second of one service
//! touches a handful of the 896 buckets. Invariant: a quantile is at most 1/32 too high.

use std::collections::BTreeMap;

/// Values below 64 one by one, then 32 for each of the octaves up to 2^32.
pub const BUCKETS: u32 = 896;

/// Counts by bucket number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Buckets {
    counts: BTreeMap<u32, u64>,
}

// === impl Buckets ===

impl Buckets {
    /// Adds the wire's pairs of bucket and count; numbers out of range count as the last bucket.
    pub fn add_pairs(&mut self, pairs: &[u32]) {
        for pair in pairs.as_chunks::<2>().0 {
            let [bucket, count] = *pair;
            *self.counts.entry(bucket.min(BUCKETS - 1)).or_default() += u64::from(count);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.counts {
            *self.counts.entry(*bucket).or_default() += count;
        }
    }

    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The upper end of the bucket that holds the quantile; `None` when nothing was counted.
    pub fn quantile(&self, per_mille: u64) -> Option<u64> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        let rank = (total * per_mille).div_ceil(1_000).max(1);
        let mut seen = 0;
        for (bucket, count) in &self.counts {
            seen += count;
            if seen >= rank {
                return Some(upper_bound(*bucket));
            }
        }
        None
    }
}

/// The highest value that `bucket` counts.
fn upper_bound(bucket: u32) -> u64 {
    let bucket = u64::from(bucket.min(BUCKETS - 1));
    if bucket < 64 {
        return bucket;
    }
    let shift = (bucket >> 5) - 1;
    let low = ((bucket & 31) | 32) << shift;
    low + (1 << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule of the wire, as nodes apply it.
    fn bucket_of(value: u64) -> u32 {
        if value < 64 {
            return u32::try_from(value).unwrap();
        }
        let shift = u64::from(value.ilog2()) - 5;
        u32::try_from((shift << 5) + (value >> shift)).unwrap()
    }

    #[test]
    fn every_value_is_at_most_a_thirty_second_off() {
        for value in (0..200).chain([1_000, 65_535, 65_536, 1_000_000, (1 << 32) - 1]) {
            let upper = upper_bound(bucket_of(value));
            assert!(upper >= value, "{value}");
            assert!(upper - value <= value / 32, "{value} {upper}");
        }
        assert_eq!(bucket_of((1 << 32) - 1), BUCKETS - 1);
    }

    #[test]
    fn quantiles_come_from_the_merged_counts() {
        let mut fast = Buckets::default();
        fast.add_pairs(&[10, 99]);
        let mut slow = Buckets::default();
        slow.add_pairs(&[bucket_of(1_000_000), 1]);
        fast.merge(&slow);
        assert_eq!(fast.quantile(500), Some(10));
        assert_eq!(fast.quantile(990), Some(10));
        assert!(fast.quantile(1_000).unwrap() >= 1_000_000);
        assert_eq!(Buckets::default().quantile(500), None);
    }

    #[test]
    fn odd_or_wild_pairs_do_no_harm() {
        let mut buckets = Buckets::default();
        buckets.add_pairs(&[u32::MAX, u32::MAX, 7]);
        assert_eq!(buckets.count(), u64::from(u32::MAX));
    }
}
