//! The end of a run, and what follows it.
//!
//! Owns the counters of ends and the calls of `on_success` and `on_error`. Invariant: a run ends
//! once; what follows it is stored with its end, so it is not lost with the leader.

use super::Step;
use crate::event::{Effect, Outcome};
use crate::job::Follow;
use crate::state::{Origin, Role, Run, Waiting};

/// Jobs that call each other in a ring would go on for ever; a chain of so many is no accident.
const CHAIN_MAX: u8 = 16;

// === impl Step ===

impl Step<'_> {
    pub(super) fn succeeded(&mut self, run: &Run, message: String) {
        let duration_ms = self.now.ms_since(run.sent_at);
        let text = message.clone();
        let outcome = Outcome::Ok {
            message,
            duration_ms,
        };
        self.record_run(run, outcome);
        if run.role == Role::Main {
            self.state.counters.ok += 1;
            self.follow(run, Role::OnSuccess, &text);
        }
    }

    pub(super) fn failed(&mut self, run: &Run, message: String) {
        let duration_ms = self.now.ms_since(run.sent_at);
        self.ended_badly(
            run,
            Outcome::Failed {
                message,
                duration_ms,
            },
        );
    }

    pub(super) fn ended_badly(&mut self, run: &Run, outcome: Outcome) {
        let message = match &outcome {
            Outcome::Failed { message, .. } => message.clone(),
            _ => format!("over its limit of {} ms", self.spec.run_time_max_ms),
        };
        self.record_run(run, outcome);
        if run.role == Role::Main {
            self.state.counters.failed += 1;
            self.follow(run, Role::OnError, &message);
        }
    }

    fn follow(&mut self, run: &Run, role: Role, message: &str) {
        let Follow { service, job } = if role == Role::OnSuccess {
            &self.spec.on_success
        } else {
            &self.spec.on_error
        };
        if service.is_some() {
            let extra = serde_json::json!({
                "job": self.spec.id,
                "run": run.id,
                "planned": run.planned.to_string(),
                "attempt": run.attempt,
                "outcome": if role == Role::OnSuccess { "ok" } else { "error" },
                "message": message,
            });
            let call = self.make(
                Waiting {
                    planned: self.now,
                    origin: run.origin,
                    extra: Some(extra.to_string()),
                },
                role,
            );
            self.record_run(&call, Outcome::Fired);
            self.send(call);
        }
        if let Some(job) = *job {
            let depth = match run.origin {
                Origin::Chained { depth, .. } => depth + 1,
                Origin::Planned | Origin::Manual => 1,
            };
            if depth > CHAIN_MAX {
                self.record_run(run, Outcome::ChainEnded { job });
                return;
            }
            self.effects.push(Effect::RunJob {
                job,
                origin: Origin::Chained {
                    job: self.spec.id,
                    run: run.id,
                    depth,
                },
            });
        }
    }
}
