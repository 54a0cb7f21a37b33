//! One step of a job: state and event in, state and effects out.
//!
//! Owns the order of what happens in a step; `fire` makes runs, `run` moves them, `follow` ends them.
//! Refuses clocks, randomness and I/O. Invariant: the same arguments give the same result, so a step
//! whose outcome was lost may be taken again. See LIFECYCLE.md for the states of a run.

mod fire;
mod follow;
mod run;
#[cfg(test)]
mod tests;

use crate::event::{Effect, Event, Outcome, Record};
use crate::id::RunId;
use crate::job::JobSpec;
use crate::moment::Moment;
use crate::state::{JobState, Origin, Phase, Role, Run};

/// Longer messages are cut: history is a list to look at, not the service's log.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// Takes one step of the job `spec.id` at `now`. [`Effect::Wake`] comes last, if at all.
pub fn step(state: JobState, spec: &JobSpec, event: Event, now: Moment) -> (JobState, Vec<Effect>) {
    let mut step = Step {
        state,
        spec,
        now,
        effects: Vec::new(),
    };
    step.follow_spec();
    step.take(event);
    step.follow_spec();
    step.expire_runs();
    step.fire_waiting();
    step.fire_due(now);
    if let Some(at) = step.wake_at() {
        step.effects.push(Effect::Wake(at));
    }
    (step.state, step.effects)
}

struct Step<'a> {
    state: JobState,
    spec: &'a JobSpec,
    now: Moment,
    effects: Vec<Effect>,
}

// === impl Step ===

impl Step<'_> {
    /// Takes note of a schedule that changed and of a job that fires again: slots that passed before
    /// that are not missed.
    fn follow_spec(&mut self) {
        let since = self.spec.changed_at.min(self.now);
        let fingerprint = self.spec.schedule.fingerprint();
        if self.state.fingerprint != fingerprint {
            self.state.fingerprint = fingerprint;
            self.state.remaining = self.spec.schedule.repeats();
            self.state.cursor = self.state.cursor.max(since);
        }
        if self.spec.is_active && !self.state.is_live && !self.state.is_paused {
            self.state.cursor = self.state.cursor.max(since);
        }
        self.state.is_live = self.spec.is_active && !self.state.is_paused;
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::TakenOver => self.take_over(),
            Event::ClockJumped { by_ms } => self.shift(by_ms),
            Event::Answered {
                run,
                attempt,
                answer,
            } => self.answered(run, attempt, answer),
            Event::NodeLost { node } => self.node_lost(&node),
            Event::RunNow { origin, extra } => self.run_now(origin, extra),
            Event::Pause { at } => {
                // What was due by then fires or is missed as if this had been heard at once.
                self.fire_due(at.min(self.now));
                self.state.is_paused = true;
            }
            Event::Resume { at } if self.state.is_paused => {
                self.state.is_paused = false;
                self.state.cursor = self.state.cursor.max(at.min(self.now));
            }
            Event::Tick | Event::Resume { .. } => {}
            Event::SkipNext => self.state.skip_next = true,
        }
    }

    /// The next moment at which a tick changes anything.
    fn wake_at(&self) -> Option<Moment> {
        let runs = self.state.runs.iter().flat_map(|run| {
            let phase = match &run.phase {
                Phase::Sent { ack_by } => *ack_by,
                Phase::Running { watch_at, .. } => *watch_at,
                Phase::Pausing { until } => *until,
            };
            [Some(phase), run.deadline]
        });
        runs.flatten().chain(self.state.next_fire(self.spec)).min()
    }

    fn record_run(&mut self, run: &Run, outcome: Outcome) {
        let (planned, id) = (run.planned, Some(run.id));
        self.record(planned, id, (run.role, run.origin, run.attempt), outcome);
    }

    /// Of a fire that became no run.
    fn record_fire(&mut self, planned: Moment, origin: Origin, outcome: Outcome) {
        self.record(planned, None, (Role::Main, origin, 0), outcome);
    }

    fn record(
        &mut self,
        planned: Moment,
        run: Option<RunId>,
        (role, origin, attempt): (Role, Origin, u32),
        outcome: Outcome,
    ) {
        self.state.records_made += 1;
        self.effects.push(Effect::Record(Record {
            job: self.spec.id,
            number: self.state.records_made,
            at: self.now,
            planned,
            run,
            role,
            origin,
            attempt,
            outcome,
        }));
    }
}

/// The text up to the limit, cut between characters.
fn cut(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES_MAX {
        let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
        message.truncate(end);
    }
    message
}
