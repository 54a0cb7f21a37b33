//! One node's entry, and the view of it that others get.
//!
//! Invariant: a node counts as connected only while it is heard: a session whose reports stopped is
//! away, even if its TCP connection has not noticed. It counts as running only what it can have got.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bascule_proto::config::v1 as proto;
use bascule_proto::publishing::Outgoing;
use cp_model::{Generation, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::sent::{ClaimError, Sent};
use super::{Running, SessionTicket};
use crate::published::Stamp;

/// Nodes report each second; five missing reports are not a hiccup.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Trials and invocations that may wait for a node that reads slowly.
const OUTBOX_MAX: usize = 64;
/// Generations whose acknowledgement is kept in detail.
const ACKS_KEPT: usize = 256;

#[derive(Debug, Default)]
pub(super) struct NodeEntry {
    session: Option<SessionHandle>,
    heard: Option<Instant>,
    boot_id: String,
    address: String,
    started_at: Option<Timestamp>,
    last_seen_at: Option<Timestamp>,
    cores: u32,
    running: Generation,
    acks: VecDeque<AckRecord>,
    rejection: Option<Rejection>,
    report: Option<Running>,
    pub(super) invocations: HashMap<u64, oneshot::Sender<proto::InvokeResult>>,
}

#[derive(Debug)]
pub(crate) struct SessionHandle {
    id: u64,
    outbox: mpsc::Sender<Outgoing>,
    sent: Sent,
    /// Dropping it ends the session's task.
    _replaced: oneshot::Sender<()>,
}

/// A node as it is now.
#[derive(Debug, Clone)]
pub struct NodeLive {
    pub connection: Connection,
    pub started_at: Option<Timestamp>,
    pub last_seen_at: Option<Timestamp>,
    pub cores: u32,
    /// What it serves; 0 when nothing.
    pub running: Generation,
    /// The newest acknowledgement.
    pub ack: Option<AckRecord>,
    pub rejection: Option<Rejection>,
    pub report: Option<Running>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    Connected,
    Away,
}

/// One word for how a node stands to the newest generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeStatus {
    InSync,
    Applying,
    Rejected,
    Away,
}

/// How a node stands to one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    Runs,
    Refused,
    Behind,
}

/// A generation that all cores of a node run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckRecord {
    pub generation: Generation,
    /// From receiving the snapshot to the last core's commit.
    pub total_us: u64,
    pub cores: Vec<CoreAck>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreAck {
    pub core: u32,
    pub prepare_us: u64,
    pub commit_us: u64,
}

/// A generation that a node refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub generation: Generation,
    pub refusals: Vec<Refusal>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub object: String,
    pub field: String,
    pub reason: String,
    /// -1 when the node as a whole refused.
    pub core: i32,
}

// === impl NodeEntry ===

impl NodeEntry {
    pub(super) fn connect(
        &mut self,
        handle: SessionHandle,
        hello: &proto::Hello,
        (running, at): (Generation, Timestamp),
    ) {
        if self.boot_id != hello.boot_id {
            // A new process: what the one before it did says nothing about this one.
            self.boot_id.clone_from(&hello.boot_id);
            self.started_at = Some(at);
            self.report = None;
            self.rejection = None;
            self.acks.clear();
        }
        self.address.clone_from(&hello.address);
        self.cores = hello.cores;
        self.running = running;
        self.last_seen_at = Some(at);
        self.invocations.clear();
        self.session = Some(handle);
        self.heard();
    }

    /// The address of another living process that has the name. One that restarted in place has the
    /// same address; one that restarted elsewhere has left a session that the kernel closed, or that
    /// is silent soon.
    pub(super) fn rival(&self, hello: &proto::Hello) -> Option<&str> {
        let is_other = self.boot_id != hello.boot_id && self.address != hello.address;
        (is_other && self.is_connected()).then_some(self.address.as_str())
    }

    pub(super) fn disconnect(&mut self, session: u64) -> bool {
        if !self.is_of(session) {
            return false;
        }
        self.session = None;
        self.invocations.clear();
        true
    }

    pub(super) fn is_of(&self, session: u64) -> bool {
        self.session
            .as_ref()
            .is_some_and(|handle| handle.id == session)
    }

    pub(super) fn is_connected(&self) -> bool {
        let is_heard = self
            .heard
            .is_some_and(|heard| heard.elapsed() <= SILENCE_MAX);
        self.session.is_some() && is_heard
    }

    pub(super) fn heard(&mut self) {
        self.heard = Some(Instant::now());
    }

    pub(super) fn sent(&mut self, stamp: Stamp) {
        if let Some(session) = &mut self.session {
            session.sent.add(stamp);
        }
    }

    pub(super) fn acked(&mut self, ack: &proto::Ack) -> Result<(), ClaimError> {
        let session = self.session.as_mut().ok_or(ClaimError::Session)?;
        let stamp = Stamp::of(ack.generation, &ack.hash);
        session.sent.acknowledged(&stamp)?;
        let generation = stamp.generation;
        self.running = generation;
        if self
            .rejection
            .as_ref()
            .is_some_and(|rejection| rejection.generation <= generation)
        {
            self.rejection = None;
        }
        if self.acks.len() == ACKS_KEPT {
            self.acks.pop_front();
        }
        let cores = ack.cores.iter().map(CoreAck::from).collect();
        self.acks.push_back(AckRecord {
            generation,
            total_us: ack.total_us,
            cores,
        });
        Ok(())
    }

    pub(super) fn nacked(&mut self, nack: proto::Nack) -> Result<(), ClaimError> {
        let session = self.session.as_mut().ok_or(ClaimError::Session)?;
        session.sent.refused(Generation(nack.generation))?;
        // It may run less than we knew, when its cores are not of one mind, but no more.
        self.running = self.running.min(Generation(nack.serving));
        let refusals = nack.refusals.into_iter().map(Refusal::from).collect();
        self.rejection = Some(Rejection {
            generation: Generation(nack.generation),
            refusals,
        });
        Ok(())
    }

    pub(super) fn reported(&mut self, report: &proto::Report, at: Timestamp) {
        self.last_seen_at = Some(at);
        self.report = Some(Running::from(report));
    }

    pub(super) fn send(&self, message: Outgoing) -> bool {
        self.session
            .as_ref()
            .is_some_and(|handle| handle.outbox.try_send(message).is_ok())
    }

    pub(super) fn live(&self) -> NodeLive {
        let connection = if self.is_connected() {
            Connection::Connected
        } else {
            Connection::Away
        };
        NodeLive {
            connection,
            started_at: self.started_at,
            last_seen_at: self.last_seen_at,
            cores: self.cores,
            running: self.running,
            ack: self.acks.back().cloned(),
            rejection: self.rejection.clone(),
            report: self.report.clone(),
        }
    }

    pub(super) fn running(&self) -> Generation {
        self.running
    }

    pub(super) fn rejection(&self) -> Option<&Rejection> {
        self.rejection.as_ref()
    }

    /// The acknowledgement that first covered `generation`.
    pub(super) fn ack_of(&self, generation: Generation) -> Option<&AckRecord> {
        self.acks.iter().find(|ack| ack.generation >= generation)
    }
}

// === impl SessionHandle ===

impl SessionHandle {
    pub(super) fn open(id: u64) -> (Self, SessionTicket) {
        let (outbox, receiver) = mpsc::channel(OUTBOX_MAX);
        let (replaced_sender, replaced) = oneshot::channel();
        let handle = Self {
            id,
            outbox,
            sent: Sent::default(),
            _replaced: replaced_sender,
        };
        (
            handle,
            SessionTicket {
                id,
                outbox: receiver,
                replaced,
            },
        )
    }
}

// === impl NodeLive ===

impl NodeLive {
    /// How the node stands to `newest`.
    pub fn status(&self, newest: Generation) -> NodeStatus {
        if self.connection == Connection::Away {
            return NodeStatus::Away;
        }
        match Stand::of(self.running, self.rejection.as_ref(), newest) {
            Stand::Runs => NodeStatus::InSync,
            Stand::Refused => NodeStatus::Rejected,
            // What it refused is not the newest any more, and it has not taken the newest yet.
            Stand::Behind if self.rejection.is_some() => NodeStatus::Rejected,
            Stand::Behind => NodeStatus::Applying,
        }
    }
}

// === impl Stand ===

impl Stand {
    /// A node that refused what is not newer than what it serves serves another history (the ODB
    /// was restored from a backup): its number says nothing about our generations.
    pub(super) fn of(
        running: Generation,
        rejection: Option<&Rejection>,
        generation: Generation,
    ) -> Self {
        let refused = rejection.map(|rejection| rejection.generation);
        let is_of_our_history = refused.is_none_or(|refused| refused > running);
        if running >= generation && is_of_our_history {
            Self::Runs
        } else if refused.is_some_and(|refused| refused >= generation) {
            Self::Refused
        } else {
            Self::Behind
        }
    }
}

// === impl CoreAck ===

impl From<&proto::CoreAck> for CoreAck {
    fn from(wire: &proto::CoreAck) -> Self {
        Self {
            core: wire.core,
            prepare_us: wire.prepare_us,
            commit_us: wire.commit_us,
        }
    }
}

// === impl Refusal ===

impl From<proto::Refusal> for Refusal {
    fn from(wire: proto::Refusal) -> Self {
        Self {
            object: wire.object,
            field: wire.field,
            reason: wire.reason,
            core: wire.core,
        }
    }
}
