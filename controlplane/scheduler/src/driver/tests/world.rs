//! A cluster in one process: a store that fails on request, processes that can be stopped at any
//! await, nodes that know which runs they have.

mod nodes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, sleep};
use uuid::Uuid;

use super::super::*;
use crate::event::Outcome;
use crate::id::JobId;
use crate::job::{JobFields, JobSpec};
use crate::memory::{MemoryLease, MemoryStore};
use crate::port::{Batch, Loaded, StoreError};
use crate::schedule::ScheduleFields;
use crate::state::Role;
use nodes::{Nodes, Sent};

/// 2026-01-01.
pub(super) const START_MS: i64 = 1_767_225_600_000;

#[derive(Debug)]
pub(super) struct World {
    pub(super) store: MemoryStore,
    began: Instant,
    faults: Arc<Mutex<Faults>>,
    nodes: Arc<Nodes>,
}

#[derive(Debug, Default)]
struct Faults {
    commits: usize,
    fault: Option<Fault>,
    is_broken: bool,
    hangs: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Refuses,
    /// The answer is lost.
    WritesAndFails,
    /// It is on its way for 6.5 s, whatever becomes of the process meanwhile.
    ArrivesLate,
}

/// One process of the control plane.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) handle: Handle,
    pub(super) task: JoinHandle<()>,
    pub(super) process: Process,
}

/// What can be done to a process from outside.
#[derive(Debug, Clone)]
pub(super) struct Process {
    is_stopped: Arc<watch::Sender<bool>>,
    began: Instant,
    shift_ms: Arc<AtomicI64>,
}

#[derive(Debug)]
struct FaultyStore {
    store: MemoryStore,
    faults: Arc<Mutex<Faults>>,
    process: Process,
}

#[derive(Debug)]
struct FaultyLease {
    lease: MemoryLease,
    faults: Arc<Mutex<Faults>>,
    process: Process,
}

pub(super) fn id(n: u128) -> JobId {
    JobId(Uuid::from_u128(n))
}

/// A job that fires each second.
pub(super) fn spec(n: u128, now: Moment, change: impl FnOnce(&mut JobFields)) -> JobSpec {
    let mut fields = JobFields {
        service: "crm.sync".into(),
        schedule: ScheduleFields {
            kind: "interval".into(),
            start: "2026-01-01T00:00:00Z".into(),
            seconds: 1,
            ..ScheduleFields::default()
        },
        ..JobFields::default()
    };
    change(&mut fields);
    JobSpec::parse(id(n), &fields, now).unwrap()
}

// === impl World ===

impl World {
    pub(super) fn new() -> Self {
        let (began, store) = (Instant::now(), MemoryStore::default());
        Self {
            nodes: Arc::new(Nodes {
                began,
                store: store.clone(),
                inner: Mutex::default(),
            }),
            store,
            began,
            faults: Arc::default(),
        }
    }

    pub(super) fn start(&self, name: &str) -> Started {
        let process = Process {
            is_stopped: Arc::new(watch::channel(false).0),
            began: self.began,
            shift_ms: Arc::default(),
        };
        let (scheduler, handle) = Scheduler::new(Ports {
            store: FaultyStore {
                store: self.store.clone(),
                faults: Arc::clone(&self.faults),
                process: process.clone(),
            },
            lease: FaultyLease {
                lease: self.store.lease(name),
                faults: Arc::clone(&self.faults),
                process: process.clone(),
            },
            dispatch: Arc::clone(&self.nodes),
            clock: process.clone(),
        });
        Started {
            handle,
            task: tokio::spawn(scheduler.run()),
            process,
        }
    }

    pub(super) fn now(&self) -> Moment {
        wall(self.began)
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.nodes.inner.lock().unwrap().sent.clone()
    }

    /// How late the latest order was.
    pub(super) fn latest_ms(&self) -> i64 {
        self.sent()
            .iter()
            .map(|sent| sent.late_ms)
            .max()
            .unwrap_or(0)
    }

    pub(super) fn refused_with_newer_fence(&self) -> usize {
        self.nodes.inner.lock().unwrap().refused
    }

    /// The machine of a process sleeps for a minute, its monotonic clock too, at this order.
    pub(super) fn sleep_at_order(&self, process: &Process, orders: usize) {
        self.nodes.inner.lock().unwrap().sleeper = Some((process.clone(), orders));
    }

    pub(super) fn fail_commits(&self, count: usize, fault: Fault) {
        let mut faults = self.faults.lock().unwrap();
        (faults.commits, faults.fault) = (count, Some(fault));
    }

    pub(super) fn break_store(&self, is_broken: bool) {
        self.faults.lock().unwrap().is_broken = is_broken;
    }

    pub(super) fn hang_store(&self, hangs: bool) {
        self.faults.lock().unwrap().hangs = hangs;
    }

    /// Counters equal the history, and no slot fired twice.
    pub(super) fn check_history(&self) {
        let mut slots = BTreeSet::new();
        let mut counted: BTreeMap<JobId, [u64; 5]> = BTreeMap::new();
        let records = self.store.records();
        for record in records.iter().filter(|record| record.role == Role::Main) {
            let [fired, ok, failed, skipped, missed] = counted.entry(record.job).or_default();
            match record.outcome {
                Outcome::Fired => {
                    *fired += 1;
                    assert!(slots.insert((record.job, record.planned)), "{record:?}");
                }
                Outcome::Ok { .. } => *ok += 1,
                Outcome::Failed { .. } | Outcome::TimedOut { .. } => *failed += 1,
                Outcome::Skipped { .. } => *skipped += 1,
                Outcome::Missed { count, .. } => *missed += count,
                _ => {}
            }
        }
        for (job, [fired, ok, failed, skipped, missed]) in counted {
            let counters = self.store.state(job).unwrap().counters;
            assert_eq!(
                [counters.fired, counters.ok, counters.failed],
                [fired, ok, failed]
            );
            assert_eq!([counters.skipped, counters.missed], [skipped, missed]);
        }
    }
}

// === impl Started ===

impl Started {
    pub(super) fn leads(&self) -> bool {
        self.handle.status().borrow().fence.is_some()
    }
}

// === impl Process ===

impl Process {
    /// Like SIGSTOP: nothing goes on, time does.
    pub(super) fn stop(&self) {
        self.is_stopped.send_replace(true);
    }

    pub(super) fn go_on(&self) {
        self.is_stopped.send_replace(false);
    }

    pub(super) fn shift_wall_ms(&self, by_ms: i64) {
        self.shift_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    async fn pass(&self) {
        let mut is_stopped = self.is_stopped.subscribe();
        is_stopped.wait_for(|is_stopped| !is_stopped).await.unwrap();
    }
}

impl Clock for Process {
    fn wall(&self) -> Moment {
        wall(self.began).plus_ms(self.shift_ms.load(Ordering::Relaxed))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    async fn sleep_ms(&self, ms: u64) {
        sleep(Duration::from_millis(ms)).await;
        self.pass().await;
    }
}

fn wall(began: Instant) -> Moment {
    Moment::from_unix_ms(START_MS + i64::try_from(began.elapsed().as_millis()).unwrap())
}

/// What stands before every request to the store: it takes a millisecond, and may fail or hang.
async fn request(process: &Process, faults: &Mutex<Faults>) -> Result<(), StoreError> {
    process.sleep_ms(1).await;
    while faults.lock().unwrap().hangs {
        sleep(Duration::from_millis(10)).await;
    }
    if faults.lock().unwrap().is_broken {
        return Err(StoreError::Unavailable("the test broke it".into()));
    }
    Ok(())
}

// === impl FaultyStore ===

impl JobStore for FaultyStore {
    async fn load(&self, since: Revision) -> Result<Loaded, StoreError> {
        request(&self.process, &self.faults).await?;
        let loaded = self.store.load(since).await;
        self.process.sleep_ms(1).await;
        loaded
    }

    async fn commit(&self, fence: Fence, batch: &Batch) -> Result<(), StoreError> {
        request(&self.process, &self.faults).await?;
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let is_due = faults.commits > 0;
            faults.commits = faults.commits.saturating_sub(1);
            faults.fault.filter(|_| is_due)
        };
        let failed = || StoreError::Unavailable("the test failed it".into());
        match fault {
            None => {
                let done = self.store.commit(fence, batch).await;
                self.process.sleep_ms(1).await;
                done
            }
            Some(Fault::Refuses) => Err(failed()),
            Some(Fault::ArrivesLate) => {
                let (store, batch) = (self.store.clone(), batch.clone());
                let late = tokio::spawn(async move {
                    sleep(Duration::from_millis(6_500)).await;
                    store.commit(fence, &batch).await
                });
                late.await.unwrap()
            }
            Some(Fault::WritesAndFails) => {
                self.store.commit(fence, batch).await?;
                Err(failed())
            }
        }
    }
}

// === impl FaultyLease ===

impl Lease for FaultyLease {
    async fn acquire(&self, ttl_ms: u64) -> Result<Option<Fence>, StoreError> {
        request(&self.process, &self.faults).await?;
        let given = self.lease.acquire(ttl_ms).await;
        self.process.sleep_ms(1).await;
        given
    }

    async fn renew(&self, fence: Fence, ttl_ms: u64) -> Result<bool, StoreError> {
        request(&self.process, &self.faults).await?;
        let renewed = self.lease.renew(fence, ttl_ms).await;
        self.process.sleep_ms(1).await;
        renewed
    }

    async fn release(&self, fence: Fence) -> Result<(), StoreError> {
        request(&self.process, &self.faults).await?;
        self.lease.release(fence).await
    }
}
