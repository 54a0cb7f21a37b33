//! Which endpoints may be used. Owns the states of an endpoint and the rule that the last one is never ejected; refuses to own checks
//! and connections, whose outcomes come in. Invariant: what requests saw never leaves a pool without an endpoint; only
//! failed active checks can. The states and their changes are drawn in `health/LIFECYCLE.md`.

mod endpoint;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

pub use endpoint::{EndpointHealth, State};

/// Time since a start that the caller chose; never goes back.
pub type Instant = Duration;

/// How an active check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Passed,
    Failed,
    /// The endpoint answered that it is draining: well, and to be left alone.
    Draining,
}

/// How an exchange with an endpoint ended, as far as its health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A response that is no gateway error, whatever its status.
    Answered,
    /// 502, 503 or 504 from the endpoint.
    GatewayError,
    /// No connection, or a reset or a time-out before the response.
    Broken,
}

/// The thresholds, each with a default that was chosen for the kill test: no client sees a dead endpoint for more than a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthSettings {
    /// Checks that must pass in a row before a down endpoint is up.
    pub rise: u32,
    /// Checks that must fail in a row before an up endpoint is down.
    pub fall: u32,
    /// Broken exchanges in a row that eject.
    pub broken_max: u32,
    /// Gateway errors in a row that eject.
    pub gateway_errors_max: u32,
    /// The first ejection; each one after it is twice as long.
    pub ejection: Duration,
    /// The longest ejection.
    pub ejection_max: Duration,
    /// The share of a pool that may be ejected at once, in percent; one endpoint of two always may.
    pub ejected_percent_max: u32,
    /// How long an endpoint that came back gets less than its weight; 0 turns it off.
    pub slow_start: Duration,
}

impl HealthSettings {
    /// One lucky answer of a flapping endpoint is not enough.
    pub const RISE: u32 = 2;
    /// One lost packet is not an outage; with checks each 2 s a silent endpoint is out after 6 s.
    pub const FALL: u32 = 3;
    /// Requests are a better probe than checks and come more often: three in a row are no accident.
    pub const BROKEN_MAX: u32 = 3;
    /// More than for broken ones: one bad route of an endpoint must not take the others with it.
    pub const GATEWAY_ERRORS_MAX: u32 = 5;
    /// A restart of a process takes about as long.
    pub const EJECTION: Duration = Duration::from_secs(2);
    /// A machine that comes back is used within a minute.
    pub const EJECTION_MAX: Duration = Duration::from_mins(1);
    /// Ejecting more would push the load of all onto a few, which then fail as well.
    pub const EJECTED_PERCENT_MAX: u32 = 50;
    /// Caches and pools of a fresh process fill within seconds.
    pub const SLOW_START: Duration = Duration::from_secs(10);
    /// The share of its weight that an endpoint starts with; less would not warm anything.
    pub const SLOW_START_PERCENT_MIN: u32 = 10;
    /// Between two active checks of an endpoint.
    pub const CHECK_INTERVAL: Duration = Duration::from_secs(2);
    /// A healthy node answers a check in milliseconds.
    pub const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
    /// Spreads the checks of many nodes, so that they do not arrive as one.
    pub const CHECK_JITTER_PERCENT: u32 = 10;
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            rise: Self::RISE,
            fall: Self::FALL,
            broken_max: Self::BROKEN_MAX,
            gateway_errors_max: Self::GATEWAY_ERRORS_MAX,
            ejection: Self::EJECTION,
            ejection_max: Self::EJECTION_MAX,
            ejected_percent_max: Self::EJECTED_PERCENT_MAX,
            slow_start: Self::SLOW_START,
        }
    }
}

/// What is known of one endpoint, held by every pool that it is in: what is learned through one is known in all. A balancer
/// has two pools while its configuration changes, and exchanges of the old one end in the time of the new one.
#[derive(Clone, Debug)]
pub struct SharedHealth(Rc<Cell<EndpointHealth>>);

/// The health of all endpoints of a pool, by index.
#[derive(Debug, Default)]
pub struct PoolHealth {
    settings: HealthSettings,
    endpoints: Vec<SharedHealth>,
}

impl From<EndpointHealth> for SharedHealth {
    fn from(health: EndpointHealth) -> Self {
        Self(Rc::new(Cell::new(health)))
    }
}

impl PoolHealth {
    /// A pool whose endpoints are as `endpoints` says.
    pub fn new(
        settings: HealthSettings,
        endpoints: impl IntoIterator<Item: Into<SharedHealth>>,
    ) -> Self {
        Self {
            settings,
            endpoints: endpoints.into_iter().map(Into::into).collect(),
        }
    }

    /// The endpoints by index.
    pub fn endpoints(&self) -> impl Iterator<Item = EndpointHealth> {
        self.endpoints.iter().map(|endpoint| endpoint.0.get())
    }

    /// One endpoint.
    pub fn endpoint(&self, index: usize) -> Option<EndpointHealth> {
        self.endpoints.get(index).map(|endpoint| endpoint.0.get())
    }

    /// Whether new exchanges may go to an endpoint.
    pub fn is_usable(&self, index: usize, now: Instant) -> bool {
        self.endpoint(index)
            .is_some_and(|endpoint| endpoint.is_usable(now))
    }

    /// The weight for [`crate::balance::WeightedRoundRobin::pick`]: 0 when the endpoint may not be used, else `weight` × 100, less in slow start.
    pub fn weight(&self, index: usize, weight: u32, now: Instant) -> u32 {
        match self.endpoint(index) {
            Some(endpoint) if endpoint.is_usable(now) => {
                weight.saturating_mul(endpoint.warm_percent(&self.settings, now))
            }
            _ => 0,
        }
    }

    /// Takes in the end of an active check; whether the endpoint's usability changed.
    pub fn checked(&self, index: usize, check: Check, now: Instant) -> bool {
        let settings = self.settings;
        self.change(index, now, |endpoint| {
            endpoint.checked(&settings, check, now);
        })
    }

    /// Takes in the end of an exchange; whether the endpoint's usability changed. Ejects only what the pool can spare: `may_take` says
    /// which endpoints may be given requests as far as the caller knows, for it may have reasons against one that are no matter of health.
    pub fn exchanged(
        &self,
        index: usize,
        outcome: Outcome,
        now: Instant,
        may_take: impl Fn(usize) -> bool,
    ) -> bool {
        let settings = self.settings;
        let spare = self.can_spare(index, now, may_take);
        self.change(index, now, |endpoint| {
            if endpoint.exchanged(&settings, outcome, now) && spare {
                endpoint.eject(&settings, now);
            }
        })
    }

    /// The endpoint said that it is draining, or a person did.
    pub fn drain(&self, index: usize, now: Instant) -> bool {
        self.change(index, now, EndpointHealth::drain)
    }

    /// Takes `drain` back.
    pub fn resume(&self, index: usize, now: Instant) -> bool {
        self.change(index, now, EndpointHealth::resume)
    }

    /// The time until the first ejection ends, for Retry-After and timers; `None` when nothing is ejected.
    pub fn next_return(&self, now: Instant) -> Option<Duration> {
        self.endpoints()
            .filter_map(|endpoint| endpoint.ejected_for(now))
            .min()
    }

    /// Whether one more may be ejected: another one that may take requests stays usable, and the ejected ones stay within their share.
    fn can_spare(&self, index: usize, now: Instant, may_take: impl Fn(usize) -> bool) -> bool {
        let others = || {
            self.endpoints()
                .enumerate()
                .filter(|&(other, _)| other != index)
        };
        let usable = others()
            .filter(|(other, endpoint)| endpoint.is_usable(now) && may_take(*other))
            .count();
        let ejected = others()
            .filter(|(_, endpoint)| endpoint.ejected_for(now).is_some())
            .count();
        let share = self.endpoints.len() * self.settings.ejected_percent_max as usize / 100;
        usable > 0 && ejected < share.max(1)
    }

    fn change(&self, index: usize, now: Instant, change: impl FnOnce(&mut EndpointHealth)) -> bool {
        let Some(shared) = self.endpoints.get(index) else {
            return false;
        };
        let mut endpoint = shared.0.get();
        let before = endpoint.is_usable(now);
        change(&mut endpoint);
        shared.0.set(endpoint);
        endpoint.is_usable(now) != before
    }
}

#[cfg(test)]
mod tests;
