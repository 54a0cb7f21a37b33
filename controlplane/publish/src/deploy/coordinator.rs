//! The one task that runs all trials: a reconciler, like the publisher.
//!
//! Which packages are tried is what their rows say and not the order in which events come, so an
//! event that is late, or lost with its caller, changes nothing. A single task, because every event
//! may touch every trial (a node that comes or goes) and deploys are rare. Invariant: a trial ends
//! only with what its row says, and whoever submitted the package is told that.

use std::collections::BTreeMap;

use bascule_proto::config::v1 as proto;
use cp_model::{DeclaredService, ErrorChain, ImportFault, NodeName, Origin, Package, PackageId};
use cp_odb::{LiveOutcome, Odb, OdbError};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Duration, Instant};

use super::trial::{Trial, Verdict};
use super::{DeployOutcome, DeployResult, DeploySettings, Refused};
use crate::{Fleet, Publisher, clock, snapshot};

/// How often trials are checked for nodes that fell silent and for what the ODB could not write.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Without a trial, how often rows are looked for that nobody told of: a client may hang up between
/// the row and the event, and another process may have written.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) enum Event {
    /// A package was stored, and somebody waits for its result.
    Submitted(PackageId),
    /// Rows of packages have changed.
    Woken,
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
    looked_at: Instant,
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
            looked_at: Instant::now(),
        }
    }

    pub(super) async fn run(mut self, mut events: mpsc::Receiver<Event>, checking: Vec<Package>) {
        self.adopt(checking);
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
            Event::Submitted(id) => self.submitted(&id).await,
            Event::Woken => self.reconcile().await,
            Event::Connected(node) => {
                for trial in self.trials.values_mut() {
                    ask(&self.fleet, trial, &node);
                }
            }
            // It may be back already, and its return may have been told first.
            Event::Gone(node) if self.fleet.is_connected(&node) => {}
            Event::Gone(node) => self.gone(&node),
            Event::Reported { node, id, report } => {
                if let Some(trial) = self.trials.get_mut(&id) {
                    trial.report(&node, report);
                }
            }
        }
        self.settle().await;
    }

    async fn submitted(&mut self, id: &PackageId) {
        let was_known = self.trials.contains_key(id);
        self.reconcile().await;
        if !was_known && !self.trials.contains_key(id) {
            // It was settled before we heard of it, for example by a newer package of its file.
            self.tell_row(id).await;
        }
    }

    /// Makes the trials equal to what the rows say.
    async fn reconcile(&mut self) {
        let checking = match self.odb.packages_checking().await {
            Ok(checking) => checking,
            Err(error) => {
                // The trials go on; the next look reads again.
                tracing::error!(error = %ErrorChain(&error), "cannot read the packages to try");
                return;
            }
        };
        let is_checking = |id: &PackageId| checking.iter().any(|package| package.id == *id);
        let known = self.trials.keys();
        let ended: Vec<_> = known.filter(|id| !is_checking(id)).cloned().collect();
        for id in ended {
            if self.tell_row(&id).await {
                self.trials.remove(&id);
            }
        }
        self.adopt(checking);
    }

    /// Starts the trials that are missing.
    fn adopt(&mut self, checking: Vec<Package>) {
        for package in checking {
            if self.trials.contains_key(&package.id) {
                continue;
            }
            tracing::info!(file = %package.file, "trial begins");
            let mut trial = Trial::new(package, self.settings.trial_timeout);
            for node in self.fleet.connected() {
                ask(&self.fleet, &mut trial, &node);
            }
            self.trials.insert(trial.package.id.clone(), trial);
        }
    }

    fn gone(&mut self, node: &NodeName) {
        for trial in self.trials.values_mut() {
            trial.leave(node);
        }
    }

    /// What no event tells: rows, silent nodes, trials whose time is up, and verdicts that the ODB
    /// could not write.
    async fn look(&mut self) {
        self.reconcile().await;
        let asked = self.trials.values().flat_map(Trial::asked);
        let silent: Vec<_> = asked
            .filter(|node| !self.fleet.is_connected(node))
            .cloned()
            .collect();
        for node in silent {
            self.gone(&node);
        }
        for trial in self.trials.values_mut() {
            trial.is_put_off = false;
        }
        self.settle().await;
        self.looked_at = Instant::now();
    }

    fn next_look(&self) -> Instant {
        let interval = if self.trials.is_empty() {
            RECONCILE_INTERVAL
        } else {
            LOOK_AGAIN
        };
        let at_last = self.looked_at + interval;
        let trials = self.trials.values().filter(|trial| !trial.is_put_off);
        let deadline = trials.filter_map(Trial::deadline).min();
        deadline.map_or(at_last, |deadline| deadline.min(at_last))
    }

    /// Ends the trials that have a verdict.
    async fn settle(&mut self) {
        let now = Instant::now();
        let trials = self.trials.iter().filter(|(_, trial)| !trial.is_put_off);
        let verdicts: Vec<_> = trials
            .map(|(id, trial)| (id.clone(), trial.verdict(now)))
            .collect();
        for (id, verdict) in verdicts {
            self.end(&id, verdict).await;
        }
    }

    async fn end(&mut self, id: &PackageId, verdict: Verdict) {
        let result = match verdict {
            Verdict::Waiting => return,
            Verdict::Passed(services) => self.go_live(id, &services).await,
            Verdict::Refused(fault) => self.refuse(id, &fault).await,
        };
        match result {
            Ok((package, outcome)) => {
                self.trials.remove(id);
                self.tell(package, outcome);
            }
            // Somebody ended it in the ODB before we did, or our own commit came through although
            // it was answered with an error.
            Err(OdbError::PackageState { .. }) if self.tell_row(id).await => {
                self.trials.remove(id);
            }
            // Whoever was told "failed" now would find the package live after a restart, because
            // the row stays; so it is written again until it is written.
            Err(error) => {
                if let Some(trial) = self.trials.get_mut(id) {
                    trial.is_put_off = true;
                    let (file, error) = (&trial.package.file, ErrorChain(&error));
                    tracing::error!(%error, %file, "a trial cannot be ended; trying again");
                }
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
                    DeployOutcome::Refused(Refused::ByRows(error.into())),
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

    /// True when the row is settled and that was told.
    async fn tell_row(&self, id: &PackageId) -> bool {
        match self.row_outcome(id).await {
            Ok(Some((package, outcome))) => {
                self.tell(package, outcome);
                true
            }
            Ok(None) => false,
            Err(error) => {
                let error = ErrorChain(&error);
                tracing::error!(%error, package = %id, "cannot read how a trial ended");
                false
            }
        }
    }

    async fn row_outcome(
        &self,
        id: &PackageId,
    ) -> Result<Option<(Package, DeployOutcome)>, OdbError> {
        let package = self.odb.package_find(id).await?;
        let generation = self.odb.cluster().await?.generation;
        let outcome = DeployOutcome::of_row(&package, generation);
        Ok(outcome.map(|outcome| (package, outcome)))
    }

    fn tell(&self, package: Package, outcome: DeployOutcome) {
        // Nobody may be listening; the row tells the same.
        self.results.send(DeployResult { package, outcome }).ok();
    }
}

/// Asks one node, which then has a word in the verdict; one that takes no message has none.
fn ask(fleet: &Fleet, trial: &mut Trial, node: &NodeName) {
    let package = snapshot::package(&trial.package);
    let message = proto::control_message::Message::Trial(proto::Trial {
        package: Some(package),
    });
    if fleet.send(node, message) {
        trial.ask(node.clone(), Instant::now());
    } else {
        tracing::warn!(%node, file = %trial.package.file, "node cannot be asked for a trial");
    }
}

fn origin() -> Origin {
    Origin::new("system", clock::now())
}

#[cfg(test)]
mod tests;
