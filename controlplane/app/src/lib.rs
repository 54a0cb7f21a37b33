//! Use cases: authorize, write, wake. One file per resource.
//!
//! Owns the order of things in an operation; refuses HTTP and SQL. Invariant: every operation takes
//! an `OpContext` and asks it first.

mod applied;
mod audit;
mod cluster;
mod config;
mod error;
mod failure;
mod generation;
mod job;
mod node;
mod object;
mod package;
mod service;
mod stats;

use std::sync::Arc;

use cp_model::Timestamp;
use cp_odb::Odb;
use cp_publish::{Deploys, Fleet, NodeReport, Publisher};
use cp_stats::Stats;
use tokio::sync::mpsc;

pub use applied::Changed;
pub use cluster::ClusterView;
pub use config::{ConfigChanged, ConfigView, ConfigWish, Scope};
pub use error::AppError;
pub use generation::{Follow, GenerationView, Step};
pub use job::{JobView, NodeDispatch};
pub use node::NodeView;
pub use object::{ObjectWish, Seen};
pub use package::{Deployed, Verdict};
pub use service::{Invocation, ServiceOrigin, ServiceView};
pub use stats::StatsView;

pub use cp_odb::{ChangedObject, Difference, JobRecord, Kept, ObjectFault, OdbError};
pub use cp_publish::{
    AckRecord, Applied, Connection, CoreAck, DeployOutcome, DeployResult, InvokeError, Invoked,
    Lifecycle, NodeApplied, NodeApplyState, NodeLive, NodeStatus, Refusal, Refused, Rejection,
    Running, clock,
};
pub use cp_scheduler::Ask;
pub use cp_stats::{FailureRecord, INTERVAL_SECONDS, Point, Summary};

/// What all use cases stand on.
#[derive(Debug, Clone)]
pub struct App {
    odb: Odb,
    publisher: Publisher,
    fleet: Fleet,
    deploys: Deploys,
    stats: Arc<Stats>,
    scheduler: cp_scheduler::Handle,
    started_at: Timestamp,
    version: &'static str,
}

/// The parts that `App` is made of; the server wires them.
#[derive(Debug)]
pub struct AppParts {
    pub odb: Odb,
    pub publisher: Publisher,
    pub fleet: Fleet,
    pub deploys: Deploys,
    pub scheduler: cp_scheduler::Handle,
    /// Version of the binary.
    pub version: &'static str,
}

// === impl App ===

impl App {
    pub fn new(parts: AppParts) -> Self {
        Self {
            odb: parts.odb,
            publisher: parts.publisher,
            fleet: parts.fleet,
            deploys: parts.deploys,
            stats: Arc::default(),
            scheduler: parts.scheduler,
            started_at: clock::now(),
            version: parts.version,
        }
    }

    /// Takes nodes' reports into statistics for as long as the control plane runs.
    pub async fn ingest(self, mut reports: mpsc::Receiver<NodeReport>) {
        while let Some(report) = reports.recv().await {
            let second = clock::second_of(report.at);
            self.stats
                .ingest(report.node.as_str(), second, &report.report);
        }
    }

    /// `Ok` when the ODB answers.
    pub async fn ready(&self) -> Result<(), AppError> {
        Ok(self.odb.ping().await?)
    }

    pub fn version(&self) -> &'static str {
        self.version
    }
}
