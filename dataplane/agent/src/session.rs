//! One session to the control plane: opened, kept, and what arrives on it handed on.
//!
//! Invariant: receiving never waits for applying. A snapshot only replaces the one that waits, so
//! a slow node skips generations instead of queueing them; a delta is applied to what was received before it, served
//! or not.

mod tasks;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bascule_proto::Encoded;
use bascule_proto::config::v1 as proto;
use dp_config::Package;
use proto::control_message::Message as Control;
use proto::node_config_client::NodeConfigClient;
use proto::node_message::Message;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status as Rpc};

use crate::agent::AgentConfig;
use crate::base::{Base, Misfit};
use crate::node::Node;
use crate::packages::{PackageStore, PackageStoreError};
use crate::snapshot_file::error_chain;
use crate::status::{Serving, Status};

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

/// A snapshot, whole or made of a delta, and the session that it came by.
#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) snapshot: Encoded,
    pub(crate) fetcher: Fetcher,
    pub(crate) outbound: mpsc::Sender<proto::NodeMessage>,
}

/// A session that is open.
struct Open {
    client: Client,
    outbound: mpsc::Sender<proto::NodeMessage>,
    inbound: tonic::Streaming<proto::ControlMessage>,
    base: Base,
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
            Ok(open) => {
                self.outbound.send_replace(Some(open.outbound.clone()));
                self.status.connected();
                tracing::info!(control_plane = %self.config.control_plane, "session opened");
                let ended = self.receive(open).await;
                self.outbound.send_replace(None);
                ended
            }
            Err(error) => error,
        }
    }

    async fn open(&self) -> Result<Open, SessionError> {
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
        // Deltas are made to what the Hello says, and so begin with just that.
        let serving = self.status.read().serving;
        // There is room: the queue is new.
        drop(outbound.try_send(message(Message::Hello(self.hello(serving.as_ref())))));
        let session = client.session(ReceiverStream::new(messages));
        let session = timeout(timing.connect, session)
            .await
            .map_err(|_late| SessionError::Silent)?;
        let inbound = session
            .map_err(|rpc| SessionError::refused(&rpc))?
            .into_inner();
        Ok(Open {
            client,
            outbound,
            inbound,
            base: Base::new(serving.map(|serving| serving.wire)),
        })
    }

    fn hello(&self, serving: Option<&Serving>) -> proto::Hello {
        let config = &self.config;
        let workers = self.node.workers();
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
            takes_deltas: true,
            ..proto::Hello::default()
        };
        if let Some(serving) = serving {
            hello.generation = serving.snapshot.generation;
            hello.hash = serving.snapshot.hash.0.to_vec().into();
            hello.cluster_id = serving.snapshot.cluster_id.to_string();
        }
        hello
    }

    async fn receive(&self, open: Open) -> SessionError {
        let Open {
            client,
            outbound,
            mut inbound,
            mut base,
        } = open;
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
                Some(Control::Snapshot(snapshot)) => match base.whole(&snapshot) {
                    Ok(snapshot) => self.received(snapshot, fetcher, &outbound),
                    Err(error) => tracing::error!(%error, "unreadable snapshot"),
                },
                Some(Control::Delta(delta)) => match base.delta(&delta) {
                    Ok(Some(snapshot)) => self.received(snapshot, fetcher, &outbound),
                    Ok(None) => {}
                    Err(misfit) => self.resync(&mut base, delta.generation, &misfit, &outbound),
                },
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

    /// Whoever applies takes it from here.
    fn received(
        &self,
        snapshot: Encoded,
        fetcher: Fetcher,
        outbound: &mpsc::Sender<proto::NodeMessage>,
    ) {
        self.newest.send_replace(Some(Received {
            snapshot,
            fetcher,
            outbound: outbound.clone(),
        }));
    }

    /// Asks for the whole snapshot.
    fn resync(
        &self,
        base: &mut Base,
        generation: u64,
        misfit: &Misfit,
        outbound: &mpsc::Sender<proto::NodeMessage>,
    ) {
        let reason = error_chain(misfit);
        tracing::warn!(generation, reason, "asking for the whole snapshot");
        self.status.resynced();
        let resync = proto::Resync { generation, reason };
        // When the network stands still there is no room, and the next delta asks again.
        if outbound.try_send(message(Message::Resync(resync))).is_ok() {
            base.asked();
        }
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
