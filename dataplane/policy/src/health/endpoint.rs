//! One endpoint's state machine; see LIFECYCLE.md beside this file. Owns its counts and times; whether the pool can spare it is the pool's to say.

use std::time::Duration;

use super::{Check, HealthSettings, Instant, Outcome};

/// What the active checks say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// No check has ended yet, and none is taken on trust.
    Unchecked,
    /// Usable, as far as checks go.
    #[default]
    Up,
    Down,
}

/// What is known of one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointHealth {
    state: State,
    draining: bool,
    passed: u32,
    failed: u32,
    broken: u32,
    gateway_errors: u32,
    /// Ejections in a row.
    ejections: u32,
    ejected_until: Option<Instant>,
    /// Back from an ejection, and not yet seen well.
    probation: bool,
    warm_since: Option<Instant>,
}

impl EndpointHealth {
    /// An endpoint that is used at once: for pools without checks and at start-up, when waiting would be an outage.
    pub fn trusted() -> Self {
        Self::default()
    }

    /// An endpoint that must pass a check first: one that is added to a pool that serves.
    pub fn unchecked() -> Self {
        Self {
            state: State::Unchecked,
            ..Self::default()
        }
    }

    /// What the active checks say.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether it is left alone until it has drained.
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// Whether new exchanges may go to it.
    pub fn is_usable(&self, now: Instant) -> bool {
        self.state == State::Up && !self.draining && self.ejected_for(now).is_none()
    }

    /// How long it is still ejected.
    pub fn ejected_for(&self, now: Instant) -> Option<Duration> {
        self.ejected_until
            .and_then(|until| until.checked_sub(now))
            .filter(|left| !left.is_zero())
    }

    /// The share of its weight that it gets: 100 unless it came back a short while ago.
    pub fn warm_percent(&self, settings: &HealthSettings, now: Instant) -> u32 {
        const FULL: u32 = 100;
        // An ejection is known to have ended only by the time.
        let since = self
            .ejected_until
            .filter(|&until| until <= now)
            .max(self.warm_since);
        let warm = since.map_or(settings.slow_start, |since| now.saturating_sub(since));
        if warm >= settings.slow_start {
            return FULL;
        }
        let percent = warm.as_millis() * u128::from(FULL) / settings.slow_start.as_millis().max(1);
        u32::try_from(percent)
            .unwrap_or(FULL)
            .clamp(HealthSettings::SLOW_START_PERCENT_MIN, FULL)
    }

    pub(super) fn checked(&mut self, settings: &HealthSettings, check: Check, now: Instant) {
        match check {
            Check::Passed => {
                self.failed = 0;
                self.passed = self.passed.saturating_add(1);
                let enough = match self.state {
                    State::Unchecked => 1,
                    State::Up | State::Down => settings.rise,
                };
                if self.passed >= enough {
                    self.rise(now);
                }
            }
            Check::Failed => {
                self.passed = 0;
                self.failed = self.failed.saturating_add(1);
                if self.failed >= settings.fall || self.state == State::Unchecked {
                    self.state = State::Down;
                }
            }
            Check::Draining => {
                self.passed = 0;
                self.failed = 0;
                self.draining = true;
            }
        }
    }

    /// Whether it has to be ejected for this.
    pub(super) fn exchanged(
        &mut self,
        settings: &HealthSettings,
        outcome: Outcome,
        now: Instant,
    ) -> bool {
        if self.ejected_for(now).is_some() {
            // Exchanges from before the ejection end late; they are counted in it already.
            return false;
        }
        match outcome {
            Outcome::Answered => {
                self.broken = 0;
                self.gateway_errors = 0;
                self.probation = false;
                false
            }
            Outcome::GatewayError => {
                self.broken = 0;
                self.gateway_errors = self.gateway_errors.saturating_add(1);
                self.gateway_errors >= settings.gateway_errors_max
            }
            Outcome::Broken => {
                self.broken = self.broken.saturating_add(1);
                self.broken >= settings.broken_max || self.probation
            }
        }
    }

    pub(super) fn eject(&mut self, settings: &HealthSettings, now: Instant) {
        let quiet = self
            .ejected_until
            .is_none_or(|until| now.saturating_sub(until) > settings.ejection_max);
        self.ejections = if quiet {
            0
        } else {
            self.ejections.saturating_add(1)
        };
        let factor = 2_u32.saturating_pow(self.ejections);
        let length = settings
            .ejection
            .saturating_mul(factor)
            .min(settings.ejection_max);
        self.ejected_until = Some(now.saturating_add(length));
        self.probation = true;
        self.broken = 0;
        self.gateway_errors = 0;
    }

    pub(super) fn drain(&mut self) {
        self.passed = 0;
        self.draining = true;
    }

    pub(super) fn resume(&mut self) {
        self.draining = false;
    }

    /// Enough checks have passed.
    fn rise(&mut self, now: Instant) {
        if self.state != State::Up || self.draining {
            self.warm_since = Some(now);
        }
        self.state = State::Up;
        self.draining = false;
    }
}
