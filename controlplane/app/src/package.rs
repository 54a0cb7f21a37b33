//! Packages: deploying service files and taking them away.
//!
//! Invariant: an answer that says "live" comes after the transaction that made it so.

use std::sync::Arc;
use std::time::Duration;

use cp_auth::{Action, OpContext};
use cp_model::package::PACKAGE_BYTES_MAX;
use cp_model::{FileName, Generation, Invalid, Package, PackageId, PackageState};
use cp_odb::{OdbError, Stored};
use cp_publish::{Applied, DeployOutcome, DeployResult, Refused};
use sha2::{Digest as _, Sha256};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::{App, AppError, Changed};

/// Longer than a node may take; a deploy that is not told by then waits for a node, or for one that
/// joined late.
const VERDICT_TIMEOUT: Duration = Duration::from_secs(40);

/// Where a deploy stands when the answer is given.
#[derive(Debug)]
pub struct Deployed {
    pub package: Package,
    pub verdict: Verdict,
}

#[derive(Debug)]
pub enum Verdict {
    /// It serves, or will as soon as the nodes have applied the generation.
    Live {
        generation: Generation,
        applied: Applied,
    },
    /// Not tried to the end: no node is connected, the caller's time was up, or the ODB cannot
    /// write the verdict yet.
    Waiting {
        generation: Generation,
        applied: Applied,
    },
    /// A node cannot import it; the package's `error` says why.
    RefusedByNode,
    /// Its services do not fit the cluster.
    RefusedByRows(Arc<OdbError>),
    /// A newer package of the file came in between.
    Superseded,
}

// === impl App ===

impl App {
    /// Stores the package, has it tried on all connected nodes and makes it live.
    pub async fn package_deploy(
        &self,
        context: &OpContext,
        file: &FileName,
        content: &[u8],
        wait: Option<Duration>,
    ) -> Result<Deployed, AppError> {
        context.authorize(Action::Change)?;
        if context.intent.is_dry_run {
            let reason = "is not for packages: nodes try what is stored";
            return Err(Invalid::new("dry_run", reason).into());
        }
        check(content)?;
        let started = Instant::now();
        let id = package_id(file, content);
        let results = self.deploys.subscribe();
        match self
            .odb
            .package_store(&context.origin(), &id, file, content)
            .await?
        {
            Stored::Live {
                package,
                superseded,
            } => {
                // Their trials would end in nothing; whoever waits for them hears it now.
                if !superseded.is_empty() {
                    self.deploys.wake().await;
                }
                let generation = self.odb.cluster().await?.generation;
                let applied = self.applied(generation, wait).await;
                Ok(Deployed {
                    package,
                    verdict: Verdict::Live {
                        generation,
                        applied,
                    },
                })
            }
            Stored::Checking(package) => {
                self.deploys.submit(&package.id).await;
                if self.fleet.connected().is_empty() {
                    return self.waiting(package).await;
                }
                let deadline = started + wait.unwrap_or(VERDICT_TIMEOUT).min(VERDICT_TIMEOUT);
                match self.verdict(&package, results, deadline).await? {
                    Some(result) => Ok(self.deployed(result, started, wait).await),
                    None => self.waiting(package).await,
                }
            }
        }
    }

    /// Newest first, those before `before`.
    pub async fn package_list(
        &self,
        context: &OpContext,
        before: u64,
        limit: u32,
    ) -> Result<Vec<Package>, AppError> {
        context.authorize(Action::Read)?;
        Ok(self.odb.package_list(before, limit).await?)
    }

    pub async fn package_find(
        &self,
        context: &OpContext,
        id: &PackageId,
    ) -> Result<Package, AppError> {
        context.authorize(Action::Read)?;
        Ok(self.odb.package_find(id).await?)
    }

    pub async fn package_source(
        &self,
        context: &OpContext,
        id: &PackageId,
    ) -> Result<Vec<u8>, AppError> {
        context.authorize(Action::Read)?;
        Ok(self.odb.package_content(id).await?)
    }

    pub async fn package_undeploy(
        &self,
        context: &OpContext,
        id: &PackageId,
        wait: Option<Duration>,
    ) -> Result<Changed<Package>, AppError> {
        context.authorize(Action::Change)?;
        let written = self.odb.package_undeploy(&context.origin(), id).await?;
        self.deploys.wake().await;
        Ok(self
            .finished(context, written.value, written.generation, wait)
            .await)
    }

    /// Results of all deploys from now on.
    pub fn deploy_results(&self) -> broadcast::Receiver<DeployResult> {
        self.deploys.subscribe()
    }

    async fn waiting(&self, package: Package) -> Result<Deployed, AppError> {
        let generation = self.odb.cluster().await?.generation;
        let applied = self.applied(generation, None).await;
        Ok(Deployed {
            package,
            verdict: Verdict::Waiting {
                generation,
                applied,
            },
        })
    }

    /// The trial's result, or `None` when it does not come in time.
    async fn verdict(
        &self,
        package: &Package,
        mut results: broadcast::Receiver<DeployResult>,
        deadline: Instant,
    ) -> Result<Option<DeployResult>, AppError> {
        loop {
            match tokio::time::timeout_at(deadline, results.recv()).await {
                Ok(Ok(result)) if result.package.id != package.id => {}
                // One that was told before our row was written is of an earlier trial of the same
                // content, which is tried again now.
                Ok(Ok(result)) if !self.is_checking(&package.id).await => return Ok(Some(result)),
                Ok(Ok(_)) => {}
                // Too many deploys at once to follow: the row tells how ours ended.
                Ok(Err(RecvError::Lagged(_))) => {
                    let package = self.odb.package_find(&package.id).await?;
                    let generation = self.odb.cluster().await?.generation;
                    if let Some(outcome) = DeployOutcome::of_row(&package, generation) {
                        return Ok(Some(DeployResult { package, outcome }));
                    }
                }
                Ok(Err(RecvError::Closed)) | Err(_) => return Ok(None),
            }
        }
    }

    /// False when the row cannot be read: then the result that was told has to do.
    async fn is_checking(&self, id: &PackageId) -> bool {
        let package = self.odb.package_find(id).await;
        package.is_ok_and(|package| package.state == PackageState::Checking)
    }

    async fn deployed(
        &self,
        result: DeployResult,
        started: Instant,
        wait: Option<Duration>,
    ) -> Deployed {
        let verdict = match result.outcome {
            DeployOutcome::Live(generation) => {
                // The caller's time is for all of it, trial and application.
                let left = wait.map(|wait| wait.saturating_sub(started.elapsed()));
                let applied = self.applied(generation, left).await;
                Verdict::Live {
                    generation,
                    applied,
                }
            }
            DeployOutcome::Refused(Refused::ByNode) => Verdict::RefusedByNode,
            DeployOutcome::Refused(Refused::ByRows(error)) => Verdict::RefusedByRows(error),
            DeployOutcome::Superseded => Verdict::Superseded,
        };
        Deployed {
            package: result.package,
            verdict,
        }
    }
}

/// Nodes hash the same bytes, so a package cannot be changed on its way.
fn package_id(file: &FileName, content: &[u8]) -> PackageId {
    let mut hash = Sha256::new();
    hash.update(file.as_str().as_bytes());
    hash.update([0]);
    hash.update(content);
    PackageId::from_digest(&hash.finalize())
}

fn check(content: &[u8]) -> Result<(), Invalid> {
    let refuse = |reason: &str| Err(Invalid::new("body", reason));
    if content.is_empty() {
        return refuse("must hold the source of a service file");
    }
    if content.len() > PACKAGE_BYTES_MAX {
        return refuse("must not be larger than 4 MiB");
    }
    match std::str::from_utf8(content) {
        Ok(text) if text.contains('\0') => refuse("must not hold a NUL"),
        Ok(_) => Ok(()),
        Err(error) => refuse(&format!(
            "must be UTF-8; byte {} is not",
            error.valid_up_to()
        )),
    }
}
