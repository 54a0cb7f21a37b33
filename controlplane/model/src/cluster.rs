//! The cluster: what all nodes under one control plane share.
//!
//! Owns its identity. Invariant: the id never changes once the ODB is made, because nodes refuse
//! the snapshots of another cluster.

use serde::Serialize;

use crate::{ClusterId, ClusterName, Generation, Timestamp};

/// The cluster of this ODB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cluster {
    pub id: ClusterId,
    pub name: ClusterName,
    pub generation: Generation,
    /// The oldest generation whose content is kept, so that it can be compared and restored.
    pub history_from: Generation,
    pub created_at: Timestamp,
}
