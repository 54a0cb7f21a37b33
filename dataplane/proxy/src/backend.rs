//! The pool of endpoints that a balancer listener picks from: members of the cluster or fixed addresses.
//!
//! Owns whose turn it is and what is known of each endpoint's health; decides by `dp-policy`. Refuses to
//! connect. Invariant: an endpoint that nobody wants, or that is down, is never picked.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use dp_policy::balance::WeightedRoundRobin;
use dp_policy::health::{Check, EndpointHealth, HealthSettings, Outcome, PoolHealth};
use dp_policy::retry::{Attempt, Decision, RetryBudget, decide};
use dp_stats::CoreStats;

use crate::core::Core;
use crate::endpoint::{Endpoint, EndpointSpec};

pub(crate) struct Backend {
    endpoints: Vec<Rc<Endpoint>>,
    turn: RefCell<WeightedRoundRobin>,
    health: PoolHealth,
    budget: RefCell<RetryBudget>,
}

/// Who takes an exchange.
pub(crate) enum Picked {
    /// This node: no hop.
    Here,
    There(Rc<Endpoint>),
}

/// An exchange under way, for the retry budget.
pub(crate) struct Budgeted {
    backend: Rc<Backend>,
    resends: u32,
}

impl Backend {
    /// What is known of an address is shared with `earlier`, whose exchanges and checks still end. It is `None` at
    /// the start, when waiting for checks would be an outage; later, a new endpoint must pass a check before it gets
    /// requests.
    pub(crate) fn new(
        specs: &[EndpointSpec],
        earlier: Option<&Self>,
        stats: &CoreStats,
        core: u32,
    ) -> Self {
        let is_first = earlier.is_none_or(|earlier| earlier.endpoints.is_empty());
        let endpoint = |(index, spec): (usize, &EndpointSpec)| {
            let known = earlier.and_then(|earlier| earlier.of_address(spec));
            let known = known.ok_or_else(|| {
                if is_first || spec.is_here {
                    EndpointHealth::trusted()
                } else {
                    EndpointHealth::unchecked()
                }
            });
            Rc::new(Endpoint::new(index, spec, known, stats))
        };
        let endpoints: Vec<_> = specs.iter().enumerate().map(endpoint).collect();
        let health = endpoints.iter().map(|endpoint| endpoint.health.clone());
        let seed = usize::try_from(core).unwrap_or(0);
        Self {
            turn: RefCell::new(WeightedRoundRobin::new(endpoints.len(), seed)),
            health: PoolHealth::new(HealthSettings::default(), health),
            budget: RefCell::default(),
            endpoints,
        }
    }

    pub(crate) fn endpoints(&self) -> &[Rc<Endpoint>] {
        &self.endpoints
    }

    /// Whose turn it is, without those in `tried`.
    pub(crate) fn pick(&self, core: &Core, tried: &[usize]) -> Option<Picked> {
        let now = core.clock.now();
        let weight = |index: usize| self.weight((core, now), index, tried);
        let index = self.turn.borrow_mut().pick(weight);
        let Some(index) = index else {
            return self.last_resort(tried);
        };
        let endpoint = self.endpoints.get(index)?;
        Some(if endpoint.is_here {
            Picked::Here
        } else {
            Picked::There(Rc::clone(endpoint))
        })
    }

    /// Nobody is fit: this node itself tries, also while it says goodbye or waits for a worker. It knows
    /// better than a 503 what came of it.
    fn last_resort(&self, tried: &[usize]) -> Option<Picked> {
        let is_left = |endpoint: &&Rc<Endpoint>| {
            endpoint.is_here && endpoint.is_wanted && !tried.contains(&endpoint.index)
        };
        self.endpoints.iter().find(is_left).map(|_| Picked::Here)
    }

    /// Usable endpoints that are not in `tried`.
    fn left(&self, core: &Core, tried: &[usize]) -> usize {
        let now = core.clock.now();
        let is_usable = |index: &usize| self.weight((core, now), *index, tried) > 0;
        (0..self.endpoints.len()).filter(is_usable).count()
    }

    fn weight(&self, (core, now): (&Core, Duration), index: usize, tried: &[usize]) -> u32 {
        let Some(endpoint) = self.endpoints.get(index) else {
            return 0;
        };
        if tried.contains(&index) || !Self::may_take(core, endpoint) {
            return 0;
        }
        if endpoint.is_here {
            // The same scale as that of `PoolHealth::weight`.
            return endpoint.weight.saturating_mul(100);
        }
        self.health.weight(index, endpoint.weight, now)
    }

    /// Whether an endpoint may get requests, its health apart.
    fn may_take(core: &Core, endpoint: &Endpoint) -> bool {
        endpoint.is_wanted && endpoint.weight > 0 && (!endpoint.is_here || core.can_run_services())
    }

    /// Decides on a failed attempt.
    pub(crate) fn decide(&self, core: &Core, attempt: Attempt, tried: &[usize]) -> Decision {
        let attempt = Attempt {
            endpoints_left: self.left(core, tried),
            ..attempt
        };
        let random = core.clock.now().subsec_micros();
        decide(&attempt, &mut self.budget.borrow_mut(), random)
    }

    /// Takes in how an exchange with an endpoint ended.
    pub(crate) fn exchanged(&self, core: &Core, endpoint: &Endpoint, outcome: Outcome) {
        let may_take = |index: usize| {
            self.endpoints
                .get(index)
                .is_some_and(|endpoint| Self::may_take(core, endpoint))
        };
        let changed = self
            .health
            .exchanged(endpoint.index, outcome, core.clock.now(), may_take);
        if changed {
            core.stats.upstream_ejections.increment();
            endpoint.pool.clear();
            tracing::warn!(
                core = core.index,
                endpoint = &*endpoint.name,
                "endpoint ejected"
            );
        }
    }

    /// Takes in how an active check ended.
    pub(crate) fn checked(&self, core: &Core, endpoint: &Endpoint, check: Check) {
        if !self.health.checked(endpoint.index, check, core.clock.now()) {
            return;
        }
        let endpoint_name = &*endpoint.name;
        match check {
            Check::Passed => {
                tracing::info!(core = core.index, endpoint = endpoint_name, "endpoint up");
            }
            Check::Draining => {
                tracing::info!(
                    core = core.index,
                    endpoint = endpoint_name,
                    "endpoint draining"
                );
            }
            Check::Failed => {
                endpoint.pool.clear();
                // Requests that wait there would wait until their deadlines: a stopped process keeps its
                // connections. What can be sent again goes to another endpoint now.
                core.wheel.give_up(endpoint.peer());
                tracing::warn!(core = core.index, endpoint = endpoint_name, "endpoint down");
            }
        }
    }

    /// Whether its health lets new exchanges go there.
    pub(crate) fn is_usable(&self, core: &Core, endpoint: &Endpoint) -> bool {
        let now = core.clock.now();
        self.health.is_usable(endpoint.index, now)
    }

    /// The endpoint said so itself.
    pub(crate) fn drain(&self, core: &Core, endpoint: &Endpoint) {
        if self.health.drain(endpoint.index, core.clock.now()) {
            tracing::info!(
                core = core.index,
                endpoint = &*endpoint.name,
                "endpoint draining"
            );
        }
    }

    fn of_address(&self, spec: &EndpointSpec) -> Option<&Endpoint> {
        let mut endpoints = self.endpoints.iter().map(Rc::as_ref);
        endpoints.find(|endpoint| endpoint.address == spec.address)
    }
}

impl Budgeted {
    pub(crate) fn begin(backend: &Rc<Backend>) -> Self {
        backend.budget.borrow_mut().exchange_began();
        Self {
            backend: Rc::clone(backend),
            resends: 0,
        }
    }

    pub(crate) fn backend(&self) -> &Rc<Backend> {
        &self.backend
    }

    pub(crate) fn resends(&self) -> u32 {
        self.resends
    }

    /// A resend was granted.
    pub(crate) fn resent(&mut self) {
        self.resends += 1;
    }
}

impl Drop for Budgeted {
    fn drop(&mut self) {
        let mut budget = self.backend.budget.borrow_mut();
        for _ in 0..self.resends {
            budget.retry_ended();
        }
        budget.exchange_ended();
    }
}
