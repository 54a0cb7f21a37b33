//! Nodes of a simulation: they take orders, forget everything when they die, and answer or do not.

use std::collections::BTreeMap;

use cp_model::NodeName;

use super::random::Random;
use crate::event::{Answer, Order};
use crate::id::{JobId, RunId};
use crate::port::{Attempt, Fence};

pub(super) const NODES: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) is_up: bool,
    /// Grows with each start: what was for an earlier life is nobody's.
    pub(super) life: u64,
    runs: BTreeMap<RunId, OnNode>,
    newest: Option<Fence>,
}

#[derive(Debug, Clone)]
struct OnNode {
    attempt: u32,
    fence: Fence,
    result: Option<Result<String, String>>,
}

/// What a node has to say, and to whom.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) fence: Fence,
    pub(super) job: JobId,
    pub(super) run: RunId,
    pub(super) attempt: u32,
    pub(super) answer: Answer,
}

/// What becomes of an order at its node.
#[derive(Debug)]
pub(super) enum Took {
    /// The run begins here, and takes so long.
    Began {
        said: Said,
        length_ms: i64,
    },
    Knew(Said),
    /// An order of a leader of the past.
    Refused,
}

pub(super) fn name(node: usize) -> NodeName {
    NodeName::parse(&format!("node-{node}")).unwrap()
}

pub(super) fn index(name: &NodeName) -> usize {
    name.as_str().trim_start_matches("node-").parse().unwrap()
}

impl Node {
    pub(super) fn start(&mut self) {
        self.is_up = true;
        self.life += 1;
    }

    pub(super) fn die(&mut self) {
        *self = Self {
            life: self.life,
            ..Self::default()
        };
    }

    pub(super) fn take(
        &mut self,
        node: usize,
        fence: Fence,
        order: &Order,
        random: &mut Random,
    ) -> Took {
        if self.newest.is_some_and(|newest| newest > fence) {
            return Took::Refused;
        }
        self.newest = Some(fence);
        let said = |answer| Said {
            fence,
            job: order.job,
            run: order.run,
            attempt: order.attempt,
            answer,
        };
        if let Some(known) = self.runs.get_mut(&order.run) {
            let is_failure = matches!(known.result, Some(Err(_)));
            (known.attempt, known.fence) = (order.attempt, fence);
            if !is_failure {
                let answer = known
                    .result
                    .clone()
                    .map_or(accepted(node), Answer::Finished);
                return Took::Knew(said(answer));
            }
            // A run that failed is tried again.
            known.result = None;
        } else {
            let run = OnNode {
                attempt: order.attempt,
                fence,
                result: None,
            };
            self.runs.insert(order.run, run);
        }
        let limit_ms = order.run_time_max_ms;
        let length_ms = if random.per_mille(20) {
            random.between(limit_ms, 3 * limit_ms)
        } else {
            random.between(1, 20_000)
        };
        Took::Began {
            said: said(accepted(node)),
            length_ms,
        }
    }

    pub(super) fn finish(&mut self, job: JobId, run: RunId, is_ok: bool) -> Option<Said> {
        let known = self.runs.get_mut(&run)?;
        let result = if is_ok {
            Ok(String::new())
        } else {
            Err("no".into())
        };
        known.result = Some(result.clone());
        Some(Said {
            fence: known.fence,
            job,
            run,
            attempt: known.attempt,
            answer: Answer::Finished(result),
        })
    }

    pub(super) fn watch(&mut self, fence: Fence, attempt: &Attempt) -> Said {
        let answer = match self
            .runs
            .get_mut(&attempt.run)
            .filter(|run| run.attempt == attempt.attempt)
        {
            Some(run) => {
                run.fence = fence;
                let result = run.result.clone();
                result.map_or(
                    Answer::Accepted {
                        node: attempt.node.clone(),
                    },
                    Answer::Finished,
                )
            }
            None => Answer::Lost,
        };
        Said {
            fence,
            job: attempt.job,
            run: attempt.run,
            attempt: attempt.attempt,
            answer,
        }
    }
}

fn accepted(node: usize) -> Answer {
    Answer::Accepted { node: name(node) }
}
