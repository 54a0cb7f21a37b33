//! How workers start, prove that they live, and end.
//!
//! Invariant: the cores hear `Joined` after the last BOUND and `Left` before the process is reaped, so no call goes to
//! a worker that is not whole, nor to the spare.

use std::time::{Duration, Instant};

use dp_codec::frame::FrameKind;

use super::{Coordinator, Stop, TERM_GRACE, clock};
use crate::{
    package::PackageError,
    pool::WorkerEvent,
    supervisor::{
        child::WorkerChild,
        control::Message,
        message::{Beat, Bound, Hello, PROTOCOL, Pong, Stop as StopMessage, Tried},
        seat::{Phase, Worker},
    },
};

// === impl Coordinator ===

impl Coordinator {
    /// Starts a worker on every empty seat whose time has come.
    pub(super) fn fill_seats(&mut self, now: Instant) {
        if self.stop.is_some() {
            return;
        }
        let Self {
            seats,
            config,
            python_path,
            next_worker,
            ..
        } = self;
        for (place, seat) in seats.iter_mut().enumerate() {
            if seat.worker.is_some() || seat.fill_at > now {
                continue;
            }
            match WorkerChild::spawn(config, python_path, place) {
                Ok(spawned) => {
                    *next_worker = next_worker.wrapping_add(1);
                    let pid = spawned.child.pid();
                    seat.worker = Some(Worker::new(*next_worker, spawned, now));
                    tracing::info!(worker = *next_worker, pid, "worker started");
                }
                Err(error) => {
                    tracing::error!(python = ?config.python, %error, "a worker cannot be started");
                    seat.vacate(now);
                }
            }
        }
    }

    /// Reads and writes what the control socket of a seat has.
    pub(super) fn converse(&mut self, seat: usize) {
        let Some(worker) = self.worker_mut(seat) else {
            return;
        };
        let id = worker.id;
        // A worker that closes its end without ending is replaced as well; one that has ended is reaped anyway.
        let result = worker
            .control
            .flush()
            .and_then(|()| worker.control.receive());
        let ended = worker.control.has_ended();
        match result {
            Ok(messages) => {
                for message in messages {
                    if let Err(reason) = self.on_message(seat, message) {
                        return self.condemn(id, reason);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(worker = id, %error, "the control socket of a worker is broken");
                return self.condemn(id, "its control socket is broken");
            }
        }
        if ended && self.stop.is_none() {
            self.condemn(id, "it closed its control socket");
        }
    }

    fn on_message(&mut self, seat: usize, (kind, json): Message) -> Result<(), &'static str> {
        const NOT_JSON: &str = "a control message is not what the protocol says";
        match kind {
            FrameKind::Hello => {
                let hello = serde_json::from_slice(&json).map_err(|_error| NOT_JSON)?;
                self.on_hello(seat, &hello)
            }
            FrameKind::Pong => {
                let Pong { n, stuck } = serde_json::from_slice(&json).map_err(|_error| NOT_JSON)?;
                let worker = self.worker_mut(seat).ok_or(NOT_JSON)?;
                let id = worker.id;
                worker
                    .heart
                    .pong(n, clock())
                    .map_err(|_error| "it answered a PING that was not sent")?;
                self.on_proof(id, n);
                self.on_alive(seat, stuck);
                Ok(())
            }
            FrameKind::Tried => {
                let tried: Tried = serde_json::from_slice(&json).map_err(|_error| NOT_JSON)?;
                self.on_tried(seat, tried)
            }
            FrameKind::Bound => {
                let bound: Bound = serde_json::from_slice(&json).map_err(|_error| NOT_JSON)?;
                self.on_bound(seat, bound)
            }
            _ => Err(NOT_JSON),
        }
    }

    fn on_hello(&mut self, seat: usize, hello: &Hello) -> Result<(), &'static str> {
        if hello.protocol != PROTOCOL {
            return Err("it speaks another version of the protocol");
        }
        let worker = self.worker_mut(seat).ok_or("it has no seat")?;
        if worker.phase != Phase::Starting {
            return Err("it said HELLO twice");
        }
        worker.phase = Phase::Binding;
        worker.phase_since = clock();
        let parts = [hello.python.as_str(), &hello.calls, &hello.json];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        self.status
            .change(|status| status.python = parts.join(", "));
        self.bind_live_sets(seat)?;
        self.make_ready_when_bound(seat);
        Ok(())
    }

    /// Once it owes no bind, a worker serves, or is the spare.
    pub(super) fn make_ready_when_bound(&mut self, seat: usize) {
        let stopping = self.stop.is_some();
        let Some(worker) = self.worker_mut(seat) else {
            return;
        };
        if worker.phase != Phase::Binding || worker.doomed || !worker.owed.is_empty() || stopping {
            return;
        }
        let now = clock();
        worker.phase = Phase::Warm;
        worker.phase_since = now;
        worker.heart.start(now);
        if self.is_spare(seat) {
            self.show_status();
        } else {
            self.serve(seat, now);
        }
    }

    /// Hands the core sockets of a warm worker to the cores.
    pub(super) fn serve(&mut self, seat: usize, now: Instant) {
        let Some(worker) = self.worker_mut(seat) else {
            return;
        };
        worker.phase = Phase::Ready;
        worker.phase_since = now;
        let (id, pid, streams) = (
            worker.id,
            worker.child.pid(),
            std::mem::take(&mut worker.cores),
        );
        for (index, (core, stream)) in self.cores.iter().zip(streams).enumerate() {
            let home = seat.checked_rem(self.cores.len()) == Some(index);
            let faults = self.mailbox.fault_reporter(id);
            // A core that has stopped needs no news.
            core.send(WorkerEvent::Joined {
                worker: id,
                stream,
                faults,
                home,
            })
            .ok();
        }
        self.show_status();
        tracing::info!(worker = id, pid, "worker ready");
    }

    /// Sends the PINGs that are due and replaces who does not answer or does not get ready.
    pub(super) fn beat(&mut self, now: Instant) {
        let (heartbeat, start) = (self.config.heartbeat_timeout, self.config.start_timeout);
        let mut condemned = Vec::new();
        for worker in self.workers_mut().filter(|worker| !worker.doomed) {
            if worker.phase == Phase::Leaving {
                continue;
            }
            if !worker.has_heartbeat() {
                if now.saturating_duration_since(worker.phase_since) >= start {
                    condemned.push((worker.id, "it did not get ready in time"));
                }
                continue;
            }
            if worker.heart.is_lost(now, heartbeat) {
                condemned.push((worker.id, "it does not answer its heartbeat"));
            } else if let Some(n) = worker.heart.ping_due(now)
                && worker.control.send(FrameKind::Ping, &Beat { n }).is_err()
            {
                condemned.push((worker.id, "its control socket is broken"));
            }
        }
        for (worker, reason) in condemned {
            self.condemn(worker, reason);
        }
    }

    /// Kills a worker; the exit is handled like any other.
    pub(super) fn condemn(&mut self, id: u32, reason: &'static str) {
        let Some(worker) = self
            .workers_mut()
            .find(|worker| worker.id == id && !worker.doomed)
        else {
            return;
        };
        worker.doomed = true;
        worker.child.kill();
        tracing::warn!(
            worker = id,
            pid = worker.child.pid(),
            reason,
            "worker is replaced"
        );
        for order in self.orders.iter_mut().filter(|order| order.is_trial()) {
            if order.waits_for(id) {
                order.explain(reason);
            }
        }
        self.tell_cores(|| WorkerEvent::Left { worker: id });
        self.show_status();
    }

    /// Buries every worker that has ended.
    pub(super) fn reap(&mut self) {
        for seat in 0..self.seats.len() {
            self.bury(seat);
        }
    }

    fn bury(&mut self, seat: usize) {
        let stopping = self.stop.is_some();
        let Self {
            seats,
            config,
            orders,
            ..
        } = self;
        let Some(place) = seats.get_mut(seat) else {
            return;
        };
        let Some(worker) = place.worker.as_mut() else {
            return;
        };
        let Some(exit) = worker.child.reap() else {
            return;
        };
        worker.relay.finish(&config.node, &mut config.worker_log);
        let is_known = matches!(worker.phase, Phase::Ready | Phase::Leaving);
        let (id, served) = (worker.id, is_known && !worker.doomed);
        worker.retired |= orders
            .iter()
            .any(|order| order.is_trial() && order.waits_for(id));
        let retired = worker.retired;
        place.vacate(clock());
        if stopping || retired {
            tracing::info!(worker = id, %exit, "worker ended");
        } else {
            self.status.change(|status| status.restarts += 1);
            tracing::warn!(worker = id, %exit, "worker ended and is replaced");
        }
        if served {
            self.tell_cores(|| WorkerEvent::Left { worker: id });
        }
        self.show_status();
        self.lose_worker(id, &exit.to_string());
    }

    pub(super) fn begin_stop(&mut self, grace: Duration, reply: Option<flume::Sender<()>>) {
        let now = clock();
        let abandoned = reply.is_none();
        let term_at = now + grace;
        let kill_at = if abandoned { now } else { term_at + TERM_GRACE };
        let first = self.stop.is_none();
        let stop = self.stop.get_or_insert_with(|| Stop {
            term_at,
            kill_at,
            replies: Vec::new(),
        });
        stop.term_at = stop.term_at.min(term_at);
        stop.kill_at = stop.kill_at.min(kill_at);
        stop.replies.extend(reply);
        if !first {
            return;
        }
        for order in &mut self.orders {
            order.fail(None, "", PackageError::of_node("", "the node is stopping"));
        }
        let mut leaving = Vec::new();
        for worker in self.workers_mut().filter(|worker| !worker.doomed) {
            if worker.phase == Phase::Ready {
                leaving.push(worker.id);
            }
            // One that cannot be told is terminated when the grace is over.
            if worker
                .control
                .send(FrameKind::Stop, &StopMessage {})
                .is_err()
            {
                worker.child.terminate();
            }
        }
        for worker in leaving {
            self.tell_cores(|| WorkerEvent::Leaving { worker });
        }
    }

    /// Ends what is over time: imports, and the grace of a stop.
    pub(super) fn expire(&mut self, now: Instant) {
        self.expire_orders(now);
        let Some(stop) = &mut self.stop else { return };
        if now >= stop.kill_at {
            // Once: the next look is when a worker has ended.
            stop.kill_at = now + Duration::from_mins(1);
            let ids: Vec<u32> = self.workers().map(|(_, worker)| worker.id).collect();
            for id in ids {
                self.condemn(id, "it did not stop");
            }
        } else if now >= stop.term_at {
            stop.term_at = stop.kill_at;
            for (_, worker) in self.workers().filter(|(_, worker)| !worker.doomed) {
                worker.child.terminate();
            }
        }
    }

    pub(super) fn show_status(&self) {
        let ready = self.workers().filter(|(_, worker)| worker.is_ready());
        let pids: Vec<u32> = ready.map(|(_, worker)| worker.child.pid()).collect();
        let mut spare = self
            .workers()
            .filter(|(_, worker)| worker.phase == Phase::Warm && !worker.doomed);
        let spare = spare.next().map(|(_, worker)| worker.child.pid());
        self.status.change(|status| {
            status.ready = pids.len();
            status.pids = pids;
            status.spare = spare;
        });
    }
}
