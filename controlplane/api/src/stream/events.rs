//! The events of all listeners: their numbers, the deploys that are kept, who listens now.
//!
//! Invariant: an event gets its number and is sent under one lock, so a listener sees numbers that
//! only grow, and the last one that it saw tells all that it missed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cp_app::{App, DeployOutcome, DeployResult, clock};
use cp_auth::{Actor, Intent, OpContext};
use cp_model::ErrorChain;
use serde::Serialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::package::PackageBody;

const TICK: Duration = Duration::from_secs(1);
/// Deploys that a listener may have missed while it reconnected or was slow.
const DEPLOYS_KEPT: usize = 50;
/// Events that a listener may lag behind by before it skips to the newest.
pub(super) const EVENTS_QUEUED_MAX: usize = 16;

/// Makes events and hands them to all listeners.
#[derive(Debug)]
pub struct Events {
    /// Tells this process's numbers from an earlier one's.
    epoch: i64,
    state: Mutex<EventState>,
    live: broadcast::Sender<Arc<Sent>>,
}

#[derive(Debug, Default)]
struct EventState {
    number: u64,
    deploys: VecDeque<Arc<Sent>>,
}

#[derive(Debug)]
pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) kind: Kind,
    pub(super) data: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Tick,
    Deploy,
}

/// Where a new listener stands.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) missed: Vec<Arc<Sent>>,
    /// Of the newest event that is not in `live`.
    pub(super) number: u64,
    pub(super) live: broadcast::Receiver<Arc<Sent>>,
}

#[derive(Serialize)]
struct DeployEvent {
    package: PackageBody,
    /// `live`, `refused` or `superseded`.
    outcome: &'static str,
    generation: Option<u64>,
}

// === impl Events ===

impl Events {
    pub fn new() -> Self {
        let (live, _) = broadcast::channel(EVENTS_QUEUED_MAX);
        Self {
            epoch: clock::now().unix_us(),
            state: Mutex::default(),
            live,
        }
    }

    /// Runs for as long as the control plane does.
    pub async fn run(self: Arc<Self>, app: App) {
        let mut results = app.deploy_results();
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => self.tick(&app).await,
                result = results.recv() => match result {
                    Ok(result) => self.deployed(&result),
                    Err(RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "deploy events are skipped");
                    }
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }

    async fn tick(&self, app: &App) {
        if self.live.receiver_count() == 0 {
            return;
        }
        let context = OpContext {
            actor: Actor::System,
            at: clock::now(),
            cid: "stream".to_owned(),
            intent: Intent::default(),
        };
        match super::tick(app, &context).await {
            Ok(tick) => self.publish(Kind::Tick, tick),
            Err(error) => tracing::warn!(error = %ErrorChain(&error), "no tick this second"),
        }
    }

    fn deployed(&self, result: &DeployResult) {
        let (outcome, generation) = match &result.outcome {
            DeployOutcome::Live(generation) => ("live", Some(generation.0)),
            DeployOutcome::Refused(_) => ("refused", None),
            DeployOutcome::Superseded => ("superseded", None),
        };
        let package = PackageBody::from(&result.package);
        let event = DeployEvent {
            package,
            outcome,
            generation,
        };
        self.publish(Kind::Deploy, event);
    }

    /// Numbers the event, keeps it when it is a deploy, and sends it to whoever listens.
    pub(super) fn publish(&self, kind: Kind, data: impl Serialize) {
        let mut sent = Sent::of(0, kind, data);
        let mut state = self.state();
        state.number += 1;
        sent.number = state.number;
        let sent = Arc::new(sent);
        if kind == Kind::Deploy {
            if state.deploys.len() == DEPLOYS_KEPT {
                state.deploys.pop_front();
            }
            state.deploys.push_back(Arc::clone(&sent));
        }
        // Nobody listens: nothing is lost.
        self.live.send(sent).ok();
    }

    /// A listener that saw the event of `last_seen` begins; one that is new here missed nothing.
    pub(super) fn join(&self, last_seen: &str) -> Joined {
        let seen = last_seen.split_once('-').and_then(|(epoch, number)| {
            let is_ours = epoch.parse() == Ok(self.epoch);
            number.parse::<u64>().ok().filter(|_| is_ours)
        });
        let state = self.state();
        Joined {
            missed: state.deploys_after(seen.unwrap_or(state.number)),
            number: state.number,
            live: self.live.subscribe(),
        }
    }

    /// Kept deploys that came after the event of this number.
    pub(super) fn deploys_after(&self, number: u64) -> Vec<Arc<Sent>> {
        self.state().deploys_after(number)
    }

    /// What a listener gives back as `Last-Event-ID`.
    pub(super) fn id(&self, sent: &Sent) -> String {
        format!("{}-{}", self.epoch, sent.number)
    }

    fn state(&self) -> MutexGuard<'_, EventState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

// === impl EventState ===

impl EventState {
    fn deploys_after(&self, number: u64) -> Vec<Arc<Sent>> {
        let later = self.deploys.iter().filter(|sent| sent.number > number);
        later.cloned().collect()
    }
}

// === impl Sent ===

impl Sent {
    pub(super) fn of(number: u64, kind: Kind, data: impl Serialize) -> Self {
        let data = serde_json::to_string(&data).unwrap_or_default();
        Self { number, kind, data }
    }
}

// === impl Kind ===

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::Deploy => "deploy",
        }
    }
}
