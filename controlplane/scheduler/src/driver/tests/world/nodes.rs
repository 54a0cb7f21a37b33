//! The nodes of the test: each order is noted, and a run is begun once, whatever is sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cp_model::NodeName;
use tokio::time::{Duration, Instant, sleep};

use super::{Process, wall};
use crate::event::{Answer, Order};
use crate::id::{JobId, RunId};
use crate::memory::MemoryStore;
use crate::port::{Answers, Attempt, Dispatch, Fence};

/// How long a run takes.
const RUN_MS: u64 = 20;

#[derive(Debug)]
pub(super) struct Nodes {
    pub(super) began: Instant,
    pub(super) store: MemoryStore,
    pub(super) inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) sent: Vec<Sent>,
    runs: HashMap<RunId, OnNode>,
    newest: Option<Fence>,
    /// Sleeps when so many more orders have come.
    pub(super) sleeper: Option<(Process, usize)>,
    pub(super) refused: usize,
}

#[derive(Debug, Clone)]
struct OnNode {
    key: (JobId, RunId, u32),
    answers: Answers,
    is_over: bool,
}

/// An order as it arrived.
#[derive(Debug, Clone)]
pub(in super::super) struct Sent {
    pub(in super::super) job: JobId,
    pub(in super::super) fence: Fence,
    pub(in super::super) attempt: u32,
    pub(in super::super) wall_ms: i64,
    pub(in super::super) late_ms: i64,
    pub(in super::super) was_stored: bool,
}

// === impl Nodes ===

impl Nodes {
    fn sees(&self, fence: Fence) -> bool {
        let mut inner = self.inner.lock().unwrap();
        if inner.newest.is_some_and(|newest| newest > fence) {
            inner.refused += 1;
            return false;
        }
        inner.newest = Some(fence);
        true
    }

    /// Whether the store knows of this attempt.
    fn is_stored(&self, order: &Order) -> bool {
        let state = self.store.state(order.job);
        state.is_some_and(|state| {
            let mut runs = state.runs.iter();
            runs.any(|run| run.id == order.run && run.attempt == order.attempt)
        })
    }
}

impl Dispatch for Arc<Nodes> {
    fn send(&self, fence: Fence, order: Order, answers: &Answers) {
        if !self.sees(fence) {
            return;
        }
        let now = wall(self.began);
        let was_stored = self.is_stored(&order);
        let run = OnNode {
            key: (order.job, order.run, order.attempt),
            answers: answers.clone(),
            is_over: false,
        };
        let known = {
            let mut inner = self.inner.lock().unwrap();
            if let Some((process, orders)) = &mut inner.sleeper {
                *orders = orders.saturating_sub(1);
                if *orders == 0 {
                    process.shift_wall_ms(60_000);
                    inner.sleeper = None;
                }
            }
            inner.sent.push(Sent {
                job: order.job,
                fence,
                attempt: order.attempt,
                wall_ms: now.unix_ms(),
                late_ms: now.ms_since(order.planned),
                was_stored,
            });
            let known = inner.runs.get(&order.run).cloned();
            let is_over = known.as_ref().is_some_and(|known| known.is_over);
            inner.runs.insert(
                order.run,
                OnNode {
                    is_over,
                    ..run.clone()
                },
            );
            known
        };
        let nodes = Arc::clone(self);
        tokio::spawn(async move {
            run.answers.give(run.key, accepted()).await;
            if known.is_none() {
                sleep(Duration::from_millis(RUN_MS)).await;
                nodes
                    .inner
                    .lock()
                    .unwrap()
                    .runs
                    .get_mut(&run.key.1)
                    .unwrap()
                    .is_over = true;
            }
            let last = nodes.inner.lock().unwrap().runs[&run.key.1].clone();
            if last.is_over {
                last.answers
                    .give(last.key, Answer::Finished(Ok(String::new())))
                    .await;
            }
        });
    }

    fn watch(&self, fence: Fence, attempt: Attempt, answers: &Answers) {
        if !self.sees(fence) {
            return;
        }
        let key = (attempt.job, attempt.run, attempt.attempt);
        let mut inner = self.inner.lock().unwrap();
        let answer = match inner.runs.get_mut(&attempt.run) {
            None => Answer::Lost,
            Some(run) if run.is_over => Answer::Finished(Ok(String::new())),
            Some(run) => {
                run.answers = answers.clone();
                accepted()
            }
        };
        let answers = answers.clone();
        tokio::spawn(async move { answers.give(key, answer).await });
    }

    fn cancel(&self, _fence: Fence, _attempt: Attempt) {}
}

fn accepted() -> Answer {
    Answer::Accepted {
        node: NodeName::parse("a").unwrap(),
    }
}
