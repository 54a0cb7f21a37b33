//! What a job is told, and what it wants done.
//!
//! Owns the words between the state machine and whoever moves it; refuses to move it. Invariant: a
//! record's `(job, number)` is unique, so one that is written twice is noticed.

use std::sync::Arc;

use cp_model::{NodeName, ServiceName};
use serde::Serialize;

use crate::id::{JobId, RunId};
use crate::moment::Moment;
use crate::state::{Origin, Role};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Time passed; also after the specification changed.
    Tick,
    /// There is a new leader, which does not know what became of what was sent.
    TakenOver,
    /// The wall clock was changed by so much: limits and pauses move with it, slots do not.
    ClockJumped {
        by_ms: i64,
    },
    /// An answer about a run.
    Answered {
        run: RunId,
        attempt: u32,
        answer: Answer,
    },
    /// A node is gone with all that ran on it.
    NodeLost {
        node: NodeName,
    },
    /// A person or another job asks for a run.
    RunNow {
        origin: Origin,
        /// Instead of the job's own.
        extra: Option<String>,
    },
    /// Slots after `at` do not fire.
    Pause {
        at: Moment,
    },
    /// Slots after `at` fire again.
    Resume {
        at: Moment,
    },
    SkipNext,
}

/// What is said of one attempt of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The node has it.
    Accepted {
        node: NodeName,
    },
    /// It was not begun: no node is online, or none takes it.
    Refused,
    /// Nobody knows what became of it.
    Lost,
    Finished(Result<String, String>),
}

/// What is to be done, in this order, after the state has been stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Dispatch(Order),
    /// Ask the node what became of the run; it answers as to an order, `Accepted` if it runs.
    Watch {
        run: RunId,
        attempt: u32,
        node: NodeName,
    },
    /// The run is over its limit; whether the node can stop it is its business.
    Cancel {
        run: RunId,
        attempt: u32,
        node: NodeName,
    },
    /// To be stored with the state, in one transaction.
    Record(Record),
    /// To be told to the other job before this turn is stored.
    RunJob {
        job: JobId,
        origin: Origin,
    },
    /// Nothing happens by itself before; absent: never.
    Wake(Moment),
}

/// A run that a node is to do. A node that has it already, by `run`, does not begin it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub job: JobId,
    pub run: RunId,
    /// From 1 on; more than 1 tells the service that it may have run before.
    pub attempt: u32,
    pub service: ServiceName,
    pub planned: Moment,
    pub extra: Arc<str>,
    pub role: Role,
    /// How long the attempt may take from now on.
    pub run_time_max_ms: i64,
}

/// A line of a job's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    pub job: JobId,
    /// Counts the records of the job, from 1 on.
    pub number: u64,
    pub at: Moment,
    pub planned: Moment,
    /// Absent when there is no run.
    pub run: Option<RunId>,
    pub role: Role,
    pub origin: Origin,
    pub attempt: u32,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A run began.
    Fired,
    Ok {
        message: String,
        duration_ms: i64,
    },
    /// It is over for good.
    Failed {
        message: String,
        duration_ms: i64,
    },
    /// It is over, being over its limit.
    TimedOut {
        duration_ms: i64,
    },
    /// The attempt failed; another follows.
    Retrying {
        message: String,
        at: Moment,
    },
    /// What became of the attempt is not known; another follows.
    Lost {
        node: Option<NodeName>,
    },
    Skipped {
        why: Why,
    },
    /// All slots from the planned one to `last`; `count` stops at a limit.
    Missed {
        last: Moment,
        count: u64,
    },
    /// The job that follows was not called: too many stand before it.
    ChainEnded {
        job: JobId,
    },
}

/// Why a fire did not become a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    Overlap,
    QueueFull,
    Requested,
    Paused,
}
