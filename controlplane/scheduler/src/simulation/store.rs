//! The store of a simulation: it checks every batch as it comes.
//!
//! Invariant: after each commit, counters equal the history, a planned slot has begun at most once,
//! and nothing that was planned began while the job was paused.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Outcome, Record};
use crate::id::{JobId, RunId};
use crate::job::JobSpec;
use crate::moment::Moment;
use crate::port::{Ask, Batch, Command, CommandId, Fence, Loaded, LoadedJob, Revision};
use crate::state::{Counters, JobState, Origin, Role};

#[derive(Debug)]
pub(super) struct Store {
    pub(super) specs: Vec<JobSpec>,
    pub(super) states: BTreeMap<JobId, JobState>,
    pub(super) records: BTreeMap<(JobId, u64), Record>,
    pub(super) commands: BTreeMap<CommandId, Command>,
    commands_made: u64,
    pub(super) pauses: Vec<Pause>,
    paused_at: BTreeMap<JobId, Moment>,
    counted: BTreeMap<JobId, Counters>,
    begun: BTreeSet<(JobId, Moment)>,
    pub(super) runs: BTreeMap<RunId, JobId>,
    pub(super) fence: Fence,
    /// When the lease ends; never, while its holder is well.
    pub(super) lease_until: i64,
    pub(super) is_down: bool,
    pub(super) stale_refused: u64,
}

/// Slots of a job after `since` and up to `until` passed while it was paused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    pub(super) job: JobId,
    pub(super) since: Moment,
    pub(super) until: Moment,
    /// It began and ended in one turn, so that nobody saw when it began.
    pub(super) is_hidden: bool,
}

impl Store {
    pub(super) fn new(specs: Vec<JobSpec>) -> Self {
        Self {
            specs,
            states: BTreeMap::new(),
            records: BTreeMap::new(),
            commands: BTreeMap::new(),
            commands_made: 0,
            pauses: Vec::new(),
            paused_at: BTreeMap::new(),
            counted: BTreeMap::new(),
            begun: BTreeSet::new(),
            runs: BTreeMap::new(),
            fence: Fence(0),
            lease_until: 0,
            is_down: false,
            stale_refused: 0,
        }
    }

    pub(super) fn load(&self) -> Loaded {
        Loaded {
            revision: Revision(1),
            jobs: self
                .specs
                .iter()
                .map(|spec| LoadedJob {
                    spec: spec.clone(),
                    state: self.states.get(&spec.id).cloned(),
                })
                .collect(),
            ..Loaded::default()
        }
    }

    pub(super) fn ask(&mut self, job: JobId, at: Moment, ask: Ask) {
        self.commands_made += 1;
        let id = CommandId(self.commands_made);
        self.commands.insert(id, Command { id, job, at, ask });
    }

    /// False when the fence is stale. `wall` is what the writer's clock showed in the turn.
    pub(super) fn commit(&mut self, fence: Fence, batch: &Batch, wall: Moment) -> bool {
        if fence != self.fence {
            self.stale_refused += 1;
            return false;
        }
        let resumed = self.note_commands(batch, wall);
        for record in &batch.records {
            self.note_record(record, &resumed);
        }
        for (job, state) in &batch.states {
            if state.is_paused {
                self.paused_at.entry(*job).or_insert(state.cursor);
            }
            self.states.insert(*job, state.clone());
        }
        for (job, state) in &batch.states {
            let counted = self.counted.get(job).copied().unwrap_or_default();
            assert_eq!(
                state.counters, counted,
                "counters of {job} equal its history"
            );
            let in_flight = u64::try_from(state.in_flight()).unwrap();
            assert_eq!(counted.fired, counted.ok + counted.failed + in_flight);
        }
        true
    }

    /// Takes out what is done; says which jobs fire again, and notes how long they were paused.
    fn note_commands(&mut self, batch: &Batch, wall: Moment) -> BTreeSet<JobId> {
        let (mut resumed, mut hidden) = (BTreeSet::new(), BTreeSet::new());
        for id in &batch.commands_done {
            // It is gone already when the batch comes again.
            let Some(command) = self.commands.remove(id) else {
                continue;
            };
            let job = command.job;
            let cursor = self.states.get(&job).map(|state| state.cursor);
            if command.ask == Ask::Pause && !self.paused_at.contains_key(&job) {
                hidden.insert(job);
            }
            if command.ask == Ask::Resume {
                let is_hidden = hidden.remove(&job);
                let since = self.paused_at.remove(&job).or(cursor.filter(|_| is_hidden));
                let until = command.at.min(wall);
                self.pauses.extend(since.map(|since| Pause {
                    job,
                    since,
                    until,
                    is_hidden,
                }));
                resumed.insert(job);
            }
        }
        resumed
    }

    fn note_record(&mut self, record: &Record, resumed: &BTreeSet<JobId>) {
        let key = (record.job, record.number);
        if let Some(known) = self.records.insert(key, record.clone()) {
            assert_eq!(&known, record, "what is written again is the same");
            return;
        }
        let before =
            record.number == 1 || self.records.contains_key(&(record.job, record.number - 1));
        assert!(before, "no record is left out: {record:?}");
        if record.role != Role::Main {
            return;
        }
        let counters = self.counted.entry(record.job).or_default();
        match &record.outcome {
            Outcome::Fired => counters.fired += 1,
            Outcome::Ok { .. } => counters.ok += 1,
            Outcome::Failed { .. } | Outcome::TimedOut { .. } => counters.failed += 1,
            Outcome::Skipped { .. } => counters.skipped += 1,
            Outcome::Missed { count, .. } => counters.missed += count,
            Outcome::Retrying { .. } | Outcome::Lost { .. } | Outcome::ChainEnded { .. } => {}
        }
        if record.outcome == Outcome::Fired {
            let run = record.run.unwrap();
            assert!(
                self.runs.insert(run, record.job).is_none(),
                "run ids never meet"
            );
            if record.origin == Origin::Planned {
                assert!(
                    self.begun.insert((record.job, record.planned)),
                    "twice: {record:?}"
                );
                let is_paused = self.paused_at.contains_key(&record.job);
                assert!(
                    !is_paused || resumed.contains(&record.job),
                    "paused: {record:?}"
                );
            }
        }
    }
}
