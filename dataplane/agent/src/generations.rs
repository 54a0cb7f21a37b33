//! From a received snapshot to one Ack or one Nack, one at a time.
//!
//! Owns the order: identity, parse, packages, cores, disk, answer. Invariant: a snapshot that is
//! refused anywhere leaves the serving generation and the disk as they were; a disk that fails
//! after the cores have switched is told, but takes nothing back. An Ack is sent only when every core has
//! said that it serves the generation.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use bascule_proto::Encoded;
use bascule_proto::config::v1 as proto;
use dp_config::{Package, Refusal, Refusals, Snapshot};
use proto::node_message::Message;
use tokio::time::Instant;

use crate::disk;
use crate::keeper::{Keeper, package_ids};
use crate::node::{Applied, Node, NotApplied};
use crate::packages::PackageStore;
use crate::session::Fetcher;
use crate::snapshot_file::error_chain;
use crate::status::{Source, Status};
use crate::wire::Wire;

/// Applies generations; owned by one task, so two never overlap.
pub(crate) struct Generations<N> {
    node: Arc<N>,
    status: Status,
    keeper: Keeper,
    packages: PackageStore,
    cluster: ClusterFile,
    /// How the cores took what serves, for a control plane that asks again.
    applied: Applied,
    /// Some cores have switched and others have not said so: what serves is not one generation, so nothing is
    /// acknowledged without asking the cores again.
    is_split: bool,
}

/// The cluster that this node belongs to, once it has served a generation of it.
struct ClusterFile {
    path: PathBuf,
    id: Option<String>,
}

// === impl Generations ===

impl<N: Node> Generations<N> {
    pub(crate) fn open(
        state_dir: &std::path::Path,
        node: Arc<N>,
        status: Status,
        packages: PackageStore,
    ) -> Self {
        let path = state_dir.join("cluster-id");
        let id = std::fs::read_to_string(&path)
            .ok()
            .map(|id| id.trim().to_owned());
        let cluster = ClusterFile {
            path,
            id: id.filter(|id| !id.is_empty()),
        };
        Self {
            node,
            status,
            keeper: Keeper::open(state_dir, packages.clone()),
            packages,
            cluster,
            applied: Applied::default(),
            is_split: false,
        }
    }

    /// Serves the newest snapshot on disk that can be served; none is no error.
    pub(crate) async fn start_from_disk(&mut self) {
        for wire in self.keeper.load(self.cluster.id.as_deref()) {
            let generation = wire.message().generation;
            match self.serve(wire.message(), None).await {
                Ok((snapshot, applied)) => {
                    self.applied = applied;
                    tracing::info!(generation, "serving the snapshot on disk");
                    self.remember_cluster(&wire.message().cluster_id);
                    let encoded = wire.encoded().clone();
                    self.status.applied(snapshot, encoded, Source::Disk);
                    return;
                }
                Err(not) => {
                    tracing::error!(generation, error = %not, "snapshot on disk not served");
                    // The cores that can have switched to it: the one before would not be better.
                    if self.is_split {
                        return;
                    }
                }
            }
        }
    }

    /// A core has yet to confirm what it was told to serve: whoever applies the newest tries again.
    pub(crate) fn is_split(&self) -> bool {
        self.is_split
    }

    /// Applies what the control plane sent and says how it went.
    pub(crate) async fn apply(&mut self, snapshot: &Encoded, fetcher: &mut Fetcher) -> Message {
        let started = Instant::now();
        if !self.is_split && self.is_serving(snapshot) {
            return ack(snapshot, &self.applied, started);
        }
        let wire = match Wire::decode(snapshot.clone()) {
            Ok(wire) => wire,
            Err(error) => {
                let refusal = Refusal::new("snapshot", "content", error.to_string());
                return self.refuse(snapshot.generation(), refusal.into());
            }
        };
        let applied = match self.check_identity(wire.message()) {
            Ok(()) => self.serve(wire.message(), Some(fetcher)).await,
            Err(refusal) => Err(refusal.into()),
        };
        let generation = snapshot.generation();
        match applied {
            Ok((parsed, applied)) => {
                self.status
                    .applied(parsed, snapshot.clone(), Source::ControlPlane);
                self.keep(&wire).await;
                let total_us = started.elapsed().as_micros();
                tracing::info!(generation, total_us, "generation applied");
                self.applied = applied;
                ack(snapshot, &self.applied, started)
            }
            Err(NotApplied::Refused(refusals) | NotApplied::Unconfirmed(refusals)) => {
                self.refuse(generation, refusals)
            }
        }
    }

    fn is_serving(&self, snapshot: &Encoded) -> bool {
        let serving = self.status.read().serving;
        serving.is_some_and(|serving| serving.wire.hash() == snapshot.hash())
    }

    fn check_identity(&self, wire: &proto::Snapshot) -> Result<(), Refusal> {
        if let Some(expected) = self
            .cluster
            .id
            .as_ref()
            .filter(|id| **id != wire.cluster_id)
        {
            let reason = format!(
                "is {:?}, this node belongs to {expected:?}; an empty state folder joins another",
                wire.cluster_id
            );
            return Err(Refusal::new("snapshot", "cluster_id", reason));
        }
        let serving = self.status.read().generation();
        if wire.generation < serving {
            let reason = format!("{} is older than {serving}, which serves", wire.generation);
            return Err(Refusal::new("snapshot", "generation", reason));
        }
        Ok(())
    }

    async fn serve(
        &mut self,
        wire: &proto::Snapshot,
        fetcher: Option<&mut Fetcher>,
    ) -> Result<(Arc<Snapshot>, Applied), NotApplied> {
        let snapshot = Arc::new(parse(wire)?);
        let paths = self.package_paths(&snapshot.packages, fetcher).await?;
        let applied = self.node.apply(Arc::clone(&snapshot), paths).await;
        match &applied {
            Ok(_) => self.is_split = false,
            Err(NotApplied::Unconfirmed(_)) => self.is_split = true,
            // A refusal changes nothing, and mends nothing.
            Err(NotApplied::Refused(_)) => {}
        }
        Ok((snapshot, applied?))
    }

    async fn package_paths(
        &self,
        packages: &[Package],
        mut fetcher: Option<&mut Fetcher>,
    ) -> Result<Vec<PathBuf>, Refusals> {
        let mut paths = Vec::with_capacity(packages.len());
        for package in packages {
            let refuse = |reason| Refusal::new(format!("package {}", package.file), "id", reason);
            let path = match (self.packages.find(package), fetcher.as_deref_mut()) {
                (Some(path), _) => path,
                (None, Some(fetcher)) => fetcher
                    .fetch(package, &self.packages)
                    .await
                    .map_err(|error| refuse(error_chain(&error)))?,
                (None, None) => return Err(refuse("its content is not on disk".to_owned()).into()),
            };
            paths.push(path);
        }
        Ok(paths)
    }

    /// The generation serves already: a failing disk is an error to look at, not a refusal.
    async fn keep(&mut self, wire: &Wire) {
        let anew = self.keeper.anew();
        let mut keeper = std::mem::replace(&mut self.keeper, anew);
        let (snapshot, ids) = (wire.encoded().clone(), package_ids(wire).collect());
        let keeping = move || (keeper.keep(&snapshot, ids), keeper);
        let failed = match tokio::task::spawn_blocking(keeping).await {
            Ok((kept, keeper)) => {
                self.keeper = keeper;
                kept.err()
            }
            Err(panicked) => Some(panicked.into()),
        };
        let failed = failed.map(|error| error.to_string());
        if let Some(error) = &failed {
            let generation = wire.message().generation;
            tracing::error!(generation, error, "snapshot not kept on disk");
        }
        self.status.kept(failed);
        self.remember_cluster(&wire.message().cluster_id);
    }

    fn remember_cluster(&mut self, id: &str) {
        if self.cluster.id.as_deref() == Some(id) {
            return;
        }
        if let Err(error) = disk::write_atomically(&self.cluster.path, id.as_bytes()) {
            tracing::error!(%error, "cluster id not kept on disk");
        }
        self.cluster.id = Some(id.to_owned());
    }

    fn refuse(&self, generation: u64, refusals: Refusals) -> Message {
        let status = self.status.read();
        let serving = status.generation();
        let is_told = status.rejection.is_some_and(|rejection| {
            rejection.generation == generation && rejection.refusals == refusals
        });
        // A core that stands still is asked every few seconds: told once.
        if !is_told {
            tracing::error!(generation, serving, error = %refusals, "generation refused");
            self.status.rejected(generation, refusals.clone());
        }
        Message::Nack(proto::Nack {
            generation,
            refusals: refusals.0.into_iter().map(Into::into).collect(),
            serving,
        })
    }
}

/// A snapshot that makes the parser panic is refused like any other bad one.
fn parse(wire: &proto::Snapshot) -> Result<Snapshot, Refusals> {
    let parsed = catch_unwind(AssertUnwindSafe(|| Snapshot::try_from(wire)));
    parsed.unwrap_or_else(|_panic| {
        Err(Refusal::new("snapshot", "content", "the node failed to read it").into())
    })
}

fn ack(snapshot: &Encoded, applied: &Applied, started: Instant) -> Message {
    let cores = applied.cores.iter().map(|times| proto::CoreAck {
        core: times.core,
        prepare_us: times.prepare_us,
        commit_us: times.commit_us,
    });
    Message::Ack(proto::Ack {
        generation: snapshot.generation(),
        hash: snapshot.hash().clone(),
        cores: cores.collect(),
        total_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
    })
}
