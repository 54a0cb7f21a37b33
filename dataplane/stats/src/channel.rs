//! The numbers of one channel (or one upstream endpoint) on one core.
//!
//! Invariant: the number of recorded exchanges equals the sum over the codes.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::{Buckets, Counter, Histogram};

/// Codes 100 to 599 have a slot each; slot 0 counts every other number.
const CODE_SLOTS: usize = 501;
const CODE_FIRST: u16 = 100;

/// What a series is about. Both parts are empty for requests that no channel took.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelKey {
    pub channel: Arc<str>,
    pub service: Arc<str>,
}

/// Counters of one channel; one core writes them.
#[derive(Debug, Default)]
pub struct ChannelStats {
    codes: OnceLock<Box<[Counter]>>,
    duration: Histogram,
    bytes_in: Counter,
    bytes_out: Counter,
}

/// A reading of one channel, summed over any number of cores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelTotals {
    /// By status code; only codes that occurred. 0 stands for a number outside 100 to 599.
    pub codes: BTreeMap<u16, u64>,
    /// Whole-exchange time in microseconds.
    pub duration: Buckets,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

fn slot_of(code: u16) -> usize {
    match code {
        CODE_FIRST..=599 => usize::from(code - CODE_FIRST) + 1,
        _ => 0,
    }
}

fn code_of(slot: usize) -> u16 {
    let offset = slot
        .checked_sub(1)
        .and_then(|slot| u16::try_from(slot).ok());
    offset.map_or(0, |offset| CODE_FIRST + offset)
}

// === impl ChannelStats ===

impl ChannelStats {
    /// Records one finished exchange; by the owning core alone.
    #[inline]
    pub fn record(&self, code: u16, duration_us: u64, bytes_in: u64, bytes_out: u64) {
        let codes = self
            .codes
            .get_or_init(|| (0..CODE_SLOTS).map(|_| Counter::default()).collect());
        if let Some(counter) = codes.get(slot_of(code)) {
            counter.increment();
        }
        self.duration.record(duration_us);
        self.bytes_in.add(bytes_in);
        self.bytes_out.add(bytes_out);
    }

    /// A copy of what was recorded so far; from any thread.
    pub fn read(&self) -> ChannelTotals {
        let slots = self.codes.get().map(AsRef::as_ref).unwrap_or_default();
        let counts = slots.iter().map(Counter::value).enumerate();
        ChannelTotals {
            codes: counts
                .filter(|(_, n)| *n > 0)
                .map(|(slot, n)| (code_of(slot), n))
                .collect(),
            duration: self.duration.read(),
            bytes_in: self.bytes_in.value(),
            bytes_out: self.bytes_out.value(),
        }
    }
}

// === impl ChannelTotals ===

impl ChannelTotals {
    /// Adds all that `other` recorded.
    pub fn merge(&mut self, other: &Self) {
        for (code, n) in &other.codes {
            *self.codes.entry(*code).or_default() += n;
        }
        self.duration.merge(&other.duration);
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
    }

    /// What was recorded since `earlier`, a reading of the same channel; codes without a new
    /// exchange are left out.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |code: &u16| earlier.codes.get(code).copied().unwrap_or(0);
        let deltas = self
            .codes
            .iter()
            .map(|(code, n)| (*code, n.saturating_sub(before(code))));
        Self {
            codes: deltas.filter(|(_, n)| *n > 0).collect(),
            duration: self.duration.since(&earlier.duration),
            bytes_in: self.bytes_in.saturating_sub(earlier.bytes_in),
            bytes_out: self.bytes_out.saturating_sub(earlier.bytes_out),
        }
    }

    /// How many exchanges were recorded.
    pub fn count(&self) -> u64 {
        self.codes.values().sum()
    }
}
