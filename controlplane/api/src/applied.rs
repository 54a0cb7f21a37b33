//! The shape of "is it live": each node's word on a generation, and the status that follows.
//!
//! Invariant: 202 means that the change is committed and the time was up; never that it may still
//! be refused.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cp_app::{Applied, NodeApplied, NodeApplyState, Refusal};
use cp_model::Generation;
use serde::Serialize;
use utoipa::ToSchema;

/// How a change stands on the nodes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Applied)]
pub(crate) struct AppliedBody {
    generation: u64,
    /// True when every connected node runs it.
    complete: bool,
    took_ms: u64,
    nodes: Vec<NodeAppliedBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeApplied)]
pub(crate) struct NodeAppliedBody {
    node: String,
    /// `applied`, `pending`, `rejected` or `away`.
    state: &'static str,
    /// From receiving the snapshot to the last core's commit.
    ack_us: Option<u64>,
    refusals: Vec<RefusalBody>,
}

/// Why a node refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refusal)]
pub(crate) struct RefusalBody {
    object: String,
    field: String,
    reason: String,
    /// -1 when the node as a whole refused.
    core: i32,
}

// === impl AppliedBody ===

impl From<Applied> for AppliedBody {
    fn from(applied: Applied) -> Self {
        Self {
            generation: applied.generation.0,
            complete: applied.complete,
            took_ms: u64::try_from(applied.took.as_millis()).unwrap_or(u64::MAX),
            nodes: applied
                .nodes
                .into_iter()
                .map(NodeAppliedBody::from)
                .collect(),
        }
    }
}

// === impl NodeAppliedBody ===

impl From<NodeApplied> for NodeAppliedBody {
    fn from(node: NodeApplied) -> Self {
        Self {
            node: node.node.to_string(),
            state: match node.state {
                NodeApplyState::Applied => "applied",
                NodeApplyState::Pending => "pending",
                NodeApplyState::Rejected => "rejected",
                NodeApplyState::Away => "away",
            },
            ack_us: node.ack_us,
            refusals: node.refusals.into_iter().map(RefusalBody::from).collect(),
        }
    }
}

// === impl RefusalBody ===

impl From<Refusal> for RefusalBody {
    fn from(refusal: Refusal) -> Self {
        Self {
            object: refusal.object,
            field: refusal.field,
            reason: refusal.reason,
            core: refusal.core,
        }
    }
}

/// The answer to a change: `done`, or 202 with where to look when the wait was in vain.
pub(crate) fn answer(
    (done, settled): (StatusCode, bool),
    generation: Generation,
    mut headers: HeaderMap,
    body: impl Serialize,
) -> Response {
    if settled {
        return (done, headers, Json(body)).into_response();
    }
    let location = format!("/api/v1/generations/{generation}");
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(header::LOCATION, location);
    }
    (StatusCode::ACCEPTED, headers, Json(body)).into_response()
}

/// One header, when the text can be one.
pub(crate) fn header_of(name: header::HeaderName, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
    headers
}
