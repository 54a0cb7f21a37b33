//! The scheduler: when jobs fire, what becomes of their runs, and who may fire them.
//!
//! Owns schedules (pure), the state machine of a job (pure), the leader that moves all jobs (pure)
//! and the driver that moves the leader; refuses SQL, sockets and the services themselves, which
//! stand behind the traits of `port`. Invariant: a state is committed before the run that it tells
//! of is sent, so a run may happen twice but never be forgotten.

mod calendar;
mod cron;
mod driver;
mod due;
mod event;
mod id;
mod interval;
mod job;
mod leader;
pub mod memory;
mod mix;
mod moment;
mod planner;
pub mod policy;
mod port;
mod schedule;
#[cfg(test)]
mod simulation;
mod state;
mod step;
mod store;
mod zone;

pub use calendar::SKIPPED_DATES_MAX;
pub use driver::{Handle, Ports, Scheduler, Status, SystemClock};
pub use event::{Answer, Effect, Event, Order, Outcome, Record, Why};
pub use id::{JobId, RunId};
pub use job::{EXTRA_BYTES_MAX, Follow, JobFields, JobSpec};
pub use leader::{Action, Leader, Now, Turn};
pub use moment::Moment;
pub use planner::Planner;
pub use port::{
    Answers, Ask, Attempt, Batch, Clock, Command, CommandId, Dispatch, Fence, Input, JobStore,
    Lease, Loaded, LoadedJob, Revision, StoreError,
};
pub use schedule::{JITTER_S_MAX, PREVIEW_MAX, Schedule, ScheduleFields};
pub use state::{Counters, JobState, Origin, Phase, Role, Run, Waiting};
pub use step::step;
pub use store::{OdbLease, OdbStore, job_fields};
