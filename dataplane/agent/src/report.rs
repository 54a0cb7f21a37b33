//! What happened in the last second, for the control plane.
//!
//! Invariant: each exchange is in exactly one report. While no session is there, intervals pass
//! unreported: a hole that shows is better than one second that claims ten minutes' traffic.

use std::sync::Arc;

use bascule_proto::config::v1 as proto;
use dp_stats::{NodeTotals, Registry};
use tokio::time::Instant;

use crate::node::{Node, Workers};
use crate::process::{Usage, usage};
use crate::status::{Phase, Status};

/// As the wire says.
const FAILURES_MAX: usize = 50;

/// Remembers the reading before.
pub(crate) struct Reporter<N> {
    node: Arc<N>,
    status: Status,
    registry: Arc<Registry>,
    earlier: NodeTotals,
    earlier_usage: Usage,
    earlier_at: Instant,
}

// === impl Reporter ===

impl<N: Node> Reporter<N> {
    pub(crate) fn new(node: Arc<N>, status: Status, registry: Arc<Registry>) -> Self {
        Self {
            node,
            status,
            earlier: registry.read(),
            registry,
            earlier_usage: usage(),
            earlier_at: Instant::now(),
        }
    }

    /// Everything since the call before.
    pub(crate) fn report(&mut self) -> proto::Report {
        let (now, totals, used) = (Instant::now(), self.registry.read_and_prune(), usage());
        let Workers {
            ready,
            total,
            restarts,
            python,
        } = self.node.workers();
        let interval = now - self.earlier_at;
        let report = proto::Report {
            state: wire_state(self.status.read().phase).into(),
            workers_ready: ready,
            workers_total: total,
            connections: totals.connections(),
            in_flight: totals.in_flight(),
            channels: channel_deltas(&totals, &self.earlier),
            failures: self.node.failures(FAILURES_MAX),
            cpu_us: used.cpu_us.saturating_sub(self.earlier_usage.cpu_us),
            resident_bytes: used.resident_bytes,
            python,
            interval_us: u64::try_from(interval.as_micros()).unwrap_or(u64::MAX),
            worker_restarts: restarts,
        };
        self.earlier = totals;
        self.earlier_usage = used;
        self.earlier_at = now;
        report
    }
}

fn wire_state(phase: Phase) -> proto::NodeState {
    match phase {
        Phase::Starting => proto::NodeState::Starting,
        Phase::Ready => proto::NodeState::Ready,
        Phase::Stopping => proto::NodeState::Stopping,
    }
}

fn channel_deltas(totals: &NodeTotals, earlier: &NodeTotals) -> Vec<proto::ChannelDelta> {
    let mut deltas = Vec::new();
    for (key, now) in &totals.channels {
        let delta = match earlier.channels.get(key) {
            Some(before) => now.since(before),
            None => now.clone(),
        };
        if delta.count() == 0 {
            continue;
        }
        let code = |(code, count): (&u16, &u64)| proto::CodeCount {
            code: u32::from(*code),
            count: *count,
        };
        deltas.push(proto::ChannelDelta {
            channel: key.channel.as_ref().to_owned(),
            service: key.service.as_ref().to_owned(),
            codes: delta.codes.iter().map(code).collect(),
            histogram: delta.duration.to_sparse(),
            duration_us_sum: delta.duration.sum(),
            bytes_in: delta.bytes_in,
            bytes_out: delta.bytes_out,
        });
    }
    deltas
}

#[cfg(test)]
mod tests {
    use dp_stats::{Buckets, ChannelKey};

    use super::*;

    #[test]
    fn a_delta_holds_what_came_since_and_nothing_idle() {
        let registry = Registry::default();
        let core = registry.register(0);
        let busy = core.channel(&ChannelKey {
            channel: "a".into(),
            service: "s".into(),
        });
        let idle = core.channel(&ChannelKey {
            channel: "b".into(),
            service: "s".into(),
        });
        busy.record(200, 100, 1, 10);
        idle.record(200, 100, 1, 10);
        let earlier = registry.read();
        busy.record(200, 50, 2, 20);
        busy.record(502, 70, 2, 20);

        let deltas = channel_deltas(&registry.read(), &earlier);

        assert_eq!(deltas.len(), 1);
        let delta = &deltas[0];
        assert_eq!((delta.channel.as_str(), delta.service.as_str()), ("a", "s"));
        let codes: Vec<(u32, u64)> = delta.codes.iter().map(|c| (c.code, c.count)).collect();
        assert_eq!(codes, [(200, 1), (502, 1)]);
        let buckets = Buckets::from_sparse(&delta.histogram, delta.duration_us_sum);
        assert_eq!((buckets.count(), buckets.sum()), (2, 120));
        assert_eq!((delta.bytes_in, delta.bytes_out), (4, 40));
    }
}
