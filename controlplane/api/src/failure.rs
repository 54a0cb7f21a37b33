//! `/failures`: exchanges that failed lately, for whoever holds a cid.

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use cp_app::FailureRecord;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::Api;
use crate::context::Context;
use crate::problem::{Problem, ProblemBody};
use crate::query::{Page, PageQuery};

#[derive(OpenApi)]
#[openapi(paths(failure_list, failure_show))]
pub(crate) struct Doc;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Failure)]
struct FailureBody {
    cid: String,
    at: String,
    node: String,
    channel: String,
    service: String,
    status: u32,
    /// Exception type, or `worker-died`, `deadline`.
    kind: String,
    traceback: String,
}

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/failures", get(failure_list))
        .route("/api/v1/failures/{cid}", get(failure_show))
}

/// The last 500, newest first.
#[utoipa::path(get, path = "/api/v1/failures", tag = "failures", params(PageQuery),
    responses((status = 200, body = Page<FailureBody>)))]
async fn failure_list(
    State(api): State<Api>,
    Context(context): Context,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<FailureBody>>, Problem> {
    let size = query.size()?;
    let failures = api.app.failure_list(&context, query.before()?, size + 1)?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let page = Page::of(failures, size, |failure| failure.sequence.to_string());
    Ok(Json(page.map(FailureBody::from)))
}

/// One, by its correlation id.
#[utoipa::path(get, path = "/api/v1/failures/{cid}", tag = "failures",
    params(("cid" = String, Path)), responses(
    (status = 200, body = FailureBody),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn failure_show(
    State(api): State<Api>,
    Context(context): Context,
    Path(cid): Path<String>,
) -> Result<Json<FailureBody>, Problem> {
    Ok(Json(api.app.failure_find(&context, &cid)?.into()))
}

// === impl FailureBody ===

impl From<FailureRecord> for FailureBody {
    fn from(failure: FailureRecord) -> Self {
        Self {
            cid: failure.cid,
            at: failure.at.to_string(),
            node: failure.node,
            channel: failure.channel,
            service: failure.service,
            status: failure.status,
            kind: failure.kind,
            traceback: failure.traceback,
        }
    }
}
