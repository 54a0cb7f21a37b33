//! The spare worker: what is unknown is imported there first, and it takes the place of one that is gone.
//!
//! A file can end, hang or spoil the process that imports it, and only the attempt tells. Owns the trials, one at a time,
//! so that a death has one cause. Invariants: no worker that serves is asked to try anything; no worker that has met a
//! refused package ever serves.

use std::time::Instant;

use dp_codec::frame::FrameKind;

use super::{Coordinator, clock, imports::BROKEN};
use crate::{
    package::{PackageError, PackageFile, TrialOutcome},
    supervisor::{
        message::{Beat, Trial, Tried},
        order::Work,
        seat::Worker,
    },
};

const TOUCHED: &str = "the core sockets were written to or closed";

// === impl Coordinator ===

impl Coordinator {
    /// The spare has the last seat.
    pub(super) fn is_spare(&self, seat: usize) -> bool {
        seat + 1 == self.seats.len()
    }

    /// Takes note of a trial; `ask_spare` begins it.
    pub(super) fn trial(&mut self, package: PackageFile, reply: flume::Sender<TrialOutcome>) {
        let work = Work::Trial {
            package,
            declared: Vec::new(),
            reply: Some(reply),
        };
        let mut order = self.order(work);
        if self.stop.is_some() || self.seats.is_empty() {
            let error = PackageError::of_node("", "this node runs no workers");
            order.fail(None, "", error);
            return;
        }
        self.orders.push(order);
    }

    /// A free spare takes a place whose worker does not serve, or is to be replaced. The seats change with all that they are, so the back-off
    /// stays with what is to be started, and a service that ends every worker does not burn a CPU.
    ///
    /// Only between two waits: what is read from a socket is handled by seat.
    pub(super) fn promote_spare(&mut self, now: Instant) {
        let Some(spare) = self.free_spare() else {
            return;
        };
        let mut places = self.seats.iter().take(spare);
        let stays = |worker: &Worker| worker.is_ready() && worker.renewal.is_none();
        let vacant = places.position(|seat| !seat.worker.as_ref().is_some_and(stays));
        let Some(vacant) = vacant else { return };
        self.seats.swap(vacant, spare);
        self.serve(vacant, now);
        self.dismiss(spare, now);
        let Self { seats, config, .. } = self;
        if let Some(worker) = seats.get(vacant).and_then(|seat| seat.worker.as_ref()) {
            worker.child.move_to(config, vacant);
        }
    }

    /// Gives the oldest trial that waits to a free spare.
    pub(super) fn ask_spare(&mut self) {
        let Some(spare) = self.free_spare() else {
            return;
        };
        let Self { seats, orders, .. } = self;
        let waiting = orders.iter_mut().filter(|order| order.is_unasked_trial());
        let oldest = waiting.min_by_key(|order| order.request);
        let worker = seats.get_mut(spare).and_then(|seat| seat.worker.as_mut());
        let (Some(order), Some(worker)) = (oldest, worker) else {
            return;
        };
        let Work::Trial { package, .. } = &order.work else {
            return;
        };
        let id = worker.id;
        let message = Trial {
            request: order.request,
            package,
        };
        if worker.control.send(FrameKind::Trial, &message).is_ok() {
            order.ask(id);
        } else {
            self.condemn(id, BROKEN);
        }
    }

    /// An import that went well is believed when the worker is seen to be whole after it.
    pub(super) fn on_tried(&mut self, seat: usize, tried: Tried) -> Result<(), &'static str> {
        let Self { seats, orders, .. } = self;
        let worker = seats.get_mut(seat).and_then(|seat| seat.worker.as_mut());
        let worker = worker.ok_or("it has no seat")?;
        let order = orders
            .iter_mut()
            .find(|order| order.request == tried.request && order.waits_for(worker.id));
        let Some(order) = order else {
            return Err("it answered a TRIAL that was not sent");
        };
        if let Some(error) = tried.error {
            let id = worker.id;
            order.fail(Some(id), "", error);
            self.retire(id);
            return Ok(());
        }
        if !worker.has_quiet_cores() {
            return Err(TOUCHED);
        }
        let n = worker.heart.ping(clock());
        order.imported(tried.services, n);
        let sent = worker.control.send(FrameKind::Ping, &Beat { n });
        sent.map_err(|_error| BROKEN)
    }

    pub(super) fn on_proof(&mut self, worker: u32, pong: u64) {
        for order in &mut self.orders {
            if order.waits_for(worker) && order.is_proven_by(pong) {
                order.succeed(worker);
            }
        }
    }

    /// The seat of the spare when it could serve and has nothing to do.
    fn free_spare(&self) -> Option<usize> {
        if self.stop.is_some() {
            return None;
        }
        let seat = self.seats.len().checked_sub(1)?;
        let worker = self.seats.get(seat)?.worker.as_ref()?;
        let tries = |id| {
            let mut orders = self.orders.iter();
            orders.any(|order| order.is_trial() && order.waits_for(id))
        };
        (worker.is_warm() && !tries(worker.id)).then_some(seat)
    }

    /// Ends a worker for what a refused package may have left in it.
    fn retire(&mut self, id: u32) {
        let Some(worker) = self
            .workers_mut()
            .find(|worker| worker.id == id && !worker.doomed)
        else {
            return;
        };
        worker.doomed = true;
        worker.retired = true;
        worker.child.kill();
        tracing::info!(
            worker = id,
            "the spare worker is renewed after a refused package"
        );
        self.show_status();
    }
}
