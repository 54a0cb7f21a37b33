//! Jobs, states and the lease in the ODB.
//!
//! Owns the translation between the ODB's rows and the scheduler's words; refuses to decide anything.
//! Invariant: a batch is written under the fence of the lease, in one transaction, or not at all.

mod lease;
mod spec;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cp_model::{Origin, Timestamp};
use cp_odb::{JobBatch, JobCommand, JobRecord, Odb, OdbError};

use crate::id::JobId;
use crate::moment::Moment;
use crate::port::{
    Batch, Command, CommandId, Fence, JobStore, Loaded, LoadedJob, Revision, StoreError,
};

pub use lease::OdbLease;
pub use spec::job_fields;

/// The ODB as the scheduler's store.
#[derive(Debug)]
pub struct OdbStore {
    odb: Odb,
    /// Which jobs the leader knows of, so that those that went are told.
    known: Mutex<HashSet<JobId>>,
}

// === impl OdbStore ===

impl OdbStore {
    pub fn new(odb: Odb) -> Self {
        Self {
            odb,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashSet<JobId>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobStore for OdbStore {
    async fn load(&self, since: Revision) -> Result<Loaded, StoreError> {
        let changes = self.odb.job_changes(since.0).await.map_err(fault)?;
        let mut states: HashMap<_, _> = match since.0 {
            // A leader that knows a job ignores its state.
            0 => self
                .odb
                .job_states()
                .await
                .map_err(fault)?
                .into_iter()
                .collect(),
            _ => HashMap::new(),
        };
        let ids: HashMap<String, JobId> = changes
            .all
            .iter()
            .map(|(id, name)| (name.clone(), JobId(*id)))
            .collect();
        let mut jobs = Vec::with_capacity(changes.changed.len());
        for object in &changes.changed {
            match spec::job_spec(object, |name| ids.get(name).copied()) {
                Ok(spec) => jobs.push(LoadedJob {
                    spec,
                    state: states
                        .remove(&object.id)
                        .and_then(|state| serde_json::from_value(state).ok()),
                }),
                // An earlier version may have taken what is refused today; the others go on.
                Err(error) => tracing::warn!(job = %object.name, %error, "this job cannot run"),
            }
        }
        let now: HashSet<_> = ids.into_values().collect();
        let mut known = self.known();
        let removed = known.difference(&now).copied().collect();
        *known = now;
        Ok(Loaded {
            revision: Revision(changes.revision),
            jobs,
            removed,
            commands: changes.commands.into_iter().filter_map(command).collect(),
        })
    }

    async fn commit(&self, fence: Fence, batch: &Batch) -> Result<(), StoreError> {
        let rows = rows(batch).map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        self.odb
            .job_commit(&origin(), fence.0, &rows)
            .await
            .map_err(fault)
    }
}

fn command(row: JobCommand) -> Option<Command> {
    Some(Command {
        id: CommandId(row.id),
        job: JobId(row.job),
        at: Moment::from_unix_ms(row.at_us / 1_000),
        ask: serde_json::from_value(row.ask).ok()?,
    })
}

fn rows(batch: &Batch) -> Result<JobBatch, serde_json::Error> {
    let mut rows = JobBatch::default();
    for (job, state) in &batch.states {
        rows.states.push((job.0, serde_json::to_value(state)?));
    }
    for record in &batch.records {
        rows.records.push(JobRecord {
            job: record.job.0,
            number: record.number,
            at_us: record.at.unix_ms().saturating_mul(1_000),
            record: serde_json::to_value(record)?,
        });
    }
    rows.commands_done = batch.commands_done.iter().map(|id| id.0).collect();
    Ok(rows)
}

/// The scheduler's own writes make no audit events; the time is the lease's and the records' own.
fn origin() -> Origin {
    Origin::new("scheduler", Timestamp::default())
}

fn fault(error: OdbError) -> StoreError {
    match error {
        OdbError::Fenced => StoreError::Stale,
        error => StoreError::Unavailable(Box::new(error)),
    }
}

#[cfg(test)]
mod tests;
