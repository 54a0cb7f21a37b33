//! The workers of one core: which worker gets a call, when a call is overdue, who joins and leaves.
//!
//! Owns the links of its core; refuses to own processes (the supervisor does). Lives on one thread. Invariant: a
//! call is given only to a worker that has bound every live set and has not said that it leaves.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    os::unix::net::UnixStream,
    rc::{Rc, Weak},
    task::{Poll, Waker},
    time::Duration,
};

use crate::{
    call::{Call, CallError, Reply},
    link::{Link, Waiting},
    supervisor::FaultReporter,
};

/// How exact deadlines are. Coarse on purpose: one timer per core instead of one per call.
const TICK: Duration = Duration::from_millis(50);

/// A worker is replaced in less: a call that finds none waits this long for the next.
pub const ARRIVAL_PATIENCE: Duration = Duration::from_secs(1);
/// Calls that may wait like that; each holds a request in memory.
const ARRIVAL_QUEUE_MAX: usize = 1024;

/// What the supervisor tells a core about its workers.
#[derive(Debug)]
pub enum WorkerEvent {
    /// A worker has bound every live set; `stream` is this core's end of its socket. A core prefers a worker whose
    /// `home` it is: it may share its CPU, and two quiet cores do not both choose the same one.
    Joined {
        worker: u32,
        stream: UnixStream,
        faults: FaultReporter,
        home: bool,
    },
    /// It does not answer its heartbeat: others first.
    Silent { worker: u32 },
    /// It answers again.
    Answering { worker: u32 },
    /// It finishes the calls that it has; no new ones.
    Leaving { worker: u32 },
    /// It ended or is being killed.
    Left { worker: u32 },
}

/// The workers of one core.
#[derive(Debug)]
pub struct WorkerPool {
    links: RefCell<Vec<Rc<Link>>>,
    tick: Cell<u64>,
    /// Who waits for a worker, and until which tick.
    queue: RefCell<Vec<(u64, Waker)>>,
}

// === impl WorkerPool ===

impl WorkerPool {
    /// Must be called on the core's thread, inside its runtime (with timers enabled): spawns the pool's tasks there.
    pub fn new(events: flume::Receiver<WorkerEvent>) -> Rc<Self> {
        let pool = Rc::new(Self {
            links: RefCell::default(),
            tick: Cell::new(0),
            queue: RefCell::default(),
        });
        monoio::spawn(follow(Rc::downgrade(&pool), events));
        monoio::spawn(keep_deadlines(Rc::downgrade(&pool)));
        pool
    }

    /// Calls a service on the worker with the fewest calls. While none is ready, as when the only one is being replaced,
    /// waits for one a second at most. Dropping the future cancels the call.
    pub async fn call(
        &self,
        call: &Call<'_>,
        time_left: Option<Duration>,
    ) -> Result<Reply, CallError> {
        match self.begin(call, time_left) {
            Ok(waiting) => waiting.await,
            Err(CallError::NoWorker) => {
                let since = self.tick.get();
                let patience = time_left.unwrap_or(Duration::MAX).min(ARRIVAL_PATIENCE);
                self.wait_ready(patience).await;
                let waited =
                    TICK.saturating_mul(u32::try_from(self.tick.get() - since).unwrap_or(u32::MAX));
                let time_left = time_left.map(|left| left.saturating_sub(waited));
                self.begin(call, time_left)?.await
            }
            Err(error) => Err(error),
        }
    }

    /// The first half of [`Self::call`]: the frame is written when this returns, nothing of `call` is borrowed any more.
    pub fn begin(
        &self,
        call: &Call<'_>,
        time_left: Option<Duration>,
    ) -> Result<Waiting, CallError> {
        let link = self.least_loaded()?;
        let due = time_left.map_or(u64::MAX, |left| self.tick_after(left));
        link.begin(call, time_left, due)
    }

    /// How many workers can take a call now.
    pub fn ready(&self) -> usize {
        self.links
            .borrow()
            .iter()
            .filter(|link| link.is_open())
            .count()
    }

    /// How many of them answer their heartbeat: a call to another one waits for nobody knows how long.
    pub fn answering(&self) -> usize {
        let links = self.links.borrow();
        let answering = links
            .iter()
            .filter(|link| link.is_open() && !link.is_silent());
        answering.count()
    }

    /// Calls that have no answer yet.
    pub fn in_flight(&self) -> usize {
        self.links
            .borrow()
            .iter()
            .map(|link| link.in_flight())
            .sum()
    }

    /// Ends when a worker is ready, when `patience` is over, or at once when too many wait already.
    pub async fn wait_ready(&self, patience: Duration) {
        let due = self.tick_after(patience);
        poll_fn(|context| {
            let mut queue = self.queue.borrow_mut();
            if self.ready() > 0 || self.tick.get() >= due || queue.len() >= ARRIVAL_QUEUE_MAX {
                return Poll::Ready(());
            }
            queue.push((due, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Wakes whoever waits for a worker and need not any more.
    fn serve_queue(&self) {
        let (ready, tick) = (self.ready() > 0, self.tick.get());
        let over: Vec<_> = self
            .queue
            .borrow_mut()
            .extract_if(.., |(due, _)| ready || *due <= tick)
            .collect();
        for (_, waker) in over {
            waker.wake();
        }
    }

    fn least_loaded(&self) -> Result<Rc<Link>, CallError> {
        let links = self.links.borrow();
        let open = links.iter().filter(|link| link.is_open());
        // Of equals the first, which is one at home.
        open.min_by_key(|link| (link.is_silent(), link.load()))
            .map(Rc::clone)
            .ok_or(CallError::NoWorker)
    }

    /// The first tick at which `left` has surely passed: the present tick may be almost over.
    fn tick_after(&self, left: Duration) -> u64 {
        let ticks = left.as_nanos().div_ceil(TICK.as_nanos());
        self.tick
            .get()
            .saturating_add(u64::try_from(ticks).unwrap_or(u64::MAX - 1))
            .saturating_add(1)
    }

    fn on_event(self: &Rc<Self>, event: WorkerEvent) {
        match event {
            WorkerEvent::Joined {
                worker,
                stream,
                faults,
                home,
            } => match Link::open(worker, stream, faults, Rc::downgrade(self)) {
                Ok(link) => {
                    let mut links = self.links.borrow_mut();
                    let place = if home { 0 } else { links.len() };
                    links.insert(place, link);
                    drop(links);
                    self.serve_queue();
                }
                Err(error) => tracing::error!(worker, %error, "a worker's socket cannot be used"),
            },
            WorkerEvent::Silent { worker } => self.with_link(worker, |link| link.set_silent(true)),
            WorkerEvent::Answering { worker } => {
                self.with_link(worker, |link| link.set_silent(false));
            }
            WorkerEvent::Leaving { worker } => self.with_link(worker, |link| link.leave()),
            WorkerEvent::Left { worker } => self.with_link(worker, |link| link.finish()),
        }
    }

    fn with_link(&self, worker: u32, act: impl FnOnce(&Rc<Link>)) {
        let found = self
            .links
            .borrow()
            .iter()
            .find(|link| link.worker() == worker)
            .map(Rc::clone);
        if let Some(link) = found {
            act(&link);
        }
    }

    /// A link that closed takes itself out.
    pub(crate) fn forget(&self, worker: u32) {
        self.links
            .borrow_mut()
            .retain(|link| link.worker() != worker);
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        for link in self.links.get_mut().drain(..) {
            link.close();
        }
    }
}

async fn follow(pool: Weak<WorkerPool>, events: flume::Receiver<WorkerEvent>) {
    while let Ok(event) = events.recv_async().await {
        let Some(pool) = pool.upgrade() else { return };
        pool.on_event(event);
    }
}

async fn keep_deadlines(pool: Weak<WorkerPool>) {
    let mut interval = monoio::time::interval(TICK);
    loop {
        interval.tick().await;
        let Some(pool) = pool.upgrade() else { return };
        let tick = pool.tick.get().saturating_add(1);
        pool.tick.set(tick);
        for link in pool.links.borrow().iter() {
            link.expire(tick);
        }
        pool.serve_queue();
    }
}
