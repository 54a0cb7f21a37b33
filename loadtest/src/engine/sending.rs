//! The sending half of the engine: which request goes on which connection, now. It refuses to open
//! more connections than planned. Invariant: a connection is in `free` exactly when it carries nothing.

use super::{Engine, Pace};
use crate::connection::Sent;

impl Engine<'_> {
    /// Sends everything that is due at `now`.
    pub(super) fn send_due(&mut self, now: u64) {
        match &mut self.pace {
            Pace::Closed { resting, .. } => {
                let due = resting.iter().take_while(|&&(at, _)| at <= now).count();
                let due: Vec<usize> = resting.drain(..due).map(|(_, index)| index).collect();
                for index in due {
                    self.fill(index, now);
                }
            }
            Pace::Open {
                arrivals,
                backlog_max,
                backlog,
                ..
            } => {
                let servers = backlog.len().max(1);
                while let Some((turn, at)) = arrivals.pop_due(now) {
                    let server = usize::try_from(turn).unwrap_or_default() % servers;
                    let Some(queue) = backlog.get_mut(server) else {
                        continue;
                    };
                    if queue.len() < *backlog_max {
                        queue.push_back(at);
                    } else if at >= self.measure_from_ns {
                        self.tally.unsent += 1;
                    }
                }
                for server in 0..servers {
                    self.dispatch(server);
                }
            }
        }
    }

    /// A connection has done some or all of its work.
    pub(super) fn proceed(&mut self, index: usize, was_busy: bool, now: u64) {
        let Some(connection) = self.connections.get(index) else {
            return;
        };
        let is_idle = connection.waiting.is_empty();
        let server = connection.server;
        match &mut self.pace {
            Pace::Closed { .. } => {
                if was_busy {
                    self.fill(index, now);
                }
            }
            Pace::Open { free, .. } => {
                if was_busy && is_idle {
                    free.get_mut(server)
                        .into_iter()
                        .for_each(|free| free.push(index));
                    self.dispatch(server);
                }
            }
        }
    }

    /// Closed model: tops the connection up to its number of requests in flight.
    fn fill(&mut self, index: usize, now: u64) {
        let Pace::Closed {
            pipeline, budget, ..
        } = &mut self.pace
        else {
            return;
        };
        let Some(connection) = self.connections.get(index) else {
            return;
        };
        if now >= self.end_ns {
            return;
        }
        let mut wanted = pipeline.saturating_sub(connection.waiting.len());
        if now >= self.measure_from_ns
            && let Some(left) = budget
        {
            wanted = wanted.min(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= wanted as u64;
        }
        if wanted > 0 {
            self.send(
                index,
                wanted,
                Sent {
                    intended_ns: now,
                    sent_ns: now,
                },
            );
        }
    }

    /// Open model: gives waiting requests to free connections.
    fn dispatch(&mut self, server: usize) {
        loop {
            let sent_ns = self.now();
            let Pace::Open { backlog, free, .. } = &mut self.pace else {
                return;
            };
            let (Some(queue), Some(free)) = (backlog.get_mut(server), free.get_mut(server)) else {
                return;
            };
            if queue.is_empty() {
                return;
            }
            let Some(index) = free.pop() else { return };
            let Some(intended_ns) = queue.pop_front() else {
                return;
            };
            self.send(
                index,
                1,
                Sent {
                    intended_ns,
                    sent_ns,
                },
            );
        }
    }

    fn send(&mut self, index: usize, count: usize, sent: Sent) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        let Some(server) = self.plan.servers.get(connection.server) else {
            return;
        };
        let mut outcome = Ok(());
        if !connection.is_open() {
            self.tally.connections_opened += 1;
            // The number of connections is bounded far below 2^32.
            let token = u32::try_from(index).unwrap_or(u32::MAX);
            outcome = connection.open(server.address, &self.poller, token);
        }
        for _ in 0..count {
            let turn = self.turns % server.requests.len().max(1);
            self.turns = self.turns.wrapping_add(1);
            connection.queue(server.requests.get(turn).map_or(&[], Vec::as_slice), sent);
        }
        self.in_flight += count as u64;
        let outcome = outcome.and_then(|()| connection.flush());
        if let Err(fault) = outcome {
            self.fail(index, fault, sent.sent_ns);
        }
    }
}
