//! A thin epoll: edge-triggered, one registration per socket for its whole life, so that a request
//! costs no `epoll_ctl`. Invariant: `wait` returns at the deadline to the microsecond, not to the millisecond.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

/// Events taken per wake-up; more wait for the next turn.
const EVENTS_MAX: usize = 512;

pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) token: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer closed or the socket failed: read to the end, whatever a short read suggests.
    pub(crate) ended: bool,
}

// === impl Poller ===

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self {
            epoll,
            events: Vec::with_capacity(EVENTS_MAX),
        })
    }

    pub(crate) fn add(&self, socket: impl AsFd, token: u64) -> io::Result<()> {
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        Ok(epoll::add(
            &self.epoll,
            socket,
            epoll::EventData::new_u64(token),
            flags,
        )?)
    }

    /// Waits for events or for `wait_ns` nanoseconds (`None`: for ever) and replaces what `into` holds.
    /// The caller owns `into`, so that it can change its connections while it walks the events.
    pub(crate) fn wait(&mut self, wait_ns: Option<u64>, into: &mut Vec<Ready>) -> io::Result<()> {
        let timeout = wait_ns.map(|ns| Timespec {
            tv_sec: i64::try_from(ns / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: (ns % 1_000_000_000).cast_signed(),
        });
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            spare_capacity(&mut self.events),
            timeout.as_ref(),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        into.clear();
        into.extend(self.events.iter().map(Ready::from));
        Ok(())
    }
}

impl From<&epoll::Event> for Ready {
    fn from(event: &epoll::Event) -> Self {
        let flags = event.flags;
        let ended = flags
            .intersects(epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR);
        Self {
            token: event.data.u64(),
            readable: ended || flags.contains(epoll::EventFlags::IN),
            writable: ended || flags.contains(epoll::EventFlags::OUT),
            ended,
        }
    }
}
