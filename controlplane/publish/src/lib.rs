//! Rows to snapshot to nodes, and the fleet's acknowledgements.
//!
//! Owns the publisher (a reconciler), the nodes' sessions, what each node runs, and the trial of a
//! package before it becomes part of a generation. Refuses to decide who may change rows.
//! Invariant: only the newest snapshot is ever sent, so a slow node holds nobody up and no queue
//! grows.

pub mod clock;
mod deploy;
mod fleet;
mod publisher;
mod session;
mod snapshot;

pub use deploy::{DeployOutcome, DeployResult, DeploySettings, Deploys, Refused};
pub use fleet::{
    AckRecord, Applied, Connection, CoreAck, Fleet, InvokeError, InvokeRequest, Invoked, Lifecycle,
    NodeApplied, NodeApplyState, NodeLive, NodeReport, NodeStatus, Refusal, Rejection, Running,
};
pub use publisher::{Published, Publisher};
pub use session::{NodeConfigService, SessionParts};
pub use snapshot::snapshot_of;
