//! Typed ids, names and resources of the control plane.
//!
//! Owns what a resource *is* and when it is valid; refuses I/O, clocks and randomness. Invariant: a
//! value of one of these types has been parsed, so nothing downstream checks it again.

pub mod audit;
pub mod audit_chain;
#[cfg(test)]
mod border;
pub mod chain;
pub mod cluster;
pub mod diff;
pub mod effect;
pub mod filter;
pub mod generation;
pub mod id;
pub mod invalid;
pub mod kind;
pub mod name;
pub mod nearest;
pub mod node;
pub mod object;
pub mod package;
pub mod path;
pub mod schema;
pub mod service;
pub mod timestamp;

pub use audit::{AuditEvent, Origin, RequestKey};
pub use chain::ErrorChain;
pub use cluster::Cluster;
pub use generation::GenerationRow;
pub use id::{ClusterId, Generation, PackageId, Version};
pub use invalid::Invalid;
pub use kind::{Claim, Kind};
pub use name::{ClusterName, NodeName, ServiceName};
pub use node::{Node, NodeChange, NodeSeen, NodeState, Weight};
pub use object::{Object, ObjectName, Reference, Spec};
pub use package::{FileName, ImportFault, Package, PackageState};
pub use path::PathPattern;
pub use service::{DeclaredService, Service};
pub use timestamp::Timestamp;
