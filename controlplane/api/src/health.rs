//! Probes, open to everyone who can reach the port: alive, ready, which version.
//!
//! Invariant: they tell nothing that an attacker could use beyond the version.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use cp_model::ErrorChain;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::Api;
use crate::problem::{Problem, ProblemBody};

#[derive(OpenApi)]
#[openapi(paths(livez, readyz, version))]
pub(crate) struct Doc;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Version)]
struct VersionBody {
    name: &'static str,
    version: &'static str,
}

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/version", get(version))
}

/// The process runs.
#[utoipa::path(get, path = "/livez", tag = "health", security(()),
    responses((status = 200, description = "alive", body = String)))]
async fn livez() -> &'static str {
    "ok\n"
}

/// The ODB answers.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()), responses(
    (status = 200, description = "ready", body = String),
    (status = 503, description = "the ODB does not answer", body = ProblemBody)))]
async fn readyz(State(api): State<Api>) -> Result<&'static str, Problem> {
    if is_ready(&api).await {
        return Ok("ok\n");
    }
    let text = "the ODB fails";
    Err(Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not-ready",
        text,
    ))
}

/// Whether the ODB answers.
pub(crate) async fn is_ready(api: &Api) -> bool {
    let ready = api.app.ready().await;
    if let Err(error) = &ready {
        tracing::error!(error = %ErrorChain(error), "not ready");
    }
    ready.is_ok()
}

/// What runs here.
#[utoipa::path(get, path = "/version", tag = "health", security(()),
    responses((status = 200, body = VersionBody)))]
async fn version(State(api): State<Api>) -> Json<VersionBody> {
    Json(VersionBody {
        name: "bascule-controlplane",
        version: api.app.version(),
    })
}
