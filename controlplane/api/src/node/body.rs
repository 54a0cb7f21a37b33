//! The JSON of a node.
//!
//! Invariant: what a node never reported is zero or empty, never invented.

use cp_app::{AckRecord, Connection, Lifecycle, NodeStatus, NodeView, Rejection};
use serde::Serialize;
use utoipa::ToSchema;

use crate::applied::RefusalBody;
use crate::etag;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Node)]
pub(crate) struct NodeBody {
    name: String,
    /// Wanted: `online`, `draining` or `offline`.
    state: &'static str,
    /// `connected` or `away`.
    connection: &'static str,
    /// `in_sync`, `applying`, `rejected` or `away`.
    status: &'static str,
    /// What it runs; 0 when nothing.
    generation: u64,
    /// Of the newest acknowledgement: from receiving the snapshot to the last core's commit.
    ack_us: Option<u64>,
    cores: Vec<CoreBody>,
    rejection: Option<RejectionBody>,
    address: String,
    balancer_address: Option<String>,
    admin_address: Option<String>,
    version: String,
    python: String,
    weight: u32,
    workers: WorkersBody,
    /// `starting`, `ready` or `stopping`.
    node_state: &'static str,
    connections: u64,
    in_flight: u64,
    requests_per_second: f64,
    /// Cores' worth of CPU time; 1.0 is one core busy.
    cpu_share: f64,
    resident_bytes: u64,
    started_at: Option<String>,
    last_seen_at: Option<String>,
    etag: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Core)]
struct CoreBody {
    core: u32,
    prepare_us: u64,
    commit_us: u64,
}

/// A generation that the node refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rejection)]
struct RejectionBody {
    generation: u64,
    refusals: Vec<RefusalBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Workers)]
struct WorkersBody {
    ready: u32,
    total: u32,
}

// === impl NodeBody ===

impl From<NodeView> for NodeBody {
    fn from(view: NodeView) -> Self {
        let requests_per_second = super::requests_per_second(&view);
        let NodeView {
            node, live, status, ..
        } = view;
        let report = live.as_ref().and_then(|live| live.report.clone());
        let ack = live.as_ref().and_then(|live| live.ack.clone());
        let connection = live
            .as_ref()
            .map_or(Connection::Away, |live| live.connection);
        let time = |at: Option<cp_model::Timestamp>| at.map(|at| at.to_string());
        let reported_python = report.as_ref().map(|report| report.python.clone());
        Self {
            name: node.seen.name.to_string(),
            state: node.state.as_str(),
            connection: match connection {
                Connection::Connected => "connected",
                Connection::Away => "away",
            },
            status: match status {
                NodeStatus::InSync => "in_sync",
                NodeStatus::Applying => "applying",
                NodeStatus::Rejected => "rejected",
                NodeStatus::Away => "away",
            },
            generation: live.as_ref().map_or(0, |live| live.running.0),
            ack_us: ack.as_ref().map(|ack| ack.total_us),
            cores: ack.map(cores).unwrap_or_default(),
            rejection: live
                .as_ref()
                .and_then(|live| live.rejection.clone())
                .map(Into::into),
            address: node.seen.address.to_string(),
            balancer_address: node
                .seen
                .balancer_address
                .map(|address| address.to_string()),
            admin_address: node.seen.admin_address.map(|address| address.to_string()),
            version: node.seen.binary_version,
            python: reported_python
                .filter(|text| !text.is_empty())
                .unwrap_or(node.seen.python),
            weight: node.weight.value(),
            workers: WorkersBody {
                ready: report.as_ref().map_or(0, |report| report.workers_ready),
                total: report.as_ref().map_or(0, |report| report.workers_total),
            },
            node_state: match report.as_ref().map(|report| report.lifecycle) {
                Some(Lifecycle::Ready) => "ready",
                Some(Lifecycle::Stopping) => "stopping",
                Some(Lifecycle::Starting) | None => "starting",
            },
            connections: report.as_ref().map_or(0, |report| report.connections),
            in_flight: report.as_ref().map_or(0, |report| report.in_flight),
            requests_per_second,
            cpu_share: report.as_ref().map_or(0.0, |report| report.cpu_share),
            resident_bytes: report.as_ref().map_or(0, |report| report.resident_bytes),
            started_at: time(live.as_ref().and_then(|live| live.started_at)),
            last_seen_at: time(live.as_ref().and_then(|live| live.last_seen_at)),
            etag: etag::of_version(node.version),
        }
    }
}

fn cores(ack: AckRecord) -> Vec<CoreBody> {
    let body = |core: cp_app::CoreAck| CoreBody {
        core: core.core,
        prepare_us: core.prepare_us,
        commit_us: core.commit_us,
    };
    ack.cores.into_iter().map(body).collect()
}

// === impl RejectionBody ===

impl From<Rejection> for RejectionBody {
    fn from(rejection: Rejection) -> Self {
        Self {
            generation: rejection.generation.0,
            refusals: rejection
                .refusals
                .into_iter()
                .map(RefusalBody::from)
                .collect(),
        }
    }
}
