//! `/channels`: where requests enter.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cp_app::{AppError, Changed};
use cp_auth::OpContext;
use cp_model::channel::{BODY_BYTES_MAX_DEFAULT, TIMEOUT_MS_DEFAULT};
use cp_model::{Channel, ChannelFields, ChannelName, ChannelSpec};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::Api;
use crate::applied::{AppliedBody, answer, header_of};
use crate::context::{Context, Target};
use crate::etag::{self, IfMatch};
use crate::json::JsonBody;
use crate::problem::{Problem, ProblemBody};
use crate::query::{Page, PageQuery, WaitQuery};

#[derive(OpenApi)]
#[openapi(paths(
    channel_list,
    channel_create,
    channel_show,
    channel_replace,
    channel_update,
    channel_delete
))]
pub(crate) struct Doc;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Channel)]
pub(crate) struct ChannelBody {
    id: String,
    name: String,
    /// `/a/{b}/c`
    path: String,
    /// Upper case; empty means any.
    method: &'static str,
    service: String,
    /// `json`, or empty for the body as it is.
    data_format: &'static str,
    timeout_ms: u32,
    body_bytes_max: u64,
    is_active: bool,
    etag: String,
}

/// A whole channel as a client writes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChannelInput {
    /// Needed when a channel is made; else the one of the path unless it is renamed.
    name: Option<String>,
    path: String,
    service: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    data_format: String,
    /// 1 to 3,600,000; 30,000 unless set.
    timeout_ms: Option<u64>,
    /// 8 MiB unless set; at most 63 MiB.
    body_bytes_max: Option<u64>,
    /// True unless set.
    is_active: Option<bool>,
}

/// Only what shall change (merge patch).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChannelPatch {
    name: Option<String>,
    path: Option<String>,
    service: Option<String>,
    method: Option<String>,
    data_format: Option<String>,
    timeout_ms: Option<u64>,
    body_bytes_max: Option<u64>,
    is_active: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ChannelChanged {
    channel: ChannelBody,
    generation: u64,
    applied: AppliedBody,
}

pub(crate) fn routes() -> Router<Api> {
    let one = get(channel_show)
        .put(channel_replace)
        .patch(channel_update)
        .delete(channel_delete);
    Router::new()
        .route("/api/v1/channels", get(channel_list).post(channel_create))
        .route("/api/v1/channels/{name}", one)
}

/// All channels in order of name.
#[utoipa::path(get, path = "/api/v1/channels", tag = "channels", params(PageQuery),
    responses((status = 200, body = Page<ChannelBody>)))]
async fn channel_list(
    State(api): State<Api>,
    Context(context): Context,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ChannelBody>>, Problem> {
    let size = query.size()?;
    let channels = api
        .app
        .channel_list(&context, &query.after()?, size + 1)
        .await?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let page = Page::of(channels, size, |channel| channel.spec.name.to_string());
    Ok(Json(page.map(ChannelBody::from)))
}

/// Makes a channel.
#[utoipa::path(post, path = "/api/v1/channels", tag = "channels", params(WaitQuery),
    request_body = ChannelInput, responses(
    (status = 201, body = ChannelChanged),
    (status = 202, description = "committed, not applied in time", body = ChannelChanged),
    (status = 409, description = "name or pattern is taken", body = ProblemBody,
     content_type = "application/problem+json"),
    (status = 422, description = "there is no such service", body = ProblemBody,
     content_type = "application/problem+json")))]
async fn channel_create(
    State(api): State<Api>,
    Context(context): Context,
    Query(query): Query<WaitQuery>,
    JsonBody(input): JsonBody<ChannelInput>,
) -> Result<Response, Problem> {
    let spec = ChannelSpec::parse(&input.fields(None))?;
    let changed = api
        .app
        .channel_create(&context, spec, query.duration()?)
        .await?;
    Ok(changed_answer(StatusCode::CREATED, changed))
}

/// One channel.
#[utoipa::path(get, path = "/api/v1/channels/{name}", tag = "channels",
    params(("name" = String, Path)), responses(
    (status = 200, body = ChannelBody),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn channel_show(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let channel = api
        .app
        .channel_find(&context, &ChannelName::parse(&name)?)
        .await?;
    let etag = etag::of_version(channel.version);
    Ok((
        header_of(header::ETAG, &etag),
        Json(ChannelBody::from(channel)),
    ))
}

/// Replaces a channel as a whole. Needs `If-Match`.
#[utoipa::path(put, path = "/api/v1/channels/{name}", tag = "channels",
    params(("name" = String, Path), ("If-Match" = String, Header), WaitQuery),
    request_body = ChannelInput, responses(
    (status = 200, body = ChannelChanged), (status = 202, body = ChannelChanged),
    (status = 412, description = "it was changed meanwhile", body = ProblemBody,
     content_type = "application/problem+json"),
    (status = 428, description = "If-Match is missing", body = ProblemBody,
     content_type = "application/problem+json")))]
async fn channel_replace(
    State(api): State<Api>,
    Context(context): Context,
    target: Target,
    JsonBody(input): JsonBody<ChannelInput>,
) -> Result<Response, Problem> {
    let if_match = etag::required(target.if_match)?;
    let spec = ChannelSpec::parse(&input.fields(Some(&target.name)))?;
    let name = ChannelName::parse(&target.name)?;
    let seen = api.app.channel_find(&context, &name).await?;
    write(&api, &context, (&seen, if_match), spec, target.wait).await
}

/// Changes the given fields of a channel. Needs `If-Match`.
#[utoipa::path(patch, path = "/api/v1/channels/{name}", tag = "channels",
    params(("name" = String, Path), ("If-Match" = String, Header), WaitQuery),
    request_body = ChannelPatch, responses(
    (status = 200, body = ChannelChanged), (status = 202, body = ChannelChanged),
    (status = 412, description = "it was changed meanwhile", body = ProblemBody,
     content_type = "application/problem+json"),
    (status = 428, description = "If-Match is missing", body = ProblemBody,
     content_type = "application/problem+json")))]
async fn channel_update(
    State(api): State<Api>,
    Context(context): Context,
    target: Target,
    JsonBody(patch): JsonBody<ChannelPatch>,
) -> Result<Response, Problem> {
    let if_match = etag::required(target.if_match)?;
    let name = ChannelName::parse(&target.name)?;
    let seen = api.app.channel_find(&context, &name).await?;
    let spec = ChannelSpec::parse(&patch.onto(seen.spec.fields()))?;
    write(&api, &context, (&seen, if_match), spec, target.wait).await
}

/// Takes a channel away. Needs `If-Match`.
#[utoipa::path(delete, path = "/api/v1/channels/{name}", tag = "channels",
    params(("name" = String, Path), ("If-Match" = String, Header), WaitQuery), responses(
    (status = 200, body = ChannelChanged), (status = 202, body = ChannelChanged),
    (status = 412, description = "it was changed meanwhile", body = ProblemBody,
     content_type = "application/problem+json"),
    (status = 428, description = "If-Match is missing", body = ProblemBody,
     content_type = "application/problem+json")))]
async fn channel_delete(
    State(api): State<Api>,
    Context(context): Context,
    target: Target,
) -> Result<Response, Problem> {
    let if_match = etag::required(target.if_match)?;
    let name = ChannelName::parse(&target.name)?;
    let seen = api.app.channel_find(&context, &name).await?;
    let expected = if_match.expected(seen.version);
    match api
        .app
        .channel_delete(&context, (&name, expected), target.wait)
        .await
    {
        Ok(changed) => Ok(changed_answer(StatusCode::OK, changed)),
        Err(error) => Err(with_current(&api, &context, &name, error).await),
    }
}

async fn write(
    api: &Api,
    context: &OpContext,
    (seen, if_match): (&Channel, IfMatch),
    spec: ChannelSpec,
    wait: Option<Duration>,
) -> Result<Response, Problem> {
    let name = &seen.spec.name;
    let expected = if_match.expected(seen.version);
    match api
        .app
        .channel_update(context, (name, expected), spec, wait)
        .await
    {
        Ok(changed) => Ok(changed_answer(StatusCode::OK, changed)),
        Err(error) => Err(with_current(api, context, name, error).await),
    }
}

/// A stale write is told what is there now.
async fn with_current(
    api: &Api,
    context: &OpContext,
    name: &ChannelName,
    error: AppError,
) -> Problem {
    let problem = Problem::from(error);
    if problem.status != StatusCode::PRECONDITION_FAILED {
        return problem;
    }
    match api.app.channel_find(context, name).await {
        Ok(channel) => {
            let current = serde_json::to_value(ChannelBody::from(channel)).unwrap_or_default();
            problem.with("current", current)
        }
        Err(_) => problem,
    }
}

fn changed_answer(done: StatusCode, changed: Changed<Channel>) -> Response {
    let mut headers = header_of(header::ETAG, &etag::of_version(changed.value.version));
    if done == StatusCode::CREATED {
        let location = format!("/api/v1/channels/{}", changed.value.spec.name);
        headers.extend(header_of(header::LOCATION, &location));
    }
    let settled = changed.applied.settled;
    let body = ChannelChanged {
        channel: changed.value.into(),
        generation: changed.generation.0,
        applied: changed.applied.into(),
    };
    answer((done, settled), changed.generation, headers, body)
}

// === impl ChannelBody ===

impl From<Channel> for ChannelBody {
    fn from(channel: Channel) -> Self {
        let spec = channel.spec;
        Self {
            id: channel.id.to_string(),
            name: spec.name.to_string(),
            path: spec.path.to_string(),
            method: spec.method.as_str(),
            service: spec.service.to_string(),
            data_format: spec.data_format.as_str(),
            timeout_ms: spec.timeout_ms,
            body_bytes_max: spec.body_bytes_max,
            is_active: spec.is_active,
            etag: etag::of_version(channel.version),
        }
    }
}

// === impl ChannelInput ===

impl ChannelInput {
    fn fields(self, name: Option<&str>) -> ChannelFields {
        ChannelFields {
            name: self
                .name
                .unwrap_or_else(|| name.unwrap_or_default().to_owned()),
            path: self.path,
            method: self.method,
            service: self.service,
            data_format: self.data_format,
            timeout_ms: self.timeout_ms.unwrap_or_else(|| TIMEOUT_MS_DEFAULT.into()),
            body_bytes_max: self.body_bytes_max.unwrap_or(BODY_BYTES_MAX_DEFAULT),
            is_active: self.is_active.unwrap_or(true),
        }
    }
}

// === impl ChannelPatch ===

impl ChannelPatch {
    fn onto(self, fields: ChannelFields) -> ChannelFields {
        ChannelFields {
            name: self.name.unwrap_or(fields.name),
            path: self.path.unwrap_or(fields.path),
            method: self.method.unwrap_or(fields.method),
            service: self.service.unwrap_or(fields.service),
            data_format: self.data_format.unwrap_or(fields.data_format),
            timeout_ms: self.timeout_ms.unwrap_or(fields.timeout_ms),
            body_bytes_max: self.body_bytes_max.unwrap_or(fields.body_bytes_max),
            is_active: self.is_active.unwrap_or(fields.is_active),
        }
    }
}
