//! The loop that moves a leader.
//!
//! Owns the lead of this process: when it is taken, held and given up, and in which order a turn is
//! stored and done; refuses to know SQL, nodes and the time, which are traits. Invariant: nothing is
//! sent before the batch that tells of it is stored, and nothing after the lease's time has passed by
//! both clocks of this process.
//!
//! **The window that remains.** Between the look at the lease and the moment at which an order
//! reaches a node, the process may be stopped, and another may lead when it goes on. The order is
//! then late but not wrong: its run was stored under a fence that was valid, so the new leader knows
//! the run and sends it again under the same id. A node that has seen the new fence refuses the old
//! order; one that has not begins the run, and knows it by its id when the new order comes. What the
//! old leader wants to *store* is refused by the store, whatever the clocks say.

mod lead;
mod lease;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::moment::Moment;
use crate::port::{Clock, Dispatch, Fence, JobStore, Lease, Revision};

/// The world of a scheduler.
#[derive(Debug)]
pub struct Ports<S, L, D, C> {
    pub store: S,
    pub lease: L,
    pub dispatch: D,
    pub clock: C,
}

/// One process's scheduler: it follows until it can lead.
#[derive(Debug)]
pub struct Scheduler<S, L, D, C> {
    ports: Ports<S, L, D, C>,
    revision: watch::Receiver<Revision>,
    is_stopped: watch::Receiver<bool>,
    status: watch::Sender<Status>,
}

/// What others do with a running scheduler.
#[derive(Debug, Clone)]
pub struct Handle {
    revision: Arc<watch::Sender<Revision>>,
    is_stopped: Arc<watch::Sender<bool>>,
    status: watch::Receiver<Status>,
}

/// What a scheduler is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Present while this process leads.
    pub fence: Option<Fence>,
    /// Up to which jobs are known.
    pub revision: Revision,
    /// Turns since the start.
    pub turns: u64,
    /// Batches that were stored.
    pub commits: u64,
    /// Commits that were tried again.
    pub retries: u64,
    /// Orders that were given to the nodes.
    pub orders: u64,
    /// Jobs that the leader knows.
    pub jobs: usize,
}

/// The clocks of the machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

// === impl Scheduler ===

impl<S: JobStore, L: Lease, D: Dispatch, C: Clock> Scheduler<S, L, D, C> {
    pub fn new(ports: Ports<S, L, D, C>) -> (Self, Handle) {
        let (revision_to, revision) = watch::channel(Revision::default());
        let (stop_to, is_stopped) = watch::channel(false);
        let (status, status_of) = watch::channel(Status::default());
        let scheduler = Self {
            ports,
            revision,
            is_stopped,
            status,
        };
        let handle = Handle {
            revision: Arc::new(revision_to),
            is_stopped: Arc::new(stop_to),
            status: status_of,
        };
        (scheduler, handle)
    }

    /// Follows and leads until it is stopped, or all handles are gone; then gives the lease back.
    pub async fn run(self) {
        let mut stop = self.is_stopped.clone();
        loop {
            let held = tokio::select! {
                () = until_stopped(&mut stop) => return,
                held = lease::take(&self.ports) => held,
            };
            let fence = held.fence();
            self.status.send_modify(|status| status.fence = Some(fence));
            tracing::info!(%fence, "this process leads the scheduler");
            let is_stopped = tokio::select! {
                biased;
                () = until_stopped(&mut stop) => true,
                () = lead::lead(&self, &held) => false,
            };
            self.status.send_modify(|status| status.fence = None);
            tracing::info!(%fence, "this process does not lead the scheduler any more");
            if is_stopped {
                lease::give_back(&self.ports, fence).await;
                return;
            }
        }
    }
}

/// An error is a handle that is gone, and with it whoever wanted this to go on.
async fn until_stopped(stop: &mut watch::Receiver<bool>) {
    stop.wait_for(|is_stopped| *is_stopped).await.ok();
}

// === impl Handle ===

impl Handle {
    /// Says that jobs or commands changed, so that nobody waits for the next look at the store.
    pub fn reload(&self, revision: Revision) {
        self.revision.send_if_modified(|known| {
            let is_newer = revision > *known;
            *known = revision.max(*known);
            is_newer
        });
    }

    /// Ends [`Scheduler::run`].
    pub fn stop(&self) {
        self.is_stopped.send_replace(true);
    }

    /// What the scheduler is doing, now and whenever it changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }
}

// === impl SystemClock ===

impl SystemClock {
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Moment {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        // A clock before 1970 is set wrong; nothing fires until it is right.
        let ms = since.map_or(0, |since| since.as_millis());
        Moment::from_unix_ms(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn sleep_ms(&self, ms: u64) {
        tokio::time::sleep(tokio::time::Duration::from_millis(ms)).await;
    }
}
