//! The scheduler: when jobs fire, what becomes of their runs, and who may fire them.
//!
//! Owns schedules (pure), the state machine of a job (pure), the leader that moves all jobs (pure)
//! and the driver that moves the leader; refuses SQL, sockets and the services themselves, which
//! stand behind the traits of `port`. Invariant: a state is committed before the run that it tells
//! of is sent, so a run may happen twice but never be forgotten.

mod calendar;
mod cron;
mod id;
mod interval;
mod mix;
mod moment;
mod schedule;
mod zone;

pub use calendar::SKIPPED_DATES_MAX;
pub use id::{JobId, RunId};
pub use moment::Moment;
pub use schedule::{JITTER_S_MAX, PREVIEW_MAX, Schedule, ScheduleFields};
