//! A counter and a gauge that one core writes and anyone reads.
//!
//! Invariant: one writer. The update is a load and a store, not a read-modify-write, because a
//! locked instruction for each request is what the one-writer rule exists to save.

use std::sync::atomic::{AtomicU64, Ordering};

/// Only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// Goes up and down; never below zero.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

// === impl Counter ===

impl Counter {
    /// Adds `n`; by the owning core alone.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(
            self.0.load(Ordering::Relaxed).wrapping_add(n),
            Ordering::Relaxed,
        );
    }

    /// Adds one; by the owning core alone.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// The value now; from any thread.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

// === impl Gauge ===

impl Gauge {
    /// One more; by the owning core alone.
    #[inline]
    pub fn increment(&self) {
        self.set(self.value().saturating_add(1));
    }

    /// One less; by the owning core alone.
    #[inline]
    pub fn decrement(&self) {
        debug_assert!(
            self.value() > 0,
            "a gauge is decremented only after it was incremented"
        );
        self.set(self.value().saturating_sub(1));
    }

    /// Replaces the value; by the owning core alone.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The value now; from any thread.
    #[inline]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
