//! The world of one core, from the runtime's start to its end.
//!
//! Owns what all connections of the core share, and the command loop. Refuses to be entered from another
//! thread: commands come in by a channel. Invariant: a panic that reaches this file ends the core with an
//! error, its sockets are cut so that no client waits, and the node starts the core again.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use dp_codec::HeadLimits;
use dp_exec::WorkerPool;
use dp_net::{Acceptor, Clock, DeadlineWheel, Driver, RuntimeError};
use dp_stats::{ChannelKey, ChannelStats, CoreStats, ListenerStats};

use crate::buffers::{Buffers, Heads};
use crate::cid::Cids;
use crate::command::{CoreCommand, Drained};
use crate::live::Live;
use crate::record::Recorder;
use crate::settings::{CoreSettings, ListenerKind, NodeShared, Timeouts};
use crate::{accept, drain, health, invoke};

/// How often deadlines are looked at and access-log lines handed over.
const TICK: Duration = Duration::from_millis(100);
/// Idle upstream connections are looked at once a second.
const TICKS_PER_SWEEP: u32 = 10;

/// A core ended in another way than by a command.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The runtime could not be built.
    #[error("the runtime of core {core} could not be built")]
    Runtime {
        /// Which core.
        core: u32,
        /// Why.
        #[source]
        source: RuntimeError,
    },
    /// A listener could not be taken over.
    #[error("a listener of core {core} cannot be used")]
    Listener {
        /// Which core.
        core: u32,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something outside the fence of a connection panicked. The core can be started again.
    #[error("core {core} panicked: {message}")]
    Panicked {
        /// Which core.
        core: u32,
        /// What the panic said.
        message: String,
    },
}

/// What everything on this core shares.
pub(crate) struct Core {
    pub(crate) index: u32,
    pub(crate) clock: Clock,
    pub(crate) wheel: Rc<DeadlineWheel>,
    pub(crate) stats: Arc<CoreStats>,
    pub(crate) unrouted: Arc<ChannelStats>,
    pub(crate) shared: NodeShared,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: HeadLimits,
    /// Of heads that come through another node, which adds fields of its own.
    member_limits: HeadLimits,
    pub(crate) live: Live,
    pub(crate) workers: Option<Rc<WorkerPool>>,
    pub(crate) cids: Cids,
    pub(crate) recorder: Recorder,
    pub(crate) buffers: Buffers,
    pub(crate) heads: Heads,
    pub(crate) is_draining: Cell<bool>,
    pub(crate) in_flight: Cell<u64>,
    /// Connections of clients that are open, on all listeners.
    pub(crate) open: Cell<usize>,
    pub(crate) connections_max: usize,
    pub(crate) acceptors: RefCell<Vec<Rc<Acceptor>>>,
}

/// Runs one core on this thread until it is told to stop. Blocks.
pub fn run_core(
    settings: CoreSettings,
    commands: flume::Receiver<CoreCommand>,
) -> Result<(), CoreError> {
    let index = settings.core;
    if let Some(cpu) = settings.pin
        && let Err(error) = dp_net::pin_thread(cpu)
    {
        tracing::warn!(core = index, cpu, %error, "the core's thread is not pinned");
    }
    // Made outside, so that sockets can be cut when everything inside is gone.
    let wheel = Rc::new(DeadlineWheel::default());
    let inside = Rc::clone(&wheel);
    let choice = settings.driver;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        dp_net::block_on(choice, |driver| serve(settings, commands, inside, driver))
    }));
    wheel.cut_all();
    match ended {
        Ok(Ok(served)) => served,
        Ok(Err(source)) => Err(CoreError::Runtime {
            core: index,
            source,
        }),
        Err(panic) => Err(CoreError::Panicked {
            core: index,
            message: panic_message(&*panic),
        }),
    }
}

pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}

async fn serve(
    mut settings: CoreSettings,
    commands: flume::Receiver<CoreCommand>,
    wheel: Rc<DeadlineWheel>,
    driver: Driver,
) -> Result<(), CoreError> {
    match &driver {
        Driver::IoUring => tracing::debug!(core = settings.core, "io_uring"),
        Driver::Legacy(reason) => {
            tracing::info!(core = settings.core, reason, "the core runs on epoll");
        }
    }
    let listeners = std::mem::take(&mut settings.listeners);
    let core = Rc::new(Core::new(settings, wheel));
    for listener in listeners {
        let failed = |source| CoreError::Listener {
            core: core.index,
            source,
        };
        let acceptor = Rc::new(Acceptor::new(listener.socket).map_err(failed)?);
        core.acceptors.borrow_mut().push(Rc::clone(&acceptor));
        dp_net::spawn(accept::run(Rc::clone(&core), acceptor, listener.kind));
    }
    dp_net::spawn(keep_time(Rc::clone(&core)));
    dp_net::spawn(health::watch(Rc::clone(&core)));
    obey(&core, &commands).await;
    for acceptor in core.acceptors.borrow().iter() {
        acceptor.close();
    }
    core.recorder.hand_over();
    Ok(())
}

/// The command loop; returns when the core shall end.
async fn obey(core: &Rc<Core>, commands: &flume::Receiver<CoreCommand>) {
    while let Ok(command) = commands.recv_async().await {
        match handle(core, command) {
            None => {}
            Some(Ending::Drain { timeout, reply }) => {
                let drained = drain::run(core, timeout, commands).await;
                answer(&reply, drained);
                return;
            }
            Some(Ending::Now) => return,
        }
    }
}

/// How a core was told to end.
pub(crate) enum Ending {
    Drain {
        timeout: Duration,
        reply: flume::Sender<Drained>,
    },
    Now,
}

/// Does what a command says; those that end the core are the caller's.
pub(crate) fn handle(core: &Rc<Core>, command: CoreCommand) -> Option<Ending> {
    match command {
        CoreCommand::Prepare { plan, reply } => answer(&reply, core.live.prepare(core, plan)),
        CoreCommand::Commit { generation, reply } => {
            answer(&reply, core.live.commit(core, generation));
        }
        CoreCommand::Abort { generation } => core.live.abort(generation),
        CoreCommand::Invoke { invocation, reply } => {
            dp_net::spawn(invoke::run(Rc::clone(core), invocation, reply));
        }
        CoreCommand::Drain { timeout, reply } => return Some(Ending::Drain { timeout, reply }),
        CoreCommand::Stop => return Some(Ending::Now),
    }
    None
}

/// Whoever asked may have stopped waiting; that is no fault of the core.
fn answer<T>(reply: &flume::Sender<T>, value: T) {
    let _nobody_waits = reply.try_send(value);
}

async fn keep_time(core: Rc<Core>) {
    let mut ticks = 0_u32;
    loop {
        dp_net::sleep(TICK).await;
        core.clock.tick();
        core.wheel.tick(core.clock.now());
        core.recorder.hand_over();
        ticks = ticks.wrapping_add(1);
        if ticks.is_multiple_of(TICKS_PER_SWEEP) {
            core.live
                .sweep_pools(core.clock.now(), core.timeouts.upstream_keep_alive);
        }
        if let Some(workers) = &core.workers {
            core.stats
                .worker_calls
                .set(u64::try_from(workers.in_flight()).unwrap_or(u64::MAX));
        }
    }
}

// === impl Core ===

impl Core {
    fn new(settings: CoreSettings, wheel: Rc<DeadlineWheel>) -> Self {
        let stats = settings.shared.stats.register(settings.core);
        let clock = Clock::new();
        let live = Live::new(&settings, &stats);
        Self {
            index: settings.core,
            wheel,
            unrouted: stats.channel(&ChannelKey::default()),
            timeouts: settings.timeouts,
            limits: HeadLimits::default(),
            member_limits: member_limits(),
            live,
            workers: settings.workers.map(WorkerPool::new),
            cids: Cids::new(settings.core),
            recorder: Recorder::new(&settings.shared, Arc::clone(&stats)),
            buffers: Buffers::default(),
            heads: Heads::default(),
            is_draining: Cell::new(false),
            in_flight: Cell::new(0),
            open: Cell::new(0),
            connections_max: settings.connections_max,
            acceptors: RefCell::default(),
            shared: settings.shared,
            clock,
            stats,
        }
    }

    /// True when this node can run its services: none needed, or a worker is there and answers.
    pub(crate) fn can_run_services(&self) -> bool {
        if self.is_draining.get() || self.shared.is_stopping() {
            return false;
        }
        let needs_workers = self.live.now().needs_workers;
        !needs_workers
            || self
                .workers
                .as_ref()
                .is_some_and(|workers| workers.answering() > 0)
    }

    /// There are workers, and all of them compute or stand still: what they have will be answered, new requests are better
    /// off elsewhere.
    pub(crate) fn has_silent_workers_only(&self) -> bool {
        let workers = self.workers.as_ref();
        workers.is_some_and(|workers| workers.ready() > 0 && workers.answering() == 0)
    }

    /// How large a head may be on a listener.
    pub(crate) fn limits_of(&self, kind: ListenerKind) -> &HeadLimits {
        match kind {
            ListenerKind::Node => &self.member_limits,
            ListenerKind::Balancer => &self.limits,
        }
    }

    /// The counters of a listener.
    pub(crate) fn listener_stats(&self, kind: ListenerKind) -> &ListenerStats {
        match kind {
            ListenerKind::Node => &self.stats.node,
            ListenerKind::Balancer => &self.stats.balancer,
        }
    }
}

/// What a balancer accepts must be accepted by the member it goes to, with what the balancer adds: an id, three
/// `x-forwarded` fields and a host.
fn member_limits() -> HeadLimits {
    const FIELDS_ADDED: usize = 8;
    const BYTES_ADDED: usize = 2 * 1024;
    let limits = HeadLimits::default();
    HeadLimits {
        headers_max: limits.headers_max + FIELDS_ADDED,
        head_bytes_max: limits.head_bytes_max + BYTES_ADDED,
        ..limits
    }
}
