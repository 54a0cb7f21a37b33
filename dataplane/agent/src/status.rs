//! What the node says about itself: phase, what it serves and from where, the link to the control
//! plane. One writer at a time through [`Status`], any number of readers.

use std::sync::Arc;
use std::time::SystemTime;

use bascule_proto::Encoded;
use dp_config::{Refusals, Snapshot};
use tokio::sync::watch;

use crate::clock;

/// The shared status of a node.
#[derive(Clone, Debug)]
pub struct Status(Arc<watch::Sender<NodeStatus>>);

/// One reading.
#[derive(Clone, Debug)]
pub struct NodeStatus {
    pub phase: Phase,
    pub started_at: SystemTime,
    /// `None` until a generation was applied.
    pub serving: Option<Serving>,
    pub link: Link,
    /// The last generation that was refused, until a later one is applied.
    pub rejection: Option<Rejection>,
    /// How many generations were refused.
    pub rejections: u64,
    /// How many deltas did not fit, so that the whole snapshot was asked for.
    pub resyncs: u64,
    /// Why the last snapshot could not be kept on disk.
    pub disk_error: Option<String>,
}

/// Life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Starting,
    /// Serves.
    Ready,
    /// Told to stop; finishes what it has.
    Stopping,
}

/// The generation that serves.
#[derive(Clone, Debug)]
pub struct Serving {
    pub snapshot: Arc<Snapshot>,
    /// What it was parsed from.
    pub wire: Encoded,
    pub source: Source,
    pub applied_at: SystemTime,
}

/// Where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Disk,
    ControlPlane,
}

/// The session to the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Proxy-only mode.
    Unused,
    Connected {
        since: SystemTime,
    },
    Away {
        since: SystemTime,
        reason: String,
    },
}

/// What is new about a lost link; says what is worth logging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    WasConnected,
    OtherReason,
    Same,
}

/// A refused generation.
#[derive(Clone, Debug)]
pub struct Rejection {
    pub generation: u64,
    pub refusals: Refusals,
    pub at: SystemTime,
}

// === impl Status ===

impl Status {
    /// A node that starts.
    pub fn new(link: Link) -> Self {
        let status = NodeStatus {
            phase: Phase::Starting,
            started_at: clock::now(),
            serving: None,
            link,
            rejection: None,
            rejections: 0,
            resyncs: 0,
            disk_error: None,
        };
        Self(Arc::new(watch::Sender::new(status)))
    }

    /// A node that has not reached its control plane yet.
    pub fn away() -> Self {
        Self::new(Link::Away {
            since: clock::now(),
            reason: "not connected yet".to_owned(),
        })
    }

    pub fn read(&self) -> NodeStatus {
        self.0.borrow().clone()
    }

    /// Waits until `condition` holds; for the ready file and for tests.
    pub async fn wait_for(&self, condition: impl FnMut(&NodeStatus) -> bool) -> NodeStatus {
        let mut changes = self.0.subscribe();
        match changes.wait_for(condition).await {
            Ok(status) => status.clone(),
            // The sender lives in self: it cannot be gone.
            Err(_closed) => self.read(),
        }
    }

    /// The process serves; a stopping one stays stopping.
    pub fn ready(&self) {
        self.0.send_modify(|status| {
            if status.phase == Phase::Starting {
                status.phase = Phase::Ready;
            }
        });
    }

    pub fn stopping(&self) {
        self.0.send_modify(|status| status.phase = Phase::Stopping);
    }

    pub(crate) fn applied(&self, snapshot: Arc<Snapshot>, wire: Encoded, source: Source) {
        let serving = Serving {
            snapshot,
            wire,
            source,
            applied_at: clock::now(),
        };
        self.0.send_modify(|status| {
            status.serving = Some(serving);
            status.rejection = None;
        });
        self.ready();
    }

    pub(crate) fn rejected(&self, generation: u64, refusals: Refusals) {
        let rejection = Rejection {
            generation,
            refusals,
            at: clock::now(),
        };
        self.0.send_modify(|status| {
            status.rejection = Some(rejection);
            status.rejections += 1;
        });
    }

    pub(crate) fn resynced(&self) {
        self.0.send_modify(|status| status.resyncs += 1);
    }

    pub(crate) fn kept(&self, disk_error: Option<String>) {
        self.0.send_modify(|status| status.disk_error = disk_error);
    }

    pub(crate) fn connected(&self) {
        let link = Link::Connected {
            since: clock::now(),
        };
        self.0.send_modify(|status| status.link = link);
    }

    /// The session ended, or could not be opened.
    pub(crate) fn lost(&self, why: String) -> Loss {
        let now = clock::now();
        let mut loss = Loss::Same;
        self.0.send_modify(|status| {
            let since = match &status.link {
                Link::Away { since, reason } => {
                    if *reason != why {
                        loss = Loss::OtherReason;
                    }
                    *since
                }
                Link::Connected { .. } | Link::Unused => {
                    loss = Loss::WasConnected;
                    now
                }
            };
            status.link = Link::Away { since, reason: why };
        });
        loss
    }
}

// === impl NodeStatus ===

impl NodeStatus {
    /// 0 when nothing is served yet.
    pub fn generation(&self) -> u64 {
        self.serving
            .as_ref()
            .map_or(0, |serving| serving.snapshot.generation)
    }
}
