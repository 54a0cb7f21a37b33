//! `/jobs/{name}/…`: how a job stands, what became of it, and what is asked of it. Jobs themselves are
//! objects.
//!
//! Invariant: an answer that says "accepted" comes after the wish is in the ODB.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use cp_app::{Ask, JobRecord};
use cp_model::Timestamp;
use cp_model::kind::JOB;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use crate::Api;
use crate::context::Context;
use crate::json::JsonBody;
use crate::problem::{Problem, ProblemBody};
use crate::query::{Page, PageQuery};

#[derive(OpenApi)]
#[openapi(paths(
    job_status,
    job_runs,
    job_run,
    job_pause,
    job_resume,
    job_skip_next,
    job_preview
))]
pub(crate) struct Doc;

/// How a job stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobStatus)]
struct JobStatusBody {
    name: String,
    id: String,
    /// RFC 3339; at most five.
    next_fires: Vec<String>,
    /// The scheduler's own: counters, runs that are on, whether it is paused; `null` until a leader has
    /// seen the job.
    #[schema(value_type = Option<Object>)]
    state: Option<Value>,
}

/// What became of one fire.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobRun)]
struct JobRunBody {
    /// Counts the lines of the job's history, from 1 on.
    number: u64,
    at: String,
    /// When it was planned, the run's id, the attempt, where it came from, and the outcome.
    #[schema(value_type = Object)]
    record: Value,
}

/// Another payload than the job's, if one is given.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RunNow {
    extra: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Fires {
    /// RFC 3339; at most five, empty when it never fires.
    next_fires: Vec<String>,
}

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/jobs/{name}/status", get(job_status))
        .route("/api/v1/jobs/{name}/runs", get(job_runs))
        .route("/api/v1/jobs/{name}/run", post(job_run))
        .route("/api/v1/jobs/{name}/pause", post(job_pause))
        .route("/api/v1/jobs/{name}/resume", post(job_resume))
        .route("/api/v1/jobs/{name}/skip-next", post(job_skip_next))
        .route("/api/v1/job-preview", post(job_preview))
}

/// When a job fires next, and how it stands.
#[utoipa::path(get, path = "/api/v1/jobs/{name}/status", tag = "jobs",
    params(("name" = String, Path)), responses((status = 200, body = JobStatusBody),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn job_status(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
) -> Result<Json<JobStatusBody>, Problem> {
    let view = api.app.job_show(&context, &JOB.parse_name(&name)?).await?;
    Ok(Json(JobStatusBody {
        name: view.object.name.to_string(),
        id: view.object.id.to_string(),
        next_fires: times(view.next_fires_ms),
        state: view
            .state
            .and_then(|state| serde_json::to_value(state).ok()),
    }))
}

/// A job's history, newest first.
#[utoipa::path(get, path = "/api/v1/jobs/{name}/runs", tag = "jobs",
    params(("name" = String, Path), PageQuery),
    responses((status = 200, body = Page<JobRunBody>)))]
async fn job_runs(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<JobRunBody>>, Problem> {
    let (size, before) = (query.size()?, query.before()?);
    let name = JOB.parse_name(&name)?;
    let records = api
        .app
        .job_records(&context, &name, before, size + 1)
        .await?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let page = Page::of(records, size, |record| record.number.to_string());
    Ok(Json(page.map(JobRunBody::from)))
}

/// Runs a job now, out of turn.
#[utoipa::path(post, path = "/api/v1/jobs/{name}/run", tag = "jobs",
    params(("name" = String, Path)), request_body = RunNow,
    responses((status = 202, description = "the leader will do it")))]
async fn job_run(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
    JsonBody(run): JsonBody<RunNow>,
) -> Result<StatusCode, Problem> {
    ask(&api, &context, &name, Ask::RunNow { extra: run.extra }).await
}

/// Pauses a job: what passes meanwhile is not made up for.
#[utoipa::path(post, path = "/api/v1/jobs/{name}/pause", tag = "jobs",
    params(("name" = String, Path)),
    responses((status = 202, description = "the leader will do it")))]
async fn job_pause(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    ask(&api, &context, &name, Ask::Pause).await
}

/// Ends a pause.
#[utoipa::path(post, path = "/api/v1/jobs/{name}/resume", tag = "jobs",
    params(("name" = String, Path)),
    responses((status = 202, description = "the leader will do it")))]
async fn job_resume(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    ask(&api, &context, &name, Ask::Resume).await
}

/// Leaves the next fire out.
#[utoipa::path(post, path = "/api/v1/jobs/{name}/skip-next", tag = "jobs",
    params(("name" = String, Path)),
    responses((status = 202, description = "the leader will do it")))]
async fn job_skip_next(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    ask(&api, &context, &name, Ask::SkipNext).await
}

/// The next fires of a job before it is saved; the body is the job's.
#[utoipa::path(post, path = "/api/v1/job-preview", tag = "jobs", request_body = Object,
    responses((status = 200, body = Fires),
    (status = 400, body = ProblemBody, content_type = "application/problem+json")))]
async fn job_preview(
    State(api): State<Api>,
    Context(context): Context,
    JsonBody(fields): JsonBody<Map<String, Value>>,
) -> Result<Json<Fires>, Problem> {
    let fires = api.app.job_preview(&context, fields)?;
    Ok(Json(Fires {
        next_fires: times(fires),
    }))
}

async fn ask(
    api: &Api,
    context: &cp_auth::OpContext,
    name: &str,
    ask: Ask,
) -> Result<StatusCode, Problem> {
    api.app
        .job_ask(context, &JOB.parse_name(name)?, ask)
        .await?;
    Ok(StatusCode::ACCEPTED)
}

fn times(fires_ms: Vec<i64>) -> Vec<String> {
    let time = |ms: i64| Timestamp::from_unix_us(ms.saturating_mul(1_000)).to_string();
    fires_ms.into_iter().map(time).collect()
}

// === impl JobRunBody ===

impl From<JobRecord> for JobRunBody {
    fn from(record: JobRecord) -> Self {
        Self {
            number: record.number,
            at: Timestamp::from_unix_us(record.at_us).to_string(),
            record: record.record,
        }
    }
}
