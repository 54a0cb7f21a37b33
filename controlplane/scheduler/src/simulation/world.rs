//! The world of a simulation: virtual time, what happens next, and what goes wrong.

use std::collections::BTreeMap;

use super::nodes::{self, NODES, Node, Said, Took};
use super::process::{Lead, PROCESSES, Process};
use super::random::Random;
use super::store::Store;
use crate::event::{Answer, Order};
use crate::id::{JobId, RunId};
use crate::job::JobSpec;
use crate::leader::{Action, Leader};
use crate::moment::Moment;
use crate::port::{Ask, Attempt, Batch, Fence, Input};

/// 2026-01-01.
const START_MS: i64 = 1_767_225_600_000;
/// At the end nothing fails any more, so that all that goes on comes to its end.
const CALM_MS: i64 = 4 * 3_600_000;

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) specs: fn(Moment) -> Vec<JobSpec>,
    pub(super) length_ms: i64,
    pub(super) fault_every_ms: i64,
    pub(super) ask_every_ms: i64,
    /// Nothing is away for longer.
    pub(super) outage_ms_max: i64,
    /// No clock is further from the truth.
    pub(super) ahead_ms_max: i64,
    /// Of turns that are cut off, and of commits that fail.
    pub(super) turn_faults_per_mille: u64,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) now: i64,
    pub(super) random: Random,
    pub(super) pace: Pace,
    pub(super) store: Store,
    pub(super) processes: Vec<Process>,
    nodes: Vec<Node>,
    events: BTreeMap<(i64, u64), Event>,
    planned: u64,
    end: i64,
    /// How often each run was begun by a node.
    pub(super) begun: BTreeMap<RunId, u32>,
    pub(super) turns: u64,
    pub(super) cuts: u64,
}

#[derive(Debug)]
pub(super) enum Event {
    /// A process has something to do; `u64::MAX` always counts.
    Wake(usize, u64),
    Retry(usize),
    /// Whoever can takes the lease, if it is free.
    Acquire,
    ProcessStarts(usize),
    ProcessGoesOn(usize),
    NodeStarts(usize),
    StoreIsBack,
    Order(usize, Fence, Order),
    Watch(Fence, Attempt),
    Ends(usize, u64, JobId, RunId),
    Hears(Fence, Input),
    /// Of a process that died meanwhile.
    BatchArrives(Fence, Batch, Moment),
    Fault,
    Ask,
    /// Nothing is to fail any more.
    Calm,
    /// Nothing is to fire any more.
    Rest,
}

impl World {
    pub(super) fn new(seed: u64, pace: &Pace) -> Self {
        let mut world = Self {
            now: START_MS,
            random: Random::new(seed),
            pace: *pace,
            store: Store::new((pace.specs)(Moment::from_unix_ms(START_MS))),
            processes: (0..PROCESSES).map(|_| Process::default()).collect(),
            nodes: (0..NODES).map(|_| Node::default()).collect(),
            events: BTreeMap::new(),
            planned: 0,
            end: START_MS + pace.length_ms,
            begun: BTreeMap::new(),
            turns: 0,
            cuts: 0,
        };
        for process in 0..PROCESSES {
            world.plan(START_MS, Event::ProcessStarts(process));
        }
        for node in 0..NODES {
            world.plan(START_MS, Event::NodeStarts(node));
        }
        world.plan(START_MS + 1, Event::Acquire);
        world.plan(START_MS + pace.fault_every_ms, Event::Fault);
        world.plan(START_MS + pace.ask_every_ms, Event::Ask);
        world.plan(world.end, Event::Calm);
        world
    }

    pub(super) fn run(&mut self) {
        while let Some(((at, _), event)) = self.events.pop_first() {
            if at > self.end + CALM_MS {
                return;
            }
            self.now = self.now.max(at);
            self.happens(event);
        }
    }

    pub(super) fn plan(&mut self, at: i64, event: Event) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    pub(super) fn may_fail(&self) -> bool {
        self.now < self.end
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Wake(process, wakes) => {
                let lead = self.processes[process].lead.as_ref();
                if lead.is_some_and(|lead| wakes == u64::MAX || lead.wakes == wakes) {
                    self.go_on(process);
                }
            }
            Event::Retry(process) => self.go_on(process),
            Event::Acquire => self.acquire(),
            Event::ProcessStarts(process) => self.processes[process].is_alive = true,
            Event::ProcessGoesOn(process) => {
                self.processes[process].is_stopped = false;
                self.heal(process);
                self.go_on(process);
            }
            Event::NodeStarts(node) => self.nodes[node].start(),
            Event::StoreIsBack => {
                self.store.is_down = false;
                (0..PROCESSES).for_each(|process| self.heal(process));
            }
            Event::Order(node, fence, order) => self.order_arrives(node, fence, &order),
            Event::Watch(fence, attempt) => self.watch_arrives(fence, &attempt),
            Event::Ends(node, life, job, run) => {
                if self.nodes[node].life == life && self.nodes[node].is_up {
                    let is_ok = self.random.per_mille(850);
                    if let Some(said) = self.nodes[node].finish(job, run, is_ok) {
                        self.say(said);
                    }
                }
            }
            Event::Hears(fence, input) => self.hears(fence, &input),
            Event::Fault => {
                if self.may_fail() {
                    self.fault();
                    let pause_ms = self.random.pause_ms(self.pace.fault_every_ms);
                    self.plan(self.now + pause_ms, Event::Fault);
                }
            }
            Event::Calm => self.all_is_well(),
            Event::Ask => self.ask(),
            Event::Rest => self.ask_all(&Ask::Pause),
            Event::BatchArrives(fence, batch, wall) => {
                self.store.commit(fence, &batch, wall);
            }
        }
    }

    fn acquire(&mut self) {
        if self.now < self.store.lease_until {
            return;
        }
        let first = self.random.index(PROCESSES);
        let able = (0..PROCESSES)
            .map(|process| (process + first) % PROCESSES)
            .find(|process| {
                let process = &self.processes[*process];
                process.is_alive && !process.is_stopped && process.lead.is_none()
            });
        let Some(process) = able.filter(|_| !self.store.is_down) else {
            let again_ms = self.random.between(1, 1_000);
            return self.plan(self.now + again_ms, Event::Acquire);
        };
        self.store.fence.0 += 1;
        self.store.lease_until = i64::MAX;
        let leader = Leader::new(self.store.load(), self.now_of(process));
        self.processes[process].lead = Some(Lead::new(leader, self.store.fence));
        self.go_on(process);
    }

    /// Sends an order on its way to a node that is online, as far as the sender knows.
    pub(super) fn send(&mut self, fence: Fence, action: Action, late_ms: i64) {
        let at = self.now + late_ms + self.random.between(1, 40);
        match action {
            Action::Send(order) => {
                let up: Vec<usize> = (0..NODES).filter(|node| self.nodes[*node].is_up).collect();
                if up.is_empty() {
                    let answer = Answer::Refused;
                    let (job, run, attempt) = (order.job, order.run, order.attempt);
                    return self.say(Said {
                        fence,
                        job,
                        run,
                        attempt,
                        answer,
                    });
                }
                let node = up[self.random.index(up.len())];
                self.plan(at, Event::Order(node, fence, order));
            }
            Action::Watch(attempt) => self.plan(at, Event::Watch(fence, attempt)),
            Action::Cancel(_) => {}
        }
    }

    fn order_arrives(&mut self, node: usize, fence: Fence, order: &Order) {
        if !self.nodes[node].is_up {
            return;
        }
        match self.nodes[node].take(node, fence, order, &mut self.random) {
            Took::Refused => {}
            Took::Knew(said) => self.say(said),
            Took::Began { said, length_ms } => {
                *self.begun.entry(order.run).or_default() += 1;
                let life = self.nodes[node].life;
                self.plan(
                    self.now + length_ms,
                    Event::Ends(node, life, order.job, order.run),
                );
                self.say(said);
            }
        }
    }

    fn watch_arrives(&mut self, fence: Fence, attempt: &Attempt) {
        let node = nodes::index(&attempt.node);
        let said = self.nodes[node].watch(fence, attempt);
        self.say(said);
    }

    /// Sends an answer on its way; some are lost.
    fn say(&mut self, said: Said) {
        if self.may_fail() && self.random.per_mille(20) {
            return;
        }
        let at = self.now + self.random.between(1, 40);
        let Said {
            fence,
            job,
            run,
            attempt,
            answer,
        } = said;
        let input = Input::Answered {
            job,
            run,
            attempt,
            answer,
        };
        self.plan(at, Event::Hears(fence, input));
    }

    /// The leader of that time hears it, if it leads still; when it is stopped, later.
    fn hears(&mut self, fence: Fence, input: &Input) {
        for process in 0..PROCESSES {
            if let Some(lead) = &mut self.processes[process].lead
                && lead.fence == fence
            {
                lead.inputs.push(input.clone());
                self.go_on(process);
            }
        }
    }

    fn fault(&mut self) {
        let process = self.random.index(PROCESSES);
        let node = self.random.index(NODES);
        match self.random.index(7) {
            0 if self.processes[process].is_alive => self.kill(process),
            1 if self.processes[process].is_alive && !self.processes[process].is_stopped => {
                self.stop(process);
            }
            2 | 3 if self.nodes[node].is_up => {
                self.nodes[node].die();
                let back_ms = self.random.between(1_000, self.pace.outage_ms_max);
                self.plan(self.now + back_ms, Event::NodeStarts(node));
                let seen_ms = self.random.between(50, 3_000);
                let lost = Input::NodeLost {
                    node: nodes::name(node),
                };
                self.plan(self.now + seen_ms, Event::Hears(self.store.fence, lost));
            }
            4 if !self.store.is_down => {
                self.store.is_down = true;
                (0..PROCESSES).for_each(|process| self.lapse(process));
                let back_ms = self.random.between(100, self.pace.outage_ms_max);
                self.plan(self.now + back_ms, Event::StoreIsBack);
            }
            5 | 6 => {
                let by_ms = self
                    .random
                    .between(-self.pace.ahead_ms_max, self.pace.ahead_ms_max);
                let is_set_right = self.random.per_mille(500);
                self.processes[process].ahead_ms = if is_set_right { 0 } else { by_ms };
                // A driver looks at its clock each second.
                let seen_ms = self.random.between(1, 1_000);
                self.plan(self.now + seen_ms, Event::Wake(process, u64::MAX));
            }
            _ => {}
        }
    }

    /// The end of all faults; later on also of all fires.
    fn all_is_well(&mut self) {
        for process in 0..PROCESSES {
            self.processes[process].ahead_ms = 0;
        }
        self.ask_all(&Ask::Resume);
        self.plan(self.end + CALM_MS / 2, Event::Rest);
    }

    fn ask_all(&mut self, ask: &Ask) {
        for spec in self.store.specs.clone() {
            let now = Moment::from_unix_ms(self.now);
            self.store.ask(spec.id, now, ask.clone());
        }
        for process in 0..PROCESSES {
            self.plan(self.now + 1_000, Event::Wake(process, u64::MAX));
        }
    }

    fn ask(&mut self) {
        if !self.may_fail() {
            return;
        }
        let job = self.any_job();
        let ask = match self.random.index(5) {
            0 => Ask::RunNow { extra: None },
            1 => Ask::Pause,
            2 | 3 => Ask::Resume,
            _ => Ask::SkipNext,
        };
        self.store.ask(job, Moment::from_unix_ms(self.now), ask);
        for process in 0..PROCESSES {
            let seen_ms = self.random.between(1, 1_000);
            self.plan(self.now + seen_ms, Event::Wake(process, u64::MAX));
        }
        let pause_ms = self.random.pause_ms(self.pace.ask_every_ms);
        self.plan(self.now + pause_ms, Event::Ask);
    }
}
