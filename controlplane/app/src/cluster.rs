//! The cluster at a glance.

use cp_auth::{Action, OpContext};
use cp_model::{Cluster, Timestamp};
use cp_publish::{Connection, FleetCounts, NodeStatus};

use crate::{App, AppError};

/// The cluster and how many of its nodes are where they should be.
#[derive(Debug, Clone)]
pub struct ClusterView {
    pub cluster: Cluster,
    pub nodes_total: usize,
    pub nodes_connected: usize,
    pub nodes_in_sync: usize,
    pub fleet_counts: FleetCounts,
    pub version: &'static str,
    pub started_at: Timestamp,
}

// === impl App ===

impl App {
    pub async fn cluster_view(&self, context: &OpContext) -> Result<ClusterView, AppError> {
        context.authorize(Action::Read)?;
        let cluster = self.odb.cluster().await?;
        let fleet = self.fleet.all();
        let generation = cluster.generation;
        let is_connected = |live: &&cp_publish::NodeLive| live.connection == Connection::Connected;
        let is_in_sync =
            |live: &&cp_publish::NodeLive| live.status(generation) == NodeStatus::InSync;
        Ok(ClusterView {
            nodes_total: fleet.len(),
            nodes_connected: fleet.values().filter(is_connected).count(),
            nodes_in_sync: fleet.values().filter(is_in_sync).count(),
            fleet_counts: self.fleet.counts(),
            cluster,
            version: self.version,
            started_at: self.started_at,
        })
    }
}
