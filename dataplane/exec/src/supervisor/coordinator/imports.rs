//! Packages on their way through the workers: binds, and what a fresh worker must catch up with.
//!
//! Invariant: `sets` holds what every ready worker has bound, or is being asked to bind by an open order; a set whose
//! order fails is released everywhere.

use std::{collections::BTreeSet, time::Instant};

use dp_codec::frame::FrameKind;

use super::{Coordinator, clock};
use crate::{
    package::{BindError, PackageError, PackageFile, ServiceBinding, ServiceSet},
    supervisor::{
        message::{Bind, Bound, Release},
        order::{Order, SetContent, Work},
        seat::Worker,
    },
};

pub(super) const BROKEN: &str = "its control socket is broken";

// === impl Coordinator ===

impl Coordinator {
    pub(super) fn bind(
        &mut self,
        packages: Vec<PackageFile>,
        services: Vec<ServiceBinding>,
        reply: flume::Sender<Result<ServiceSet, BindError>>,
    ) {
        self.next_set += 1;
        let set = self.next_set;
        let content = SetContent::new(packages, services, &mut self.next_handle);
        let bound = content.service_set(set);
        if content.is_empty() {
            // Nothing to import: a node without packages need not wait for its workers.
            reply.try_send(Ok(bound)).ok();
            return;
        }
        let mut order = self.order(Work::Bind {
            set,
            bound,
            reply: Some(reply),
        });
        if self.stop.is_some() || self.seats.is_empty() {
            order.fail(
                None,
                "",
                PackageError::of_node("", "this node runs no workers"),
            );
            return;
        }
        self.sets.insert(set, content);
        for seat in 0..self.seats.len() {
            self.ask_bind(seat, set, &mut order);
        }
        self.orders.push(order);
    }

    pub(super) fn release(&mut self, set: u64) {
        if self.sets.remove(&set).is_none() {
            return;
        }
        let mut condemned = Vec::new();
        for worker in self.workers_mut().filter(|worker| worker.is_greeted()) {
            // It may import beside its loop and would bind after it had released.
            let (released, owed) = worker.owed.iter().partition(|(_, owed)| *owed == set);
            worker.owed = owed;
            worker.released.extend::<BTreeSet<_>>(released);
            if worker
                .control
                .send(FrameKind::Release, &Release { set })
                .is_err()
            {
                condemned.push(worker.id);
            }
        }
        for worker in condemned {
            self.condemn(worker, BROKEN);
        }
        for seat in 0..self.seats.len() {
            self.make_ready_when_bound(seat);
        }
    }

    /// Before a fresh worker serves, it binds every set; with one that is on its way, it takes part.
    pub(super) fn bind_live_sets(&mut self, seat: usize) -> Result<(), &'static str> {
        let sets: Vec<u64> = self.sets.keys().copied().collect();
        for set in sets {
            let mut order = match self.open_order(set) {
                Some(index) => self.orders.swap_remove(index),
                // Nobody waits for this one; the worker's own list of what it owes is enough.
                None => self.order(Work::Bind {
                    set,
                    bound: ServiceSet::default(),
                    reply: None,
                }),
            };
            let sent = self.ask_bind(seat, set, &mut order);
            if order.is_open() {
                self.orders.push(order);
            }
            if !sent {
                return Err(BROKEN);
            }
        }
        Ok(())
    }

    pub(super) fn on_bound(&mut self, seat: usize, bound: Bound) -> Result<(), &'static str> {
        let worker = self.worker_mut(seat).ok_or("it has no seat")?;
        let id = worker.id;
        let owed = take_request(&mut worker.owed, bound.request);
        if let Some(set) = take_request(&mut worker.released, bound.request) {
            let release = Release { set };
            worker
                .control
                .send(FrameKind::Release, &release)
                .map_err(|_error| BROKEN)?;
        }
        let order = self
            .orders
            .iter_mut()
            .find(|order| order.request == bound.request);
        let failed_set = match (order, bound.error) {
            (Some(order), Some(error)) => order
                .fail(Some(id), &bound.package, error)
                .then(|| order.set()),
            (Some(order), None) => {
                order.succeed(id);
                None
            }
            (None, Some(error)) if owed.is_some() => {
                tracing::error!(worker = id, %error, traceback = error.traceback, "a fresh worker cannot bind what is live");
                return Err("it cannot bind what is live");
            }
            (None, _) => None,
        };
        if let Some(set) = failed_set.flatten() {
            self.release(set);
        }
        self.make_ready_when_bound(seat);
        Ok(())
    }

    /// A worker is gone: orders that waited for it go on without it or fail.
    pub(super) fn lose_worker(&mut self, id: u32, how: &str) {
        let lost = self
            .orders
            .iter_mut()
            .filter_map(|order| order.lose(id, how).then(|| order.set()));
        let failed: Vec<u64> = lost.flatten().collect();
        for set in failed {
            self.release(set);
        }
    }

    pub(super) fn expire_orders(&mut self, now: Instant) {
        let mut hanging = Vec::new();
        let mut failed = Vec::new();
        for order in self.orders.iter_mut().filter(|order| order.due <= now) {
            if order.expire() {
                failed.extend(order.set());
            }
            hanging.extend(order.waiting());
            // Whoever still waits is killed below, and with that the order ends.
            order.due = now + self.config.import_timeout;
        }
        for worker in hanging {
            self.condemn(worker, "an import did not end in time");
        }
        for set in failed {
            self.release(set);
        }
    }

    pub(super) fn order(&mut self, work: Work) -> Order {
        self.next_request += 1;
        Order::new(
            self.next_request,
            clock() + self.config.import_timeout,
            work,
        )
    }

    fn open_order(&self, set: u64) -> Option<usize> {
        self.orders
            .iter()
            .position(|order| order.set() == Some(set) && order.is_open())
    }

    /// False when the worker cannot be asked because its socket is broken.
    fn ask_bind(&mut self, seat: usize, set: u64, order: &mut Order) -> bool {
        let is_spare = self.is_spare(seat);
        let Self { seats, sets, .. } = self;
        let worker = seats.get_mut(seat).and_then(|seat| seat.worker.as_mut());
        let Some(worker) = worker.filter(|worker| worker.is_greeted()) else {
            return true;
        };
        let Some(content) = sets.get(&set) else {
            return true;
        };
        let message = Bind {
            request: order.request,
            set,
            packages: &content.packages,
            services: &content.services,
        };
        let id = worker.id;
        if send_bind(worker, &message) {
            if is_spare {
                order.ask_dispensable(id);
            } else {
                order.ask(id);
            }
            return true;
        }
        self.condemn(id, BROKEN);
        false
    }
}

/// Takes a request out; which set it was about.
fn take_request(requests: &mut BTreeSet<(u64, u64)>, request: u64) -> Option<u64> {
    let found = requests.iter().copied().find(|(own, _)| *own == request)?;
    requests.remove(&found);
    Some(found.1)
}

fn send_bind(worker: &mut Worker, message: &Bind<'_>) -> bool {
    worker.owed.insert((message.request, message.set));
    worker.control.send(FrameKind::Bind, message).is_ok()
}
