//! A core that dies with a worker bound: the one after it has workers too.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use bascule_proto::config::v1 as proto;
use dp_exec::{PackageFile, ServiceBinding, Supervisor, SupervisorConfig};
use dp_stats::Registry;
use tracing::{Event, Subscriber, field::Field, field::Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::*;

/// A core has no switch for its own death. This one logs, outside the fence of any connection, that it holds
/// as many connections as it may; and this log panics at it.
struct DeadlyLog;

struct IsDeadly(bool);

impl<S: Subscriber> Layer<S> for DeadlyLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut found = IsDeadly(false);
        event.record(&mut found);
        assert!(!found.0, "asked for by a test");
    }
}

impl Visit for IsDeadly {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let is_pause = || format!("{value:?}").starts_with("accepting pauses");
        self.0 |= field.name() == "message" && is_pause();
    }
}

fn scripted_workers(folder: &Path) -> SupervisorConfig {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    SupervisorConfig {
        python_path: Some(root.join("../exec/testdata/scripted")),
        workers: 1,
        ..SupervisorConfig::new("n1", 1, folder)
    }
}

/// More than the calls of the test leave behind while they end.
const CONNECTIONS_MAX: usize = 8;

fn one_core(node: ListenerSet, stats: &Arc<Registry>, supervisor: &Supervisor) -> CoresConfig {
    CoresConfig {
        shared: NodeShared {
            node: "n1".into(),
            stats: Arc::clone(stats),
            access_log: None,
            failures: flume::bounded(1).0,
            stopping: Arc::default(),
        },
        driver: DriverChoice::Auto,
        cpus: Vec::new(),
        node: Some(node),
        balancer: None,
        backends: Vec::new(),
        renewal: Some(supervisor.renewal()),
        connections_max: CONNECTIONS_MAX,
    }
}

/// A channel `/echo` before the scripted service of that name.
async fn echo(supervisor: &Supervisor) -> Arc<Plan> {
    let id = "0".repeat(64);
    let package = PackageFile {
        id: id.clone(),
        file: "scripted.py".to_owned(),
        module: "scripted".to_owned(),
        path: "/nowhere".into(),
    };
    let binding = ServiceBinding {
        name: "echo".to_owned(),
        package: id.clone(),
    };
    let services = supervisor.bind(vec![package], vec![binding]).await.unwrap();
    let mut wire = proto::Snapshot {
        generation: 1,
        cluster_id: "c".to_owned(),
        channels: vec![proto::Channel {
            name: "echo".to_owned(),
            path: "/echo".to_owned(),
            service: "echo".to_owned(),
            timeout_ms: 5_000,
            body_bytes_max: 100,
            ..Default::default()
        }],
        services: vec![proto::Service {
            name: "echo".to_owned(),
            package_id: id.clone(),
        }],
        packages: vec![proto::Package {
            id,
            file: "scripted.py".to_owned(),
            module: "scripted".to_owned(),
            version: 1,
            bytes: 1,
        }],
        ..Default::default()
    };
    wire.hash = dp_config::snapshot_hash(&wire).0.to_vec().into();
    let snapshot = Arc::new(Snapshot::try_from(&wire).unwrap());
    Arc::new(Plan { snapshot, services })
}

/// The status of a call, or nothing when the core died under it.
fn call(address: SocketAddr) -> Option<u16> {
    let mut stream = TcpStream::connect(address).unwrap();
    let request =
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

#[tokio::test]
async fn a_core_that_was_started_again_has_workers() {
    let deadly = tracing_subscriber::registry().with(DeadlyLog);
    // Of the process: a core has threads of its own.
    tracing::subscriber::set_global_default(deadly).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stats = Arc::new(Registry::default());
    let node = ListenerSet::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = node.address();
    let (supervisor, events) = Supervisor::start(scripted_workers(folder.path())).unwrap();
    let config = one_core(node, &stats, &supervisor);
    let (failed, _failures) = flume::unbounded();
    let events = events.into_iter().map(Some).collect();
    let cores = Cores::start(config, events, failed).unwrap();
    let plan = echo(&supervisor).await;
    cores.prepare(&plan).await.unwrap();
    cores.commit(&plan).await.unwrap();
    while call(address) != Some(200) {}
    let first = supervisor.status().pids;

    let idle = [(); CONNECTIONS_MAX].map(|()| TcpStream::connect(address).unwrap());
    while stats.read().core_restarts == 0 {
        tokio::task::yield_now().await;
    }
    drop(idle);

    // The one worker is replaced by another that knows of the new core; the core has the plan from its thread.
    while call(address) != Some(200) {}
    assert_eq!(stats.read().core_restarts, 1);
    assert_ne!(supervisor.status().pids, first);
    cores.drain(Duration::from_secs(5)).await;
}
