//! Properties of the histogram over seeded values.

use super::*;

/// Values of all magnitudes from a fixed seed (splitmix64), with the edges of every octave.
fn values() -> Vec<u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut values: Vec<u64> = (0..32)
        .flat_map(|n| [(1 << n) - 1, 1 << n, (1 << n) + 1])
        .collect();
    for _ in 0..20_000 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        values.push((z >> 32) >> (z % 32));
    }
    values
}

fn recorded(values: &[u64]) -> Buckets {
    let histogram = Histogram::default();
    for value in values {
        histogram.record(*value);
    }
    histogram.read()
}

#[test]
fn buckets_touch_and_grow() {
    let mut next = 0;
    for index in 0..BUCKETS {
        let (low, high) = bucket_bounds(index);
        assert_eq!(low, next, "bucket {index}");
        assert!(high >= low);
        assert_eq!((bucket_index(low), bucket_index(high)), (index, index));
        next = high + 1;
    }
    assert_eq!(next - 1, VALUE_MAX);
}

#[test]
fn a_value_is_at_most_a_32nd_off() {
    for value in values() {
        let (low, high) = bucket_bounds(bucket_index(value));
        assert!(low <= value && value <= high);
        assert!((high - low) * 32 <= low.max(32), "{value}: {low} to {high}");
    }
}

#[test]
fn what_is_too_large_counts_in_the_last_bucket() {
    assert_eq!(bucket_index(u64::MAX), BUCKETS - 1);
}

#[test]
fn merging_is_recording_both() {
    let values = values();
    let (left, right) = values.split_at(7_000);
    let mut merged = recorded(left);
    merged.merge(&recorded(right));
    assert_eq!(merged, recorded(&values));
    let mut swapped = recorded(right);
    swapped.merge(&recorded(left));
    assert_eq!(swapped, merged);
}

#[test]
fn since_takes_back_what_merge_added() {
    let values = values();
    let (left, right) = values.split_at(7_000);
    assert_eq!(recorded(&values).since(&recorded(left)), recorded(right));
}

#[test]
fn the_wire_shape_keeps_everything() {
    let all = recorded(&values());
    assert_eq!(Buckets::from_sparse(&all.to_sparse(), all.sum()), all);
    assert!(recorded(&[]).to_sparse().is_empty());
    assert_eq!(recorded(&[70, 70]).to_sparse(), [67, 2]);
}

#[test]
fn a_count_over_u32_travels_in_pairs() {
    let mut all = Buckets::default();
    all.add(5, u64::from(u32::MAX) + 3);
    assert_eq!(all.to_sparse(), [5, u32::MAX, 5, 3]);
    assert_eq!(Buckets::from_sparse(&all.to_sparse(), 0), all);
}

#[test]
fn foreign_wire_shapes_break_nothing() {
    let odd = Buckets::from_sparse(&[1, 2, 3], 9);
    assert_eq!((odd.count(), odd.sum()), (2, 9));
    assert_eq!(
        Buckets::from_sparse(&[u32::MAX, 4], 0).quantile(1.0),
        Some(VALUE_MAX)
    );
}

#[test]
fn quantiles_are_never_low_and_at_most_a_32nd_high() {
    let mut sorted = values();
    let all = recorded(&sorted);
    sorted.sort_unstable();
    for (q, rank) in [(0.5, 50), (0.9, 90), (0.95, 95), (0.99, 99), (1.0, 100)] {
        let exact = sorted[(sorted.len() * rank).div_ceil(100) - 1];
        let found = all.quantile(q).unwrap();
        assert!(
            found >= exact && (found - exact) * 32 <= exact.max(32),
            "{q}: {exact} {found}"
        );
    }
    assert_eq!(Buckets::default().quantile(0.5), None);
}

#[test]
fn an_idle_histogram_owns_no_buckets() {
    let histogram = Histogram::default();
    assert!(histogram.buckets.get().is_none());
    assert_eq!(histogram.read(), Buckets::default());
}
