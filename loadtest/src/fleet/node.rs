//! One simulated node: a real session, real snapshots and hashes, cores that only take time.
//!
//! Invariant: it acknowledges a generation only after it has made that generation's snapshot, whole or from a delta, and
//! found its hash right.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use bascule_proto::config::v1 as proto;
use bascule_proto::{Encoded, apply};
use prost::Message as _;
use prost::bytes::Bytes;
use proto::control_message::Message as FromPlane;
use proto::node_config_client::NodeConfigClient;
use proto::node_message::Message as ToPlane;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

/// As real nodes do: a node that says nothing for some seconds counts as away.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// As real nodes have it.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Messages to the control plane on their way; a node says one thing at a time.
const OUTBOUND_MAX: usize = 16;
/// Addresses are only names here; nobody listens on them.
const PORT_FIRST: usize = 20_000;

/// Names of simulated nodes begin with it.
pub(super) const NODE_PREFIX: &str = "fleet-";

pub(super) struct SimulatedNode {
    pub(super) number: usize,
    /// `http://host:port`
    pub(super) control_plane: String,
    pub(super) token: String,
    pub(super) takes_deltas: bool,
    pub(super) cores: Cores,
    pub(super) maker: Arc<Maker>,
}

#[derive(Clone, Copy)]
pub(super) struct Cores {
    pub(super) count: u32,
    /// From being asked to prepare until all have committed.
    pub(super) time: Duration,
}

/// A generation that a node took.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) node: usize,
    pub(super) generation: u64,
    pub(super) acknowledged: Instant,
    /// From the message to the snapshot with its hash found right.
    pub(super) made: Duration,
    /// Of the message.
    pub(super) bytes: usize,
    pub(super) is_delta: bool,
    /// So far, in all.
    pub(super) resyncs: u64,
}

/// Makes snapshots of what arrives, for each node by itself or once for all.
pub(super) struct Maker {
    /// The newest, when it is shared.
    shared: Option<Mutex<Option<Encoded>>>,
}

/// The state of one session.
struct Session<'a> {
    node: &'a SimulatedNode,
    to_plane: mpsc::Sender<proto::NodeMessage>,
    held: Option<Encoded>,
    is_asking: bool,
    resyncs: u64,
}

// === impl SimulatedNode ===

impl SimulatedNode {
    /// Runs until the session ends, which is an error, or until `running` closes.
    pub(super) async fn run(
        self,
        taken: mpsc::Sender<Taken>,
        mut running: watch::Receiver<()>,
    ) -> anyhow::Error {
        let ended = tokio::select! {
            ended = self.converse(taken) => ended,
            _ = running.changed() => Ok(()),
        };
        let name = self.name();
        match ended {
            Ok(()) => anyhow!("the session of {name} was closed"),
            Err(error) => error.context(format!("the session of {name} failed")),
        }
    }

    async fn converse(&self, taken: mpsc::Sender<Taken>) -> anyhow::Result<()> {
        let channel = Endpoint::from_shared(self.control_plane.clone())?
            .tcp_nodelay(true)
            .connect()
            .await?;
        let (to_plane, messages) = mpsc::channel(OUTBOUND_MAX);
        let mut session = Session {
            node: self,
            to_plane,
            held: None,
            is_asking: false,
            resyncs: 0,
        };
        session.say(ToPlane::Hello(self.hello())).await?;
        let mut from_plane = self.open(channel, messages).await?;
        let mut reports = tokio::time::interval(REPORT_INTERVAL);
        loop {
            tokio::select! {
                message = from_plane.message() => {
                    let Some(message) = message? else { return Ok(()) };
                    if let Some(done) = session.take(message).await? {
                        taken.send(done).await?;
                    }
                }
                _ = reports.tick() => session.report().await?,
            }
        }
    }

    async fn open(
        &self,
        channel: Channel,
        messages: mpsc::Receiver<proto::NodeMessage>,
    ) -> anyhow::Result<tonic::Streaming<proto::ControlMessage>> {
        let mut client =
            NodeConfigClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let mut request = Request::new(ReceiverStream::new(messages));
        let bearer = format!("Bearer {}", self.token).parse();
        request
            .metadata_mut()
            .insert("authorization", bearer.context("the cluster token")?);
        Ok(client.session(request).await?.into_inner())
    }

    fn name(&self) -> String {
        format!("{NODE_PREFIX}{:04}", self.number)
    }

    fn hello(&self) -> proto::Hello {
        proto::Hello {
            node: self.name(),
            boot_id: format!("{}-{}", std::process::id(), self.number),
            address: format!("127.0.0.1:{}", PORT_FIRST + self.number),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cores: self.cores.count,
            workers: self.cores.count,
            takes_deltas: self.takes_deltas,
            ..proto::Hello::default()
        }
    }
}

// === impl Session ===

impl Session<'_> {
    /// What came of a message; nothing when it was not one to acknowledge.
    async fn take(&mut self, message: proto::ControlMessage) -> anyhow::Result<Option<Taken>> {
        let begun = Instant::now();
        let bytes = message.encoded_len();
        let is_delta = matches!(message.message, Some(FromPlane::Delta(_)));
        let made = match message.message {
            Some(FromPlane::Snapshot(snapshot)) => self.node.maker.whole(&snapshot)?,
            Some(FromPlane::Delta(_)) if self.is_asking => return Ok(None),
            Some(FromPlane::Delta(delta)) => {
                match self.node.maker.delta(self.held.as_ref(), &delta) {
                    Ok(made) => made,
                    Err(error) => {
                        self.resync(&delta, &error).await?;
                        return Ok(None);
                    }
                }
            }
            Some(FromPlane::Trial(_) | FromPlane::Invoke(_)) | None => return Ok(None),
        };
        self.is_asking = false;
        let took = begun.elapsed();
        if !self.node.cores.time.is_zero() {
            tokio::time::sleep(self.node.cores.time).await;
        }
        let generation = made.generation();
        self.acknowledge(&made, begun).await?;
        self.held = Some(made);
        Ok(Some(Taken {
            node: self.node.number,
            generation,
            acknowledged: Instant::now(),
            made: took,
            bytes,
            is_delta,
            resyncs: self.resyncs,
        }))
    }

    async fn acknowledge(&self, made: &Encoded, begun: Instant) -> anyhow::Result<()> {
        let cores = (0..self.node.cores.count).map(|core| proto::CoreAck {
            core,
            prepare_us: micros(self.node.cores.time),
            commit_us: 0,
        });
        let ack = proto::Ack {
            generation: made.generation(),
            hash: made.hash().clone(),
            cores: cores.collect(),
            total_us: micros(begun.elapsed()),
        };
        self.say(ToPlane::Ack(ack)).await
    }

    async fn resync(&mut self, delta: &proto::Delta, why: &anyhow::Error) -> anyhow::Result<()> {
        self.is_asking = true;
        self.resyncs += 1;
        let resync = proto::Resync {
            generation: delta.generation,
            reason: format!("{why:#}"),
        };
        self.say(ToPlane::Resync(resync)).await
    }

    async fn report(&self) -> anyhow::Result<()> {
        let report = proto::Report {
            state: proto::NodeState::Ready.into(),
            workers_ready: self.node.cores.count,
            workers_total: self.node.cores.count,
            interval_us: micros(REPORT_INTERVAL),
            ..proto::Report::default()
        };
        self.say(ToPlane::Report(report)).await
    }

    async fn say(&self, message: ToPlane) -> anyhow::Result<()> {
        let message = proto::NodeMessage {
            message: Some(message),
        };
        Ok(self.to_plane.send(message).await?)
    }
}

// === impl Maker ===

impl Maker {
    pub(super) fn new(is_shared: bool) -> Self {
        Self {
            shared: is_shared.then(Mutex::default),
        }
    }

    fn whole(&self, snapshot: &proto::Snapshot) -> anyhow::Result<Encoded> {
        self.once(&snapshot.hash, || {
            let encoded = Encoded::of(snapshot)?;
            anyhow::ensure!(encoded.is_sound(), "the whole snapshot has a wrong hash");
            Ok(encoded)
        })
    }

    fn delta(&self, held: Option<&Encoded>, delta: &proto::Delta) -> anyhow::Result<Encoded> {
        let base = held.context("nothing to apply a delta to")?;
        self.once(&delta.hash, || Ok(apply(base, delta)?))
    }

    /// The other nodes wait for the one that makes it, which is what they would need themselves.
    fn once(
        &self,
        hash: &Bytes,
        make: impl FnOnce() -> anyhow::Result<Encoded>,
    ) -> anyhow::Result<Encoded> {
        let Some(shared) = &self.shared else {
            return make();
        };
        let mut newest = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = newest.as_ref().filter(|known| known.hash() == hash) {
            return Ok(known.clone());
        }
        let made = make()?;
        *newest = Some(made.clone());
        Ok(made)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
