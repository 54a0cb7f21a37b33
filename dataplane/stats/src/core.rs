//! The numbers of one core: its listeners, its faults, and one series per channel and upstream.
//!
//! Invariant: a series is looked up at prepare time and held by the core as an `Arc`; the maps
//! behind the locks are not touched while requests run.

#[expect(
    clippy::disallowed_types,
    reason = "taken at prepare and read time, never per request"
)]
use std::sync::Mutex;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

use crate::{ChannelKey, ChannelStats, ChannelTotals, Counter, Gauge, NodeTotals};

/// What one core counts.
#[derive(Debug, Default)]
pub struct CoreStats {
    /// The listener by which other nodes reach this one.
    pub node: ListenerStats,
    /// The listener that balances over the members.
    pub balancer: ListenerStats,
    /// Connection tasks that panicked; each cost its own connection only.
    pub panics: Counter,
    /// Times that accepting paused because the core held its most connections.
    pub accept_pauses: Counter,
    /// Times that this core's thread was started again after it died.
    pub restarts: Counter,
    /// Upstream connections that were opened, and those that could not be.
    pub upstream_connects: Counter,
    pub upstream_connect_failures: Counter,
    /// Exchanges that were tried again on another endpoint or connection.
    pub upstream_retries: Counter,
    /// Retries that the budget forbade.
    pub upstream_retries_refused: Counter,
    /// Endpoints taken out after failures of real requests.
    pub upstream_ejections: Counter,
    /// Calls in flight in workers.
    pub worker_calls: Gauge,
    /// Access-log lines and failure records that were dropped because their queue was full.
    pub log_lines_dropped: Counter,
    pub failures_dropped: Counter,
    channels: Series<ChannelKey>,
    upstreams: Series<Arc<str>>,
}

/// What one listener on one core counts.
#[derive(Debug, Default)]
pub struct ListenerStats {
    /// Open connections.
    pub connections: Gauge,
    /// Requests whose head was read and whose response is not yet written.
    pub in_flight: Gauge,
    /// Connections accepted.
    pub accepted: Counter,
    /// Accepts that failed (out of descriptors, aborted).
    pub accept_failures: Counter,
    /// Heads that were refused before they could be routed.
    pub heads_refused: Counter,
}

/// A reading of one listener, summed over any number of cores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListenerTotals {
    pub connections: u64,
    pub in_flight: u64,
    pub accepted: u64,
    pub accept_failures: u64,
    pub heads_refused: u64,
}

#[derive(Debug)]
#[expect(
    clippy::disallowed_types,
    reason = "taken at prepare and read time, never per request"
)]
struct Series<K>(Mutex<BTreeMap<K, Arc<ChannelStats>>>);

// === impl CoreStats ===

impl CoreStats {
    /// The series of a channel; the same one for the same key, so that counts survive a new
    /// generation. For prepare time.
    pub fn channel(&self, key: &ChannelKey) -> Arc<ChannelStats> {
        self.channels.series(key)
    }

    /// The series of an upstream endpoint. For prepare time.
    pub fn upstream(&self, endpoint: &Arc<str>) -> Arc<ChannelStats> {
        self.upstreams.series(endpoint)
    }

    /// Sets the gauges to zero: whatever a dead core thread held is closed.
    pub(crate) fn forget_open(&self) {
        for listener in [&self.node, &self.balancer] {
            listener.connections.set(0);
            listener.in_flight.set(0);
        }
        self.worker_calls.set(0);
    }

    pub(crate) fn channels_into(&self, totals: &mut BTreeMap<ChannelKey, ChannelTotals>) {
        self.channels.read_into(totals);
    }

    pub(crate) fn upstreams_into(&self, totals: &mut BTreeMap<Arc<str>, ChannelTotals>) {
        self.upstreams.read_into(totals);
    }

    /// The last reading of series that no core holds any more; they are forgotten with it.
    pub(crate) fn take_into(&self, totals: &mut NodeTotals) {
        self.channels.take_into(&mut totals.channels);
        self.upstreams.take_into(&mut totals.upstreams);
    }
}

// === impl ListenerStats ===

impl ListenerStats {
    pub(crate) fn read_into(&self, totals: &mut ListenerTotals) {
        totals.connections += self.connections.value();
        totals.in_flight += self.in_flight.value();
        totals.accepted += self.accepted.value();
        totals.accept_failures += self.accept_failures.value();
        totals.heads_refused += self.heads_refused.value();
    }
}

// === impl Series ===

#[expect(clippy::disallowed_types, reason = "made once, with the core")]
impl<K> Default for Series<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord + Clone> Series<K> {
    fn series(&self, key: &K) -> Arc<ChannelStats> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(key.clone()).or_default())
    }

    fn read_into(&self, totals: &mut BTreeMap<K, ChannelTotals>) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, stats) in all.iter() {
            totals.entry(key.clone()).or_default().merge(&stats.read());
        }
    }

    fn take_into(&self, totals: &mut BTreeMap<K, ChannelTotals>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|key, stats| {
            // Asked before reading: what the last holder recorded is in the reading.
            let is_held = Arc::get_mut(stats).is_none();
            totals.entry(key.clone()).or_default().merge(&stats.read());
            is_held
        });
    }
}
