//! Where a job stands.
//!
//! Owns what is remembered of a job between two steps, and its stored form; refuses to decide.
//! Invariant: `fired = ok + failed + runs that are not over`, over the runs of the job itself.

use std::collections::VecDeque;

use cp_model::NodeName;
use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{JobId, RunId};
use crate::job::JobSpec;
use crate::moment::Moment;

/// Everything that is remembered of a job. It is stored as a whole, in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobState {
    /// Of the schedule that `cursor` and `remaining` belong to.
    pub fingerprint: u64,
    /// Slots up to here are done with: fired, skipped or missed.
    pub cursor: Moment,
    /// The last slot that fired.
    pub last_planned: Option<Moment>,
    pub counters: Counters,
    /// Runs that are not over, those of services that follow a run among them.
    pub runs: Vec<Run>,
    /// Fires that wait until another run is over.
    pub queue: VecDeque<Waiting>,
    pub is_paused: bool,
    /// The next slot is skipped.
    pub skip_next: bool,
    /// Whether slots fired at the last step: what passes while they do not is no miss.
    pub is_live: bool,
    /// How often an interval still fires.
    pub remaining: Option<u64>,
    /// How many runs were made; part of a run's id.
    pub runs_made: u64,
    /// How many records were written; a record's number.
    pub records_made: u64,
}

/// What happened to the job's own runs since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Runs that began.
    pub fired: u64,
    pub ok: u64,
    /// Timed out included.
    pub failed: u64,
    /// Fires that did not become runs: overlap, on request, or a paused job that another one calls.
    pub skipped: u64,
    /// Slots that passed while nobody fired.
    pub missed: u64,
}

/// A run that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    /// The slot, or when it was asked for.
    pub planned: Moment,
    pub origin: Origin,
    pub role: Role,
    /// How often it was sent. An answer counts only if it is to the last one.
    pub attempt: u32,
    /// How often its service failed.
    pub failures: u32,
    /// How often its node was lost.
    pub losses: u32,
    /// How often in a row no node took it.
    pub refusals: u32,
    pub phase: Phase,
    /// When it was sent, the last time.
    pub sent_at: Moment,
    /// When the attempt is over its limit.
    pub deadline: Option<Moment>,
    /// The payload, if it is not the job's.
    pub extra: Option<String>,
}

/// Why a run is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Planned,
    /// A person asked for it.
    Manual,
    /// A run of another job ended; `depth` jobs stand before this one.
    Chained {
        job: JobId,
        run: RunId,
        depth: u8,
    },
}

/// What a run calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The job's service.
    Main,
    /// The service that follows a success of this run.
    OnSuccess,
    /// The service that follows a failure.
    OnError,
}

/// Where a run stands; see LIFECYCLE.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No node has confirmed it.
    Sent { ack_by: Moment },
    Running {
        #[serde(deserialize_with = "node_name")]
        node: NodeName,
        /// When the node is asked next whether it still runs.
        watch_at: Moment,
    },
    /// It is sent again then.
    Pausing { until: Moment },
}

/// A fire that waits in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub planned: Moment,
    pub origin: Origin,
    pub extra: Option<String>,
}

// === impl JobState ===

impl JobState {
    /// Of a job that nobody has seen before `now`.
    pub fn new(spec: &JobSpec, now: Moment) -> Self {
        Self {
            fingerprint: spec.schedule.fingerprint(),
            cursor: spec.changed_at.min(now),
            last_planned: None,
            counters: Counters::default(),
            runs: Vec::new(),
            queue: VecDeque::new(),
            is_paused: false,
            skip_next: false,
            is_live: spec.is_active,
            remaining: spec.schedule.repeats(),
            runs_made: 0,
            records_made: 0,
        }
    }

    /// Runs of the job itself that are not over.
    pub fn in_flight(&self) -> usize {
        self.runs
            .iter()
            .filter(|run| run.role == Role::Main)
            .count()
    }

    /// Whether slots fire.
    pub fn fires(&self, spec: &JobSpec) -> bool {
        spec.is_active && !self.is_paused && self.remaining != Some(0)
    }

    /// When the job fires next, if it does.
    pub fn next_fire(&self, spec: &JobSpec) -> Option<Moment> {
        if !self.fires(spec) {
            return None;
        }
        let slot = spec.schedule.slot_after(self.cursor)?;
        Some(spec.schedule.fire_at(spec.id, slot))
    }
}

fn node_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NodeName, D::Error> {
    let text = String::deserialize(deserializer)?;
    NodeName::parse(&text).map_err(serde::de::Error::custom)
}
