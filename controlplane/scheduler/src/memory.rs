//! A store and a lease in memory.
//!
//! Owns the example of what [`JobStore`] and [`Lease`] promise; it is what tests and measurements use.
//! Refuses to survive its process. Invariant: a fence is checked and the batch written under one
//! lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Duration, Instant};

use crate::event::Record;
use crate::id::JobId;
use crate::job::JobSpec;
use crate::moment::Moment;
use crate::port::{
    Ask, Batch, Command, CommandId, Fence, JobStore, Lease, Loaded, LoadedJob, Revision, StoreError,
};
use crate::state::JobState;

/// Jobs, states, history and lease of one cluster.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
}

/// The lease as one process sees it.
#[derive(Debug)]
pub struct MemoryLease {
    store: MemoryStore,
    holder: String,
}

#[derive(Debug, Default)]
struct Inner {
    revision: u64,
    jobs: BTreeMap<JobId, Row>,
    removed: BTreeMap<JobId, u64>,
    commands: BTreeMap<CommandId, Command>,
    records: BTreeMap<(JobId, u64), Record>,
    commits: u64,
    fence: u64,
    held: Option<(String, Instant)>,
}

#[derive(Debug)]
struct Row {
    spec: JobSpec,
    state: Option<JobState>,
    revision: u64,
}

// === impl MemoryStore ===

impl MemoryStore {
    pub fn lease(&self, holder: &str) -> MemoryLease {
        MemoryLease {
            store: self.clone(),
            holder: holder.into(),
        }
    }

    /// Makes or changes a job; its state stays.
    pub fn put(&self, spec: JobSpec) -> Revision {
        let mut inner = self.lock();
        inner.revision += 1;
        let revision = inner.revision;
        let state = inner.jobs.remove(&spec.id).and_then(|row| row.state);
        let row = Row {
            spec,
            state,
            revision,
        };
        inner.jobs.insert(row.spec.id, row);
        Revision(revision)
    }

    pub fn remove(&self, job: JobId) -> Revision {
        let mut inner = self.lock();
        inner.revision += 1;
        let revision = inner.revision;
        inner.jobs.remove(&job);
        inner.removed.insert(job, revision);
        Revision(revision)
    }

    pub fn command(&self, job: JobId, at: Moment, ask: Ask) -> Revision {
        let mut inner = self.lock();
        inner.revision += 1;
        let id = CommandId(inner.revision);
        inner.commands.insert(id, Command { id, job, at, ask });
        Revision(inner.revision)
    }

    pub fn state(&self, job: JobId) -> Option<JobState> {
        self.lock().jobs.get(&job)?.state.clone()
    }

    /// The history of all jobs, each job's in order.
    pub fn records(&self) -> Vec<Record> {
        self.lock().records.values().cloned().collect()
    }

    /// How many batches were written.
    pub fn commits(&self) -> u64 {
        self.lock().commits
    }

    pub fn commands_open(&self) -> usize {
        self.lock().commands.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobStore for MemoryStore {
    async fn load(&self, since: Revision) -> Result<Loaded, StoreError> {
        let inner = self.lock();
        let changed = inner.jobs.values().filter(|row| row.revision > since.0);
        let removed = inner.removed.iter().filter(|(_job, at)| **at > since.0);
        Ok(Loaded {
            revision: Revision(inner.revision),
            jobs: changed
                .map(|row| LoadedJob {
                    spec: row.spec.clone(),
                    state: row.state.clone(),
                })
                .collect(),
            removed: removed.map(|(job, _at)| *job).collect(),
            commands: inner.commands.values().cloned().collect(),
        })
    }

    async fn commit(&self, fence: Fence, batch: &Batch) -> Result<(), StoreError> {
        let mut inner = self.lock();
        if inner.fence != fence.0 {
            return Err(StoreError::Stale);
        }
        inner.commits += 1;
        for (job, state) in &batch.states {
            if let Some(row) = inner.jobs.get_mut(job) {
                row.state = Some(state.clone());
            }
        }
        for record in &batch.records {
            let key = (record.job, record.number);
            inner.records.insert(key, record.clone());
        }
        for command in &batch.commands_done {
            inner.commands.remove(command);
        }
        Ok(())
    }
}

// === impl MemoryLease ===

impl Lease for MemoryLease {
    async fn acquire(&self, ttl_ms: u64) -> Result<Option<Fence>, StoreError> {
        let mut inner = self.store.lock();
        let now = Instant::now();
        let is_held = |(holder, until): &(String, Instant)| *holder != self.holder && *until > now;
        if inner.held.as_ref().is_some_and(is_held) {
            return Ok(None);
        }
        inner.fence += 1;
        inner.held = Some((self.holder.clone(), now + Duration::from_millis(ttl_ms)));
        Ok(Some(Fence(inner.fence)))
    }

    async fn renew(&self, fence: Fence, ttl_ms: u64) -> Result<bool, StoreError> {
        let mut inner = self.store.lock();
        if inner.fence != fence.0 {
            return Ok(false);
        }
        let until = Instant::now() + Duration::from_millis(ttl_ms);
        inner.held = Some((self.holder.clone(), until));
        Ok(true)
    }

    async fn release(&self, fence: Fence) -> Result<(), StoreError> {
        let mut inner = self.store.lock();
        if inner.fence == fence.0 {
            inner.held = None;
        }
        Ok(())
    }
}
