//! Processes of a simulation: each a driver that can be cut off between any two of its steps.
//!
//! The steps are those of `driver::lead`: turn, look at the lease, commit, look at the lease before
//! each order, order.

use super::random::Random;
use super::world::{Event, World};
use crate::id::JobId;
use crate::leader::{Action, Leader, Now, Turn};
use crate::moment::Moment;
use crate::port::{Fence, Input};

pub(super) const PROCESSES: usize = 3;
/// As in `driver::lease`: how long a lease lives when it is not renewed, and how much earlier its
/// holder stops to believe in it.
const LEASE_MS: (i64, i64) = (2_250, 3_000);
const MARGIN_MS: i64 = 300;

#[derive(Debug, Default)]
pub(super) struct Process {
    pub(super) is_alive: bool,
    pub(super) is_stopped: bool,
    /// Its wall clock is ahead by so much.
    pub(super) ahead_ms: i64,
    pub(super) lead: Option<Lead>,
}

#[derive(Debug)]
pub(super) struct Lead {
    pub(super) leader: Leader,
    pub(super) fence: Fence,
    /// By its own monotonic clock; never, while it is renewed.
    pub(super) deadline: i64,
    stage: Stage,
    pub(super) inputs: Vec<Input>,
    /// What its clock showed in the last turn.
    turn_at: Moment,
    /// Wakes that were planned before the last one are of no account.
    pub(super) wakes: u64,
    cut: Option<Cut>,
}

#[derive(Debug)]
enum Stage {
    Idle,
    /// The turn, and whether its batch is under way already.
    Commit(Turn, bool),
    /// Orders that are not sent, the next one last.
    Act(Vec<Action>),
}

/// Where a turn is cut off, and how.
#[derive(Debug, Clone, Copy)]
struct Cut {
    at: Point,
    kills: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    BeforeCommit,
    DuringCommit,
    AfterCommit,
    /// So many orders are still to be sent.
    Orders(usize),
}

impl Lead {
    pub(super) fn new(leader: Leader, fence: Fence) -> Self {
        Self {
            leader,
            fence,
            deadline: i64::MAX,
            stage: Stage::Idle,
            inputs: Vec::new(),
            turn_at: Moment::default(),
            wakes: 0,
            cut: None,
        }
    }
}

impl World {
    pub(super) fn now_of(&self, process: usize) -> Now {
        Now {
            wall: self.wall(process),
            monotonic_ms: self.now.unsigned_abs(),
        }
    }

    pub(super) fn wall(&self, process: usize) -> Moment {
        Moment::from_unix_ms(self.now + self.processes[process].ahead_ms)
    }

    /// The lease is not renewed any more: it ends soon.
    pub(super) fn lapse(&mut self, process: usize) {
        let Some(lead) = &mut self.processes[process].lead else {
            return;
        };
        if lead.deadline == i64::MAX && lead.fence == self.store.fence {
            self.store.lease_until = self.now + self.random.between(LEASE_MS.0, LEASE_MS.1);
            lead.deadline = self.store.lease_until - MARGIN_MS;
            self.plan(
                self.store.lease_until - MARGIN_MS,
                Event::Wake(process, u64::MAX),
            );
            self.plan(self.store.lease_until, Event::Acquire);
        }
    }

    /// The lease is renewed again, if it is not too late.
    pub(super) fn heal(&mut self, process: usize) {
        let well = self.processes[process].is_alive && !self.processes[process].is_stopped;
        let Some(lead) = &mut self.processes[process].lead else {
            return;
        };
        if well && !self.store.is_down && self.now < lead.deadline && lead.fence == self.store.fence
        {
            lead.deadline = i64::MAX;
            self.store.lease_until = i64::MAX;
        }
    }

    pub(super) fn kill(&mut self, process: usize) {
        self.lapse(process);
        let killed = &mut self.processes[process];
        (killed.is_alive, killed.is_stopped, killed.lead) = (false, false, None);
        let back_ms = self.random.between(500, self.pace.outage_ms_max);
        self.plan(self.now + back_ms, Event::ProcessStarts(process));
    }

    /// Like SIGSTOP.
    pub(super) fn stop(&mut self, process: usize) {
        self.lapse(process);
        self.processes[process].is_stopped = true;
        let back_ms = if self.random.per_mille(500) {
            self.random.between(10, 4_000)
        } else {
            self.random.between(4_000, self.pace.outage_ms_max)
        };
        self.plan(self.now + back_ms, Event::ProcessGoesOn(process));
    }

    fn step_down(&mut self, process: usize) {
        self.processes[process].lead = None;
        self.plan(self.store.lease_until.min(self.now + 1_000), Event::Acquire);
    }

    /// Goes on from wherever the process is, as far as it comes.
    pub(super) fn go_on(&mut self, process: usize) {
        loop {
            let this = &mut self.processes[process];
            let (Some(lead), true, false) = (&mut this.lead, this.is_alive, this.is_stopped) else {
                return;
            };
            let is_valid = self.now < lead.deadline;
            let fence = lead.fence;
            match std::mem::replace(&mut lead.stage, Stage::Idle) {
                Stage::Commit(turn, is_sent) => {
                    // What is under way arrives whatever the sender believes by then.
                    if !is_valid && !is_sent {
                        return self.step_down(process);
                    }
                    if !self.commit(process, turn) {
                        return;
                    }
                }
                _ if !is_valid => return self.step_down(process),
                Stage::Act(actions) => {
                    if !self.act(process, fence, actions) {
                        return;
                    }
                    self.check_limits(process);
                    return self.plan_wake(process);
                }
                Stage::Idle => {
                    if !self.turn(process) {
                        return;
                    }
                }
            }
        }
    }

    /// False when it was cut off.
    fn turn(&mut self, process: usize) -> bool {
        let now = self.now_of(process);
        let commands: Vec<_> = self.store.commands.values().cloned().collect();
        let chance = self.pace.turn_faults_per_mille;
        let is_cut = self.may_fail() && self.random.per_mille(chance);
        let Some(lead) = &mut self.processes[process].lead else {
            return false;
        };
        let mut inputs = std::mem::take(&mut lead.inputs);
        inputs.extend(commands.into_iter().map(Input::Commanded));
        let turn = lead.leader.turn(inputs, now);
        lead.cut = is_cut.then(|| cut(&turn, &mut self.random));
        lead.turn_at = now.wall;
        lead.stage = Stage::Commit(turn, false);
        self.turns += 1;
        !self.is_cut(process, Point::BeforeCommit)
    }

    fn commit(&mut self, process: usize, turn: Turn) -> bool {
        let stage = |world: &mut Self, stage| {
            if let Some(lead) = &mut world.processes[process].lead {
                lead.stage = stage;
            }
        };
        if self.store.is_down {
            stage(self, Stage::Commit(turn, false));
            self.plan(self.now + 100, Event::Retry(process));
            return false;
        }
        let lead = self.processes[process].lead.as_ref();
        let Some((fence, wall)) = lead.map(|lead| (lead.fence, lead.turn_at)) else {
            return false;
        };
        let batch = turn.batch.clone();
        stage(self, Stage::Commit(turn, true));
        if self.is_cut(process, Point::DuringCommit) {
            if !self.processes[process].is_alive && self.random.per_mille(700) {
                let late_ms = self.random.between(1, 10_000);
                self.plan(self.now + late_ms, Event::BatchArrives(fence, batch, wall));
            }
            return false;
        }
        let Some(lead) = &mut self.processes[process].lead else {
            return false;
        };
        let Stage::Commit(turn, _) = std::mem::replace(&mut lead.stage, Stage::Idle) else {
            return false;
        };
        let chance = self.pace.turn_faults_per_mille;
        let is_error = !turn.batch.is_empty() && self.may_fail() && self.random.per_mille(chance);
        if is_error && self.random.per_mille(500) {
            // Nothing was written, and the process knows no more than in the other case.
            stage(self, Stage::Commit(turn, false));
            self.plan(self.now + 100, Event::Retry(process));
            return false;
        }
        if !turn.batch.is_empty() && !self.store.commit(fence, &turn.batch, wall) {
            self.step_down(process);
            return false;
        }
        if is_error {
            stage(self, Stage::Commit(turn, false));
            self.plan(self.now + 100, Event::Retry(process));
            return false;
        }
        let mut actions = turn.actions;
        actions.reverse();
        stage(self, Stage::Act(actions));
        !self.is_cut(process, Point::AfterCommit)
    }

    /// Sends the orders; false when it was cut off.
    fn act(&mut self, process: usize, fence: Fence, mut actions: Vec<Action>) -> bool {
        while let Some(action) = actions.pop() {
            assert_eq!(
                fence, self.store.fence,
                "who believes in its lease is the only one"
            );
            self.send(fence, action, 0);
            let point = Point::Orders(actions.len());
            if self.has_cut(process, point) {
                // It looked at its lease before it was stopped: the order comes when it goes on.
                let window = actions.pop().filter(|_| self.random.per_mille(500));
                if let Some(lead) = &mut self.processes[process].lead {
                    lead.stage = Stage::Act(actions);
                }
                let before = self.now;
                self.is_cut(process, point);
                if let Some(action) = window.filter(|_| self.processes[process].is_stopped) {
                    let late_ms = self.random.between(1, self.pace.outage_ms_max);
                    self.send(fence, action, late_ms);
                }
                debug_assert_eq!(before, self.now);
                return false;
            }
        }
        true
    }

    fn has_cut(&self, process: usize, point: Point) -> bool {
        let lead = self.processes[process].lead.as_ref();
        lead.and_then(|lead| lead.cut)
            .is_some_and(|cut| cut.at == point)
    }

    /// Cuts the process off, if this is the point where that happens.
    fn is_cut(&mut self, process: usize, point: Point) -> bool {
        let Some(lead) = &mut self.processes[process].lead else {
            return true;
        };
        let Some(cut) = lead.cut.filter(|cut| cut.at == point) else {
            return false;
        };
        lead.cut = None;
        self.cuts += 1;
        if cut.kills {
            self.kill(process);
        } else {
            self.stop(process);
        }
        true
    }

    fn plan_wake(&mut self, process: usize) {
        let now = self.wall(process);
        let this = &mut self.processes[process];
        let Some(lead) = &mut this.lead else { return };
        lead.wakes += 1;
        let wakes = lead.wakes;
        let Some(at) = lead.leader.next_wake() else {
            return;
        };
        let wait_ms = at.ms_since(now).max(10);
        self.plan(self.now + wait_ms, Event::Wake(process, wakes));
    }

    /// After a turn no run is over its limit.
    fn check_limits(&self, process: usize) {
        let Some(lead) = &self.processes[process].lead else {
            return;
        };
        let now = self.wall(process);
        for spec in &self.store.specs {
            let Some((_, state)) = lead.leader.job(spec.id) else {
                continue;
            };
            for run in &state.runs {
                let is_over = run.deadline.is_some_and(|deadline| deadline <= now);
                assert!(!is_over, "{run:?} is over its limit at {now}");
            }
        }
    }

    pub(super) fn any_job(&mut self) -> JobId {
        let index = self.random.index(self.store.specs.len());
        self.store.specs[index].id
    }
}

fn cut(turn: &Turn, random: &mut Random) -> Cut {
    let at = match random.index(4) {
        0 => Point::BeforeCommit,
        1 => Point::DuringCommit,
        2 => Point::AfterCommit,
        _ => Point::Orders(random.index(turn.actions.len() + 1)),
    };
    Cut {
        at,
        kills: random.per_mille(500),
    }
}
