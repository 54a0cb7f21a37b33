//! The gRPC face of the nodes: one session a node, and the content of packages.
//!
//! Owns the wire's conversation; what a message means is the fleet's and the deploys' business.
//! Invariant: nothing is told to or taken from a caller that did not present the cluster token.

mod stream;

use std::time::Duration;

use bascule_proto::config::v1 as proto;
use bascule_proto::publishing::Outgoing;
use bascule_proto::publishing::node_config_server::NodeConfig;
use cp_model::node::address_parse;
use cp_model::{ErrorChain, Generation, Invalid, NodeName, NodeSeen, Origin, PackageId};
use cp_odb::{Odb, OdbError};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use self::stream::ToNode;
use crate::fleet::SessionTicket;
use crate::published::Stamp;
use crate::{Deploys, Fleet, Publisher, clock, snapshot};

/// A caller that opens a session and says nothing is not a node.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Messages on their way into the socket of one node; its own buffers are behind this. One: what a node that does not
/// read is sent is chosen when it reads again.
const STREAM_QUEUED_MAX: usize = 1;
/// Texts of a Hello are shown and stored; nobody needs longer ones.
const TEXT_CHARS_MAX: usize = 200;

/// Numbers above this do not survive JSON; no cluster changes that often.
const GENERATION_MAX: u64 = 1 << 53;

/// What sessions need of the control plane.
#[derive(Debug, Clone)]
pub struct SessionParts {
    pub odb: Odb,
    pub fleet: Fleet,
    pub publisher: Publisher,
    pub deploys: Deploys,
    /// Turns true when the control plane stops.
    pub stopping: watch::Receiver<bool>,
}

/// Implements `bascule.config.v1.NodeConfig`. `authorized` looks at the presented bearer token.
pub struct NodeConfigService<A> {
    parts: SessionParts,
    authorized: A,
}

// === impl NodeConfigService ===

impl<A: Fn(&str) -> bool + Send + Sync + 'static> NodeConfigService<A> {
    pub fn new(parts: SessionParts, authorized: A) -> Self {
        Self { parts, authorized }
    }

    fn authorize<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let header = request
            .metadata()
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        match header.and_then(|value| value.strip_prefix("Bearer ")) {
            Some(token) if (self.authorized)(token) => Ok(()),
            _ => Err(Status::unauthenticated(
                "the cluster token is missing or wrong",
            )),
        }
    }
}

impl<A> std::fmt::Debug for NodeConfigService<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeConfigService").finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl<A: Fn(&str) -> bool + Send + Sync + 'static> NodeConfig for NodeConfigService<A> {
    type SessionStream = ReceiverStream<Result<Outgoing, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<proto::NodeMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        self.authorize(&request)?;
        let inbound = request.into_inner();
        let (outbound, stream) = mpsc::channel(STREAM_QUEUED_MAX);
        let parts = self.parts.clone();
        // The answer's headers go out at once; what is wrong with the Hello follows as the status.
        tokio::spawn(async move {
            if let Err(status) = converse(parts, inbound, outbound.clone()).await {
                // The node hung up first when this fails.
                outbound.send(Err(status)).await.ok();
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn fetch_package(
        &self,
        request: Request<proto::FetchPackageRequest>,
    ) -> Result<Response<proto::FetchPackageResponse>, Status> {
        self.authorize(&request)?;
        let id = PackageId::parse(&request.get_ref().package_id)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let odb = &self.parts.odb;
        let package = odb
            .package_find(&id)
            .await
            .map_err(|error| odb_status(&error))?;
        let content = odb
            .package_content(&id)
            .await
            .map_err(|error| odb_status(&error))?;
        Ok(Response::new(proto::FetchPackageResponse {
            package: Some(snapshot::package(&package)),
            content: content.into(),
        }))
    }
}

async fn converse(
    parts: SessionParts,
    mut inbound: Streaming<proto::NodeMessage>,
    outbound: mpsc::Sender<Result<Outgoing, Status>>,
) -> Result<(), Status> {
    let hello = receive_hello(&mut inbound).await?;
    let seen = parse_hello(&hello).map_err(|error| Status::invalid_argument(error.to_string()))?;
    let newest = parts.publisher.newest();
    if !hello.cluster_id.is_empty() && hello.cluster_id != newest.cluster_id {
        let text = format!(
            "node {} belongs to cluster {}, this is cluster {}",
            seen.name, hello.cluster_id, newest.cluster_id
        );
        tracing::warn!(node = %seen.name, "{text}");
        return Err(Status::failed_precondition(text));
    }
    // Before it is registered: two processes that take the name from each other would each move the
    // node's address, a generation every time.
    if let Some(address) = parts.fleet.rival(&seen.name, &hello) {
        let text = format!(
            "node {} is connected from {address} already; names are unique in a cluster",
            seen.name
        );
        tracing::warn!(node = %seen.name, refused = %seen.address, "{text}");
        return Err(Status::already_exists(text));
    }
    register(&parts, &seen).await?;
    overtake(&parts, &seen, &hello).await?;
    let ticket = connect(&parts, &seen, &hello);
    let session = ticket.id;
    parts.deploys.node_connected(&seen.name).await;
    let to_node = ToNode::new(&hello, outbound);
    let result = stream::run((&parts, &seen.name), ticket, inbound, to_node).await;
    if parts.fleet.disconnect(&seen.name, session) {
        tracing::info!(node = %seen.name, "node away");
        parts.deploys.node_gone(&seen.name).await;
    }
    result
}

async fn receive_hello(
    inbound: &mut Streaming<proto::NodeMessage>,
) -> Result<proto::Hello, Status> {
    let first = tokio::time::timeout(HELLO_TIMEOUT, inbound.message()).await;
    let message = first.map_err(|_elapsed| Status::deadline_exceeded("no Hello came"))??;
    match message.and_then(|message| message.message) {
        Some(proto::node_message::Message::Hello(hello)) => Ok(hello),
        _ => Err(Status::invalid_argument("the first message must be Hello")),
    }
}

fn parse_hello(hello: &proto::Hello) -> Result<NodeSeen, Invalid> {
    let address = address_parse("address", &hello.address)?;
    Ok(NodeSeen {
        name: NodeName::parse(&hello.node).map_err(|error| Invalid::new("node", error.reason))?,
        address: address.ok_or_else(|| Invalid::new("address", "must not be empty"))?,
        balancer_address: address_parse("balancer_address", &hello.balancer_address)?,
        admin_address: address_parse("admin_address", &hello.admin_address)?,
        binary_version: hello.version.chars().take(TEXT_CHARS_MAX).collect(),
        python: hello.python.chars().take(TEXT_CHARS_MAX).collect(),
    })
}

/// Registers the session. A node that says that it runs what we know to be another runs nothing until it has
/// acknowledged something.
fn connect(parts: &SessionParts, seen: &NodeSeen, hello: &proto::Hello) -> SessionTicket {
    let said = Stamp::of(hello.generation, &hello.hash);
    let is_believed = hello.generation == 0 || parts.publisher.newest().may_be_run(&said);
    let running = if is_believed {
        said.generation
    } else {
        parts.fleet.disbelieved();
        tracing::warn!(node = %seen.name, generation = hello.generation, "it does not run what it says");
        Generation(0)
    };
    tracing::info!(node = %seen.name, generation = hello.generation, "node connected");
    parts
        .fleet
        .connect(&seen.name, hello, (running, clock::now()))
}

/// Writes the node's row. A new node or a new address is a new generation, and the session begins
/// with it, so that a node does not apply one snapshot only to get the next.
async fn register(parts: &SessionParts, seen: &NodeSeen) -> Result<(), Status> {
    let origin = Origin::new(format!("node {}", seen.name), clock::now());
    let made = parts
        .odb
        .node_register(&origin, seen)
        .await
        .map_err(|error| odb_status(&error))?;
    if let Some(generation) = made {
        parts.publisher.reached(generation).await;
    }
    Ok(())
}

/// A node never goes back, so when it serves what our rows never made (they were restored from a
/// backup) our generation has to pass its own; else no change would reach it again.
async fn overtake(
    parts: &SessionParts,
    seen: &NodeSeen,
    hello: &proto::Hello,
) -> Result<(), Status> {
    let newest = parts.publisher.newest();
    let ours = newest.generation.0;
    let is_ours =
        hello.generation < ours || (hello.generation == ours && hello.hash == newest.hash());
    // Without a cluster it has served none of its generations.
    if is_ours || hello.cluster_id.is_empty() {
        return Ok(());
    }
    if hello.generation > GENERATION_MAX {
        return Err(Status::invalid_argument("generation is no number of ours"));
    }
    let origin = Origin::new(format!("node {}", seen.name), clock::now());
    let made = parts
        .odb
        .cluster_overtake(&origin, Generation(hello.generation))
        .await
        .map_err(|error| odb_status(&error))?;
    if let Some(generation) = made {
        tracing::warn!(
            node = %seen.name,
            serves = hello.generation,
            ours,
            now = generation.0,
            "the node serves what these rows never made (a restored ODB?); passing it"
        );
        parts.publisher.reached(generation).await;
    }
    Ok(())
}

fn odb_status(error: &OdbError) -> Status {
    match error {
        OdbError::NotFound { .. } => Status::not_found(error.to_string()),
        OdbError::Busy(_) | OdbError::Unreachable(_) => Status::unavailable(error.to_string()),
        _ => {
            tracing::error!(error = %ErrorChain(error), "the ODB failed a node's call");
            Status::internal("the ODB failed")
        }
    }
}
