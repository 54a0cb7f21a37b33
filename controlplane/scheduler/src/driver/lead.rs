//! One lead, from the first load to the end of the lease.
//!
//! Owns the three things that go on side by side: the lease is renewed, the store is asked for
//! changes, turns are taken. Refuses to decide anything about jobs. Invariant: a turn is taken only
//! when the one before is stored, so the leader's memory is never more than one batch ahead.

use tokio::sync::{mpsc, oneshot};

use super::lease::{self, Held};
use super::{Ports, Scheduler};
use crate::leader::{Action, Leader, Now, Turn};
use crate::port::{Answers, Clock, Dispatch, Input, JobStore, Lease, Loaded, StoreError};

/// Answers that wait while a turn is stored; who answers waits when there are more.
const ANSWERS_MAX: usize = 16_384;
/// A turn with more would keep what is due waiting.
const ANSWERS_PER_TURN_MAX: usize = 4_096;
/// Turns begin so far apart: what becomes due in between shares a commit.
const TURN_EVERY_MS: u64 = 10;
/// A wall clock that was changed is noticed within this.
const LOOK_EVERY_MS: u64 = 1_000;
/// How often the store is asked for changes that nobody told us of.
const RELOAD_EVERY_MS: u64 = 1_000;
/// How soon what the store did not answer is tried again.
const STORE_AGAIN_MS: u64 = 100;

/// What the store had to say, and where to confirm that it has been stored.
type Change = (Loaded, oneshot::Sender<()>);

/// Leads until the lease is lost.
pub(super) async fn lead<S: JobStore, L: Lease, D: Dispatch, C: Clock>(
    scheduler: &Scheduler<S, L, D, C>,
    held: &Held,
) {
    let (to, changes) = mpsc::channel(1);
    let lead = Lead { scheduler, held };
    // The order matters: a lease that is lost is looked at before anything is done with it.
    tokio::select! {
        biased;
        () = lease::keep(&scheduler.ports, held) => {}
        () = lead.follow_store(to) => {}
        () = lead.take_turns(changes) => {}
    }
}

struct Lead<'a, S, L, D, C> {
    scheduler: &'a Scheduler<S, L, D, C>,
    held: &'a Held,
}

// === impl Lead ===

impl<S: JobStore, L: Lease, D: Dispatch, C: Clock> Lead<'_, S, L, D, C> {
    fn ports(&self) -> &Ports<S, L, D, C> {
        &self.scheduler.ports
    }

    fn now(&self) -> Now {
        Now {
            wall: self.ports().clock.wall(),
            monotonic_ms: self.ports().clock.monotonic_ms(),
        }
    }

    /// Loads everything, then what changes. The next load waits until the last one is stored, so no
    /// command is taken twice.
    async fn follow_store(&self, to: mpsc::Sender<Change>) {
        let mut told = self.scheduler.revision.clone();
        let mut known = None;
        let mut is_silent = false;
        loop {
            told.mark_unchanged();
            let pause_ms = match self.ports().store.load(known.unwrap_or_default()).await {
                Ok(loaded) => {
                    let revision = loaded.revision;
                    if known.is_none() || is_change(&loaded) {
                        let (done_to, done) = oneshot::channel();
                        if to.send((loaded, done_to)).await.is_err() || done.await.is_err() {
                            return;
                        }
                    }
                    known = Some(revision);
                    is_silent = false;
                    RELOAD_EVERY_MS
                }
                Err(error) => {
                    if !is_silent {
                        tracing::warn!(error = %cp_model::ErrorChain(&error), "jobs cannot be loaded");
                        is_silent = true;
                    }
                    STORE_AGAIN_MS
                }
            };
            tokio::select! {
                () = self.ports().clock.sleep_ms(pause_ms) => {}
                changed = told.changed() => {
                    if changed.is_err() {
                        self.ports().clock.sleep_ms(pause_ms).await;
                    }
                }
            }
        }
    }

    async fn take_turns(&self, mut changes: mpsc::Receiver<Change>) {
        let (to, mut answers) = mpsc::channel(ANSWERS_MAX);
        let answers_to = Answers::new(to);
        let Some((loaded, done)) = changes.recv().await else {
            return;
        };
        let mut inputs = commands(&loaded);
        let mut leader = Leader::new(loaded, self.now());
        let mut done = Some(done);
        loop {
            let began_ms = self.ports().clock.monotonic_ms();
            let turn = leader.turn(std::mem::take(&mut inputs), self.now());
            if !self.store(&turn).await || !self.act(turn, &answers_to) {
                return;
            }
            if let Some(done) = done.take() {
                // Nobody waits any more when the lead ends in this moment.
                done.send(()).ok();
            }
            self.report(&leader);
            tokio::select! {
                change = changes.recv() => {
                    let Some((loaded, stored)) = change else { return };
                    inputs = commands(&loaded);
                    leader.reload(loaded, self.now().wall);
                    done = Some(stored);
                }
                input = answers.recv() => inputs.extend(input),
                () = self.until_due(&leader) => {}
            }
            self.until_next_turn(began_ms).await;
            while inputs.len() < ANSWERS_PER_TURN_MAX
                && let Ok(input) = answers.try_recv()
            {
                inputs.push(input);
            }
        }
    }

    async fn until_due(&self, leader: &Leader) {
        let now = self.ports().clock.wall();
        let wait_ms = leader.next_wake().map_or(i64::MAX, |at| at.ms_since(now));
        let wait_ms = u64::try_from(wait_ms).unwrap_or(0);
        if wait_ms > 0 {
            self.ports()
                .clock
                .sleep_ms(wait_ms.min(LOOK_EVERY_MS))
                .await;
        }
    }

    async fn until_next_turn(&self, began_ms: u64) {
        let passed = self.ports().clock.monotonic_ms().saturating_sub(began_ms);
        if passed < TURN_EVERY_MS {
            self.ports().clock.sleep_ms(TURN_EVERY_MS - passed).await;
        }
    }

    /// Stores the batch, again and again while the lease lasts; false when another leads.
    async fn store(&self, turn: &Turn) -> bool {
        if turn.batch.is_empty() {
            return true;
        }
        let mut is_silent = false;
        loop {
            let stored = self.ports().store.commit(self.held.fence(), &turn.batch);
            match stored.await {
                Ok(()) => break,
                Err(StoreError::Stale) => {
                    tracing::warn!(fence = %self.held.fence(), "the store refused a stale leader");
                    return false;
                }
                Err(error) => {
                    if !is_silent {
                        tracing::warn!(error = %cp_model::ErrorChain(&error), "a turn is not stored yet");
                        is_silent = true;
                    }
                    let status = &self.scheduler.status;
                    status.send_modify(|status| status.retries += 1);
                    self.ports().clock.sleep_ms(STORE_AGAIN_MS).await;
                }
            }
        }
        self.scheduler
            .status
            .send_modify(|status| status.commits += 1);
        true
    }

    /// Does what was stored; false when the lease ended before all was done. The next leader finds
    /// the rest in the states.
    fn act(&self, turn: Turn, answers: &Answers) -> bool {
        let Ports {
            dispatch, clock, ..
        } = self.ports();
        let fence = self.held.fence();
        let mut orders = 0;
        for action in turn.actions {
            if !self.held.is_valid(clock) {
                tracing::warn!(%fence, "the lease ended before all orders were sent");
                return false;
            }
            match action {
                Action::Send(order) => {
                    orders += 1;
                    dispatch.send(fence, order, answers);
                }
                Action::Watch(attempt) => dispatch.watch(fence, attempt, answers),
                Action::Cancel(attempt) => dispatch.cancel(fence, attempt),
            }
        }
        let status = &self.scheduler.status;
        status.send_if_modified(|status| {
            status.orders += orders;
            orders > 0
        });
        true
    }

    fn report(&self, leader: &Leader) {
        self.scheduler.status.send_modify(|status| {
            status.turns += 1;
            status.revision = leader.revision();
            status.jobs = leader.len();
        });
    }
}

fn is_change(loaded: &Loaded) -> bool {
    !(loaded.jobs.is_empty() && loaded.removed.is_empty() && loaded.commands.is_empty())
}

fn commands(loaded: &Loaded) -> Vec<Input> {
    loaded
        .commands
        .iter()
        .cloned()
        .map(Input::Commanded)
        .collect()
}
