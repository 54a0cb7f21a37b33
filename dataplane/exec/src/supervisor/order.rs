//! A trial or a bind on its way through the workers.
//!
//! Pure: who is asked, who has answered, what the answer is. A trial asks one worker, a bind all. Invariant: the reply
//! is sent once, with the first error or with the last success; an order stays listed until every asked worker has
//! answered or is gone, so that one that hangs is noticed.

use std::{collections::BTreeSet, time::Instant};

use crate::package::{
    BindError, DeclaredService, PackageError, PackageFile, ServiceBinding, ServiceSet, TrialOutcome,
};

/// A worker may be killed by chance while it imports; two of them is the package's doing.
const DEATHS_MAX: u32 = 2;

#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) request: u64,
    pub(crate) due: Instant,
    pub(crate) work: Work,
    waiting: BTreeSet<u32>,
    /// Of those that are waited for, the ones whose success is not needed.
    dispensable: BTreeSet<u32>,
    answered: bool,
    /// The import is done; the answer to this PING shows that the worker has survived it.
    proof: Option<u64>,
    deaths: u32,
    /// Why the worker that tries the package is being killed.
    reason: Option<&'static str>,
}

#[derive(Debug)]
pub(crate) enum Work {
    Trial {
        package: PackageFile,
        declared: Vec<DeclaredService>,
        reply: Option<flume::Sender<TrialOutcome>>,
    },
    Bind {
        set: u64,
        bound: ServiceSet,
        reply: Option<flume::Sender<Result<ServiceSet, BindError>>>,
    },
}

/// What is bound, or is being bound, on every worker.
#[derive(Debug)]
pub(crate) struct SetContent {
    pub(crate) packages: Vec<PackageFile>,
    pub(crate) services: Vec<(u32, String, String)>,
}

// === impl Order ===

impl Order {
    pub(crate) fn new(request: u64, due: Instant, work: Work) -> Self {
        Self {
            request,
            due,
            work,
            waiting: BTreeSet::new(),
            dispensable: BTreeSet::new(),
            answered: false,
            proof: None,
            deaths: 0,
            reason: None,
        }
    }

    pub(crate) fn ask(&mut self, worker: u32) {
        self.waiting.insert(worker);
    }

    /// The same for one that serves no calls: the order does not wait for its success, but hears its errors.
    pub(crate) fn ask_dispensable(&mut self, worker: u32) {
        self.ask(worker);
        self.dispensable.insert(worker);
    }

    pub(crate) fn waits_for(&self, worker: u32) -> bool {
        self.waiting.contains(&worker)
    }

    pub(crate) fn waiting(&self) -> Vec<u32> {
        self.waiting.iter().copied().collect()
    }

    /// Nobody could be asked so far.
    pub(crate) fn is_unasked_trial(&self) -> bool {
        self.is_trial() && self.is_open() && self.waiting.is_empty() && !self.answered
    }

    pub(crate) fn is_over(&self) -> bool {
        self.waiting.is_empty() && !self.is_open()
    }

    /// The one who asked still waits.
    pub(crate) fn is_open(&self) -> bool {
        match &self.work {
            Work::Trial { reply, .. } => reply.is_some(),
            Work::Bind { reply, .. } => reply.is_some(),
        }
    }

    /// The set to release when this order fails.
    pub(crate) fn set(&self) -> Option<u64> {
        match self.work {
            Work::Trial { .. } => None,
            Work::Bind { set, .. } => Some(set),
        }
    }

    /// A worker did what was asked.
    pub(crate) fn succeed(&mut self, worker: u32) {
        self.waiting.remove(&worker);
        self.answered = true;
        self.settle();
    }

    /// The package is imported; it is accepted when the worker answers this PING.
    pub(crate) fn imported(&mut self, services: Vec<DeclaredService>, ping: u64) {
        if let Work::Trial { declared, .. } = &mut self.work {
            *declared = services;
            self.proof = Some(ping);
        }
    }

    pub(crate) fn is_proven_by(&self, pong: u64) -> bool {
        self.proof.is_some_and(|ping| ping <= pong)
    }

    /// Why the worker that tries the package is killed: for `lose`, which knows how it ended.
    pub(crate) fn explain(&mut self, reason: &'static str) {
        self.reason = Some(reason);
    }

    /// A worker could not: the order has failed. True when that is news.
    pub(crate) fn fail(&mut self, worker: Option<u32>, package: &str, error: PackageError) -> bool {
        if let Some(worker) = worker {
            self.waiting.remove(&worker);
        }
        match &mut self.work {
            Work::Trial { reply, .. } => reply.take().is_some_and(|reply| send(&reply, Err(error))),
            Work::Bind { reply, .. } => reply.take().is_some_and(|reply| {
                send(
                    &reply,
                    Err(BindError {
                        package: package.to_owned(),
                        error,
                    }),
                )
            }),
        }
    }

    /// A worker ended while it was asked. True when the order has failed by that.
    pub(crate) fn lose(&mut self, worker: u32, how: &str) -> bool {
        if !self.waiting.remove(&worker) {
            return false;
        }
        self.deaths += 1;
        if self.is_trial() || self.deaths >= DEATHS_MAX {
            let reason = self
                .reason
                .map_or(String::new(), |reason| format!("; {reason}"));
            let message = format!("the worker ended while it imported the package ({how}{reason})");
            return self.fail(
                None,
                &self.blamed(),
                PackageError::of_node(&self.file(), message),
            );
        }
        self.settle();
        false
    }

    /// The time is up. True when the order has failed by that.
    pub(crate) fn expire(&mut self) -> bool {
        let message = if self.waiting.is_empty() {
            "no worker was free to import it in time".to_owned()
        } else {
            "the import did not end in time; the worker was replaced".to_owned()
        };
        let file = self.file();
        self.fail(None, &self.blamed(), PackageError::of_node(&file, message))
    }

    fn settle(&mut self) {
        if !self.waiting.is_subset(&self.dispensable) || !self.answered {
            return;
        }
        match &mut self.work {
            Work::Trial {
                declared, reply, ..
            } => {
                if let Some(reply) = reply.take() {
                    send(&reply, Ok(std::mem::take(declared)));
                }
            }
            Work::Bind { bound, reply, .. } => {
                if let Some(reply) = reply.take() {
                    send(&reply, Ok(std::mem::take(bound)));
                }
            }
        }
    }

    pub(crate) fn is_trial(&self) -> bool {
        matches!(self.work, Work::Trial { .. })
    }

    fn file(&self) -> String {
        match &self.work {
            Work::Trial { package, .. } => package.file.clone(),
            Work::Bind { .. } => String::new(),
        }
    }

    fn blamed(&self) -> String {
        match &self.work {
            Work::Trial { package, .. } => package.id.clone(),
            Work::Bind { .. } => String::new(),
        }
    }
}

// === impl SetContent ===

impl SetContent {
    /// Handles are counted up from `next_handle` and never used twice.
    pub(crate) fn new(
        packages: Vec<PackageFile>,
        services: Vec<ServiceBinding>,
        next_handle: &mut u32,
    ) -> Self {
        let number = |service: ServiceBinding| {
            let handle = *next_handle;
            *next_handle = next_handle.wrapping_add(1).max(1);
            (handle, service.name, service.package)
        };
        Self {
            packages,
            services: services.into_iter().map(number).collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.services.is_empty()
    }

    pub(crate) fn service_set(&self, set: u64) -> ServiceSet {
        let handles = self
            .services
            .iter()
            .map(|(handle, name, _)| (name.clone(), *handle));
        ServiceSet {
            set,
            handles: handles.collect(),
            lease: None,
        }
    }
}

/// True always: the failure is news even when the one who asked has gone.
fn send<T>(reply: &flume::Sender<T>, value: T) -> bool {
    // An error means that nobody waits any more.
    reply.try_send(value).ok();
    true
}
