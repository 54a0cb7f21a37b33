//! What is known of every node while the control plane runs.
//!
//! Owns connections, running generations, acknowledgements, refusals and last reports; refuses
//! rows (the ODB has those). Invariant: only the newest session of a node changes its entry.

mod apply;
mod entry;
mod invoke;
mod report;
mod sent;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bascule_proto::config::v1 as proto;
use bascule_proto::publishing::{Outgoing, Payload};
use cp_model::{Generation, NodeName, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};

pub use apply::{Applied, NodeApplied, NodeApplyState};
pub use entry::{AckRecord, Connection, CoreAck, NodeLive, NodeStatus, Refusal, Rejection};
pub use invoke::{InvokeError, InvokeRequest, Invoked};
pub use report::{Lifecycle, NodeReport, Running};

use crate::published::Stamp;
use entry::NodeEntry;
pub(crate) use entry::SessionHandle;
pub(crate) use sent::ClaimError;

/// Reports that statistics may lag behind by; more are dropped, and the gap shows.
const REPORTS_QUEUED_MAX: usize = 1_024;

/// Shared by sessions, deploys and use cases. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fleet {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    nodes: Mutex<BTreeMap<NodeName, NodeEntry>>,
    /// Counts changes, so that waiters look again.
    changes: watch::Sender<u64>,
    reports: mpsc::Sender<NodeReport>,
    next_id: AtomicU64,
    claims_refused: AtomicU64,
    resyncs: AtomicU64,
}

/// What went wrong between the control plane and its nodes since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetCounts {
    /// Words of nodes about what they run that were not believed.
    pub claims_refused: u64,
    /// Deltas that did not fit, each answered with a whole snapshot.
    pub resyncs: u64,
}

/// What a session holds of the fleet.
#[derive(Debug)]
pub(crate) struct SessionTicket {
    pub(crate) id: u64,
    /// Messages for this node other than snapshots.
    pub(crate) outbox: mpsc::Receiver<Outgoing>,
    /// Resolves when a newer session of the node replaced this one.
    pub(crate) replaced: oneshot::Receiver<()>,
}

// === impl Fleet ===

impl Fleet {
    /// The receiver is for statistics.
    pub fn new() -> (Self, mpsc::Receiver<NodeReport>) {
        let (reports, receiver) = mpsc::channel(REPORTS_QUEUED_MAX);
        let (changes, _) = watch::channel(0);
        let inner = Inner {
            nodes: Mutex::default(),
            changes,
            reports,
            next_id: AtomicU64::new(1),
            claims_refused: AtomicU64::new(0),
            resyncs: AtomicU64::new(0),
        };
        (
            Self {
                inner: Arc::new(inner),
            },
            receiver,
        )
    }

    /// A node that the ODB knows and that has not connected yet: it counts as away.
    pub fn expect(&self, name: &NodeName) {
        self.nodes().entry(name.clone()).or_default();
    }

    /// The node's rows are gone.
    pub fn forget(&self, name: &NodeName) {
        self.nodes().remove(name);
        self.changed();
    }

    pub fn node(&self, name: &NodeName) -> Option<NodeLive> {
        self.nodes().get(name).map(NodeEntry::live)
    }

    pub fn all(&self) -> BTreeMap<NodeName, NodeLive> {
        self.nodes()
            .iter()
            .map(|(name, entry)| (name.clone(), entry.live()))
            .collect()
    }

    pub fn is_connected(&self, name: &NodeName) -> bool {
        self.nodes().get(name).is_some_and(NodeEntry::is_connected)
    }

    pub fn connected(&self) -> Vec<NodeName> {
        let nodes = self.nodes();
        let connected = nodes.iter().filter(|(_, entry)| entry.is_connected());
        connected.map(|(name, _)| name.clone()).collect()
    }

    /// Where another living process has the name of this one.
    pub(crate) fn rival(&self, name: &NodeName, hello: &proto::Hello) -> Option<String> {
        let nodes = self.nodes();
        let rival = nodes.get(name).and_then(|entry| entry.rival(hello));
        rival.map(str::to_owned)
    }

    /// Opens a session, replacing an earlier one of the same node, which is believed to run `running`.
    pub(crate) fn connect(
        &self,
        name: &NodeName,
        hello: &proto::Hello,
        (running, at): (Generation, Timestamp),
    ) -> SessionTicket {
        let id = self.next_id();
        let (handle, ticket) = SessionHandle::open(id);
        self.nodes()
            .entry(name.clone())
            .or_default()
            .connect(handle, hello, (running, at));
        self.changed();
        ticket
    }

    /// False when the session had been replaced already.
    pub(crate) fn disconnect(&self, name: &NodeName, session: u64) -> bool {
        let ended = self
            .nodes()
            .get_mut(name)
            .is_some_and(|entry| entry.disconnect(session));
        self.changed();
        ended
    }

    /// From now on the session may say that it runs this.
    pub(crate) fn sent(&self, name: &NodeName, session: u64, stamp: Stamp) {
        let mut nodes = self.nodes();
        if let Some(entry) = nodes.get_mut(name).filter(|entry| entry.is_of(session)) {
            entry.sent(stamp);
        }
    }

    pub(crate) fn acked(
        &self,
        name: &NodeName,
        session: u64,
        ack: &proto::Ack,
    ) -> Result<(), ClaimError> {
        self.claim(name, session, |entry| entry.acked(ack))
    }

    pub(crate) fn nacked(
        &self,
        name: &NodeName,
        session: u64,
        nack: proto::Nack,
    ) -> Result<(), ClaimError> {
        self.claim(name, session, |entry| entry.nacked(nack))
    }

    /// The node could not apply a delta and asked for the whole.
    pub(crate) fn resynced(&self) {
        self.inner.resyncs.fetch_add(1, Ordering::Relaxed);
    }

    /// The node says that it runs, or refused, what it cannot have got.
    pub(crate) fn disbelieved(&self) {
        self.inner.claims_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub fn counts(&self) -> FleetCounts {
        FleetCounts {
            claims_refused: self.inner.claims_refused.load(Ordering::Relaxed),
            resyncs: self.inner.resyncs.load(Ordering::Relaxed),
        }
    }

    /// Keeps what the report says of the node and hands it on to statistics.
    pub(crate) fn reported(
        &self,
        name: &NodeName,
        session: u64,
        report: proto::Report,
        at: Timestamp,
    ) {
        self.change(name, session, |entry| entry.reported(&report, at));
        let report = NodeReport {
            node: name.clone(),
            at,
            report,
        };
        if self.inner.reports.try_send(report).is_err() {
            tracing::warn!(node = %name, "statistics cannot keep up; a report is dropped");
        }
    }

    /// Sends to the node's newest session; false when there is none or it does not read.
    pub(crate) fn send(&self, name: &NodeName, message: proto::control_message::Message) -> bool {
        let message = Outgoing::from(Payload::from(message));
        let nodes = self.nodes();
        nodes.get(name).is_some_and(|entry| entry.send(message))
    }

    /// What the node says of itself is taken when it can be true, and counted when it cannot.
    fn claim(
        &self,
        name: &NodeName,
        session: u64,
        claim: impl FnOnce(&mut NodeEntry) -> Result<(), ClaimError>,
    ) -> Result<(), ClaimError> {
        let mut claimed = Err(ClaimError::Session);
        self.change(name, session, |entry| claimed = claim(entry));
        if claimed.is_err() {
            self.disbelieved();
        }
        claimed
    }

    fn change(&self, name: &NodeName, session: u64, change: impl FnOnce(&mut NodeEntry)) {
        let mut nodes = self.nodes();
        if let Some(entry) = nodes.get_mut(name).filter(|entry| entry.is_of(session)) {
            entry.heard();
            change(entry);
        }
        drop(nodes);
        self.changed();
    }

    /// Counts changes; for whoever waits until something holds.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    fn changed(&self) {
        self.inner
            .changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    fn nodes(&self) -> MutexGuard<'_, BTreeMap<NodeName, NodeEntry>> {
        self.inner
            .nodes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn next_id(&self) -> u64 {
        self.inner.next_id.fetch_add(1, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
