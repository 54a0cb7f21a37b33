//! The one task that runs all trials.
//!
//! A single task, because every event may touch every trial (a node that comes or goes) and deploys
//! are rare. Invariant: each submitted package gets exactly one result.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bascule_proto::config::v1 as proto;
use cp_model::{DeclaredService, ImportFault, NodeName, Origin, Package, PackageId};
use cp_odb::{LiveOutcome, Odb, OdbError};
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;

use super::trial::{Trial, Verdict};
use super::{DeployOutcome, DeployResult, DeploySettings, Refused};
use crate::{Fleet, Publisher, clock, snapshot};

/// How often trials are checked for nodes that fell silent.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Without a trial there is nothing to look at; events wake the task.
const IDLE: Duration = Duration::from_hours(1);

#[derive(Debug)]
pub(super) enum Event {
    Submitted(Package),
    Withdrawn(Package),
    Connected(NodeName),
    Gone(NodeName),
    Reported {
        node: NodeName,
        id: PackageId,
        report: proto::TrialReport,
    },
}

pub(super) struct Coordinator {
    odb: Odb,
    fleet: Fleet,
    publisher: Publisher,
    results: broadcast::Sender<DeployResult>,
    settings: DeploySettings,
    trials: BTreeMap<PackageId, Trial>,
}

// === impl Coordinator ===

impl Coordinator {
    pub(super) fn new(
        odb: Odb,
        fleet: Fleet,
        publisher: Publisher,
        results: broadcast::Sender<DeployResult>,
        settings: DeploySettings,
    ) -> Self {
        Self {
            odb,
            fleet,
            publisher,
            results,
            settings,
            trials: BTreeMap::new(),
        }
    }

    pub(super) async fn run(mut self, mut events: mpsc::Receiver<Event>, waiting: Vec<Package>) {
        for package in waiting {
            tracing::info!(file = %package.file, "trial resumed");
            self.submitted(package);
        }
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.on(event).await,
                    None => return,
                },
                () = tokio::time::sleep_until(self.next_look()) => self.look().await,
            }
        }
    }

    async fn on(&mut self, event: Event) {
        match event {
            Event::Submitted(package) => self.submitted(package),
            Event::Withdrawn(package) => {
                self.trials.remove(&package.id);
                self.tell(package, DeployOutcome::Superseded);
            }
            Event::Connected(node) => {
                for trial in self.trials.values_mut() {
                    ask(&self.fleet, trial, &node, self.settings.trial_timeout);
                }
            }
            // It may be back already, and its return may have been told first.
            Event::Gone(node) if self.fleet.is_connected(&node) => {}
            Event::Gone(node) => self.gone(&node).await,
            Event::Reported { node, id, report } => {
                let verdict = self
                    .trials
                    .get_mut(&id)
                    .map(|trial| trial.report(&node, report));
                if let Some(verdict) = verdict {
                    self.end(&id, verdict).await;
                }
            }
        }
    }

    fn submitted(&mut self, package: Package) {
        let older: Vec<_> = self
            .trials
            .values()
            .filter(|trial| trial.package.file == package.file)
            .map(|trial| trial.package.clone())
            .collect();
        for older in older {
            self.trials.remove(&older.id);
            if older.id != package.id {
                self.tell(older, DeployOutcome::Superseded);
            }
        }
        let mut trial = Trial::new(package);
        for node in self.fleet.connected() {
            ask(&self.fleet, &mut trial, &node, self.settings.trial_timeout);
        }
        self.trials.insert(trial.package.id.clone(), trial);
    }

    async fn gone(&mut self, node: &NodeName) {
        let mut verdicts = Vec::new();
        for (id, trial) in &mut self.trials {
            trial.leave(node);
            verdicts.push((id.clone(), trial.verdict()));
        }
        for (id, verdict) in verdicts {
            self.end(&id, verdict).await;
        }
    }

    /// What no event tells: silent nodes and trials whose time is up.
    async fn look(&mut self) {
        let asked = self.trials.values().flat_map(Trial::asked);
        let silent: Vec<_> = asked
            .filter(|node| !self.fleet.is_connected(node))
            .cloned()
            .collect();
        for node in silent {
            self.gone(&node).await;
        }
        let now = Instant::now();
        let is_due = |trial: &&Trial| trial.deadline().is_some_and(|deadline| deadline <= now);
        let overdue: Vec<_> = self
            .trials
            .values()
            .filter(is_due)
            .map(|trial| {
                (
                    trial.package.id.clone(),
                    trial.overdue(self.settings.trial_timeout),
                )
            })
            .collect();
        for (id, fault) in overdue {
            self.end(&id, Verdict::Refused(fault)).await;
        }
    }

    fn next_look(&self) -> Instant {
        let now = Instant::now();
        let deadlines = self.trials.values().filter_map(Trial::deadline);
        deadlines
            .min()
            .map_or(now + IDLE, |deadline| deadline.min(now + LOOK_AGAIN))
    }

    async fn end(&mut self, id: &PackageId, verdict: Verdict) {
        let result = match verdict {
            Verdict::Waiting => return,
            Verdict::Passed(services) => self.go_live(id, &services).await,
            Verdict::Refused(fault) => self.refuse(id, &fault).await,
        };
        let Some(trial) = self.trials.remove(id) else {
            return;
        };
        match result {
            Ok((package, outcome)) => self.tell(package, outcome),
            // Somebody ended it in the ODB before we did.
            Err(OdbError::PackageState { .. }) => {
                self.tell(trial.package, DeployOutcome::Superseded);
            }
            Err(error) => {
                tracing::error!(%error, file = %trial.package.file, "a trial cannot be ended");
                self.tell(trial.package, DeployOutcome::Failed(Arc::new(error)));
            }
        }
    }

    async fn go_live(
        &self,
        id: &PackageId,
        services: &[DeclaredService],
    ) -> Result<(Package, DeployOutcome), OdbError> {
        Ok(
            match self.odb.package_go_live(&origin(), id, services).await? {
                LiveOutcome::Live(written) => {
                    self.publisher.wake();
                    (written.value, DeployOutcome::Live(written.generation))
                }
                LiveOutcome::Refused(package, error) => (
                    package,
                    DeployOutcome::Refused(Refused::ByRows(Arc::new(error))),
                ),
            },
        )
    }

    async fn refuse(
        &self,
        id: &PackageId,
        fault: &ImportFault,
    ) -> Result<(Package, DeployOutcome), OdbError> {
        let package = self.odb.package_refuse(&origin(), id, fault).await?;
        tracing::warn!(file = %package.file, node = fault.node, line = fault.line, "package refused");
        Ok((package, DeployOutcome::Refused(Refused::ByNode)))
    }

    fn tell(&self, package: Package, outcome: DeployOutcome) {
        // Nobody may be listening; the row tells the same.
        self.results.send(DeployResult { package, outcome }).ok();
    }
}

/// Asks one node, which then has a word in the verdict; one that takes no message has none.
fn ask(fleet: &Fleet, trial: &mut Trial, node: &NodeName, timeout: Duration) {
    let package = snapshot::package(&trial.package);
    let message = proto::control_message::Message::Trial(proto::Trial {
        package: Some(package),
    });
    if fleet.send(node, message) {
        trial.ask(node.clone(), Instant::now(), timeout);
    } else {
        tracing::warn!(%node, file = %trial.package.file, "node cannot be asked for a trial");
    }
}

fn origin() -> Origin {
    Origin {
        who: "system".to_owned(),
        at: clock::now(),
    }
}
