//! Waiting until a generation is live, node by node.
//!
//! Invariant: `complete` is said only when at least one node is connected and every connected node
//! runs the generation; a node that is away is named, and holds nobody up.

use std::time::Duration;

use cp_model::{Generation, NodeName};
use tokio::time::Instant;

use super::entry::{NodeEntry, Stand};
use super::{Fleet, Refusal};

/// A node may fall silent without any message, so the wait looks again at least this often.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How a generation stands on all nodes.
#[derive(Debug, Clone)]
pub struct Applied {
    pub generation: Generation,
    pub complete: bool,
    pub took: Duration,
    pub nodes: Vec<NodeApplied>,
    /// False when the time was up before every connected node had answered.
    pub settled: bool,
}

#[derive(Debug, Clone)]
pub struct NodeApplied {
    pub node: NodeName,
    pub state: NodeApplyState,
    /// From receiving the snapshot to the last core's commit; `None` when not told.
    pub ack_us: Option<u64>,
    pub refusals: Vec<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeApplyState {
    Applied,
    Pending,
    Rejected,
    Away,
}

// === impl Fleet ===

impl Fleet {
    /// How `generation` stands on each node now.
    pub fn applied(&self, generation: Generation) -> Vec<NodeApplied> {
        self.nodes()
            .iter()
            .map(|(name, entry)| entry.applied(name, generation))
            .collect()
    }

    /// Returns when every connected node has answered, or when the time is up.
    pub async fn wait_applied(&self, generation: Generation, timeout: Duration) -> Applied {
        let started = Instant::now();
        let deadline = started + timeout;
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            let nodes = self.applied(generation);
            let count = |state| nodes.iter().filter(|node| node.state == state).count();
            let rejected = count(NodeApplyState::Rejected);
            let answered = count(NodeApplyState::Applied) + rejected;
            let settled = answered > 0 && count(NodeApplyState::Pending) == 0;
            if settled || Instant::now() >= deadline {
                let complete = settled && rejected == 0;
                return Applied {
                    generation,
                    complete,
                    took: started.elapsed(),
                    nodes,
                    settled,
                };
            }
            let look_again = (Instant::now() + LOOK_AGAIN).min(deadline);
            // Whichever comes first, the loop looks again.
            tokio::time::timeout_at(look_again, changes.changed())
                .await
                .ok();
        }
    }
}

// === impl NodeEntry ===

impl NodeEntry {
    fn applied(&self, name: &NodeName, generation: Generation) -> NodeApplied {
        let ack_us = self.ack_of(generation).map(|ack| ack.total_us);
        let rejection = self.rejection();
        // A node that is away counts as away, whatever it ran when it was last heard.
        let state = if self.is_connected() {
            match Stand::of(self.running(), rejection, generation) {
                Stand::Runs => NodeApplyState::Applied,
                Stand::Refused => NodeApplyState::Rejected,
                Stand::Behind => NodeApplyState::Pending,
            }
        } else {
            NodeApplyState::Away
        };
        let refusals = match state {
            NodeApplyState::Rejected => rejection.map(|r| r.refusals.clone()).unwrap_or_default(),
            _ => Vec::new(),
        };
        NodeApplied {
            node: name.clone(),
            state,
            ack_us,
            refusals,
        }
    }
}
