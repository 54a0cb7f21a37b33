//! Typed ids, names and resources of the control plane.
//!
//! Owns what a resource *is* and when it is valid; refuses I/O, clocks and randomness. Invariant: a
//! value of one of these types has been parsed, so nothing downstream checks it again.

pub mod audit;
#[cfg(test)]
mod border;
pub mod chain;
pub mod channel;
pub mod cluster;
pub mod generation;
pub mod id;
pub mod invalid;
pub mod name;
pub mod node;
pub mod package;
pub mod path;
pub mod service;
pub mod timestamp;

pub use audit::{AuditEvent, Origin};
pub use chain::ErrorChain;
pub use channel::{Channel, ChannelFields, ChannelSpec, DataFormat, Method};
pub use cluster::Cluster;
pub use generation::GenerationRow;
pub use id::{ChannelId, ClusterId, Generation, PackageId, Version};
pub use invalid::Invalid;
pub use name::{ChannelName, ClusterName, NodeName, ServiceName};
pub use node::{Node, NodeChange, NodeSeen, NodeState, Weight};
pub use package::{FileName, ImportFault, Package, PackageState};
pub use path::PathPattern;
pub use service::{DeclaredService, Service};
pub use timestamp::Timestamp;
