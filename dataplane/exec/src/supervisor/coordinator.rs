//! The supervisor thread: one loop over every worker's exit, control socket and output.
//!
//! Owns all workers, sets and orders; `lives` starts and ends workers, `imports` binds packages, `spare` tries them, `renewal`
//! passes over and replaces workers that live.
//! Never blocks but in `poll`. Invariant: when the thread ends, every worker is reaped.

mod imports;
mod lives;
mod renewal;
mod spare;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{
    SupervisorConfig,
    command::{Command, Mailbox, StatusBoard},
    order::{Order, SetContent},
    seat::{Phase, Seat, Worker},
};
use crate::pool::WorkerEvent;

/// The longest sleep; every real deadline is computed, this only bounds a mistake in that.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Between SIGTERM and SIGKILL at a stop.
const TERM_GRACE: Duration = Duration::from_millis(500);

pub(super) struct Coordinator {
    config: SupervisorConfig,
    python_path: PathBuf,
    commands: flume::Receiver<Command>,
    mailbox: Mailbox,
    cores: Vec<flume::Sender<WorkerEvent>>,
    status: StatusBoard,
    /// The places that serve, then the spare's.
    seats: Vec<Seat>,
    orders: Vec<Order>,
    sets: BTreeMap<u64, SetContent>,
    next_worker: u32,
    next_request: u64,
    next_set: u64,
    next_handle: u32,
    stop: Option<Stop>,
}

/// The node is going: no worker is started any more.
struct Stop {
    term_at: Instant,
    kill_at: Instant,
    replies: Vec<flume::Sender<()>>,
}

/// What a descriptor of the poll set is.
#[derive(Clone, Copy)]
enum Source {
    Bell,
    Exit,
    Control(usize),
    Output(usize),
}

// === impl Coordinator ===

impl Coordinator {
    pub(super) fn new(
        config: SupervisorConfig,
        python_path: PathBuf,
        commands: flume::Receiver<Command>,
        mailbox: Mailbox,
        (cores, status): (Vec<flume::Sender<WorkerEvent>>, StatusBoard),
    ) -> Self {
        let now = clock();
        let spare = usize::from(config.workers > 0);
        let seats = (0..config.workers + spare)
            .map(|_| Seat::empty(now))
            .collect();
        Self {
            config,
            python_path,
            commands,
            mailbox,
            cores,
            status,
            seats,
            orders: Vec::new(),
            sets: BTreeMap::new(),
            next_worker: 0,
            next_request: 0,
            next_set: 0,
            next_handle: 1,
            stop: None,
        }
    }

    pub(super) fn run(mut self) {
        loop {
            let now = clock();
            self.promote_spare(now);
            self.fill_seats(now);
            self.ask_spare();
            self.beat(now);
            self.pass_over_silent(now);
            self.end_leaving(now);
            self.expire(now);
            self.orders.retain(|order| !order.is_over());
            if self.stop.is_some() && self.seats.iter().all(|seat| seat.worker.is_none()) {
                break;
            }
            for source in self.wait(now) {
                self.on_ready(source);
            }
        }
        for reply in self.stop.into_iter().flat_map(|stop| stop.replies) {
            // An error means that nobody waits any more.
            reply.try_send(()).ok();
        }
    }

    fn on_ready(&mut self, source: Source) {
        match source {
            Source::Bell => {
                self.mailbox.hush();
                while let Ok(command) = self.commands.try_recv() {
                    self.on_command(command);
                }
            }
            Source::Exit => self.reap(),
            Source::Control(seat) => self.converse(seat),
            Source::Output(seat) => {
                let Self { seats, config, .. } = self;
                if let Some(worker) = seats.get_mut(seat).and_then(|seat| seat.worker.as_mut()) {
                    worker.relay.pump(&config.node, &mut config.worker_log);
                }
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Trial { package, reply } => self.trial(package, reply),
            Command::Bind {
                packages,
                services,
                reply,
            } => self.bind(packages, services, reply),
            Command::Release { set } => self.release(set),
            Command::Fault { worker, reason } => self.condemn(worker, reason),
            Command::Rejoin { core, events } => self.rejoin(core, events),
            Command::Stop { grace, reply } => self.begin_stop(grace, Some(reply)),
            Command::Abandon => self.begin_stop(Duration::ZERO, None),
        }
    }

    /// Sleeps until something is to be done; what is ready, exits last, so that what a worker said before it ended is heard.
    fn wait(&self, now: Instant) -> Vec<Source> {
        let mut sources = vec![Source::Bell];
        let mut fds = vec![PollFd::from_borrowed_fd(self.mailbox.bell(), PollFlags::IN)];
        for (index, worker) in self.workers() {
            if let Some(fd) = worker.control.fd() {
                let out = if worker.control.has_unsent() {
                    PollFlags::OUT
                } else {
                    PollFlags::empty()
                };
                sources.push(Source::Control(index));
                fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN | out));
            }
            if let Some(fd) = worker.relay.fd() {
                sources.push(Source::Output(index));
                fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
            }
        }
        for (_, worker) in self.workers() {
            sources.push(Source::Exit);
            fds.push(PollFd::from_borrowed_fd(
                worker.child.exit_fd(),
                PollFlags::IN,
            ));
        }
        let sleep = self
            .next_deadline(now)
            .saturating_duration_since(now)
            .min(SLEEP_MAX);
        let timeout = Timespec {
            tv_sec: i64::try_from(sleep.as_secs()).unwrap_or_default(),
            tv_nsec: sleep.subsec_nanos().into(),
        };
        match poll(&mut fds, Some(&timeout)) {
            Ok(1..) => {}
            Ok(0) | Err(rustix::io::Errno::INTR) => return Vec::new(),
            Err(error) => {
                tracing::error!(%error, "the supervisor cannot wait for its workers");
                return Vec::new();
            }
        }
        let ready = fds
            .iter()
            .zip(sources)
            .filter(|(fd, _)| !fd.revents().is_empty());
        ready.map(|(_, source)| source).collect()
    }

    fn next_deadline(&self, now: Instant) -> Instant {
        let mut next = now + SLEEP_MAX;
        let mut consider = |at: Instant| next = next.min(at);
        for seat in &self.seats {
            match &seat.worker {
                None if self.stop.is_none() => consider(seat.fill_at),
                Some(worker) if worker.has_heartbeat() && !worker.doomed => {
                    consider(worker.heart.next_ping());
                    if let Some(at) = worker.heart.lost_at(self.config.heartbeat_timeout) {
                        consider(at);
                    }
                    if let Some(at) = worker.heart.lost_at(renewal::SILENT_AFTER)
                        && worker.is_ready()
                        && !worker.is_silent
                    {
                        consider(at);
                    }
                }
                Some(worker) if worker.phase == Phase::Leaving => {
                    if let Some(at) = renewal::leave_due(worker) {
                        consider(at);
                    }
                }
                Some(worker) if !worker.doomed => {
                    consider(worker.phase_since + self.config.start_timeout);
                }
                None | Some(_) => {}
            }
        }
        for order in &self.orders {
            consider(order.due);
        }
        if let Some(stop) = &self.stop {
            consider(if now < stop.term_at {
                stop.term_at
            } else {
                stop.kill_at
            });
        }
        next
    }

    fn workers(&self) -> impl Iterator<Item = (usize, &Worker)> {
        let workers = self
            .seats
            .iter()
            .map(|seat| seat.worker.as_ref())
            .enumerate();
        workers.filter_map(|(index, worker)| worker.map(|worker| (index, worker)))
    }

    fn workers_mut(&mut self) -> impl Iterator<Item = &mut Worker> {
        self.seats
            .iter_mut()
            .filter_map(|seat| seat.worker.as_mut())
    }

    fn worker_mut(&mut self, seat: usize) -> Option<&mut Worker> {
        self.seats
            .get_mut(seat)
            .and_then(|seat| seat.worker.as_mut())
    }

    fn tell_cores(&self, event: impl Fn() -> WorkerEvent) {
        for core in &self.cores {
            // A core that has stopped needs no news.
            core.send(event()).ok();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the supervisor thread has its own clock; no core runs here"
)]
fn clock() -> Instant {
    Instant::now()
}
