//! What reaches the supervisor thread from others, and what it shows them.
//!
//! Owns the command channel with the bell (an eventfd that wakes the thread's `poll`) and the status board.
//! Invariant: every command rings the bell after it was queued.

use std::{io, sync::Arc, time::Duration};

use rustix::{
    event::{EventfdFlags, eventfd},
    fd::{AsFd, BorrowedFd, OwnedFd},
};

use super::WorkerStatus;
use crate::{
    package::{BindError, PackageFile, ServiceBinding, ServiceSet, TrialOutcome},
    pool::WorkerEvent,
};

#[derive(Debug)]
pub(crate) enum Command {
    Trial {
        package: PackageFile,
        reply: flume::Sender<TrialOutcome>,
    },
    Bind {
        packages: Vec<PackageFile>,
        services: Vec<ServiceBinding>,
        reply: flume::Sender<Result<ServiceSet, BindError>>,
    },
    Release {
        set: u64,
    },
    Fault {
        worker: u32,
        reason: &'static str,
    },
    /// A core has lost its sockets and hears of workers by `events` from now on: every worker that serves is to be replaced,
    /// one after the other and in peace.
    Rejoin {
        core: usize,
        events: flume::Sender<WorkerEvent>,
    },
    Stop {
        grace: Duration,
        reply: flume::Sender<()>,
    },
    /// The handle is gone: kill everything, now.
    Abandon,
}

#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    commands: flume::Sender<Command>,
    bell: Arc<OwnedFd>,
}

/// With it a core tells the supervisor that a worker broke the protocol.
#[derive(Clone, Debug)]
pub struct FaultReporter {
    worker: u32,
    mailbox: Mailbox,
}

/// With it a core that was started again says that the sockets of the workers went with the one before.
#[derive(Clone, Debug)]
pub struct WorkerRenewal {
    mailbox: Mailbox,
}

/// Written by the supervisor thread, read by anyone.
#[derive(Clone, Debug)]
pub(crate) struct StatusBoard {
    #[expect(
        clippy::disallowed_types,
        reason = "crosses threads, off the request path, held for a copy"
    )]
    status: Arc<std::sync::Mutex<WorkerStatus>>,
}

// === impl Mailbox ===

impl Mailbox {
    pub(crate) fn new() -> io::Result<(Self, flume::Receiver<Command>)> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Unbounded, because a lease is dropped and a fault reported where nothing may wait, and cannot grow: the node
        // applies one generation at a time and waits for its answer, a set is released once, a link faults once in its
        // life, and trials wait for their answers too, as many as the agent has room for.
        let (commands, receiver) = flume::unbounded();
        Ok((
            Self {
                commands,
                bell: Arc::new(bell),
            },
            receiver,
        ))
    }

    /// A command to a thread that has ended is dropped; whoever waits for the answer sees the channel close.
    pub(crate) fn send(&self, command: Command) {
        if self.commands.send(command).is_ok() {
            // The only error is a counter that is full, and then the bell rings already.
            rustix::io::write(&self.bell, &1_u64.to_ne_bytes()).ok();
        }
    }

    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    pub(crate) fn hush(&self) {
        // The only error is that nobody rang.
        rustix::io::read(&self.bell, &mut [0_u8; 8]).ok();
    }

    pub(crate) fn fault_reporter(&self, worker: u32) -> FaultReporter {
        FaultReporter {
            worker,
            mailbox: self.clone(),
        }
    }
}

// === impl FaultReporter ===

impl FaultReporter {
    pub(crate) fn report(&self, reason: &'static str) {
        self.mailbox.send(Command::Fault {
            worker: self.worker,
            reason,
        });
    }
}

// === impl WorkerRenewal ===

impl WorkerRenewal {
    pub(crate) fn new(mailbox: Mailbox) -> Self {
        Self { mailbox }
    }

    /// Every worker is replaced by one that all cores hear of, core `core` by the channel that this returns. Not by the one
    /// before: tasks of the dead core are never dropped, and would be woken in its place.
    pub fn rejoin(&self, core: usize) -> flume::Receiver<WorkerEvent> {
        // Unbounded as the one at the start.
        let (events, receiver) = flume::unbounded();
        self.mailbox.send(Command::Rejoin { core, events });
        receiver
    }
}

// === impl StatusBoard ===

impl StatusBoard {
    pub(crate) fn new(total: usize) -> Self {
        let status = WorkerStatus {
            total,
            ..WorkerStatus::default()
        };
        Self {
            status: Arc::new(status.into()),
        }
    }

    pub(crate) fn read(&self) -> WorkerStatus {
        self.status
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut WorkerStatus)) {
        change(
            &mut self
                .status
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        );
    }
}
