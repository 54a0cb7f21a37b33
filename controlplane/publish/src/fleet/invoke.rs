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

/// The place where the answer of one invocation is awaited; gone with whoever waits, also when the
/// caller hangs up.
struct Pending<'a> {
    fleet: &'a Fleet,
    node: &'a NodeName,
    id: u64,
}

// === impl Fleet ===

impl Fleet {
    /// Runs the service on one of `candidates` that is connected, each in turn.
    pub async fn invoke(
        &self,
        candidates: &[NodeName],
        request: InvokeRequest,
    ) -> Result<Invoked, InvokeError> {
        let node = &self.pick(candidates).ok_or(InvokeError::NoNode)?;
        let id = self.next_id();
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
        let _pending = Pending::open(self, node, id, sender);
        if !self.send(node, message) {
            return Err(InvokeError::Busy(node.clone()));
        }
        match tokio::time::timeout(wait, answer).await {
            Ok(Ok(result)) => Ok(Invoked {
                node: node.clone(),
                status: result.status,
                content_type: result.content_type,
                body: result.body,
                total_us: result.total_us,
            }),
            Ok(Err(_)) => Err(InvokeError::Gone(node.clone())),
            Err(_) => Err(InvokeError::TimedOut(node.clone())),
        }
    }

    /// One of `candidates` that is connected, each in turn.
    pub fn pick(&self, candidates: &[NodeName]) -> Option<NodeName> {
        let is_connected = |name: &&NodeName| self.is_connected(name);
        let connected: Vec<_> = candidates.iter().filter(is_connected).collect();
        let turn = usize::try_from(self.next_id()).unwrap_or(0);
        let turn = turn.checked_rem(connected.len())?;
        connected.get(turn).map(|name| (*name).clone())
    }

    pub(crate) fn invoked(&self, name: &NodeName, session: u64, result: proto::InvokeResult) {
        self.change(name, session, |entry| {
            if let Some(waiting) = entry.invocations.remove(&result.id) {
                // Nobody waits any more when the caller hung up.
                waiting.send(result).ok();
            }
        });
    }
}

// === impl Pending ===

impl<'a> Pending<'a> {
    fn open(
        fleet: &'a Fleet,
        node: &'a NodeName,
        id: u64,
        sender: oneshot::Sender<proto::InvokeResult>,
    ) -> Self {
        if let Some(entry) = fleet.nodes().get_mut(node) {
            entry.invocations.insert(id, sender);
        }
        Self { fleet, node, id }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.fleet.nodes().get_mut(self.node) {
            entry.invocations.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use cp_model::{Generation, Timestamp};

    use super::*;

    #[tokio::test]
    async fn a_caller_that_hangs_up_leaves_nothing_behind() {
        let (fleet, _reports) = Fleet::new();
        let node = NodeName::parse("n1").unwrap();
        let at = Timestamp::from_unix_us(0);
        let mut ticket = fleet.connect(&node, &proto::Hello::default(), (Generation(0), at));
        let request = InvokeRequest {
            service: ServiceName::parse("a").unwrap(),
            body: Bytes::new(),
            content_type: String::new(),
            cid: String::new(),
            timeout: Duration::from_mins(1),
        };
        let pending = || {
            fleet
                .nodes()
                .get(&node)
                .map(|entry| entry.invocations.len())
        };
        let candidates = [node.clone()];
        let asked = async {
            ticket.outbox.recv().await.unwrap();
            pending()
        };
        tokio::select! {
            _ = fleet.invoke(&candidates, request) => panic!("nobody answers"),
            waiting = asked => assert_eq!(waiting, Some(1)),
        }
        assert_eq!(pending(), Some(0));
    }
}
