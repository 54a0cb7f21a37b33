//! A control plane and a node that do what a test says.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use bascule_proto::{Encoded, Outline, between};
use dp_config::{Package, PackageId, Refusal, Snapshot, snapshot_hash};
use proto::control_message::Message as Control;
use proto::node_config_server::{NodeConfig, NodeConfigServer};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Streaming};

use super::*;
use crate::node::{Applied, CoreTimes, NotApplied, TrialError, Workers};

type Packages = watch::Sender<HashMap<String, Vec<u8>>>;
type Outcome = Result<proto::ControlMessage, tonic::Status>;

pub(super) struct ControlPlane {
    pub(super) url: String,
    pub(super) packages: Packages,
    sessions: mpsc::Receiver<Session>,
    server: JoinHandle<()>,
}

pub(super) struct Session {
    pub(super) hello: proto::Hello,
    to_node: mpsc::Sender<Outcome>,
    from_node: Streaming<proto::NodeMessage>,
}

struct Service {
    sessions: mpsc::Sender<Session>,
    packages: Packages,
}

#[derive(Debug, Default)]
pub(super) struct FakeNode {
    pub(super) applied: watch::Sender<Vec<u64>>,
    /// When there is one, each apply takes a permit.
    pub(super) gate: Option<Semaphore>,
    /// So many applies end without the word of core 1.
    pub(super) unconfirmed: AtomicUsize,
}

pub(super) struct Rig {
    pub(super) folder: tempfile::TempDir,
    pub(super) status: Status,
    pub(super) node: Arc<FakeNode>,
    pub(super) registry: Arc<Registry>,
    task: JoinHandle<()>,
}

pub(super) fn snapshot(generation: u64) -> proto::Snapshot {
    proto::Snapshot {
        generation,
        cluster_id: "c1".to_owned(),
        channels: vec![channel("echo", "/echo")],
        ..Default::default()
    }
}

pub(super) fn channel(name: &str, path: &str) -> proto::Channel {
    proto::Channel {
        name: name.to_owned(),
        path: path.to_owned(),
        service: "bascule.echo".to_owned(),
        timeout_ms: 1000,
        ..Default::default()
    }
}

pub(super) fn hashed(mut wire: proto::Snapshot) -> proto::Snapshot {
    wire.hash = snapshot_hash(&wire).0.to_vec().into();
    wire
}

pub(super) fn encoded(wire: proto::Snapshot) -> Encoded {
    Encoded::of(&hashed(wire)).unwrap()
}

pub(super) fn delta(base: &Encoded, new: &Encoded) -> Control {
    Control::Delta(between(&Outline::of(base), new))
}

pub(super) fn package(file: &str, content: &str) -> (proto::Package, Vec<u8>) {
    let wire = proto::Package {
        id: PackageId::of(file, content.as_bytes()).to_string(),
        file: file.to_owned(),
        module: file.trim_end_matches(".py").to_owned(),
        version: 1,
        bytes: content.len() as u64,
    };
    (wire, content.as_bytes().to_vec())
}

// === impl ControlPlane ===

impl ControlPlane {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sessions_in, sessions) = mpsc::channel(8);
        let packages = Packages::default();
        let service = Service {
            sessions: sessions_in,
            packages: packages.clone(),
        };
        let router =
            tonic::transport::Server::builder().add_service(NodeConfigServer::new(service));
        let incoming = TcpListenerStream::new(listener);
        let server =
            tokio::spawn(async move { router.serve_with_incoming(incoming).await.unwrap() });
        Self {
            url,
            packages,
            sessions,
            server,
        }
    }

    pub(super) async fn session(&mut self) -> Session {
        self.sessions.recv().await.unwrap()
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.server.abort();
    }
}

// === impl Session ===

impl Session {
    pub(super) async fn send(&self, message: Control) {
        self.to_node
            .send(Ok(proto::ControlMessage {
                message: Some(message),
            }))
            .await
            .unwrap();
    }

    pub(super) async fn ack(&mut self) -> proto::Ack {
        match self.answer().await {
            Message::Ack(ack) => ack,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn nack(&mut self) -> proto::Nack {
        match self.answer().await {
            Message::Nack(nack) => nack,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn resync(&mut self) -> proto::Resync {
        match self.answer().await {
            Message::Resync(resync) => resync,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn trial_report(&mut self) -> proto::TrialReport {
        match self.answer().await {
            Message::TrialReport(report) => report,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn invoke_result(&mut self) -> proto::InvokeResult {
        match self.answer().await {
            Message::InvokeResult(result) => result,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn report(&mut self) -> proto::Report {
        loop {
            if let Message::Report(report) = self.message().await {
                return report;
            }
        }
    }

    async fn answer(&mut self) -> Message {
        loop {
            match self.message().await {
                Message::Report(_) => {}
                answer => return answer,
            }
        }
    }

    async fn message(&mut self) -> Message {
        self.from_node
            .message()
            .await
            .unwrap()
            .unwrap()
            .message
            .unwrap()
    }
}

// === impl Service ===

#[tonic::async_trait]
impl NodeConfig for Service {
    type SessionStream = Pin<Box<ReceiverStream<Outcome>>>;

    async fn session(
        &self,
        request: Request<Streaming<proto::NodeMessage>>,
    ) -> Result<Response<Self::SessionStream>, tonic::Status> {
        let token = request
            .metadata()
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        if token != Some("Bearer secret") {
            return Err(tonic::Status::unauthenticated("token"));
        }
        let mut from_node = request.into_inner();
        let first = from_node.message().await?.and_then(|first| first.message);
        let Some(Message::Hello(hello)) = first else {
            return Err(tonic::Status::invalid_argument("hello"));
        };
        let (to_node, stream) = mpsc::channel(16);
        let session = Session {
            hello,
            to_node,
            from_node,
        };
        self.sessions.send(session).await.unwrap();
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn fetch_package(
        &self,
        request: Request<proto::FetchPackageRequest>,
    ) -> Result<Response<proto::FetchPackageResponse>, tonic::Status> {
        let content = self
            .packages
            .borrow()
            .get(&request.get_ref().package_id)
            .cloned();
        let content = content.ok_or_else(|| tonic::Status::not_found("package"))?;
        Ok(Response::new(proto::FetchPackageResponse {
            package: None,
            content: content.into(),
        }))
    }
}

// === impl FakeNode ===

impl FakeNode {
    /// Waits in each apply until the test adds a permit.
    pub(super) fn held() -> Self {
        Self {
            gate: Some(Semaphore::new(0)),
            ..Self::default()
        }
    }
}

impl Node for FakeNode {
    async fn apply(
        &self,
        snapshot: Arc<Snapshot>,
        packages: Vec<PathBuf>,
    ) -> Result<Applied, NotApplied> {
        assert_eq!(packages.len(), snapshot.packages.len());
        assert!(packages.iter().all(|path| path.exists()));
        self.applied
            .send_modify(|all| all.push(snapshot.generation));
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let one_less = |left: usize| left.checked_sub(1);
        let left = self
            .unconfirmed
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        if left.is_ok() {
            let silent = Refusal::new("node", "core", "core 1 is silent");
            let refusals = Refusal {
                core: Some(1),
                ..silent
            }
            .into();
            return Err(NotApplied::Unconfirmed(refusals));
        }
        Ok(Applied {
            cores: vec![CoreTimes {
                core: 0,
                prepare_us: 1,
                commit_us: 1,
            }],
        })
    }

    async fn trial(
        &self,
        package: Package,
        path: PathBuf,
    ) -> Result<Vec<proto::DeclaredService>, TrialError> {
        assert!(path.exists());
        let name = package.module.to_string();
        Ok(vec![proto::DeclaredService {
            name,
            ..Default::default()
        }])
    }

    async fn invoke(&self, invoke: proto::Invoke) -> proto::InvokeResult {
        proto::InvokeResult {
            id: invoke.id,
            status: 200,
            ..Default::default()
        }
    }

    fn failures(&self, _max: usize) -> Vec<proto::Failure> {
        Vec::new()
    }

    fn workers(&self) -> Workers {
        Workers {
            ready: 2,
            total: 2,
            ..Workers::default()
        }
    }
}

// === impl Rig ===

impl Rig {
    pub(super) fn start(control_plane: &ControlPlane, node: FakeNode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "secret\n").unwrap();
        Self::start_in(folder, &control_plane.url, node)
    }

    pub(super) fn start_in(folder: tempfile::TempDir, url: &str, node: FakeNode) -> Self {
        let config = AgentConfig {
            node: "dev-1".to_owned(),
            boot_id: "b".to_owned(),
            control_plane: url.to_owned(),
            token: ClusterToken {
                file: folder.path().join("token"),
            },
            state_dir: folder.path().to_owned(),
            address: "127.0.0.1:17010".parse().unwrap(),
            balancer_address: None,
            admin_address: None,
            version: "0".to_owned(),
            cores: 1,
            timing: Timing {
                reconnect_first: Duration::from_millis(1),
                reconnect_max: Duration::from_millis(10),
                report: Duration::from_millis(10),
                confirm: Duration::from_millis(10),
                ..Timing::default()
            },
        };
        let (node, status, registry) = (
            Arc::new(node),
            Status::away(),
            Arc::new(Registry::default()),
        );
        let agent = Agent::new(
            config,
            Arc::clone(&node),
            status.clone(),
            Arc::clone(&registry),
        )
        .unwrap();
        Self {
            folder,
            status,
            node,
            registry,
            task: tokio::spawn(agent.run()),
        }
    }

    /// Ends the agent as a crash would, and leaves what it kept.
    pub(super) fn stop(self) -> tempfile::TempDir {
        self.task.abort();
        self.folder
    }
}
