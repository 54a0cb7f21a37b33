//! One core that balances over fixed backends, and nothing else: for measuring the request path alone.
//!
//! `balancer LISTEN BACKEND…`. With `ACCESS_LOG=1` in the environment it writes the access log to stdout.

#![expect(clippy::unwrap_used, reason = "a measuring tool, not a product")]

use std::net::SocketAddr;
use std::sync::Arc;

use dp_net::{DriverChoice, ListenerSet};
use dp_proxy::{
    AccessLog, AccessLogTarget, CoreListener, CoreSettings, ListenerKind, NodeShared, Timeouts,
    run_core,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut addresses = std::env::args()
        .skip(1)
        .map(|text| text.parse::<SocketAddr>().unwrap());
    let set = ListenerSet::bind(addresses.next().unwrap(), 1).unwrap();
    let log =
        std::env::var_os("ACCESS_LOG").map(|_| AccessLog::start(&AccessLogTarget::Stdout).unwrap());
    let (failed, _failures) = flume::bounded(16);
    let (_commands, receiver) = flume::unbounded();
    let settings = CoreSettings {
        core: 0,
        pin: None,
        driver: DriverChoice::Auto,
        listeners: vec![CoreListener {
            kind: ListenerKind::Balancer,
            socket: set.of_core(0).unwrap(),
        }],
        backends: addresses.collect(),
        workers: None,
        shared: NodeShared {
            node: "bench".into(),
            stats: Arc::default(),
            access_log: log.as_ref().and_then(AccessLog::sink),
            failures: failed,
            stopping: Arc::default(),
        },
        connections_max: 10_000,
        timeouts: Timeouts::default(),
    };
    run_core(settings, receiver).unwrap();
}
