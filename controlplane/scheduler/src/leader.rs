//! All jobs, as the one who leads moves them.
//!
//! Owns which job takes which step in a turn, and gathers what the turn changed; refuses I/O and
//! clocks. Invariant: what a turn wants done is returned beside the batch that tells of it, and the
//! caller does it only after the batch is stored.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::event::{Effect, Event, Order, Outcome};
use crate::id::JobId;
use crate::job::JobSpec;
use crate::moment::Moment;
use crate::planner::Planner;
use crate::port::{Ask, Attempt, Batch, Command, Input, Loaded, LoadedJob, Revision};
use crate::state::{JobState, Origin};
use crate::step::step;

/// A turn with more is cut in two: its commit would keep the jobs behind it waiting.
const JOBS_PER_TURN_MAX: usize = 2_000;
/// After a long outage a job costs as much as it missed, up to 1 µs a slot. A turn that missed more is
/// cut as well: it would take longer than a tenth of a second, and a lease wants to be renewed.
const SLOTS_PER_TURN_MAX: u64 = 100_000;
/// So many jobs are taken out of the planner at once.
const JOBS_AT_ONCE: usize = 50;
/// Clocks are drawn to the right time in small steps; what is more is a change of the clock.
const CLOCK_JUMP_MS: i64 = 5_000;

/// Everything that a leader knows, from its first load to the end of its lead.
#[derive(Debug)]
pub struct Leader {
    /// Ordered, so that a turn is the same each time that it is taken.
    jobs: BTreeMap<JobId, Entry>,
    planner: Planner,
    /// Jobs that are to take a step soon for another reason than time, and which.
    pending: VecDeque<(JobId, Event)>,
    revision: Revision,
    last: Now,
}

/// The two clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    pub wall: Moment,
    pub monotonic_ms: u64,
}

/// The result of a turn.
#[derive(Debug, Default)]
pub struct Turn {
    /// To be stored first.
    pub batch: Batch,
    /// To be done then, in this order.
    pub actions: Vec<Action>,
}

/// What nodes are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Send(Order),
    Watch(Attempt),
    Cancel(Attempt),
}

#[derive(Debug)]
struct Entry {
    spec: JobSpec,
    state: JobState,
    /// Nobody has stored the state yet.
    is_new: bool,
}

/// What a turn gathers.
#[derive(Debug, Default)]
struct Changes {
    jobs: BTreeSet<JobId>,
    /// Slots that were walked over because they were missed.
    missed: u64,
    turn: Turn,
}

// === impl Leader ===

impl Leader {
    /// Begins to lead with all jobs.
    pub fn new(loaded: Loaded, now: Now) -> Self {
        let mut leader = Self {
            jobs: BTreeMap::new(),
            planner: Planner::default(),
            pending: VecDeque::new(),
            revision: Revision::default(),
            last: now,
        };
        leader.reload(loaded, now.wall);
        leader
    }

    /// Takes in what changed. Commands are not taken from here but are inputs of a turn.
    pub fn reload(&mut self, loaded: Loaded, now: Moment) {
        for job in loaded.removed {
            self.jobs.remove(&job);
            self.planner.set(job, None);
        }
        for LoadedJob { spec, state } in loaded.jobs {
            let job = spec.id;
            if let Some(entry) = self.jobs.get_mut(&job) {
                entry.spec = spec;
                self.pending.push_back((job, Event::Tick));
                continue;
            }
            let is_new = state.is_none();
            let state = state.unwrap_or_else(|| JobState::new(&spec, now));
            let entry = Entry {
                spec,
                state,
                is_new,
            };
            self.jobs.insert(job, entry);
            self.pending.push_back((job, Event::TakenOver));
        }
        self.revision = self.revision.max(loaded.revision);
    }

    /// Up to which revision jobs are known.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// When a turn has something to do; a time in the past is at once.
    pub fn next_wake(&self) -> Option<Moment> {
        if self.pending.is_empty() {
            self.planner.next()
        } else {
            Some(Moment::default())
        }
    }

    /// How many jobs are known.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub fn job(&self, job: JobId) -> Option<(&JobSpec, &JobState)> {
        self.jobs.get(&job).map(|entry| (&entry.spec, &entry.state))
    }

    /// Moves every job that has a reason to move. All inputs are taken, so that a command is done in
    /// the turn that says so; jobs that are due may be left for the next turn.
    pub fn turn(&mut self, inputs: Vec<Input>, now: Now) -> Turn {
        let mut changes = Changes::default();
        self.notice_jump(now, &mut changes);
        while !changes.is_full()
            && let Some((job, event)) = self.pending.pop_front()
        {
            self.move_job(job, event, now.wall, &mut changes);
        }
        for input in inputs {
            self.take(input, now.wall, &mut changes);
        }
        while !changes.is_full() {
            let due = self.planner.due(now.wall, JOBS_AT_ONCE);
            if due.is_empty() {
                break;
            }
            for job in due {
                self.move_job(job, Event::Tick, now.wall, &mut changes);
            }
        }
        let states = changes.jobs.iter().filter_map(|job| {
            let entry = self.jobs.get(job)?;
            Some((*job, entry.state.clone()))
        });
        changes.turn.batch.states = states.collect();
        changes.turn
    }

    /// The wall clock went another way than the monotonic one: it was changed. Limits of runs move
    /// before anything is measured by them; that other jobs look again has time.
    fn notice_jump(&mut self, now: Now, changes: &mut Changes) {
        let passed = now.monotonic_ms.saturating_sub(self.last.monotonic_ms);
        let passed_ms = i64::try_from(passed).unwrap_or(i64::MAX);
        let by_ms = now.wall.ms_since(self.last.wall).saturating_sub(passed_ms);
        self.last = now;
        if by_ms.saturating_abs() <= CLOCK_JUMP_MS {
            return;
        }
        tracing::warn!(by_ms, "the wall clock was changed");
        for job in self.busy_jobs() {
            self.move_job(job, Event::ClockJumped { by_ms }, now.wall, changes);
        }
        self.pending
            .extend(self.jobs.keys().map(|job| (*job, Event::Tick)));
    }

    /// Jobs with runs.
    fn busy_jobs(&self) -> Vec<JobId> {
        let busy = self
            .jobs
            .iter()
            .filter(|(_job, entry)| !entry.state.runs.is_empty());
        busy.map(|(job, _entry)| *job).collect()
    }

    fn take(&mut self, input: Input, now: Moment, changes: &mut Changes) {
        match input {
            Input::Answered {
                job,
                run,
                attempt,
                answer,
            } => {
                let event = Event::Answered {
                    run,
                    attempt,
                    answer,
                };
                self.move_job(job, event, now, changes);
            }
            Input::NodeLost { node } => {
                for job in self.busy_jobs() {
                    let event = Event::NodeLost { node: node.clone() };
                    self.move_job(job, event, now, changes);
                }
            }
            Input::Commanded(Command { id, job, at, ask }) => {
                changes.turn.batch.commands_done.push(id);
                let event = match ask {
                    Ask::RunNow { extra } => Event::RunNow {
                        origin: Origin::Manual,
                        extra,
                    },
                    Ask::Pause => Event::Pause { at },
                    Ask::Resume => Event::Resume { at },
                    Ask::SkipNext => Event::SkipNext,
                };
                self.move_job(job, event, now, changes);
            }
        }
    }

    /// One step of a job and, in the same turn, of those that it calls.
    fn move_job(&mut self, job: JobId, event: Event, now: Moment, changes: &mut Changes) {
        let mut called = VecDeque::from([(job, event)]);
        while let Some((job, event)) = called.pop_front() {
            let Some(entry) = self.jobs.get_mut(&job) else {
                continue;
            };
            let (state, effects) = step(entry.state.clone(), &entry.spec, event, now);
            if entry.is_new || state != entry.state {
                changes.jobs.insert(job);
            }
            entry.is_new = false;
            entry.state = state;
            let mut wake = None;
            for effect in effects {
                match effect {
                    Effect::Wake(at) => wake = Some(at),
                    Effect::RunJob { job, origin } => {
                        let event = Event::RunNow {
                            origin,
                            extra: None,
                        };
                        called.push_back((job, event));
                    }
                    other => changes.add(job, other),
                }
            }
            self.planner.set(job, wake);
        }
    }
}

// === impl Changes ===

impl Changes {
    fn is_full(&self) -> bool {
        self.jobs.len() >= JOBS_PER_TURN_MAX || self.missed >= SLOTS_PER_TURN_MAX
    }

    fn add(&mut self, job: JobId, effect: Effect) {
        let attempt = |run, attempt, node| Attempt {
            job,
            run,
            attempt,
            node,
        };
        let Turn { batch, actions } = &mut self.turn;
        match effect {
            Effect::Dispatch(order) => actions.push(Action::Send(order)),
            Effect::Watch {
                run,
                attempt: number,
                node,
            } => actions.push(Action::Watch(attempt(run, number, node))),
            Effect::Cancel {
                run,
                attempt: number,
                node,
            } => actions.push(Action::Cancel(attempt(run, number, node))),
            Effect::Record(record) => {
                if let Outcome::Missed { count, .. } = record.outcome {
                    self.missed += count;
                }
                batch.records.push(record);
            }
            Effect::RunJob { .. } | Effect::Wake(_) => {}
        }
    }
}
