//! A fleet of simulated nodes at a real control plane: how long a change takes from the API until all nodes run it.
//!
//! Owns the order (channels, nodes, changes, figures). Invariant: a change counts only when the control plane itself says
//! that every node runs it, and every node has made the snapshot and found its hash right; anything else ends the
//! measurement with an error.

mod node;
mod plane;
mod process;
mod report;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::node::{Cores, Maker, SimulatedNode, Taken};
use self::plane::ControlPlane;
use self::process::Process;
use self::report::{Change, Measured};
use crate::args::FleetArgs;

/// Changes before the measurement: pools, caches and the first whole snapshots belong to no figure.
const WARMUP_CHANGES: usize = 3;
/// For all nodes to connect and to have one generation; each registration makes a generation.
const SETTLE_TIMEOUT: Duration = Duration::from_mins(5);
/// Words of nodes that wait to be read; the reader does nothing else between two changes.
const TAKEN_QUEUED_MAX: usize = 100_000;

/// The nodes, and what they say of themselves.
struct Fleet {
    taken: mpsc::Receiver<Taken>,
    nodes: usize,
    sessions: JoinSet<anyhow::Error>,
    /// Kept for the nodes' sake: they end when it is gone.
    _running: watch::Sender<()>,
}

pub(crate) fn run(args: &FleetArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let measured = runtime.block_on(measure(args))?;
    report::print(&measured, args.json.as_deref())
}

async fn measure(args: &FleetArgs) -> anyhow::Result<Measured> {
    ensure!(args.nodes > 0, "--nodes must be at least 1");
    ensure!(args.channels > 0, "--channels must be at least 1");
    let is_local = args.http.ip().is_loopback() && args.grpc.ip().is_loopback();
    ensure!(
        is_local || args.allow_remote,
        "the control plane is not on a loopback address; --allow-remote changes another machine's channels"
    );
    let plane = ControlPlane::new(args.http, &token(&args.state_dir, "admin.token")?)?;
    let created = Instant::now();
    plane.channels_ensure(args.channels).await?;
    let create_s = created.elapsed().as_secs_f64();
    let mut fleet = Fleet::start(args)?;
    fleet.settled(&plane).await?;
    for number in 0..WARMUP_CHANGES {
        change(&plane, &mut fleet, number, args.channels).await?;
    }
    let process = args.pid.map(Process::new);
    let before = process.as_ref().map(Process::cpu).transpose()?;
    let mut changes = Vec::with_capacity(args.changes);
    for number in 0..args.changes {
        let number = WARMUP_CHANGES + number;
        changes.push(change(&plane, &mut fleet, number, args.channels).await?);
    }
    let plane_cpu = match (&process, before) {
        (Some(process), Some(before)) => Some(process.cpu()?.saturating_sub(before)),
        _ => None,
    };
    let plane_memory = process.as_ref().map(Process::memory).transpose()?;
    Ok(Measured {
        nodes: args.nodes,
        channels: args.channels,
        takes_deltas: !args.whole,
        shared: args.share,
        create_s,
        changes,
        plane_cpu,
        plane_memory,
    })
}

/// Makes one change and waits until the control plane says that all nodes run it.
async fn change(
    plane: &ControlPlane,
    fleet: &mut Fleet,
    number: usize,
    channels: usize,
) -> anyhow::Result<Change> {
    let sent = Instant::now();
    let generation = plane.change(number, channels, fleet.nodes).await?;
    let live = sent.elapsed();
    let taken = fleet.taken_by_all(generation).await?;
    let last = taken.iter().map(|taken| taken.acknowledged).max();
    Ok(Change {
        live,
        last_acknowledged: last.unwrap_or(sent).saturating_duration_since(sent),
        made: taken
            .iter()
            .map(|taken| taken.made)
            .max()
            .unwrap_or_default(),
        bytes: taken.iter().map(|taken| taken.bytes).sum(),
        deltas: taken.iter().filter(|taken| taken.is_delta).count(),
        resyncs: taken.iter().map(|taken| taken.resyncs).max().unwrap_or(0),
    })
}

fn token(state_dir: &Path, file: &str) -> anyhow::Result<String> {
    let path = state_dir.join(file);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("reading the token {}", path.display()))?;
    Ok(text.trim().to_owned())
}

// === impl Fleet ===

impl Fleet {
    fn start(args: &FleetArgs) -> anyhow::Result<Self> {
        let token = token(&args.state_dir, "cluster.token")?;
        let maker = Arc::new(Maker::new(args.share));
        let (sender, taken) = mpsc::channel(TAKEN_QUEUED_MAX);
        let (running, _) = watch::channel(());
        let mut sessions = JoinSet::new();
        for number in 0..args.nodes {
            let node = SimulatedNode {
                number,
                control_plane: format!("http://{}", args.grpc),
                token: token.clone(),
                takes_deltas: !args.whole,
                cores: Cores {
                    count: args.cores,
                    time: args.core_time,
                },
                maker: Arc::clone(&maker),
            };
            sessions.spawn(node.run(sender.clone(), running.subscribe()));
        }
        Ok(Self {
            taken,
            nodes: args.nodes,
            sessions,
            _running: running,
        })
    }

    /// Waits until every node runs the newest generation and none is on its way.
    async fn settled(&mut self, plane: &ControlPlane) -> anyhow::Result<()> {
        let settled = async {
            while plane.nodes_in_sync().await? < self.nodes {
                while self.taken.try_recv().is_ok() {}
                self.no_session_ended()?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        };
        tokio::time::timeout(SETTLE_TIMEOUT, settled)
            .await
            .context("the nodes did not come to one generation")?
    }

    /// What each node said of `generation`, or of a later one that it took instead.
    async fn taken_by_all(&mut self, generation: u64) -> anyhow::Result<Vec<Taken>> {
        let mut by_node: Vec<Option<Taken>> = vec![None; self.nodes];
        let mut missing = self.nodes;
        while missing > 0 {
            tokio::select! {
                taken = self.taken.recv() => {
                    let taken = taken.context("the nodes are gone")?;
                    let place = by_node.get_mut(taken.node).context("an unknown node")?;
                    if taken.generation >= generation && place.is_none() {
                        *place = Some(taken);
                        missing -= 1;
                    }
                }
                ended = self.sessions.join_next() => {
                    return Err(ended.context("no node is left")??);
                }
            }
        }
        Ok(by_node.into_iter().flatten().collect())
    }

    fn no_session_ended(&mut self) -> anyhow::Result<()> {
        match self.sessions.try_join_next() {
            Some(ended) => Err(ended?),
            None => Ok(()),
        }
    }
}
