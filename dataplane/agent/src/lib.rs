//! The tokio side of a node: the session to the control plane, what is kept on disk, reports and
//! the node's own admin HTTP.
//!
//! Owns everything that may block or be away; refuses to know cores and workers, which it reaches
//! through the [`Node`] trait alone. Invariant: one generation is applied at a time, and whatever
//! happens here never stops the cores from serving.

mod admin;
mod agent;
mod backoff;
mod base;
mod clock;
mod disk;
mod generations;
mod keeper;
mod node;
mod packages;
mod process;
mod report;
mod session;
mod snapshot_file;
mod status;
mod token;
mod wire;

pub use self::admin::{AdminContext, metrics, serve_admin};
pub use self::agent::{Agent, AgentConfig, AgentError, Timing};
pub use self::backoff::Backoff;
pub use self::disk::write_atomically;
pub use self::node::{Applied, CoreTimes, Node, NotApplied, TrialError, Workers};
pub use self::packages::{PackageStore, PackageStoreError};
pub use self::process::{Usage, usage};
pub use self::snapshot_file::{Saved, SnapshotFile, SnapshotFileError, decode, encode};
pub use self::status::{Link, NodeStatus, Phase, Rejection, Serving, Source, Status};
pub use self::token::ClusterToken;
pub use self::wire::Wire;
