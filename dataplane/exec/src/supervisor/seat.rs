//! One of the N places for a worker: empty and waiting to be filled, or taken.
//!
//! Owns the back-off of a place and the life of its worker: starting → binding → ready → gone. Invariant: the core
//! sockets leave this struct exactly once, when the worker has bound every live set.

use std::{
    collections::BTreeSet,
    io,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

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
    pub(crate) spawned: Instant,
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
    Ready,
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

    /// The worker is gone: at once for one that has served a while, later and later for ones that die young.
    pub(crate) fn vacate(&mut self, now: Instant) {
        let young = self
            .worker
            .take()
            .is_none_or(|gone| now.duration_since(gone.spawned) < YOUNG);
        if young {
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
            spawned: now,
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

    /// It has said HELLO and can be asked to import.
    pub(crate) fn is_greeted(&self) -> bool {
        self.phase != Phase::Starting && !self.doomed
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
        if now < self.next_ping {
            return None;
        }
        self.next_ping = now + PING_INTERVAL;
        self.n += 1;
        self.unanswered_since.get_or_insert(now);
        Some(self.n)
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
