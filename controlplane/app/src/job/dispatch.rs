//! Runs of jobs on the nodes.
//!
//! Owns which node gets a run and what its answer means. A node does not remember runs yet: what was
//! sent by a leader that died is sent again under the same run id, so a service may run twice and knows
//! it by its cid, which is the run id. Invariant: every run that is sent is answered for, at the latest
//! when its time is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cp_model::{ErrorChain, NodeName, NodeState};
use cp_odb::Odb;
use cp_publish::{Fleet, InvokeRequest};
use cp_scheduler::{Answer, Answers, Attempt, Dispatch, Fence, Order, RunId};
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How long the list of online nodes is believed; a node that went away since answers for itself.
const NODES_FRESH: Duration = Duration::from_secs(1);
/// Of a service's answer; the history shows it.
const MESSAGE_CHARS_MAX: usize = 1_000;

type Key = (RunId, u32);

/// Sends runs to nodes that are online. Cheap to clone.
#[derive(Debug, Clone)]
pub struct NodeDispatch {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    odb: Odb,
    fleet: Fleet,
    in_flight: Mutex<HashMap<Key, AbortHandle>>,
    online: tokio::sync::Mutex<Option<(Instant, Arc<[NodeName]>)>>,
}

// === impl NodeDispatch ===

impl NodeDispatch {
    pub fn new(odb: Odb, fleet: Fleet) -> Self {
        Self {
            inner: Arc::new(Inner {
                odb,
                fleet,
                in_flight: Mutex::default(),
                online: tokio::sync::Mutex::default(),
            }),
        }
    }
}

impl Dispatch for NodeDispatch {
    fn send(&self, _fence: Fence, order: Order, answers: &Answers) {
        let (inner, answers) = (Arc::clone(&self.inner), answers.clone());
        let key = (order.run, order.attempt);
        let about = (order.job, order.run, order.attempt);
        // The task waits for its entry, so that it cannot end before it is there.
        let mut in_flight = self.inner.in_flight();
        let running = Arc::clone(&inner);
        let task = tokio::spawn(async move {
            let answer = running.run(order, &answers).await;
            running.in_flight().remove(&key);
            answers.give(about, answer).await;
        });
        in_flight.insert(key, task.abort_handle());
    }

    fn watch(&self, _fence: Fence, attempt: Attempt, answers: &Answers) {
        let is_known = self
            .inner
            .in_flight()
            .contains_key(&(attempt.run, attempt.attempt));
        let answer = if is_known {
            Answer::Accepted { node: attempt.node }
        } else {
            // Sent by another process, which is gone, or answered and forgotten.
            Answer::Lost
        };
        let answers = answers.clone();
        tokio::spawn(async move {
            let about = (attempt.job, attempt.run, attempt.attempt);
            answers.give(about, answer).await;
        });
    }

    /// The node is not told: a service cannot be stopped from outside. Its answer is not waited for any more.
    fn cancel(&self, _fence: Fence, attempt: Attempt) {
        if let Some(task) = self
            .inner
            .in_flight()
            .remove(&(attempt.run, attempt.attempt))
        {
            task.abort();
        }
    }
}

// === impl Inner ===

impl Inner {
    fn in_flight(&self) -> MutexGuard<'_, HashMap<Key, AbortHandle>> {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self, order: Order, answers: &Answers) -> Answer {
        let online = match self.online().await {
            Ok(online) => online,
            Err(error) => {
                tracing::warn!(error = %ErrorChain(&error), "no node is known for a job");
                return Answer::Refused;
            }
        };
        let Some(node) = self.fleet.pick(&online) else {
            return Answer::Refused;
        };
        let about = (order.job, order.run, order.attempt);
        answers
            .give(about, Answer::Accepted { node: node.clone() })
            .await;
        let request = InvokeRequest {
            service: order.service,
            body: order.extra.as_bytes().to_vec().into(),
            content_type: String::new(),
            cid: order.run.0.simple().to_string(),
            timeout: Duration::from_millis(u64::try_from(order.run_time_max_ms).unwrap_or(0)),
        };
        match self.fleet.invoke(&[node], request).await {
            Ok(invoked) => {
                let text = String::from_utf8_lossy(&invoked.body);
                let text: String = text.chars().take(MESSAGE_CHARS_MAX).collect();
                Answer::Finished(match invoked.status {
                    200..=299 => Ok(text),
                    status => Err(format!("{status} {text}")),
                })
            }
            Err(_) => Answer::Lost,
        }
    }

    async fn online(&self) -> Result<Arc<[NodeName]>, cp_odb::OdbError> {
        let mut kept = self.online.lock().await;
        if let Some((at, nodes)) = kept.as_ref()
            && at.elapsed() < NODES_FRESH
        {
            return Ok(Arc::clone(nodes));
        }
        let nodes = self.odb.node_list().await?;
        let online = nodes
            .into_iter()
            .filter(|node| node.state == NodeState::Online)
            .map(|node| node.seen.name);
        let online: Arc<[NodeName]> = online.collect();
        *kept = Some((Instant::now(), Arc::clone(&online)));
        Ok(online)
    }
}
