//! Runs on their way: answers, losses, limits and retries.
//!
//! Owns the transitions between the phases of a run. Invariant: an answer to anything but the last
//! attempt changes nothing, and no run stays in a phase for ever: each phase has a time that ends it.

use cp_model::NodeName;

use super::{Step, cut};
use crate::event::{Answer, Effect, Outcome};
use crate::id::RunId;
use crate::policy::back_off_ms;
use crate::state::{Phase, Role, Run};

/// A node whose last words were lost is asked again, so that a run that is over is not waited for.
const WATCH_MS: i64 = 30_000;
/// A run that so many nodes were lost with is taken for the cause.
const LOSSES_MAX: u32 = 8;
/// The first loss is sent again at once; later ones wait, and longer each time.
const LOST_BASE_MS: i64 = 1_000;
const LOST_CAP_MS: i64 = 60_000;
/// A node comes back within seconds; asking costs nothing but a look at who is online.
const REFUSED_BASE_MS: i64 = 250;
const REFUSED_CAP_MS: i64 = 8_000;

// === impl Step ===

impl Step<'_> {
    pub(super) fn answered(&mut self, id: RunId, attempt: u32, answer: Answer) {
        let asked = |run: &Run| run.id == id && run.attempt == attempt;
        let Some(index) = self.state.runs.iter().position(asked) else {
            return;
        };
        let run = self.state.runs.remove(index);
        match (answer, &run.phase) {
            // Also of an attempt that was given up: what was done need not be done again.
            (Answer::Finished(Ok(message)), _) => self.succeeded(&run, cut(message)),
            (_, Phase::Pausing { .. }) | (Answer::Refused, Phase::Running { .. }) => {
                self.state.runs.push(run);
            }
            (Answer::Finished(Err(message)), _) => self.attempt_failed(run, cut(message)),
            (Answer::Accepted { node }, _) => self.accepted(run, node),
            (Answer::Refused, Phase::Sent { .. }) => self.refused(run),
            (Answer::Lost, _) => self.lost(run),
        }
    }

    pub(super) fn node_lost(&mut self, lost: &NodeName) {
        let on_it = |run: &Run| matches!(&run.phase, Phase::Running { node, .. } if node == lost);
        for run in self.take_runs() {
            if on_it(&run) {
                self.lost(run);
            } else {
                self.state.runs.push(run);
            }
        }
    }

    /// The new leader sends again what may not have been sent, and asks for what runs.
    pub(super) fn take_over(&mut self) {
        for run in self.take_runs() {
            match &run.phase {
                Phase::Sent { .. } if !self.is_over(&run) => self.send(run),
                Phase::Running { node, .. } => {
                    self.effects.push(Effect::Watch {
                        run: run.id,
                        attempt: run.attempt,
                        node: node.clone(),
                    });
                    self.state.runs.push(run);
                }
                Phase::Sent { .. } | Phase::Pausing { .. } => self.state.runs.push(run),
            }
        }
    }

    /// Moves what was measured with a clock that has been changed since.
    pub(super) fn shift(&mut self, by_ms: i64) {
        for run in &mut self.state.runs {
            run.sent_at = run.sent_at.plus_ms(by_ms);
            run.deadline = run.deadline.map(|deadline| deadline.plus_ms(by_ms));
            match &mut run.phase {
                Phase::Sent { ack_by: at }
                | Phase::Running { watch_at: at, .. }
                | Phase::Pausing { until: at } => *at = at.plus_ms(by_ms),
            }
        }
    }

    /// Ends what is over its limit, sends what has paused long enough.
    pub(super) fn expire_runs(&mut self) {
        for run in self.take_runs() {
            let now = self.now;
            let is_over = self.is_over(&run);
            match &run.phase {
                Phase::Pausing { .. } if is_over => {
                    self.failed(&run, "no node took the run within its limit".into());
                }
                Phase::Sent { .. } | Phase::Running { .. } if is_over => self.timed_out(&run),
                Phase::Pausing { until } if *until <= now => self.send(run),
                Phase::Sent { ack_by } if *ack_by <= now => self.lost(run),
                Phase::Running { node, watch_at } if *watch_at <= now => {
                    let node = node.clone();
                    self.watch(run, node);
                }
                _ => self.state.runs.push(run),
            }
        }
    }

    fn accepted(&mut self, mut run: Run, node: NodeName) {
        run.refusals = 0;
        run.phase = Phase::Running {
            node,
            watch_at: self.now.plus_ms(WATCH_MS),
        };
        self.state.runs.push(run);
    }

    fn watch(&mut self, mut run: Run, node: NodeName) {
        self.effects.push(Effect::Watch {
            run: run.id,
            attempt: run.attempt,
            node: node.clone(),
        });
        run.phase = Phase::Running {
            node,
            watch_at: self.now.plus_ms(WATCH_MS),
        };
        self.state.runs.push(run);
    }

    /// It never began, so its limit goes on: it is the limit of the search, too.
    fn refused(&mut self, mut run: Run) {
        run.refusals = run.refusals.saturating_add(1);
        let pause_ms = back_off_ms(REFUSED_BASE_MS, REFUSED_CAP_MS, run.refusals);
        run.phase = Phase::Pausing {
            until: self.now.plus_ms(pause_ms),
        };
        self.state.runs.push(run);
    }

    fn lost(&mut self, mut run: Run) {
        let node = match &run.phase {
            Phase::Running { node, .. } => Some(node.clone()),
            Phase::Sent { .. } | Phase::Pausing { .. } => None,
        };
        run.losses = run.losses.saturating_add(1);
        self.record_run(&run, Outcome::Lost { node });
        if run.losses >= LOSSES_MAX {
            self.failed(&run, format!("{LOSSES_MAX} nodes were lost with the run"));
            return;
        }
        run.deadline = None;
        if run.losses == 1 {
            self.send(run);
            return;
        }
        let pause_ms = back_off_ms(LOST_BASE_MS, LOST_CAP_MS, run.losses - 1);
        run.phase = Phase::Pausing {
            until: self.now.plus_ms(pause_ms),
        };
        self.state.runs.push(run);
    }

    /// A service that follows a run is not tried again when it fails.
    fn attempt_failed(&mut self, mut run: Run, message: String) {
        run.failures = run.failures.saturating_add(1);
        if run.role != Role::Main || run.failures >= self.spec.retry.attempts_max {
            self.failed(&run, message);
            return;
        }
        let until = self.now.plus_ms(self.spec.retry.pause_ms(run.failures));
        self.record_run(&run, Outcome::Retrying { message, at: until });
        run.deadline = None;
        run.phase = Phase::Pausing { until };
        self.state.runs.push(run);
    }

    /// What is over its limit may still run, so it is not tried again.
    fn timed_out(&mut self, run: &Run) {
        if let Phase::Running { node, .. } = &run.phase {
            self.effects.push(Effect::Cancel {
                run: run.id,
                attempt: run.attempt,
                node: node.clone(),
            });
        }
        let duration_ms = self.now.ms_since(run.sent_at);
        self.ended_badly(run, Outcome::TimedOut { duration_ms });
    }

    fn is_over(&self, run: &Run) -> bool {
        run.deadline.is_some_and(|deadline| deadline <= self.now)
    }

    fn take_runs(&mut self) -> Vec<Run> {
        std::mem::take(&mut self.state.runs)
    }
}
