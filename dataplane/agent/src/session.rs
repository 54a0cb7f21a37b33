//! One session to the control plane: opened, kept, and what arrives on it handed on.
//!
//! Invariant: receiving never waits for applying. A snapshot only replaces the one that waits, so
//! a slow node skips generations instead of queueing them.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bascule_proto::config::v1 as proto;
use dp_config::Package;
use proto::control_message::Message as Control;
use proto::node_config_client::NodeConfigClient;
use proto::node_message::Message;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status as Rpc};

use crate::agent::AgentConfig;
use crate::node::{Node, TrialError};
use crate::packages::{PackageStore, PackageStoreError};
use crate::snapshot_file::error_chain;
use crate::status::Status;

/// Messages to the control plane that wait for the network; reports are dropped when it is full.
const OUTBOUND_MAX: usize = 256;
/// Trials and invocations that run at once; the cores serve traffic besides.
const TASKS_MAX: usize = 256;
/// A snapshot of 10,000 channels is about 2 MiB, a package 4 MiB.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Well below the 30 s that a trial may take in all.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

type Client = NodeConfigClient<InterceptedService<Channel, Bearer>>;

/// What sessions share with the rest of the agent.
pub(crate) struct Sessions<N> {
    pub(crate) config: AgentConfig,
    pub(crate) node: Arc<N>,
    pub(crate) status: Status,
    pub(crate) packages: PackageStore,
    /// The newest snapshot that waits to be applied.
    pub(crate) newest: watch::Sender<Option<Received>>,
    /// The way to the control plane while a session is there.
    pub(crate) outbound: watch::Sender<Option<mpsc::Sender<proto::NodeMessage>>>,
}

/// A snapshot and the session that it came by.
#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) snapshot: Arc<proto::Snapshot>,
    pub(crate) fetcher: Fetcher,
    pub(crate) outbound: mpsc::Sender<proto::NodeMessage>,
}

/// Gets package contents over the session's connection.
#[derive(Clone)]
pub(crate) struct Fetcher {
    client: Client,
}

/// Why a session ended or never was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("the token file {path} cannot be read")]
    Token {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the address of the control plane is not valid")]
    Address(#[source] tonic::transport::Error),
    #[error("the control plane cannot be reached")]
    Connect(#[source] tonic::transport::Error),
    #[error("the control plane did not answer in time")]
    Silent,
    #[error("the control plane said {code:?}: {message}")]
    Refused { code: tonic::Code, message: String },
    #[error("the control plane closed the session")]
    Closed,
}

/// Why a package's content is not here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the control plane did not send its content: {code:?}: {message}")]
    Refused { code: tonic::Code, message: String },
    #[error("the control plane did not send its content in time")]
    Silent,
    #[error("its content cannot be kept")]
    Store(#[from] PackageStoreError),
}

#[derive(Clone)]
struct Bearer(MetadataValue<Ascii>);

// === impl Sessions ===

impl<N: Node> Sessions<N> {
    /// Opens a session and keeps it until it ends, which it always does with a reason.
    pub(crate) async fn run(&self) -> SessionError {
        match self.open().await {
            Ok((client, outbound, inbound)) => {
                self.outbound.send_replace(Some(outbound.clone()));
                self.status.connected();
                tracing::info!(control_plane = %self.config.control_plane, "session opened");
                let ended = self.receive(&client, &outbound, inbound).await;
                self.outbound.send_replace(None);
                ended
            }
            Err(error) => error,
        }
    }

    async fn open(
        &self,
    ) -> Result<
        (
            Client,
            mpsc::Sender<proto::NodeMessage>,
            tonic::Streaming<proto::ControlMessage>,
        ),
        SessionError,
    > {
        let timing = &self.config.timing;
        let token = self
            .config
            .token
            .metadata()
            .map_err(|source| SessionError::Token {
                path: self.config.token.file.clone(),
                source,
            })?;
        let endpoint = Endpoint::from_shared(self.config.control_plane.clone())
            .map_err(SessionError::Address)?
            .connect_timeout(timing.connect)
            .http2_keep_alive_interval(timing.keep_alive)
            .keep_alive_timeout(timing.keep_alive_answer)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        let channel = timeout(timing.connect, endpoint.connect()).await;
        let channel = channel
            .map_err(|_late| SessionError::Silent)?
            .map_err(SessionError::Connect)?;
        let mut client = NodeConfigClient::with_interceptor(channel, Bearer(token))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let (outbound, messages) = mpsc::channel(OUTBOUND_MAX);
        // There is room: the queue is new.
        drop(outbound.try_send(message(Message::Hello(self.hello()))));
        let session = client.session(ReceiverStream::new(messages));
        let session = timeout(timing.connect, session)
            .await
            .map_err(|_late| SessionError::Silent)?;
        let inbound = session
            .map_err(|rpc| SessionError::refused(&rpc))?
            .into_inner();
        Ok((client, outbound, inbound))
    }

    fn hello(&self) -> proto::Hello {
        let config = &self.config;
        let workers = self.node.workers();
        let serving = self.status.read().serving;
        let text = |address: Option<std::net::SocketAddr>| {
            address
                .map(|address| address.to_string())
                .unwrap_or_default()
        };
        let mut hello = proto::Hello {
            node: config.node.clone(),
            boot_id: config.boot_id.clone(),
            address: config.address.to_string(),
            balancer_address: text(config.balancer_address),
            version: config.version.clone(),
            cores: config.cores,
            workers: workers.total,
            python: workers.python,
            admin_address: text(config.admin_address),
            ..proto::Hello::default()
        };
        if let Some(serving) = serving {
            hello.generation = serving.snapshot.generation;
            hello.hash = serving.snapshot.hash.0.to_vec().into();
            hello.cluster_id = serving.snapshot.cluster_id.to_string();
        }
        hello
    }

    async fn receive(
        &self,
        client: &Client,
        outbound: &mpsc::Sender<proto::NodeMessage>,
        mut inbound: tonic::Streaming<proto::ControlMessage>,
    ) -> SessionError {
        // Ends with the session: nobody is left to hear the answers.
        let mut tasks = JoinSet::new();
        loop {
            let received = match inbound.message().await {
                Ok(Some(received)) => received.message,
                Ok(None) => return SessionError::Closed,
                Err(rpc) => return SessionError::refused(&rpc),
            };
            while tasks.try_join_next().is_some() {}
            let fetcher = Fetcher {
                client: client.clone(),
            };
            match received {
                Some(Control::Snapshot(snapshot)) => {
                    let outbound = outbound.clone();
                    let snapshot = Arc::new(snapshot);
                    self.newest.send_replace(Some(Received {
                        snapshot,
                        fetcher,
                        outbound,
                    }));
                }
                Some(Control::Trial(trial)) => {
                    let room = tasks.len() < TASKS_MAX;
                    tasks.spawn(self.trial(trial, fetcher, outbound.clone(), room));
                }
                Some(Control::Invoke(invoke)) => {
                    let room = tasks.len() < TASKS_MAX;
                    tasks.spawn(self.invoke(invoke, outbound.clone(), room));
                }
                // A newer control plane's message: it may be left unanswered.
                None => tracing::warn!("unknown message from the control plane"),
            }
        }
    }

    fn trial(
        &self,
        trial: proto::Trial,
        mut fetcher: Fetcher,
        outbound: mpsc::Sender<proto::NodeMessage>,
        room: bool,
    ) -> impl Future<Output = ()> + Send + use<N> {
        let (node, packages) = (Arc::clone(&self.node), self.packages.clone());
        async move {
            let started = Instant::now();
            let wire = trial.package.unwrap_or_default();
            let tried = if room {
                try_package(node.as_ref(), &packages, &mut fetcher, &wire).await
            } else {
                Err(failed(
                    &wire,
                    "the node is busy with other trials".to_owned(),
                ))
            };
            let (services, error) = match tried {
                Ok(services) => (services, None),
                Err(error) => (Vec::new(), Some(error.into())),
            };
            let report = proto::TrialReport {
                package_id: wire.id,
                services,
                error,
                total_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            };
            // A session that ended meanwhile sends the trial again.
            drop(outbound.send(message(Message::TrialReport(report))).await);
        }
    }

    fn invoke(
        &self,
        invoke: proto::Invoke,
        outbound: mpsc::Sender<proto::NodeMessage>,
        room: bool,
    ) -> impl Future<Output = ()> + Send + use<N> {
        let node = Arc::clone(&self.node);
        async move {
            let result = if room {
                node.invoke(invoke).await
            } else {
                proto::InvokeResult {
                    id: invoke.id,
                    status: 503,
                    ..Default::default()
                }
            };
            drop(outbound.send(message(Message::InvokeResult(result))).await);
        }
    }
}

async fn try_package<N: Node>(
    node: &N,
    packages: &PackageStore,
    fetcher: &mut Fetcher,
    wire: &proto::Package,
) -> Result<Vec<proto::DeclaredService>, TrialError> {
    let package = Package::try_from(wire).map_err(|refusal| failed(wire, refusal.to_string()))?;
    let path = match packages.find(&package) {
        Some(path) => path,
        None => fetcher
            .fetch(&package, packages)
            .await
            .map_err(|error| failed(wire, error_chain(&error)))?,
    };
    node.trial(package, path).await
}

fn failed(package: &proto::Package, message: String) -> TrialError {
    TrialError {
        file: package.file.clone(),
        message,
        ..TrialError::default()
    }
}

pub(crate) fn message(message: Message) -> proto::NodeMessage {
    proto::NodeMessage {
        message: Some(message),
    }
}

// === impl Fetcher ===

impl Fetcher {
    /// Gets the content of `package` and keeps it.
    pub(crate) async fn fetch(
        &mut self,
        package: &Package,
        packages: &PackageStore,
    ) -> Result<PathBuf, FetchError> {
        let request = proto::FetchPackageRequest {
            package_id: package.id.to_string(),
        };
        let answer = timeout(FETCH_TIMEOUT, self.client.fetch_package(request)).await;
        let answer = answer.map_err(|_late| FetchError::Silent)?;
        let answer = answer.map_err(|rpc| FetchError::Refused {
            code: rpc.code(),
            message: rpc.message().to_owned(),
        })?;
        Ok(packages.keep(package, &answer.into_inner().content)?)
    }
}

// === impl SessionError ===

impl SessionError {
    fn refused(rpc: &Rpc) -> Self {
        Self::Refused {
            code: rpc.code(),
            message: rpc.message().to_owned(),
        }
    }

    /// True when another process with this node's name has the session, or took it.
    pub(crate) fn is_for_another(&self) -> bool {
        let codes = [tonic::Code::AlreadyExists, tonic::Code::Aborted];
        matches!(self, Self::Refused { code, .. } if codes.contains(code))
    }
}

// === impl Bearer ===

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Rpc> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_process_of_the_name_keeps_the_waits_long() {
        for rpc in [Rpc::already_exists("taken"), Rpc::aborted("replaced")] {
            assert!(SessionError::refused(&rpc).is_for_another());
        }
        for error in [
            SessionError::refused(&Rpc::unavailable("stopping")),
            SessionError::Closed,
        ] {
            assert!(!error.is_for_another());
        }
    }
}
