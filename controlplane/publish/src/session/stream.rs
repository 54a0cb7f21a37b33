//! The two directions of one session, in one task.
//!
//! Reading and writing are polled side by side: a node that does not read its snapshot cannot keep
//! us from reading its acknowledgements. Invariant: whichever direction ends, both end; and what is
//! sent is chosen when there is room for it, so a slow node's stream holds one message and the stamp
//! of the last, never a queue of generations.

use std::sync::Arc;

use bascule_proto::config::v1 as proto;
use bascule_proto::publishing::Outgoing;
use cp_model::NodeName;
use proto::node_message::Message as FromNode;
use tokio::sync::{Notify, mpsc};
use tonic::{Status, Streaming};

use super::SessionParts;
use crate::fleet::{ClaimError, SessionTicket};
use crate::published::Stamp;
use crate::{Published, clock};

/// One session's parts that both directions share.
struct Session<'a> {
    parts: &'a SessionParts,
    name: &'a NodeName,
    id: u64,
    /// The node wants the whole snapshot; asking again before it is sent asks for nothing more.
    resync: Notify,
}

/// The way to the node, and what is known of its end.
pub(super) struct ToNode {
    outbound: mpsc::Sender<Result<Outgoing, Status>>,
    takes_deltas: bool,
    /// What the next delta is to: what was sent last, and before that what the node says it has.
    base: Option<Stamp>,
}

/// What is to be sent.
enum Due {
    Newest,
    Message(Outgoing),
}

pub(super) async fn run(
    (parts, name): (&SessionParts, &NodeName),
    ticket: SessionTicket,
    inbound: Streaming<proto::NodeMessage>,
    to_node: ToNode,
) -> Result<(), Status> {
    let mut stopping = parts.stopping.clone();
    let SessionTicket {
        id,
        outbox,
        replaced,
    } = ticket;
    let session = Session {
        parts,
        name,
        id,
        resync: Notify::new(),
    };
    tokio::select! {
        // First, because a replaced session's outbox closes in the same moment, which alone would
        // look like an ordinary end.
        biased;
        _ = replaced => Err(Status::aborted("a newer session of this node replaced this one")),
        _ = stopping.wait_for(|stopping| *stopping) => {
            Err(Status::unavailable("the control plane is stopping"))
        }
        read = session.read(inbound) => read,
        () = session.write(outbox, to_node) => Ok(()),
    }
}

// === impl Session ===

impl Session<'_> {
    async fn read(&self, mut inbound: Streaming<proto::NodeMessage>) -> Result<(), Status> {
        let Self {
            parts, name, id, ..
        } = *self;
        while let Some(message) = inbound.message().await? {
            match message.message {
                Some(FromNode::Ack(ack)) => self.believed(parts.fleet.acked(name, id, &ack)),
                Some(FromNode::Nack(nack)) => {
                    tracing::warn!(node = %name, generation = nack.generation, "generation refused");
                    self.believed(parts.fleet.nacked(name, id, nack));
                }
                Some(FromNode::Report(report)) => {
                    parts.fleet.reported(name, id, report, clock::now());
                }
                Some(FromNode::TrialReport(report)) => {
                    parts.deploys.trial_report(name, report).await;
                }
                Some(FromNode::InvokeResult(result)) => parts.fleet.invoked(name, id, result),
                Some(FromNode::Resync(resync)) => {
                    let proto::Resync { generation, reason } = resync;
                    tracing::warn!(node = %name, generation, reason, "the node wants the whole snapshot");
                    parts.fleet.resynced();
                    self.resync.notify_one();
                }
                Some(FromNode::Hello(_)) => {
                    return Err(Status::invalid_argument("Hello is sent once"));
                }
                // A newer node may say what we do not know yet.
                None => {}
            }
        }
        Ok(())
    }

    fn believed(&self, claimed: Result<(), ClaimError>) {
        if let Err(error) = claimed {
            tracing::warn!(node = %self.name, %error, "not believed");
        }
    }

    /// Sends the newest generation, again whenever there is a newer one, and what else is meant for
    /// this node. Ends when the node has hung up or the control plane goes.
    async fn write(&self, mut outbox: mpsc::Receiver<Outgoing>, mut to_node: ToNode) {
        let mut newest = self.parts.publisher.subscribe();
        // The first also to a node that runs it: the Ack, which costs the node nothing then, is what
        // tells us its cores and their times after one of us was restarted.
        newest.mark_changed();
        loop {
            let due = tokio::select! {
                changed = newest.changed() => match changed {
                    Ok(()) => Due::Newest,
                    Err(_) => return,
                },
                () = self.resync.notified() => {
                    to_node.base = None;
                    Due::Newest
                }
                message = outbox.recv() => match message {
                    Some(message) => Due::Message(message),
                    None => return,
                },
            };
            let Ok(room) = to_node.outbound.clone().reserve_owned().await else {
                return;
            };
            let message = match due {
                Due::Newest => {
                    let newest = Arc::clone(&newest.borrow_and_update());
                    self.parts.fleet.sent(self.name, self.id, newest.stamp());
                    to_node.choose(&newest)
                }
                Due::Message(message) => message,
            };
            room.send(Ok(message));
        }
    }
}

// === impl ToNode ===

impl ToNode {
    pub(super) fn new(
        hello: &proto::Hello,
        outbound: mpsc::Sender<Result<Outgoing, Status>>,
    ) -> Self {
        Self {
            outbound,
            takes_deltas: hello.takes_deltas,
            base: Some(Stamp::of(hello.generation, &hello.hash)),
        }
    }

    fn choose(&mut self, newest: &Published) -> Outgoing {
        let base = self.base.replace(newest.stamp());
        let base = base.filter(|_| self.takes_deltas);
        newest.message_from(base.as_ref()).into()
    }
}
