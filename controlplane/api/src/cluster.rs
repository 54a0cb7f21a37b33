//! `/cluster`: the cluster at a glance.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use cp_app::ClusterView;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::Api;
use crate::context::Context;
use crate::problem::Problem;

#[derive(OpenApi)]
#[openapi(paths(cluster_show))]
pub(crate) struct Doc;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cluster)]
pub(crate) struct ClusterBody {
    id: String,
    name: String,
    generation: u64,
    nodes: NodeCounts,
    /// Of the control plane.
    version: &'static str,
    started_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct NodeCounts {
    total: usize,
    connected: usize,
    in_sync: usize,
}

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/cluster", get(cluster_show))
}

/// The cluster, its generation and how many nodes run it.
#[utoipa::path(get, path = "/api/v1/cluster", tag = "cluster",
    responses((status = 200, body = ClusterBody)))]
async fn cluster_show(
    State(api): State<Api>,
    Context(context): Context,
) -> Result<Json<ClusterBody>, Problem> {
    Ok(Json(api.app.cluster_view(&context).await?.into()))
}

// === impl ClusterBody ===

impl From<ClusterView> for ClusterBody {
    fn from(view: ClusterView) -> Self {
        Self {
            id: view.cluster.id.to_string(),
            name: view.cluster.name.to_string(),
            generation: view.cluster.generation.0,
            nodes: NodeCounts {
                total: view.nodes_total,
                connected: view.nodes_connected,
                in_sync: view.nodes_in_sync,
            },
            version: view.version,
            started_at: view.started_at.to_string(),
        }
    }
}
