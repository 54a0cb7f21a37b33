//! A deploy: the trial on all connected nodes, then one transaction, or a refusal.
//!
//! Owns the trials in progress (see LIFECYCLE.md); the package's row is the truth, so whatever
//! happens between the row and us, the package is tried, and a control plane that was restarted in
//! the middle picks it up again. Invariant: nothing becomes part of a generation before every
//! connected node has imported it.

mod coordinator;
mod trial;

use std::sync::Arc;
use std::time::Duration;

use bascule_proto::config::v1 as proto;
use cp_model::{Generation, NodeName, Package, PackageId, PackageState};
use cp_odb::{Odb, OdbError};
use tokio::sync::{broadcast, mpsc};

use crate::{Fleet, Publisher};
use coordinator::{Coordinator, Event};

/// Events that may wait for the coordinator; senders wait when it is full.
const EVENTS_QUEUED_MAX: usize = 256;
/// Results that a slow listener may lag behind by; it then reads the rows again.
const RESULTS_KEPT: usize = 256;

/// Limits of a deploy.
#[derive(Debug, Clone, Copy)]
pub struct DeploySettings {
    /// How long a node may take to import a package in all of its workers.
    pub trial_timeout: Duration,
}

/// The way to the coordinator. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Deploys {
    events: mpsc::Sender<Event>,
    results: broadcast::Sender<DeployResult>,
}

/// How one deploy ended.
#[derive(Debug, Clone)]
pub struct DeployResult {
    pub package: Package,
    pub outcome: DeployOutcome,
}

#[derive(Debug, Clone)]
pub enum DeployOutcome {
    Live(Generation),
    Refused(Refused),
    /// A newer package of the same file came, or a person took it back.
    Superseded,
}

/// Why: a node's word, or a name that is taken or still used.
#[derive(Debug, Clone)]
pub enum Refused {
    ByNode,
    ByRows(Arc<OdbError>),
}

// === impl DeploySettings ===

impl Default for DeploySettings {
    fn default() -> Self {
        Self {
            trial_timeout: Duration::from_secs(30),
        }
    }
}

// === impl DeployOutcome ===

impl DeployOutcome {
    /// What the row says when nobody told; `None` while the trial is on. `generation` is the
    /// cluster's now, which is the one that made the package live or a newer one.
    pub fn of_row(package: &Package, generation: Generation) -> Option<Self> {
        match package.state {
            PackageState::Checking => None,
            PackageState::Live => Some(Self::Live(generation)),
            PackageState::Refused => Some(Self::Refused(Refused::ByNode)),
            PackageState::Retired => Some(Self::Superseded),
        }
    }
}

// === impl Deploys ===

impl Deploys {
    /// Starts the coordinator and resumes the trials of packages that were being checked.
    pub async fn start(
        odb: Odb,
        fleet: Fleet,
        publisher: Publisher,
        settings: DeploySettings,
    ) -> Result<Self, OdbError> {
        let (events, receiver) = mpsc::channel(EVENTS_QUEUED_MAX);
        let (results, _) = broadcast::channel(RESULTS_KEPT);
        let checking = odb.packages_checking().await?;
        let coordinator = Coordinator::new(odb, fleet, publisher, results.clone(), settings);
        tokio::spawn(coordinator.run(receiver, checking));
        Ok(Self { events, results })
    }

    /// All results from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<DeployResult> {
        self.results.subscribe()
    }

    /// A package has just been stored, and the caller waits for its result. Without this call the
    /// trial begins a little later.
    pub async fn submit(&self, package: &PackageId) {
        self.tell(Event::Submitted(package.clone())).await;
    }

    /// Rows of packages have changed: one was taken back before its trial ended, for example.
    pub async fn wake(&self) {
        self.tell(Event::Woken).await;
    }

    pub(crate) async fn node_connected(&self, node: &NodeName) {
        self.tell(Event::Connected(node.clone())).await;
    }

    pub(crate) async fn node_gone(&self, node: &NodeName) {
        self.tell(Event::Gone(node.clone())).await;
    }

    pub(crate) async fn trial_report(&self, node: &NodeName, report: proto::TrialReport) {
        match PackageId::parse(&report.package_id) {
            Ok(id) => {
                let node = node.clone();
                self.tell(Event::Reported { node, id, report }).await;
            }
            Err(error) => tracing::warn!(%node, %error, "a trial report names no package"),
        }
    }

    async fn tell(&self, event: Event) {
        // The coordinator ends only with the process.
        self.events.send(event).await.ok();
    }
}
