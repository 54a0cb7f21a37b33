//! The control plane's own metrics, in Prometheus' text format; a few, cheap ones.
//!
//! Invariant: no label comes from a client.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use utoipa::OpenApi;

use crate::Api;
use crate::context::Context;
use crate::problem::Problem;

#[derive(OpenApi)]
#[openapi(paths(metrics))]
pub(crate) struct Doc;

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/metrics", get(metrics))
}

/// Gauges and counters of the cluster.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Prometheus text format", body = String)))]
async fn metrics(
    State(api): State<Api>,
    Context(context): Context,
) -> Result<impl IntoResponse, Problem> {
    let cluster = api.app.cluster_view(&context).await?;
    let stats = api.app.stats_view(&context)?;
    let gauges = [
        (
            "generation",
            "Number of the newest generation.",
            cluster.cluster.generation.0,
        ),
        (
            "nodes",
            "Nodes that the cluster has.",
            count(cluster.nodes_total),
        ),
        (
            "nodes_connected",
            "Nodes that are connected.",
            count(cluster.nodes_connected),
        ),
        (
            "nodes_in_sync",
            "Nodes that run the newest generation.",
            count(cluster.nodes_in_sync),
        ),
        (
            "in_flight",
            "Exchanges in flight on all nodes.",
            stats.in_flight,
        ),
        (
            "connections",
            "Open connections of all nodes.",
            stats.connections,
        ),
    ];
    let counters = [
        (
            "node_claims_refused_total",
            "Words of nodes about what they run that were not believed.",
            cluster.fleet_counts.claims_refused,
        ),
        (
            "node_resyncs_total",
            "Deltas that did not fit, each answered with a whole snapshot.",
            cluster.fleet_counts.resyncs,
        ),
    ];
    let text = exposition("gauge", &gauges) + &exposition("counter", &counters);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}

fn exposition(kind: &str, metrics: &[(&str, &str, u64)]) -> String {
    let mut text = String::new();
    for (name, help, value) in metrics {
        // Writing to a `String` cannot fail.
        write!(
            text,
            "# HELP bascule_controlplane_{name} {help}\n\
             # TYPE bascule_controlplane_{name} {kind}\n\
             bascule_controlplane_{name} {value}\n"
        )
        .ok();
    }
    text
}

fn count(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
