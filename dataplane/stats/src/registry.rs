//! Where cores put their numbers and the agent finds them.
//!
//! Invariant: a core that is started again goes on with its own counters, so that no total ever
//! runs backwards.

#[expect(
    clippy::disallowed_types,
    reason = "taken at start and read time, never per request"
)]
use std::sync::Mutex;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

use crate::{ChannelKey, ChannelTotals, CoreStats, ListenerTotals};

/// All cores of a node.
#[derive(Debug, Default)]
#[expect(
    clippy::disallowed_types,
    reason = "taken at start and read time, never per request"
)]
pub struct Registry(Mutex<BTreeMap<u32, Arc<CoreStats>>>);

/// A reading of the whole node, since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTotals {
    pub node: ListenerTotals,
    pub balancer: ListenerTotals,
    pub panics: u64,
    pub accept_pauses: u64,
    pub core_restarts: u64,
    pub upstream_connects: u64,
    pub upstream_connect_failures: u64,
    pub upstream_retries: u64,
    pub upstream_retries_refused: u64,
    pub upstream_ejections: u64,
    pub worker_calls: u64,
    pub log_lines_dropped: u64,
    pub failures_dropped: u64,
    pub channels: BTreeMap<ChannelKey, ChannelTotals>,
    pub upstreams: BTreeMap<Arc<str>, ChannelTotals>,
}

// === impl Registry ===

impl Registry {
    /// The numbers of `core`. Called again for a core whose thread died, it gives the same
    /// counters with the gauges at zero and counts the restart.
    pub fn register(&self, core: u32) -> Arc<CoreStats> {
        let mut cores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stats) = cores.get(&core) {
            stats.forget_open();
            stats.restarts.increment();
            return Arc::clone(stats);
        }
        Arc::clone(cores.entry(core).or_default())
    }

    /// Sums up all cores.
    pub fn read(&self) -> NodeTotals {
        let cores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut totals = NodeTotals::default();
        for core in cores.values() {
            totals.add(core);
        }
        totals
    }

    /// Sums up all cores and forgets channels and upstreams that no generation has any more, in one
    /// step, so that nothing is recorded between the last reading and the forgetting.
    pub fn read_and_prune(&self) -> NodeTotals {
        let cores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut totals = NodeTotals::default();
        for core in cores.values() {
            totals.add_counters(core);
            core.take_into(&mut totals);
        }
        totals
    }
}

// === impl NodeTotals ===

impl NodeTotals {
    /// Open connections on all listeners.
    pub fn connections(&self) -> u64 {
        self.node.connections + self.balancer.connections
    }

    /// Requests in flight on all listeners.
    pub fn in_flight(&self) -> u64 {
        self.node.in_flight + self.balancer.in_flight
    }

    fn add(&mut self, core: &CoreStats) {
        self.add_counters(core);
        core.channels_into(&mut self.channels);
        core.upstreams_into(&mut self.upstreams);
    }

    fn add_counters(&mut self, core: &CoreStats) {
        core.node.read_into(&mut self.node);
        core.balancer.read_into(&mut self.balancer);
        self.panics += core.panics.value();
        self.accept_pauses += core.accept_pauses.value();
        self.core_restarts += core.restarts.value();
        self.upstream_connects += core.upstream_connects.value();
        self.upstream_connect_failures += core.upstream_connect_failures.value();
        self.upstream_retries += core.upstream_retries.value();
        self.upstream_retries_refused += core.upstream_retries_refused.value();
        self.upstream_ejections += core.upstream_ejections.value();
        self.worker_calls += core.worker_calls.value();
        self.log_lines_dropped += core.log_lines_dropped.value();
        self.failures_dropped += core.failures_dropped.value();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(channel: &str) -> ChannelKey {
        ChannelKey {
            channel: channel.into(),
            service: "s".into(),
        }
    }

    #[test]
    fn cores_are_summed() {
        let registry = Registry::default();
        for core in 0..2 {
            let core = registry.register(core);
            core.node.connections.set(3);
            core.channel(&key("a")).record(200, 10, 1, 2);
            core.channel(&key("a")).record(999, 10, 1, 2);
        }
        let totals = registry.read();
        assert_eq!(totals.connections(), 6);
        let channel = &totals.channels[&key("a")];
        assert_eq!(channel.codes, BTreeMap::from([(0, 2), (200, 2)]));
        assert_eq!((channel.count(), channel.duration.count()), (4, 4));
    }

    #[test]
    fn a_core_that_died_goes_on_counting() {
        let registry = Registry::default();
        let core = registry.register(0);
        core.node.connections.set(3);
        core.node.accepted.add(5);
        drop(core);
        registry.register(0).node.accepted.increment();
        let totals = registry.read();
        assert_eq!((totals.connections(), totals.node.accepted), (0, 6));
        assert_eq!(totals.core_restarts, 1);
    }

    #[test]
    fn a_channel_that_no_generation_has_is_forgotten() {
        let registry = Registry::default();
        let core = registry.register(0);
        let kept = core.channel(&key("kept"));
        drop(core.channel(&key("gone")));
        assert_eq!(registry.read_and_prune().channels.len(), 2);
        assert_eq!(registry.read().channels.len(), 1);
        drop(kept);
    }
}
