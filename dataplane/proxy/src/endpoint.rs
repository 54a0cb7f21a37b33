//! One upstream endpoint of a core: where it is, its idle connections, its health, its counters.
//!
//! Refuses to judge its health (`backend` does). Invariant: what is known of an address, and its pool, outlive
//! generations, so a new configuration neither costs a connection nor forgets what is learned while it comes.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use dp_net::Pool;
use dp_policy::health::{EndpointHealth, SharedHealth};
use dp_stats::{ChannelStats, CoreStats};

pub(crate) struct Endpoint {
    /// Place in its backend.
    pub(crate) index: usize,
    /// `ip:port`.
    pub(crate) name: Arc<str>,
    pub(crate) address: SocketAddr,
    pub(crate) weight: u32,
    /// A person wants it to get requests.
    pub(crate) is_wanted: bool,
    /// It is this node.
    pub(crate) is_here: bool,
    pub(crate) pool: Rc<Pool>,
    pub(crate) health: SharedHealth,
    pub(crate) next_check: Rc<Cell<Duration>>,
    pub(crate) stats: Arc<ChannelStats>,
}

/// What a backend is built from.
#[derive(Clone, Debug)]
pub(crate) struct EndpointSpec {
    pub(crate) address: SocketAddr,
    pub(crate) weight: u32,
    pub(crate) is_wanted: bool,
    pub(crate) is_here: bool,
}

impl Endpoint {
    /// By this the sockets that wait for the endpoint are told from others; never 0. Its pool is what all
    /// generations of it share.
    pub(crate) fn peer(&self) -> usize {
        Rc::as_ptr(&self.pool).addr()
    }

    /// `earlier` is the same address in the generation before; of an address that is new, `health` is all that
    /// is known.
    pub(crate) fn new(
        index: usize,
        spec: &EndpointSpec,
        earlier: Result<&Self, EndpointHealth>,
        stats: &CoreStats,
    ) -> Self {
        let name: Arc<str> = spec.address.to_string().into();
        let (pool, health, next_check) = match earlier {
            Ok(earlier) => (
                Rc::clone(&earlier.pool),
                earlier.health.clone(),
                Rc::clone(&earlier.next_check),
            ),
            Err(health) => (Rc::default(), health.into(), Rc::default()),
        };
        Self {
            index,
            address: spec.address,
            weight: spec.weight,
            is_wanted: spec.is_wanted,
            is_here: spec.is_here,
            pool,
            health,
            next_check,
            stats: stats.upstream(&name),
            name,
        }
    }
}
