//! The two directions of one session, in one task.
//!
//! Reading and writing are polled side by side: a node that does not read its snapshot cannot keep
//! us from reading its acknowledgements. Invariant: whichever direction ends, both end.

use std::sync::Arc;

use bascule_proto::config::v1 as proto;
use cp_model::NodeName;
use proto::control_message::Message as ToNode;
use proto::node_message::Message as FromNode;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::SessionParts;
use crate::fleet::SessionTicket;
use crate::{Published, clock};

type Outbound = mpsc::Sender<Result<proto::ControlMessage, Status>>;

pub(super) async fn run(
    parts: &SessionParts,
    name: &NodeName,
    ticket: SessionTicket,
    (inbound, outbound): (Streaming<proto::NodeMessage>, Outbound),
) -> Result<(), Status> {
    let mut stopping = parts.stopping.clone();
    let SessionTicket {
        id,
        outbox,
        replaced,
    } = ticket;
    tokio::select! {
        // First, because a replaced session's outbox closes in the same moment, which alone would
        // look like an ordinary end.
        biased;
        _ = replaced => Err(Status::aborted("a newer session of this node replaced this one")),
        _ = stopping.wait_for(|stopping| *stopping) => {
            Err(Status::unavailable("the control plane is stopping"))
        }
        read = read(parts, name, id, inbound) => read,
        written = write(parts, outbox, outbound) => written,
    }
}

async fn read(
    parts: &SessionParts,
    name: &NodeName,
    session: u64,
    mut inbound: Streaming<proto::NodeMessage>,
) -> Result<(), Status> {
    while let Some(message) = inbound.message().await? {
        match message.message {
            Some(FromNode::Ack(ack)) => parts.fleet.acked(name, session, &ack),
            Some(FromNode::Nack(nack)) => {
                tracing::warn!(node = %name, generation = nack.generation, "generation refused");
                parts.fleet.nacked(name, session, nack);
            }
            Some(FromNode::Report(report)) => {
                parts.fleet.reported(name, session, report, clock::now());
            }
            Some(FromNode::TrialReport(report)) => parts.deploys.trial_report(name, report).await,
            Some(FromNode::InvokeResult(result)) => parts.fleet.invoked(name, session, result),
            Some(FromNode::Hello(_)) => {
                return Err(Status::invalid_argument("Hello is sent once"));
            }
            // A newer node may say what we do not know yet.
            None => {}
        }
    }
    Ok(())
}

/// Sends the newest snapshot, again whenever there is a newer one, and what else is meant for this
/// node.
async fn write(
    parts: &SessionParts,
    mut outbox: mpsc::Receiver<proto::ControlMessage>,
    outbound: Outbound,
) -> Result<(), Status> {
    let mut newest = parts.publisher.subscribe();
    let first = Arc::clone(&newest.borrow_and_update());
    // Also to a node that runs it: the Ack, which costs the node nothing then, is what tells us its
    // cores and their times after one of us was restarted.
    if !send(&outbound, snapshot_message(&first)).await {
        return Ok(());
    }
    loop {
        let message = tokio::select! {
            changed = newest.changed() => match changed {
                Ok(()) => snapshot_message(&Arc::clone(&newest.borrow_and_update())),
                Err(_) => return Ok(()),
            },
            message = outbox.recv() => match message {
                Some(message) => message,
                None => return Ok(()),
            },
        };
        if !send(&outbound, message).await {
            return Ok(());
        }
    }
}

/// False when the node has hung up.
async fn send(outbound: &Outbound, message: proto::ControlMessage) -> bool {
    outbound.send(Ok(message)).await.is_ok()
}

fn snapshot_message(published: &Published) -> proto::ControlMessage {
    proto::ControlMessage {
        message: Some(ToNode::Snapshot(published.snapshot.clone())),
    }
}
