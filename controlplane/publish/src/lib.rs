//! Rows to snapshot to nodes, and the fleet's acknowledgements.
//!
//! Owns the publisher (a reconciler), the nodes' sessions, what each node runs, and the trial of a
//! package before it becomes part of a generation. Refuses to decide who may change rows.
//! Invariant: only the newest generation is ever sent, encoded once for all nodes, so a slow node
//! holds nobody up and no queue grows.

pub mod clock;
mod deploy;
mod fleet;
mod published;
mod publisher;
mod session;
mod snapshot;

pub use deploy::{DeployOutcome, DeployResult, DeploySettings, Deploys, Refused};
pub use fleet::{
    AckRecord, Applied, Connection, CoreAck, Fleet, FleetCounts, InvokeError, InvokeRequest,
    Invoked, Lifecycle, NodeApplied, NodeApplyState, NodeLive, NodeReport, NodeStatus, Refusal,
    Rejection, Running,
};
pub use published::Published;
pub use publisher::{PublishError, Publisher};
pub use session::{NodeConfigService, SessionParts};
pub use snapshot::snapshot_of;
