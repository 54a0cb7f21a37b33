//! How late fires are: 10,000 jobs, 1,000 fires a second, through the real driver.
//!
//! Owns a store in memory and nodes that answer at once; refuses to assert anything, since times are
//! the machine's. Run with `cargo run --release -p cp-scheduler --example bench`.

#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cp_model::NodeName;
use cp_scheduler::memory::MemoryStore;
use cp_scheduler::{
    Answer, Answers, Attempt, Clock as _, Dispatch, Fence, JobFields, JobId, JobSpec, Moment,
    Order, Ports, Schedule, ScheduleFields, Scheduler, SystemClock,
};

const JOBS: u128 = 10_000;
/// Each job fires so often; so 1,000 jobs fire each second.
const PERIOD_S: u64 = 10;
const MEASURED: Duration = Duration::from_secs(10);
/// Until the leader has loaded and stored all jobs.
const WARM_UP: Duration = Duration::from_secs(4);
const RUN: Duration = Duration::from_millis(20);
/// The kernel counts a process's time in such steps.
const TICKS_PER_SECOND: f64 = 100.0;

/// Nodes that take every run and finish it.
#[derive(Debug)]
struct Nodes {
    clock: SystemClock,
    node: NodeName,
    schedules: HashMap<JobId, Schedule>,
    /// How late each order was, in milliseconds.
    late_ms: Mutex<Vec<i64>>,
}

// === impl Nodes ===

impl Nodes {
    fn take_late(&self) -> Vec<i64> {
        std::mem::take(&mut self.late_ms.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Dispatch for &'static Nodes {
    fn send(&self, _fence: Fence, order: Order, answers: &Answers) {
        let due = self
            .schedules
            .get(&order.job)
            .map_or(order.planned, |schedule| {
                schedule.fire_at(order.job, order.planned)
            });
        let late_ms = self.clock.wall().ms_since(due);
        let mut all = self.late_ms.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(late_ms);
        drop(all);
        let key = (order.job, order.run, order.attempt);
        let (answers, node) = (answers.clone(), self.node.clone());
        tokio::spawn(async move {
            answers.give(key, Answer::Accepted { node }).await;
            tokio::time::sleep(RUN).await;
            answers.give(key, Answer::Finished(Ok(String::new()))).await;
        });
    }

    fn watch(&self, _fence: Fence, _attempt: Attempt, _answers: &Answers) {}

    fn cancel(&self, _fence: Fence, _attempt: Attempt) {}
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    measure("1,000 at each second", 0).await?;
    measure("1,000 spread over each second", 1).await?;
    Ok(())
}

async fn measure(title: &str, jitter_s: u64) -> Result<(), Box<dyn std::error::Error>> {
    let clock = SystemClock::new();
    let store = MemoryStore::default();
    let mut schedules = HashMap::new();
    for n in 0..JOBS {
        let spec = spec(n, jitter_s, clock.wall())?;
        schedules.insert(spec.id, spec.schedule.clone());
        store.put(spec);
    }
    let nodes: &'static Nodes = Box::leak(Box::new(Nodes {
        clock,
        node: NodeName::parse("bench")?,
        schedules,
        late_ms: Mutex::default(),
    }));
    let (scheduler, handle) = Scheduler::new(Ports {
        store: store.clone(),
        lease: store.lease("bench"),
        dispatch: nodes,
        clock,
    });
    let task = tokio::spawn(scheduler.run());
    tokio::time::sleep(WARM_UP).await;
    nodes.take_late();
    let (commits, cpu) = (store.commits(), cpu_s());
    tokio::time::sleep(MEASURED).await;
    let (commits, cpu) = (store.commits() - commits, cpu_s() - cpu);
    let mut late = nodes.take_late();
    late.sort_unstable();
    let at =
        |share: usize| late.get((late.len() * share / 1_000).min(late.len().saturating_sub(1)));
    println!(
        "{title}: {} fires in {} s, late p50 {} ms, p99 {} ms, p99.9 {} ms, max {} ms; \
         {commits} commits, {:.1} % of a core",
        late.len(),
        MEASURED.as_secs(),
        at(500).unwrap_or(&0),
        at(990).unwrap_or(&0),
        at(999).unwrap_or(&0),
        late.last().unwrap_or(&0),
        cpu / MEASURED.as_secs_f64() * 100.0,
    );
    handle.stop();
    task.await?;
    Ok(())
}

fn spec(n: u128, jitter_s: u64, now: Moment) -> Result<JobSpec, cp_model::Invalid> {
    let start = Moment::from_unix_s(i64::try_from(n % u128::from(PERIOD_S)).unwrap_or(0));
    let fields = JobFields {
        service: "bench.nothing".into(),
        schedule: ScheduleFields {
            kind: "interval".into(),
            start: start.to_string(),
            seconds: PERIOD_S,
            jitter_s,
            ..ScheduleFields::default()
        },
        ..JobFields::default()
    };
    // Spread like random ids, so that the order of jobs is not that of their slots.
    let id = n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    JobSpec::parse(JobId(uuid::Uuid::from_u128(id)), &fields, now)
}

/// Seconds of processor time of this process, all threads.
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS_PER_SECOND
}
