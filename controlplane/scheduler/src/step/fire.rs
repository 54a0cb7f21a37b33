//! Fires and the runs that they become.
//!
//! Owns the policy for overlap, pausing, skipping and repeats. Invariant: a slot is decided once;
//! its decision is a run, a place in the queue, or a record that says why not.

use std::sync::Arc;

use super::Step;
use crate::due::due;
use crate::event::{Effect, Order, Outcome, Why};
use crate::id::RunId;
use crate::moment::Moment;
use crate::policy::Overlap;
use crate::state::{Origin, Phase, Role, Run, Waiting};

/// A clock that was a little ahead makes the job wait, so that no slot fires twice; one that was
/// further ahead than this was wrong, and waiting for it would be worse.
const AHEAD_MS_MAX: i64 = 86_400_000;
/// A node that does not confirm within so long is taken for lost: it answers in milliseconds.
const ACK_MS: i64 = 10_000;

// === impl Step ===

impl Step<'_> {
    /// Decides on the slots that were due at `until`.
    pub(super) fn fire_due(&mut self, until: Moment) {
        if !self.state.fires(self.spec) {
            return;
        }
        if self.state.cursor.ms_since(self.now) > AHEAD_MS_MAX {
            self.state.cursor = self.now;
        }
        let Some(due) = due(self.spec, self.state.cursor, until) else {
            return;
        };
        self.state.cursor = due.cursor;
        if let Some(gap) = due.missed {
            self.state.counters.missed += gap.count;
            let (last, count) = (gap.last, gap.count);
            self.record_fire(gap.first, Origin::Planned, Outcome::Missed { last, count });
        }
        for slot in due.runs {
            if self.state.remaining == Some(0) {
                return;
            }
            if std::mem::take(&mut self.state.skip_next) {
                self.skip(slot, Origin::Planned, Why::Requested);
            } else {
                self.offer(Waiting {
                    planned: slot,
                    origin: Origin::Planned,
                    extra: None,
                });
            }
        }
    }

    /// Starts what waits in the queue while there is room. What was planned waits on while the job
    /// does not fire.
    pub(super) fn fire_waiting(&mut self) {
        while self.has_room()
            && let Some(next) = self.state.queue.front()
            && (self.state.is_live || next.origin != Origin::Planned)
            && let Some(fire) = self.state.queue.pop_front()
        {
            self.start(fire);
        }
    }

    /// A run that is asked for. A person may run a paused job; another job may not.
    pub(super) fn run_now(&mut self, origin: Origin, extra: Option<String>) {
        let planned = self.now;
        if !self.state.is_live && matches!(origin, Origin::Chained { .. }) {
            self.skip(planned, origin, Why::Paused);
            return;
        }
        self.offer(Waiting {
            planned,
            origin,
            extra,
        });
    }

    fn offer(&mut self, fire: Waiting) {
        if self.has_room() && self.state.queue.is_empty() {
            self.count_down(&fire);
            self.start(fire);
            return;
        }
        match self.spec.overlap {
            Overlap::Queue { max } if self.state.queue.len() < max => {
                self.count_down(&fire);
                self.state.queue.push_back(fire);
            }
            Overlap::Queue { .. } => self.skip(fire.planned, fire.origin, Why::QueueFull),
            Overlap::Skip | Overlap::Allow { .. } => {
                self.skip(fire.planned, fire.origin, Why::Overlap);
            }
        }
    }

    fn has_room(&self) -> bool {
        let max = match self.spec.overlap {
            Overlap::Skip | Overlap::Queue { .. } => 1,
            Overlap::Allow { max } => max,
        };
        self.state.in_flight() < max
    }

    /// A planned fire that will run is one of those that the interval repeats.
    fn count_down(&mut self, fire: &Waiting) {
        if fire.origin == Origin::Planned {
            self.state.last_planned = Some(fire.planned);
            if let Some(remaining) = &mut self.state.remaining {
                *remaining = remaining.saturating_sub(1);
            }
        }
    }

    fn skip(&mut self, planned: Moment, origin: Origin, why: Why) {
        self.state.counters.skipped += 1;
        self.record_fire(planned, origin, Outcome::Skipped { why });
    }

    fn start(&mut self, fire: Waiting) {
        self.state.counters.fired += 1;
        let run = self.make(fire, Role::Main);
        self.record_run(&run, Outcome::Fired);
        self.send(run);
    }

    pub(super) fn make(&mut self, fire: Waiting, role: Role) -> Run {
        self.state.runs_made += 1;
        Run {
            id: RunId::derive(self.spec.id, fire.planned, self.state.runs_made),
            planned: fire.planned,
            origin: fire.origin,
            role,
            attempt: 0,
            failures: 0,
            losses: 0,
            refusals: 0,
            phase: Phase::Pausing { until: self.now },
            sent_at: self.now,
            deadline: None,
            extra: fire.extra,
        }
    }

    /// Sends the next attempt.
    pub(super) fn send(&mut self, mut run: Run) {
        let service = match run.role {
            Role::Main => Some(&self.spec.service),
            Role::OnSuccess => self.spec.on_success.service.as_ref(),
            Role::OnError => self.spec.on_error.service.as_ref(),
        };
        let Some(service) = service.cloned() else {
            self.failed(&run, "the service does not follow the job any more".into());
            return;
        };
        run.attempt = run.attempt.saturating_add(1);
        run.sent_at = self.now;
        run.phase = Phase::Sent {
            ack_by: self.now.plus_ms(ACK_MS),
        };
        let deadline = *run
            .deadline
            .get_or_insert(self.now.plus_ms(self.spec.run_time_max_ms));
        self.effects.push(Effect::Dispatch(Order {
            job: self.spec.id,
            run: run.id,
            attempt: run.attempt,
            service,
            planned: run.planned,
            extra: run
                .extra
                .as_deref()
                .map_or_else(|| Arc::clone(&self.spec.extra), Into::into),
            role: run.role,
            run_time_max_ms: deadline.ms_since(self.now),
        }));
        self.state.runs.push(run);
    }
}
