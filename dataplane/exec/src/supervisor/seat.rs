//! One of the places for a worker: empty and waiting to be filled, or taken.
//!
//! Owns the back-off of a place and the life of its worker: starting → binding → (warm →) ready (→ leaving) → gone. Invariant: the
//! core sockets leave this struct exactly once, when the worker has bound every live set and is to serve.

use std::{
    collections::BTreeSet,
    io,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{
    child::{Spawned, WorkerChild},
    control::Control,
    relay::Relay,
};

/// A worker that ends sooner than this is not likely to do better the next time.
const YOUNG: Duration = Duration::from_secs(10);
const BACK_OFF_MIN: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);
const PING_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) worker: Option<Worker>,
    /// When an empty seat is filled.
    pub(crate) fill_at: Instant,
    young_deaths: u32,
}

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) id: u32,
    pub(crate) child: WorkerChild,
    pub(crate) control: Control,
    pub(crate) relay: Relay,
    pub(crate) phase: Phase,
    /// Binds that it owes before it may serve: request → set.
    pub(crate) owed: BTreeSet<(u64, u64)>,
    /// Sets that were released before it had answered their BIND; it is told again when it has.
    pub(crate) released: BTreeSet<(u64, u64)>,
    pub(crate) cores: Vec<UnixStream>,
    /// It is killed already; why was said then.
    pub(crate) doomed: bool,
    /// It is killed for what it was used for, not for what it did: no restart is counted, its place does not back off.
    pub(crate) retired: bool,
    /// Why another one is to serve in its place as soon as there is one.
    pub(crate) renewal: Option<&'static str>,
    /// The cores were told to ask others first.
    pub(crate) is_silent: bool,
    /// When `phase` began.
    pub(crate) phase_since: Instant,
    pub(crate) heart: Heart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// HELLO is awaited.
    Starting,
    /// The live sets are being bound.
    Binding,
    /// Could serve at once, and is kept to try packages.
    Warm,
    /// The cores have its sockets.
    Ready,
    /// Another one serves in its place; it finishes what it has.
    Leaving,
}

/// PING and PONG of one worker.
#[derive(Debug)]
pub(crate) struct Heart {
    next_ping: Instant,
    n: u64,
    /// Since when a PING is unanswered.
    unanswered_since: Option<Instant>,
}

// === impl Seat ===

impl Seat {
    pub(crate) fn empty(now: Instant) -> Self {
        Self {
            worker: None,
            fill_at: now,
            young_deaths: 0,
        }
    }

    /// The worker is gone. It is replaced at once when it was retired, left, or had served (or waited) a while, and later
    /// and later when it died young.
    pub(crate) fn vacate(&mut self, now: Instant) {
        let gone = self.worker.take();
        let was_planned = |gone: &Worker| gone.retired || gone.phase == Phase::Leaving;
        if gone.as_ref().is_some_and(was_planned) {
            self.fill_at = now;
        } else if gone.is_none_or(|gone| now.duration_since(gone.phase_since) < YOUNG) {
            let back_off = BACK_OFF_MIN.saturating_mul(1_u32 << self.young_deaths.min(16));
            self.young_deaths = self.young_deaths.saturating_add(1);
            self.fill_at = now + back_off.min(BACK_OFF_MAX);
        } else {
            self.young_deaths = 0;
            self.fill_at = now;
        }
    }
}

// === impl Worker ===

impl Worker {
    pub(crate) fn new(id: u32, spawned: Spawned, now: Instant) -> Self {
        Self {
            id,
            child: spawned.child,
            control: Control::new(spawned.control),
            relay: Relay::new(id, spawned.output),
            phase: Phase::Starting,
            owed: BTreeSet::new(),
            released: BTreeSet::new(),
            cores: spawned.cores,
            doomed: false,
            retired: false,
            renewal: None,
            is_silent: false,
            phase_since: now,
            heart: Heart {
                next_ping: now,
                n: 0,
                unanswered_since: None,
            },
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready && !self.doomed
    }

    /// It answers its heartbeat: warm or ready.
    pub(crate) fn has_heartbeat(&self) -> bool {
        matches!(self.phase, Phase::Warm | Phase::Ready)
    }

    /// It could serve now, and does not.
    pub(crate) fn is_warm(&self) -> bool {
        self.phase == Phase::Warm && self.owed.is_empty() && !self.doomed
    }

    /// Nothing was written to a warm worker's core sockets, and none is closed: there was no call to answer.
    pub(crate) fn has_quiet_cores(&self) -> bool {
        let mut fds: Vec<_> = self
            .cores
            .iter()
            .map(|core| PollFd::new(core, PollFlags::IN))
            .collect();
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        matches!(poll(&mut fds, Some(&at_once)), Ok(0))
    }

    /// It has said HELLO and can be asked to import. One that leaves would end before it answers.
    pub(crate) fn is_greeted(&self) -> bool {
        !matches!(self.phase, Phase::Starting | Phase::Leaving) && !self.doomed
    }
}

// === impl Heart ===

impl Heart {
    pub(crate) fn start(&mut self, now: Instant) {
        self.next_ping = now + PING_INTERVAL;
        self.unanswered_since = None;
    }

    pub(crate) fn next_ping(&self) -> Instant {
        self.next_ping
    }

    /// The number of a PING that is to be sent now.
    pub(crate) fn ping_due(&mut self, now: Instant) -> Option<u64> {
        (now >= self.next_ping).then(|| self.ping(now))
    }

    /// The number of a PING that is sent for its answer.
    pub(crate) fn ping(&mut self, now: Instant) -> u64 {
        self.next_ping = now + PING_INTERVAL;
        self.n += 1;
        self.unanswered_since.get_or_insert(now);
        self.n
    }

    /// Any PONG shows life; the last one leaves nothing unanswered.
    pub(crate) fn pong(&mut self, n: u64, now: Instant) -> io::Result<()> {
        if n == 0 || n > self.n {
            return Err(io::Error::other("PONG without PING"));
        }
        self.unanswered_since = (n < self.n).then_some(now);
        Ok(())
    }

    pub(crate) fn is_lost(&self, now: Instant, timeout: Duration) -> bool {
        self.unanswered_since
            .is_some_and(|since| now.duration_since(since) >= timeout)
    }

    pub(crate) fn lost_at(&self, timeout: Duration) -> Option<Instant> {
        self.unanswered_since.map(|since| since + timeout)
    }
}
