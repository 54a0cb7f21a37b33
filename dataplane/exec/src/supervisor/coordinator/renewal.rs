//! Workers that live and should not get the next call: passed over while they are silent, replaced in peace when they
//! will not be whole again.
//!
//! Owns who leaves, and when; the spare's promotion makes room for it. Refuses to kill whoever may still answer.
//! Invariant: a worker leaves only when another one serves in its place, and has an end.

use std::time::{Duration, Instant};

use dp_codec::frame::FrameKind;

use super::Coordinator;
use crate::{
    pool::WorkerEvent,
    supervisor::{
        message::Stop as StopMessage,
        seat::{Phase, Worker},
    },
};

/// A loop that works answers a PING in milliseconds; after this long somebody else is asked, if there is somebody. Far
/// below the heartbeat's end: the worker may compute, and will answer what it has.
pub(super) const SILENT_AFTER: Duration = Duration::from_secs(3);
/// From the word to the cores to that to the worker: a core that has not heard yet may still send it a call, which nobody
/// would read. A turn of a core takes microseconds, and 50 ms with 10,000 channels to compile.
const NOTICE: Duration = Duration::from_millis(500);
/// For the calls that a leaving worker has. Those that never end are why it leaves; others are rarely longer.
const LEAVE_GRACE: Duration = Duration::from_secs(10);

const LOST: &str = "a core was started again and has lost its socket";
pub(super) const STUCK: &str = "calls that nobody waits for do not end in it";

// === impl Coordinator ===

impl Coordinator {
    /// Tells the cores who has not answered its PING.
    pub(super) fn pass_over_silent(&mut self, now: Instant) {
        let mut silent = Vec::new();
        for worker in self
            .workers_mut()
            .filter(|worker| worker.is_ready() && !worker.is_silent)
        {
            if worker.heart.is_lost(now, SILENT_AFTER) {
                worker.is_silent = true;
                silent.push(worker.id);
            }
        }
        for worker in silent {
            tracing::warn!(worker, "worker does not answer; others are asked first");
            self.tell_cores(|| WorkerEvent::Silent { worker });
        }
    }

    /// It has answered a PING, and says how many calls do not end in it.
    pub(super) fn on_alive(&mut self, seat: usize, stuck: u32) {
        let Some(worker) = self.worker_mut(seat) else {
            return;
        };
        let id = worker.id;
        if stuck > 0 && worker.is_ready() && worker.renewal.is_none() {
            tracing::warn!(worker = id, stuck, "worker has calls that do not end");
            worker.renewal = Some(STUCK);
        }
        if std::mem::take(&mut worker.is_silent) {
            tracing::info!(worker = id, "worker answers again");
            self.tell_cores(|| WorkerEvent::Answering { worker: id });
        }
    }

    /// A core that was started again: every worker that serves is replaced, one after the other, for its socket to that core
    /// is lost. Those that are to serve still have theirs.
    pub(super) fn rejoin(&mut self, core: usize, events: flume::Sender<WorkerEvent>) {
        if let Some(known) = self.cores.get_mut(core) {
            *known = events;
        }
        for worker in self.workers_mut().filter(|worker| worker.is_ready()) {
            worker.renewal.get_or_insert(LOST);
        }
    }

    /// Another one serves in its place: it gets no new calls, finishes what it has and ends.
    pub(super) fn dismiss(&mut self, seat: usize, now: Instant) {
        let Some(worker) = self.worker_mut(seat).filter(|worker| worker.is_ready()) else {
            return;
        };
        worker.phase = Phase::Leaving;
        worker.phase_since = now;
        let (id, reason) = (worker.id, worker.renewal.unwrap_or_default());
        tracing::warn!(worker = id, reason, "worker leaves and is replaced");
        self.tell_cores(|| WorkerEvent::Leaving { worker: id });
    }

    /// Tells those that leave to stop, once all cores know, and ends those that have had their time.
    pub(super) fn end_leaving(&mut self, now: Instant) {
        let mut condemned = Vec::new();
        for worker in self.workers_mut() {
            if leave_due(worker).is_none_or(|due| now < due) {
                continue;
            }
            if worker.renewal.take().is_none() {
                condemned.push((worker.id, "its calls did not end in time"));
            } else if worker
                .control
                .send(FrameKind::Stop, &StopMessage {})
                .is_err()
            {
                condemned.push((worker.id, super::imports::BROKEN));
            }
        }
        for (id, reason) in condemned {
            self.condemn(id, reason);
        }
    }
}

/// When the next thing is to be done about a worker that leaves; that it is told to stop takes its `renewal` away.
pub(super) fn leave_due(worker: &Worker) -> Option<Instant> {
    let wait = match worker.renewal {
        Some(_) => NOTICE,
        None => LEAVE_GRACE,
    };
    (worker.phase == Phase::Leaving && !worker.doomed).then(|| worker.phase_since + wait)
}
