//! One thread of load: decides what is sent when, and counts what comes back.
//!
//! Closed model: every connection keeps `pipeline` requests in flight. Open model: requests fall due
//! by the plan (`arrivals.rs`) and wait in a bounded backlog for a free connection; their latency
//! counts from when they fell due. Invariant: a request that was sent is counted exactly once.

mod sending;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::arrivals::Arrivals;
use crate::connection::{Connection, Fault, Sent, Standing};
use crate::plan::{Model, Plan};
use crate::poller::{Poller, Ready};
use crate::response::Answer;
use crate::tally::{Failure, Tally};

/// Read size: large enough for 1 MiB bodies to cost few calls, small enough for the cache.
const SCRATCH_BYTES: usize = 256 * 1024;
/// Closed model: a refused connection rests, so that a dead server does not make us spin.
const REST_NS: u64 = 10_000_000;
/// Time-outs are looked for this often at the least; coarse, because they are seconds.
const SCAN_NS_MAX: u64 = 50_000_000;
const SCAN_NS_MIN: u64 = 1_000_000;

/// What the progress line shows; written once per turn of the loop.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) answered: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) in_flight: AtomicU64,
    pub(crate) backlog: AtomicU64,
}

/// Which part of the plan a thread carries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    pub(crate) index: usize,
    pub(crate) of: usize,
}

pub(crate) struct Engine<'a> {
    plan: &'a Plan,
    start: Instant,
    interrupt: &'a AtomicBool,
    live: &'a Live,
    poller: Poller,
    connections: Vec<Connection>,
    pace: Pace,
    measure_from_ns: u64,
    end_ns: u64,
    /// Set when nothing more will be asked for; the loop ends then at the latest.
    drain_until_ns: Option<u64>,
    in_flight: u64,
    turns: usize,
    answered_in_all: u64,
    failed_in_all: u64,
    tally: Tally,
    scratch: Vec<u8>,
    answers: Vec<(Sent, Answer)>,
}

enum Pace {
    Closed {
        pipeline: usize,
        /// Requests that may still be sent, when they are limited.
        budget: Option<u64>,
        /// Connections that may send again from a moment on, in the order of these moments.
        resting: VecDeque<(u64, usize)>,
    },
    Open {
        arrivals: Arrivals,
        backlog_max: usize,
        /// Moments at which waiting requests fell due, per server.
        backlog: Vec<VecDeque<u64>>,
        /// Connections without a request, per server; the last used is used first.
        free: Vec<Vec<usize>>,
    },
}

// === impl Engine ===

impl<'a> Engine<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        share: Share,
        (start, interrupt): (Instant, &'a AtomicBool),
        live: &'a Live,
    ) -> anyhow::Result<Self> {
        let count =
            plan.connections / share.of + usize::from(share.index < plan.connections % share.of);
        let count = count.max(plan.servers.len());
        let connections: Vec<Connection> = (0..count)
            .map(|index| Connection::new(index % plan.servers.len()))
            .collect();
        let measure_from_ns = nanoseconds(plan.warmup);
        let end_ns = measure_from_ns.saturating_add(nanoseconds(plan.duration));
        Ok(Self {
            pace: Pace::new(plan, share, &connections, (measure_from_ns, end_ns)),
            plan,
            start,
            interrupt,
            live,
            poller: Poller::new()?,
            connections,
            measure_from_ns,
            end_ns,
            drain_until_ns: None,
            in_flight: 0,
            turns: 0,
            answered_in_all: 0,
            failed_in_all: 0,
            tally: Tally::new()?,
            scratch: vec![0; SCRATCH_BYTES],
            answers: Vec::new(),
        })
    }

    /// Runs the whole plan.
    pub(crate) fn run(mut self) -> anyhow::Result<Tally> {
        // The default slack of 50 µs would delay every planned request by as much.
        rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1))?;
        let mut events: Vec<Ready> = Vec::new();
        let timeout_ns = nanoseconds(self.plan.timeout);
        let scan_every_ns = (timeout_ns / 10).clamp(SCAN_NS_MIN, SCAN_NS_MAX);
        let mut next_scan_ns = scan_every_ns;
        loop {
            let now = self.now();
            if !self.tally.is_interrupted && self.interrupt.load(Ordering::Relaxed) {
                self.interrupted(now);
            }
            self.send_due(now);
            if now >= next_scan_ns {
                self.time_out(now, timeout_ns);
                next_scan_ns = now + scan_every_ns;
            }
            self.show();
            if self.is_over(now, timeout_ns) {
                break;
            }
            let wake = self
                .pace
                .next_due()
                .map_or(next_scan_ns, |due| due.min(next_scan_ns));
            self.poller
                .wait(Some(wake.saturating_sub(self.now())), &mut events)?;
            for event in &events {
                self.event(*event);
            }
        }
        self.count_what_is_left();
        Ok(self.tally)
    }

    fn now(&self) -> u64 {
        nanoseconds(self.start.elapsed())
    }

    fn event(&mut self, event: Ready) {
        let (index, epoch) = Connection::index_of(event.token);
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        if !connection.is_epoch(epoch) {
            return;
        }
        let reading = (self.scratch.as_mut_slice(), self.plan.head_method);
        let was_busy = !connection.waiting.is_empty();
        let outcome = connection.ready(event, reading, &mut self.answers);
        let has_answered = !self.answers.is_empty();
        if outcome == Ok(Standing::Closed) || (self.plan.new_connection && has_answered) {
            connection.close();
        }
        let fault = match outcome {
            Err(fault) if connection.waiting.is_empty() => {
                // All is answered; what came after that costs the connection, not a request.
                connection.close();
                self.tally.bad_response = self.tally.bad_response.or(fault.detail);
                None
            }
            other => other.err(),
        };
        let now = self.now();
        self.count_answers(now);
        match fault {
            None => self.proceed(index, was_busy, now),
            Some(fault) => self.fail(index, fault, now),
        }
    }

    fn count_answers(&mut self, now: u64) {
        for (sent, answer) in self.answers.drain(..) {
            self.in_flight -= 1;
            self.answered_in_all += 1;
            if sent.intended_ns >= self.measure_from_ns {
                self.tally.sent += 1;
                self.tally.body_bytes += answer.body_bytes;
                self.tally.last_answer_ns = now;
                let latency = now.saturating_sub(sent.intended_ns);
                let service = now.saturating_sub(sent.sent_ns);
                self.tally.answered(answer.status, latency, service);
            }
        }
    }

    /// Counts the connection's requests as failed and gives it back for the next ones.
    fn fail(&mut self, index: usize, fault: Fault, now: u64) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        if connection.waiting.is_empty() {
            return;
        }
        connection.close();
        for sent in connection.waiting.drain(..) {
            self.in_flight -= 1;
            self.failed_in_all += 1;
            if sent.intended_ns >= self.measure_from_ns {
                self.tally.sent += 1;
                self.tally.failed(fault.failure);
                self.tally.bad_response = self.tally.bad_response.or(fault.detail);
            }
        }
        match &mut self.pace {
            Pace::Closed { resting, .. } => resting.push_back((now + REST_NS, index)),
            Pace::Open { free, .. } => {
                let server = connection.server;
                free.get_mut(server)
                    .into_iter()
                    .for_each(|free| free.push(index));
            }
        }
    }

    fn time_out(&mut self, now: u64, timeout_ns: u64) {
        for index in 0..self.connections.len() {
            let oldest = self.connections.get(index).and_then(|c| c.waiting.front());
            if oldest.is_some_and(|sent| now.saturating_sub(sent.sent_ns) >= timeout_ns) {
                self.fail(index, Fault::new(Failure::Timeout), now);
            }
        }
    }

    fn is_over(&mut self, now: u64, timeout_ns: u64) -> bool {
        if self.pace.may_send_more(now, self.end_ns) {
            return false;
        }
        let drain_until = *self
            .drain_until_ns
            .get_or_insert(now.saturating_add(timeout_ns));
        now >= drain_until || self.in_flight == 0 && self.pace.backlog_len() == 0
    }

    /// Nothing more is sent; what is on its way may still be answered.
    fn interrupted(&mut self, now: u64) {
        if self.drain_until_ns.is_some() {
            return;
        }
        self.tally.is_interrupted = true;
        self.end_ns = self.end_ns.min(now);
        if let Pace::Open {
            arrivals, backlog, ..
        } = &mut self.pace
        {
            arrivals.end(now);
            let waiting = backlog.iter_mut().flat_map(|queue| queue.drain(..));
            let measured = waiting.filter(|due| *due >= self.measure_from_ns);
            self.tally.unsent += measured.count() as u64;
        }
    }

    /// What is still on its way when the time is up has timed out; what still waits was never sent.
    fn count_what_is_left(&mut self) {
        let now = self.now();
        for index in 0..self.connections.len() {
            self.fail(index, Fault::new(Failure::Timeout), now);
        }
        if let Pace::Open { backlog, .. } = &self.pace {
            let measured = backlog
                .iter()
                .flatten()
                .filter(|due| **due >= self.measure_from_ns);
            self.tally.unsent += measured.count() as u64;
        }
        self.in_flight = 0;
        self.show();
    }

    fn show(&self) {
        self.live
            .answered
            .store(self.answered_in_all, Ordering::Relaxed);
        self.live
            .failed
            .store(self.failed_in_all, Ordering::Relaxed);
        self.live.in_flight.store(self.in_flight, Ordering::Relaxed);
        self.live
            .backlog
            .store(self.pace.backlog_len() as u64, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Engine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("in_flight", &self.in_flight)
            .finish_non_exhaustive()
    }
}

pub(crate) fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

// === impl Pace ===

impl Pace {
    fn new(
        plan: &Plan,
        share: Share,
        connections: &[Connection],
        (measure_from_ns, end_ns): (u64, u64),
    ) -> Self {
        let (index, of) = (share.index as u64, share.of as u64);
        match plan.model {
            Model::Closed { pipeline } => Self::Closed {
                pipeline,
                budget: plan
                    .requests_max
                    .map(|max| max / of + u64::from(index < max % of)),
                resting: (0..connections.len()).map(|index| (0, index)).collect(),
            },
            Model::Open { rate, backlog_max } => {
                let mut free = vec![Vec::new(); plan.servers.len()];
                for (index, connection) in connections.iter().enumerate().rev() {
                    free.get_mut(connection.server)
                        .into_iter()
                        .for_each(|free| free.push(index));
                }
                let count_max = plan.requests_max.map_or(u64::MAX, |max| {
                    max.saturating_add(rate.arrivals_before(measure_from_ns))
                });
                Self::Open {
                    arrivals: Arrivals::new(rate, (index, of), end_ns, count_max),
                    backlog_max,
                    backlog: vec![VecDeque::new(); plan.servers.len()],
                    free,
                }
            }
        }
    }

    fn next_due(&self) -> Option<u64> {
        match self {
            Self::Closed { resting, .. } => resting.front().map(|&(due, _)| due),
            Self::Open { arrivals, .. } => arrivals.peek(),
        }
    }

    fn may_send_more(&self, now: u64, end_ns: u64) -> bool {
        match self {
            Self::Closed { budget, .. } => now < end_ns && *budget != Some(0),
            Self::Open { arrivals, .. } => arrivals.peek().is_some(),
        }
    }

    fn backlog_len(&self) -> usize {
        match self {
            Self::Closed { .. } => 0,
            Self::Open { backlog, .. } => backlog.iter().map(VecDeque::len).sum(),
        }
    }
}
