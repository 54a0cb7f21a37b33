//! The right to lead, as this process may trust it.
//!
//! Owns how long the lease is believed in: its time counts from *before* it was asked for, less a
//! margin, on both clocks. Refuses to lead. Invariant: while `Held::is_valid`, no other process has
//! been given the lease, as long as clocks run at nearly the same speed.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::Ports;
use crate::moment::Moment;
use crate::port::{Clock, Fence, Lease};

/// A leader that dies is followed by another within this, [`ACQUIRE_EVERY_MS`] and one request:
/// less than 5 s.
pub(super) const TTL_MS: u64 = 3_000;
/// Renewed so often, a lease survives two requests that are lost.
const RENEW_EVERY_MS: u64 = 750;
/// How soon a renewal that failed is tried again.
const RENEW_AGAIN_MS: u64 = 200;
/// How often a follower asks for the lease.
const ACQUIRE_EVERY_MS: u64 = 1_000;
/// Clocks of two machines differ in speed by some 0.01 %; the rest is for what cannot be measured.
const MARGIN_MS: u64 = 300;

/// A lease that was given.
#[derive(Debug)]
pub(super) struct Held {
    fence: Fence,
    /// By the monotonic clock: it is not changed, but may stand still while a machine sleeps.
    until_ms: AtomicU64,
    /// By the wall clock: it may be changed, but goes on while a machine sleeps.
    until_wall_ms: AtomicI64,
}

// === impl Held ===

impl Held {
    pub(super) fn fence(&self) -> Fence {
        self.fence
    }

    pub(super) fn is_valid(&self, clock: &impl Clock) -> bool {
        clock.monotonic_ms() < self.until_ms.load(Ordering::Relaxed)
            && clock.wall().unix_ms() < self.until_wall_ms.load(Ordering::Relaxed)
    }

    /// Prolongs it from the moment at which that was asked.
    fn extend(&self, asked: Asked) {
        self.until_ms.store(asked.until_ms(), Ordering::Relaxed);
        let until_wall = asked
            .wall
            .plus_ms(i64::try_from(TTL_MS - MARGIN_MS).unwrap_or(0));
        self.until_wall_ms
            .store(until_wall.unix_ms(), Ordering::Relaxed);
    }

    /// Milliseconds by the monotonic clock until it ends.
    fn left_ms(&self, clock: &impl Clock) -> u64 {
        self.until_ms
            .load(Ordering::Relaxed)
            .saturating_sub(clock.monotonic_ms())
    }
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    monotonic_ms: u64,
    wall: Moment,
}

// === impl Asked ===

impl Asked {
    fn now(clock: &impl Clock) -> Self {
        Self {
            monotonic_ms: clock.monotonic_ms(),
            wall: clock.wall(),
        }
    }

    fn until_ms(self) -> u64 {
        self.monotonic_ms.saturating_add(TTL_MS - MARGIN_MS)
    }
}

/// Waits until the lease is ours.
pub(super) async fn take<S, L: Lease, D, C: Clock>(ports: &Ports<S, L, D, C>) -> Held {
    let mut is_silent = false;
    loop {
        let asked = Asked::now(&ports.clock);
        match ports.lease.acquire(TTL_MS).await {
            Ok(Some(fence)) => {
                let held = Held {
                    fence,
                    until_ms: AtomicU64::new(0),
                    until_wall_ms: AtomicI64::new(0),
                };
                held.extend(asked);
                if held.is_valid(&ports.clock) {
                    return held;
                }
            }
            Ok(None) => is_silent = false,
            Err(error) if !is_silent => {
                tracing::warn!(error = %cp_model::ErrorChain(&error), "no lease of the scheduler can be asked for");
                is_silent = true;
            }
            Err(_) => {}
        }
        ports.clock.sleep_ms(ACQUIRE_EVERY_MS).await;
    }
}

/// Renews the lease; ends when it is lost.
pub(super) async fn keep<S, L: Lease, D, C: Clock>(ports: &Ports<S, L, D, C>, held: &Held) {
    let mut pause_ms = RENEW_EVERY_MS;
    loop {
        let left_ms = held.left_ms(&ports.clock);
        ports.clock.sleep_ms(pause_ms.min(left_ms)).await;
        if !held.is_valid(&ports.clock) {
            tracing::warn!("the lease of the scheduler ended before it was renewed");
            return;
        }
        let asked = Asked::now(&ports.clock);
        let renewed = tokio::select! {
            renewed = ports.lease.renew(held.fence, TTL_MS) => renewed,
            () = ports.clock.sleep_ms(held.left_ms(&ports.clock)) => continue,
        };
        pause_ms = RENEW_EVERY_MS;
        match renewed {
            Ok(true) => held.extend(asked),
            Ok(false) => {
                tracing::warn!("the lease of the scheduler went to another process");
                return;
            }
            Err(error) => {
                tracing::debug!(error = %cp_model::ErrorChain(&error), "the lease was not renewed");
                pause_ms = RENEW_AGAIN_MS;
            }
        }
    }
}

/// Gives the lease back at the end; if that fails, others wait until its time is over.
pub(super) async fn give_back<S, L: Lease, D, C: Clock>(ports: &Ports<S, L, D, C>, fence: Fence) {
    tokio::select! {
        released = ports.lease.release(fence) => {
            if let Err(error) = released {
                tracing::debug!(error = %cp_model::ErrorChain(&error), "the lease was not given back");
            }
        }
        () = ports.clock.sleep_ms(TTL_MS) => {}
    }
}
