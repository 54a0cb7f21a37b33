//! `/stats`: the last minutes in numbers.
//!
//! Invariant: a quantile of nothing is `null`, not zero.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use cp_app::{INTERVAL_SECONDS, Point, StatsView, Summary};
use cp_model::Timestamp;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::Api;
use crate::context::Context;
use crate::problem::Problem;

#[derive(OpenApi)]
#[openapi(paths(stats_show))]
pub(crate) struct Doc;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stats)]
struct StatsBody {
    at: String,
    /// Rates and quantiles are of the last so many seconds.
    interval_s: u64,
    total: TotalBody,
    /// One point a second, oldest first; a second without reports has none.
    series: Vec<PointBody>,
    services: Vec<NamedSummary>,
    nodes: Vec<NamedSummary>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Summary)]
pub(crate) struct SummaryBody {
    requests_per_second: f64,
    errors_per_second: f64,
    p50_us: Option<u64>,
    p95_us: Option<u64>,
    p99_us: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Total)]
pub(crate) struct TotalBody {
    #[serde(flatten)]
    summary: SummaryBody,
    in_flight: u64,
    connections: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Point)]
pub(crate) struct PointBody {
    at: String,
    requests: u64,
    errors: u64,
    p50_us: Option<u64>,
    p99_us: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct NamedSummary {
    name: String,
    #[serde(flatten)]
    summary: SummaryBody,
}

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/stats", get(stats_show))
}

/// Rates, quantiles and the seconds of the last five minutes.
#[utoipa::path(get, path = "/api/v1/stats", tag = "stats",
    responses((status = 200, body = StatsBody)))]
async fn stats_show(
    State(api): State<Api>,
    Context(context): Context,
) -> Result<Json<StatsBody>, Problem> {
    let view = api.app.stats_view(&context)?;
    Ok(Json(StatsBody {
        at: view.at.to_string(),
        interval_s: INTERVAL_SECONDS,
        total: TotalBody::from(&view),
        series: view.points.iter().map(PointBody::from).collect(),
        services: view.services.into_iter().map(NamedSummary::from).collect(),
        nodes: view.nodes.into_iter().map(NamedSummary::from).collect(),
    }))
}

/// Two digits are all that a rate over some seconds can tell.
pub(crate) fn rounded(rate: f64) -> f64 {
    (rate * 100.0).round() / 100.0
}

// === impl SummaryBody ===

impl From<Summary> for SummaryBody {
    fn from(summary: Summary) -> Self {
        Self {
            requests_per_second: rounded(summary.requests_per_second),
            errors_per_second: rounded(summary.errors_per_second),
            p50_us: summary.p50_us,
            p95_us: summary.p95_us,
            p99_us: summary.p99_us,
        }
    }
}

// === impl TotalBody ===

impl From<&StatsView> for TotalBody {
    fn from(view: &StatsView) -> Self {
        Self {
            summary: view.total.into(),
            in_flight: view.in_flight,
            connections: view.connections,
        }
    }
}

// === impl PointBody ===

impl From<&Point> for PointBody {
    fn from(point: &Point) -> Self {
        let us = i64::try_from(point.second)
            .unwrap_or(0)
            .saturating_mul(1_000_000);
        Self {
            at: Timestamp::from_unix_us(us).to_string(),
            requests: point.requests,
            errors: point.errors,
            p50_us: point.durations.quantile(500),
            p99_us: point.durations.quantile(990),
        }
    }
}

// === impl NamedSummary ===

impl From<(String, Summary)> for NamedSummary {
    fn from((name, summary): (String, Summary)) -> Self {
        Self {
            name,
            summary: summary.into(),
        }
    }
}
