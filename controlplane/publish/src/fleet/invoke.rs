//! Running a service on a node for the admin API.
//!
//! Invariant: every invocation ends: with the node's answer, with the node's going away, or with
//! its time.

use std::time::Duration;

use bascule_proto::config::v1 as proto;
use cp_model::{NodeName, ServiceName};
use prost::bytes::Bytes;
use tokio::sync::oneshot;

use super::Fleet;

/// The node enforces the service's deadline itself; this much later it is not coming.
const GRACE: Duration = Duration::from_secs(2);

/// What to run.
#[derive(Debug, Clone)]
pub struct InvokeRequest {
    pub service: ServiceName,
    pub body: Bytes,
    pub content_type: String,
    pub cid: String,
    pub timeout: Duration,
}

/// What the service answered.
#[derive(Debug, Clone)]
pub struct Invoked {
    pub node: NodeName,
    pub status: u32,
    pub content_type: String,
    pub body: Bytes,
    pub total_us: u64,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum InvokeError {
    #[error("no online node is connected")]
    NoNode,
    #[error("node {0} went away before it answered")]
    Gone(NodeName),
    #[error("node {0} does not take messages")]
    Busy(NodeName),
    #[error("node {0} did not answer in time")]
    TimedOut(NodeName),
}

// === impl Fleet ===

impl Fleet {
    /// Runs the service on one of `candidates` that is connected, each in turn.
    pub async fn invoke(
        &self,
        candidates: &[NodeName],
        request: InvokeRequest,
    ) -> Result<Invoked, InvokeError> {
        let connected: Vec<_> = candidates
            .iter()
            .filter(|name| self.is_connected(name))
            .cloned()
            .collect();
        let id = self.next_id();
        let turn = usize::try_from(id)
            .unwrap_or(0)
            .checked_rem(connected.len())
            .unwrap_or(0);
        let node = connected.get(turn).cloned().ok_or(InvokeError::NoNode)?;
        let (sender, answer) = oneshot::channel();
        let wait = request.timeout + GRACE;
        let message = proto::control_message::Message::Invoke(proto::Invoke {
            id,
            service: request.service.to_string(),
            body: request.body,
            content_type: request.content_type,
            cid: request.cid,
            timeout_ms: u32::try_from(request.timeout.as_millis()).unwrap_or(u32::MAX),
        });
        self.pending(&node, id, Some(sender));
        if !self.send(&node, message) {
            self.pending(&node, id, None);
            return Err(InvokeError::Busy(node));
        }
        match tokio::time::timeout(wait, answer).await {
            Ok(Ok(result)) => Ok(Invoked {
                node,
                status: result.status,
                content_type: result.content_type,
                body: result.body,
                total_us: result.total_us,
            }),
            Ok(Err(_)) => Err(InvokeError::Gone(node)),
            Err(_) => {
                self.pending(&node, id, None);
                Err(InvokeError::TimedOut(node))
            }
        }
    }

    pub(crate) fn invoked(&self, name: &NodeName, session: u64, result: proto::InvokeResult) {
        self.change(name, session, |entry| {
            if let Some(waiting) = entry.invocations.remove(&result.id) {
                // Nobody waits any more when the caller hung up.
                waiting.send(result).ok();
            }
        });
    }

    fn pending(
        &self,
        name: &NodeName,
        id: u64,
        sender: Option<oneshot::Sender<proto::InvokeResult>>,
    ) {
        if let Some(entry) = self.nodes().get_mut(name) {
            match sender {
                Some(sender) => drop(entry.invocations.insert(id, sender)),
                None => drop(entry.invocations.remove(&id)),
            }
        }
    }
}
