//! A node's report, as the fleet keeps it and as statistics get it.
//!
//! Invariant: what is shown of a node is the newest report, never a mix of two.

use bascule_proto::config::v1 as proto;
use cp_model::{NodeName, Timestamp};

/// One report on its way to statistics.
#[derive(Debug, Clone)]
pub struct NodeReport {
    pub node: NodeName,
    pub at: Timestamp,
    pub report: proto::Report,
}

/// What a node said of itself last.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    pub lifecycle: Lifecycle,
    pub workers_ready: u32,
    pub workers_total: u32,
    pub connections: u64,
    pub in_flight: u64,
    /// Cores' worth of CPU time in the interval; 1.0 is one core busy.
    pub cpu_share: f64,
    pub resident_bytes: u64,
    pub python: String,
}

/// Where the node's process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    Starting,
    Ready,
    Stopping,
}

// === impl Running ===

impl From<&proto::Report> for Running {
    fn from(wire: &proto::Report) -> Self {
        let lifecycle = match wire.state() {
            proto::NodeState::Ready => Lifecycle::Ready,
            proto::NodeState::Stopping => Lifecycle::Stopping,
            proto::NodeState::Starting | proto::NodeState::Unspecified => Lifecycle::Starting,
        };
        Self {
            lifecycle,
            workers_ready: wire.workers_ready,
            workers_total: wire.workers_total,
            connections: wire.connections,
            in_flight: wire.in_flight,
            cpu_share: share(wire.cpu_us, wire.interval_us),
            resident_bytes: wire.resident_bytes,
            python: wire.python.clone(),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share for people; microseconds fit 2^53"
)]
fn share(cpu_us: u64, interval_us: u64) -> f64 {
    if interval_us == 0 {
        0.0
    } else {
        cpu_us as f64 / interval_us as f64
    }
}
