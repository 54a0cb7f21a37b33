//! A core in a thread of the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use std::time::Duration;

use bascule_proto::config::v1 as proto;
use dp_config::{Snapshot, snapshot_hash};
use dp_exec::WorkerEvent;
use dp_net::{DriverChoice, ListenerSet};
use dp_stats::{NodeTotals, Registry};

use crate::{
    CoreCommand, CoreError, CoreListener, CoreSettings, Drained, Failure, ListenerKind, NodeShared,
    Plan, Timeouts, run_core,
};

pub(super) struct TestCore {
    pub(super) node: SocketAddr,
    pub(super) balancer: SocketAddr,
    pub(super) commands: flume::Sender<CoreCommand>,
    /// Kept so that the core's end stays connected.
    _failures: flume::Receiver<Failure>,
    pub(super) stopping: Arc<AtomicBool>,
    stats: Arc<Registry>,
    thread: Option<JoinHandle<Result<(), CoreError>>>,
}

/// Short enough for a test, long enough for a busy machine.
pub(super) fn quick() -> Timeouts {
    Timeouts {
        health_interval: Duration::from_millis(200),
        drain_idle: Duration::from_millis(300),
        ..Timeouts::default()
    }
}

impl TestCore {
    pub(super) fn start(backends: &[SocketAddr], timeouts: Timeouts) -> Self {
        Self::start_on(DriverChoice::Auto, backends, timeouts)
    }

    pub(super) fn start_on(
        driver: DriverChoice,
        backends: &[SocketAddr],
        timeouts: Timeouts,
    ) -> Self {
        Self::start_full_at(1_000, driver, backends, timeouts)
    }

    /// One that holds `connections_max` connections of clients at once.
    pub(super) fn start_full_at(
        connections_max: usize,
        driver: DriverChoice,
        backends: &[SocketAddr],
        timeouts: Timeouts,
    ) -> Self {
        Self::launch((connections_max, None), driver, backends, timeouts)
    }

    /// One that runs services.
    pub(super) fn start_with(workers: flume::Receiver<WorkerEvent>) -> Self {
        Self::launch((1_000, Some(workers)), DriverChoice::Auto, &[], quick())
    }

    fn launch(
        (connections_max, workers): (usize, Option<flume::Receiver<WorkerEvent>>),
        driver: DriverChoice,
        backends: &[SocketAddr],
        timeouts: Timeouts,
    ) -> Self {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let node = ListenerSet::bind(any, 1).unwrap();
        let balancer = ListenerSet::bind(any, 1).unwrap();
        let listener = |kind, set: &ListenerSet| CoreListener {
            kind,
            socket: set.of_core(0).unwrap(),
        };
        let (failed, failures) = flume::bounded(16);
        let stats = Arc::new(Registry::default());
        let stopping = Arc::new(AtomicBool::new(false));
        let settings = CoreSettings {
            core: 0,
            pin: None,
            driver,
            listeners: vec![
                listener(ListenerKind::Node, &node),
                listener(ListenerKind::Balancer, &balancer),
            ],
            backends: backends.to_vec(),
            workers,
            shared: NodeShared {
                node: "n1".into(),
                stats: Arc::clone(&stats),
                access_log: None,
                failures: failed,
                stopping: Arc::clone(&stopping),
            },
            connections_max,
            timeouts,
        };
        let (commands, receiver) = flume::unbounded();
        let thread = std::thread::spawn(move || run_core(settings, receiver));
        Self {
            node: node.address(),
            balancer: balancer.address(),
            commands,
            _failures: failures,
            stopping,
            stats,
            thread: Some(thread),
        }
    }

    /// Prepares and commits.
    pub(super) fn apply(&self, snapshot: proto::Snapshot) {
        let generation = snapshot.generation;
        self.prepare(plan(snapshot));
        self.commit(generation);
    }

    pub(super) fn prepare(&self, plan: Arc<Plan>) {
        let (reply, answer) = flume::bounded(1);
        self.commands
            .send(CoreCommand::Prepare { plan, reply })
            .unwrap();
        answer.recv().unwrap().unwrap();
    }

    pub(super) fn commit(&self, generation: u64) {
        let (reply, answer) = flume::bounded(1);
        self.commands
            .send(CoreCommand::Commit { generation, reply })
            .unwrap();
        answer.recv().unwrap().unwrap();
    }

    pub(super) fn begin_drain(&self, timeout: Duration) -> flume::Receiver<Drained> {
        let (reply, answer) = flume::bounded(1);
        self.commands
            .send(CoreCommand::Drain { timeout, reply })
            .unwrap();
        answer
    }

    pub(super) fn totals(&self) -> NodeTotals {
        self.stats.read()
    }

    /// Waits until the counters are as `is_so` wants.
    pub(super) fn until(&self, is_so: impl Fn(&NodeTotals) -> bool) {
        while !is_so(&self.totals()) {
            std::thread::yield_now();
        }
    }

    pub(super) fn join(mut self) -> Result<(), CoreError> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for TestCore {
    fn drop(&mut self) {
        let _ended_already = self.commands.send(CoreCommand::Stop);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

pub(super) fn plan(mut snapshot: proto::Snapshot) -> Arc<Plan> {
    snapshot.hash = snapshot_hash(&snapshot).0.to_vec().into();
    let snapshot = Snapshot::try_from(&snapshot).unwrap();
    Arc::new(Plan {
        snapshot: Arc::new(snapshot),
        services: dp_exec::ServiceSet::default(),
    })
}

/// A generation whose channels all run the built-in echo.
pub(super) fn echoes(generation: u64, paths: &[(&str, &str)]) -> proto::Snapshot {
    let channels = paths
        .iter()
        .enumerate()
        .map(|(index, (method, path))| proto::Channel {
            id: format!("id-{index}"),
            name: format!("channel-{index}"),
            path: (*path).into(),
            method: (*method).into(),
            service: "bascule.echo".into(),
            timeout_ms: 30_000,
            body_bytes_max: 1_000_000,
            ..proto::Channel::default()
        });
    proto::Snapshot {
        generation,
        cluster_id: "c".into(),
        cluster: "test".into(),
        channels: channels.collect(),
        ..proto::Snapshot::default()
    }
}

pub(super) fn member(node: &str, address: SocketAddr) -> proto::Member {
    proto::Member {
        node: node.into(),
        address: address.to_string(),
        state: proto::MemberState::Online.into(),
        weight: 100,
    }
}
