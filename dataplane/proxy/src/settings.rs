//! What a core is told at its start, and the limits it keeps. Values only.
//!
//! Every default has its reason beside it and stands in `docs/`; tests inject shorter times.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dp_exec::WorkerEvent;
use dp_net::DriverChoice;
use dp_stats::Registry;

use crate::access_log::AccessSink;
use crate::command::Failure;

/// Everything one core needs. Not reusable: a restarted core gets new listeners
/// (`dp_net::ListenerSet::of_core`) and goes on with the same queues.
#[derive(Debug)]
pub struct CoreSettings {
    /// Index of the core, from 0.
    pub core: u32,
    /// CPU to pin the thread to.
    pub pin: Option<usize>,
    /// Which monoio driver.
    pub driver: DriverChoice,
    /// Bound sockets, from `dp_net::ListenerSet::of_core`.
    pub listeners: Vec<CoreListener>,
    /// Proxy-only mode when not empty: the balancer listener balances over these.
    pub backends: Vec<SocketAddr>,
    /// This core's end of the supervisor; `None` without workers.
    pub workers: Option<flume::Receiver<WorkerEvent>>,
    /// What the cores of a node share.
    pub shared: NodeShared,
    /// Connections of clients that it holds at once; beyond it nobody is accepted until one is closed.
    pub connections_max: usize,
    /// Times that tests shorten.
    pub timeouts: Timeouts,
}

/// What all cores of a node get a clone of.
#[derive(Clone, Debug)]
pub struct NodeShared {
    /// Name of this node; the member of this name is served without a hop.
    pub node: Arc<str>,
    /// Counters.
    pub stats: Arc<Registry>,
    /// Where access-log lines go; `None` = off.
    pub access_log: Option<AccessSink>,
    /// Failed service calls, bounded; a full channel drops.
    pub failures: flume::Sender<Failure>,
    /// Set by the server at SIGTERM before it drains: the ping answers 503 from then on.
    pub stopping: Arc<AtomicBool>,
}

impl NodeShared {
    /// True from SIGTERM on.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// One bound socket of a core and what it is for.
#[derive(Debug)]
pub struct CoreListener {
    /// What requests on it are.
    pub kind: ListenerKind,
    /// The socket; each core has its own.
    pub socket: TcpListener,
}

/// What a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// Requests are run here. Balancers and clients may call it.
    Node,
    /// Requests are balanced over the members (or the fixed backends).
    Balancer,
}

/// Times of a core. Defaults are those of production.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the first byte of a head to its last; absolute, so dripping does not help. 408.
    pub head: Duration,
    /// Between two reads of a body.
    pub body_idle: Duration,
    /// After this, a body must have come at `BODY_RATE_MIN`.
    pub body_grace: Duration,
    /// Between exchanges of one connection. Longer than the usual 60 s of balancers before us, so that
    /// they close first.
    pub keep_alive: Duration,
    /// The same while draining: long enough for a client that is busy to send one more request and read
    /// that the connection closes, short enough for a restart.
    pub drain_idle: Duration,
    /// To a client that does not read its answer.
    pub write_idle: Duration,
    /// TCP connect upstream: far more than a healthy network needs, and short enough to try another.
    pub connect: Duration,
    /// Upstream's first byte of the answer, when no channel says otherwise.
    pub first_byte: Duration,
    /// A member keeps a channel's deadline itself, and its 504 names the service. A balancer waits this much
    /// longer for it: two ticks of the member's calls (50 ms each), one of its clock (100 ms), and the way.
    pub member_grace: Duration,
    /// Between two reads of an upstream's body.
    pub upstream_idle: Duration,
    /// Between active health checks of one endpoint, ± 10 %.
    pub health_interval: Duration,
    /// For one active health check.
    pub health_check: Duration,
    /// Idle upstream connections are closed after this; shorter than the keep-alive of common servers.
    pub upstream_keep_alive: Duration,
    /// Reading away what a refused client still sends, so that it can read the answer.
    pub linger: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body_idle: Duration::from_secs(30),
            body_grace: Duration::from_secs(5),
            keep_alive: Duration::from_secs(65),
            drain_idle: Duration::from_secs(3),
            write_idle: Duration::from_mins(1),
            connect: Duration::from_secs(2),
            first_byte: Duration::from_secs(30),
            member_grace: Duration::from_millis(500),
            upstream_idle: Duration::from_mins(1),
            health_interval: Duration::from_secs(2),
            health_check: Duration::from_secs(1),
            upstream_keep_alive: Duration::from_secs(50),
            linger: Duration::from_secs(1),
        }
    }
}
