//! What the scheduler needs of the world.
//!
//! Owns the traits between the driver and the store, the lease, the nodes and the clock, and what
//! each of them must promise; refuses to implement any. Invariant: everything that is written
//! carries a fence, and the store refuses one that is not the newest.

use std::error::Error;
use std::fmt;

use cp_model::NodeName;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::event::{Answer, Order, Record};
use crate::id::{JobId, RunId};
use crate::job::JobSpec;
use crate::moment::Moment;
use crate::state::JobState;

/// Grows each time the lead is taken; whoever has the highest leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fence(pub u64);

/// Grows with each change of a job and with each command.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Revision(pub u64);

/// Identity of a command in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommandId(pub u64);

/// What a person wants of a job. It is kept in the store until the leader has done it, in the same
/// transaction; so it may be given to any process, leader or not, and is done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub id: CommandId,
    pub job: JobId,
    pub at: Moment,
    pub ask: Ask,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// With another payload than the job's, if one is given.
    RunNow {
        extra: Option<String>,
    },
    Pause,
    Resume,
    SkipNext,
}

/// What changed since a revision.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Up to which this is complete.
    pub revision: Revision,
    /// Jobs that were made or changed.
    pub jobs: Vec<LoadedJob>,
    pub removed: Vec<JobId>,
    /// All that are not done, in order.
    pub commands: Vec<Command>,
}

#[derive(Debug, Clone)]
pub struct LoadedJob {
    pub spec: JobSpec,
    /// Absent when no leader has seen the job; ignored by a leader that knows it.
    pub state: Option<JobState>,
}

/// What one turn changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    pub states: Vec<(JobId, JobState)>,
    pub records: Vec<Record>,
    pub commands_done: Vec<CommandId>,
}

/// One attempt of a run on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub job: JobId,
    pub run: RunId,
    pub attempt: u32,
    pub node: NodeName,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another leader has a newer fence.
    #[error("the fence is stale")]
    Stale,
    /// It may have been done or not.
    #[error("the store did not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// Jobs, their states and their history.
pub trait JobStore: Send + Sync {
    /// What changed after `since`; with revision 0 everything, states included.
    fn load(&self, since: Revision) -> impl Future<Output = Result<Loaded, StoreError>> + Send;

    /// Writes the batch as a whole, or nothing.
    ///
    /// In the same transaction the store checks that `fence` is the newest that the lease has given,
    /// with a lock on the lease's row, so that no lease is given between check and end. States of
    /// jobs that are gone are dropped. The same batch may come again after [`StoreError::Unavailable`]
    /// and must leave the same rows: records are known by job and number.
    fn commit(
        &self,
        fence: Fence,
        batch: &Batch,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The right to lead, of which there is one in the cluster; seen from one process.
pub trait Lease: Send + Sync {
    /// Takes the lease if nobody else holds it, by the store's own clock. Each success gives a higher
    /// fence, also to the holder itself.
    fn acquire(
        &self,
        ttl_ms: u64,
    ) -> impl Future<Output = Result<Option<Fence>, StoreError>> + Send;

    /// Prolongs the lease by `ttl_ms` from now; false when `fence` is not its newest any more.
    fn renew(
        &self,
        fence: Fence,
        ttl_ms: u64,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Gives the lease back, so that another need not wait for its end.
    fn release(&self, fence: Fence) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The way to the nodes. No method waits; answers come when they come, and may be lost.
pub trait Dispatch: Send + Sync {
    /// Sends a run to a node that is online, chosen here, or answers [`Answer::Refused`].
    ///
    /// A node that has the run already, from an earlier attempt, answers for it under the new number
    /// and does not begin it again. A node refuses an order whose fence is lower than one it has seen.
    fn send(&self, fence: Fence, order: Order, answers: &Answers);

    /// Asks what became of an attempt: `Accepted` if it runs, `Finished`, or `Lost` if the node does
    /// not know it or is not online.
    fn watch(&self, fence: Fence, attempt: Attempt, answers: &Answers);

    /// Stops an attempt if that can be done; there is no answer.
    fn cancel(&self, fence: Fence, attempt: Attempt);
}

/// Time. Wall-clock time says what is due, monotonic time who leads.
pub trait Clock: Send + Sync {
    fn wall(&self) -> Moment;

    /// Milliseconds since some moment in the past; never goes back.
    fn monotonic_ms(&self) -> u64;

    fn sleep_ms(&self, ms: u64) -> impl Future<Output = ()> + Send;
}

/// What comes to a leader from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Answered {
        job: JobId,
        run: RunId,
        attempt: u32,
        answer: Answer,
    },
    NodeLost {
        node: NodeName,
    },
    Commanded(Command),
}

/// The way back to the leader that gave an order. When that one leads no more, answers end here.
#[derive(Debug, Clone)]
pub struct Answers {
    to: mpsc::Sender<Input>,
}

// === impl Fence ===

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Batch ===

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.states.is_empty() && self.records.is_empty() && self.commands_done.is_empty()
    }
}

// === impl Answers ===

impl Answers {
    pub(crate) fn new(to: mpsc::Sender<Input>) -> Self {
        Self { to }
    }

    /// Answers for one attempt of a run; waits while the leader is behind.
    pub async fn give(&self, (job, run, attempt): (JobId, RunId, u32), answer: Answer) {
        let input = Input::Answered {
            job,
            run,
            attempt,
            answer,
        };
        // Who leads no more hears no answers; the next leader asks for them.
        self.to.send(input).await.ok();
    }

    /// Says that a node is gone with all that ran on it.
    pub async fn node_lost(&self, node: NodeName) {
        self.to.send(Input::NodeLost { node }).await.ok();
    }
}
