//! What this core serves: the generation in force, and the one that is prepared beside it.
//!
//! Refuses to change anything under a running exchange: each keeps the `Rc` of the generation that it
//! started with. Invariant: a commit is one pointer; everything that can fail happened in prepare.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use dp_config::{Channel, MemberState, Refusal, Snapshot, Target};
use dp_policy::route::RouteTable;
use dp_stats::{ChannelKey, ChannelStats, CoreStats};

use crate::backend::Backend;
use crate::command::{Committed, Plan, PrepareRefused, Prepared};
use crate::core::Core;
use crate::endpoint::EndpointSpec;
use crate::settings::CoreSettings;

/// Weight of fixed backends: all the same.
const FIXED_WEIGHT: u32 = 100;

pub(crate) struct Live {
    serving: RefCell<Rc<Serving>>,
    prepared: RefCell<Option<Rc<Serving>>>,
}

/// One generation as this core serves it.
pub(crate) struct Serving {
    pub(crate) generation: u64,
    pub(crate) backend: Rc<Backend>,
    /// Some service needs a worker.
    pub(crate) needs_workers: bool,
    pub(crate) is_proxy_only: bool,
    plan: Option<Arc<Plan>>,
    channels: Vec<ChannelServing>,
}

struct ChannelServing {
    stats: Arc<ChannelStats>,
    handle: Option<u32>,
}

impl Live {
    /// Before any generation: nothing, the ping, or the fixed backends.
    pub(crate) fn new(settings: &CoreSettings, stats: &CoreStats) -> Self {
        let is_proxy_only = !settings.backends.is_empty();
        let fixed: Vec<EndpointSpec> = settings
            .backends
            .iter()
            .map(|address| EndpointSpec {
                address: *address,
                weight: FIXED_WEIGHT,
                is_wanted: true,
                is_here: false,
            })
            .collect();
        let plan = Snapshot::initial().ok().map(|snapshot| {
            Arc::new(Plan {
                snapshot: Arc::new(snapshot),
                services: dp_exec::ServiceSet::default(),
            })
        });
        let snapshot = plan.as_ref().map(|plan| Arc::clone(&plan.snapshot));
        let serving = Serving {
            generation: 0,
            backend: Rc::new(Backend::new(&fixed, None, stats, settings.core)),
            needs_workers: false,
            is_proxy_only,
            channels: snapshot
                .iter()
                .flat_map(|snapshot| &snapshot.channels)
                .map(|channel| ChannelServing {
                    stats: stats.channel(&key_of(channel)),
                    handle: None,
                })
                .collect(),
            plan,
        };
        Self {
            serving: RefCell::new(Rc::new(serving)),
            prepared: RefCell::default(),
        }
    }

    /// The generation in force.
    pub(crate) fn now(&self) -> Rc<Serving> {
        Rc::clone(&self.serving.borrow())
    }

    pub(crate) fn prepare(&self, core: &Core, plan: Arc<Plan>) -> Result<Prepared, PrepareRefused> {
        let started = core.clock.precise();
        let earlier = self.now();
        let serving =
            Serving::compile(core, plan, &earlier).map_err(|refusals| PrepareRefused {
                core: core.index,
                refusals,
            })?;
        *self.prepared.borrow_mut() = Some(Rc::new(serving));
        Ok(Prepared {
            core: core.index,
            prepare_us: micros_since(core, started),
        })
    }

    pub(crate) fn commit(&self, core: &Core, generation: u64) -> Option<Committed> {
        let started = core.clock.precise();
        let prepared = self
            .prepared
            .borrow_mut()
            .take_if(|it| it.generation == generation)?;
        *self.serving.borrow_mut() = prepared;
        Some(Committed {
            core: core.index,
            commit_us: micros_since(core, started),
        })
    }

    pub(crate) fn abort(&self, generation: u64) {
        self.prepared
            .borrow_mut()
            .take_if(|it| it.generation == generation);
    }

    /// Closes upstream connections that nobody uses.
    pub(crate) fn sweep_pools(&self, now: Duration, keep: Duration) {
        for endpoint in self.now().backend.endpoints() {
            endpoint.pool.sweep(now, keep);
        }
    }
}

impl Serving {
    fn compile(core: &Core, plan: Arc<Plan>, earlier: &Self) -> Result<Self, Vec<Refusal>> {
        let snapshot = &plan.snapshot;
        let mut refusals = Vec::new();
        let mut channels = Vec::with_capacity(snapshot.channels.len());
        for channel in &snapshot.channels {
            let handle = plan.services.handles.get(&*channel.service).copied();
            if handle.is_none() && matches!(channel.target, Target::Worker { .. }) {
                let reason = format!("no worker is bound to the service {:?}", channel.service);
                refusals.push(Refusal::new(
                    format!("channel {}", channel.name),
                    "service",
                    reason,
                ));
            }
            channels.push(ChannelServing {
                stats: core.stats.channel(&key_of(channel)),
                handle,
            });
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let members: Vec<EndpointSpec> = snapshot
            .members
            .iter()
            .map(|member| EndpointSpec {
                address: member.address,
                weight: member.weight,
                is_wanted: member.state == MemberState::Online,
                is_here: *member.node == *core.shared.node,
            })
            .collect();
        let before = (earlier.generation > 0).then_some(&*earlier.backend);
        Ok(Self {
            generation: snapshot.generation,
            backend: Rc::new(Backend::new(&members, before, &core.stats, core.index)),
            needs_workers: !snapshot.services.is_empty(),
            is_proxy_only: false,
            channels,
            plan: Some(plan),
        })
    }

    pub(crate) fn routes(&self) -> Option<&RouteTable> {
        self.plan.as_ref().map(|plan| &plan.snapshot.routes)
    }

    pub(crate) fn channel(&self, index: usize) -> Option<&Channel> {
        self.plan.as_ref()?.snapshot.channels.get(index)
    }

    pub(crate) fn stats(&self, index: usize) -> Option<&Arc<ChannelStats>> {
        self.channels.get(index).map(|channel| &channel.stats)
    }

    /// Whether an address is that of a member, whose word for its clients is believed.
    pub(crate) fn is_member(&self, ip: IpAddr) -> bool {
        self.backend
            .endpoints()
            .iter()
            .any(|endpoint| endpoint.address.ip() == ip)
    }

    /// The worker handle of a channel's service.
    pub(crate) fn handle(&self, index: usize) -> Option<u32> {
        self.channels.get(index)?.handle
    }

    /// The worker handle of a service by name.
    pub(crate) fn handle_of(&self, service: &str) -> Option<u32> {
        self.plan.as_ref()?.services.handles.get(service).copied()
    }
}

fn key_of(channel: &Channel) -> ChannelKey {
    ChannelKey {
        channel: Arc::clone(&channel.name),
        service: Arc::clone(&channel.service),
    }
}

fn micros_since(core: &Core, started: Duration) -> u64 {
    let took = core.clock.precise().saturating_sub(started);
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
