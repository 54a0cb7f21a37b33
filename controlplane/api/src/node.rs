//! `/nodes`: what each node is, does and runs.

mod body;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cp_app::{Changed, NodeView};
use cp_model::{NodeChange, NodeName, NodeState, Version, Weight};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::applied::{AppliedBody, answer, header_of};
use crate::context::{Context, Target};
use crate::etag::{self, IfMatch};
use crate::json::JsonBody;
use crate::problem::{Problem, ProblemBody};
use crate::query::{Page, PageQuery, WaitQuery};
use crate::{Api, stats};
pub(crate) use body::NodeBody;

#[derive(OpenApi)]
#[openapi(paths(
    node_list,
    node_show,
    node_update,
    node_delete,
    node_drain,
    node_resume,
    node_offline
))]
pub(crate) struct Doc;

/// What a person decides about a node.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NodeUpdate {
    /// `online`, `draining` or `offline`.
    state: Option<String>,
    /// 1 to 1000.
    weight: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct NodeChanged {
    node: NodeBody,
    generation: u64,
    applied: AppliedBody,
}

pub(crate) fn routes() -> Router<Api> {
    // A verb follows the name after a colon, which the router cannot split.
    let node = get(node_show)
        .patch(node_update)
        .delete(node_delete)
        .post(node_verb);
    Router::new()
        .route("/api/v1/nodes", get(node_list))
        .route("/api/v1/nodes/{name}", node)
}

/// All nodes in order of name.
#[utoipa::path(get, path = "/api/v1/nodes", tag = "nodes", params(PageQuery),
    responses((status = 200, body = Page<NodeBody>)))]
async fn node_list(
    State(api): State<Api>,
    Context(context): Context,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<NodeBody>>, Problem> {
    let nodes = api.app.node_list(&context).await?;
    let page = query.cut(nodes, |view| view.node.seen.name.to_string())?;
    Ok(Json(page.map(NodeBody::from)))
}

/// One node.
#[utoipa::path(get, path = "/api/v1/nodes/{name}", tag = "nodes",
    params(("name" = String, Path)), responses(
    (status = 200, body = NodeBody),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn node_show(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let view = api
        .app
        .node_find(&context, &NodeName::parse(&name)?)
        .await?;
    Ok((
        header_of(header::ETAG, &etag_of(&view)),
        Json(NodeBody::from(view)),
    ))
}

/// Changes wanted state or weight.
#[utoipa::path(patch, path = "/api/v1/nodes/{name}", tag = "nodes",
    params(("name" = String, Path), WaitQuery), request_body = NodeUpdate, responses(
    (status = 200, body = NodeChanged),
    (status = 202, description = "committed, not applied in time", body = NodeChanged),
    (status = 412, body = ProblemBody, content_type = "application/problem+json")))]
async fn node_update(
    State(api): State<Api>,
    Context(context): Context,
    target: Target,
    JsonBody(update): JsonBody<NodeUpdate>,
) -> Result<Response, Problem> {
    let state = update.state.as_deref().map(NodeState::parse).transpose()?;
    let weight = update.weight.map(Weight::parse).transpose()?;
    let name = NodeName::parse(&target.name)?;
    let expected = expected(&target);
    let change = NodeChange { state, weight };
    match api
        .app
        .node_update(&context, (&name, expected), change, target.wait)
        .await
    {
        Ok(changed) => Ok(changed_answer(changed)),
        Err(error) => Err(with_current(&api, &context, &name, error.into()).await),
    }
}

/// Forgets a node that is not connected.
#[utoipa::path(delete, path = "/api/v1/nodes/{name}", tag = "nodes",
    params(("name" = String, Path), WaitQuery), responses(
    (status = 200, body = NodeChanged),
    (status = 409, description = "it is connected", body = ProblemBody,
     content_type = "application/problem+json")))]
async fn node_delete(
    State(api): State<Api>,
    Context(context): Context,
    target: Target,
) -> Result<Response, Problem> {
    let name = NodeName::parse(&target.name)?;
    let expected = expected(&target);
    let changed = api
        .app
        .node_delete(&context, (&name, expected), target.wait)
        .await?;
    Ok(changed_answer(changed))
}

async fn node_verb(
    State(api): State<Api>,
    context: Context,
    Path(target): Path<String>,
    query: Query<WaitQuery>,
) -> Result<Response, Problem> {
    let (name, verb) = target.split_once(':').unwrap_or((&target, ""));
    let path = Path(name.to_owned());
    match verb {
        "drain" => node_drain(State(api), context, path, query).await,
        "resume" => node_resume(State(api), context, path, query).await,
        "offline" => node_offline(State(api), context, path, query).await,
        _ => {
            let text = "POST needs a verb after the name: :drain, :resume or :offline";
            Err(Problem::of_status(StatusCode::METHOD_NOT_ALLOWED, text)
                .with_header(header::ALLOW, "GET,HEAD,PATCH,DELETE"))
        }
    }
}

/// Lets the node finish what it has and gives it nothing new.
#[utoipa::path(post, path = "/api/v1/nodes/{name}:drain", tag = "nodes",
    params(("name" = String, Path), WaitQuery),
    responses((status = 200, body = NodeChanged), (status = 202, body = NodeChanged)))]
async fn node_drain(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
    Query(query): Query<WaitQuery>,
) -> Result<Response, Problem> {
    node_state(&api, &context, (&name, NodeState::Draining), &query).await
}

/// Gives the node requests again.
#[utoipa::path(post, path = "/api/v1/nodes/{name}:resume", tag = "nodes",
    params(("name" = String, Path), WaitQuery),
    responses((status = 200, body = NodeChanged), (status = 202, body = NodeChanged)))]
async fn node_resume(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
    Query(query): Query<WaitQuery>,
) -> Result<Response, Problem> {
    node_state(&api, &context, (&name, NodeState::Online), &query).await
}

/// Takes the node out.
#[utoipa::path(post, path = "/api/v1/nodes/{name}:offline", tag = "nodes",
    params(("name" = String, Path), WaitQuery),
    responses((status = 200, body = NodeChanged), (status = 202, body = NodeChanged)))]
async fn node_offline(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
    Query(query): Query<WaitQuery>,
) -> Result<Response, Problem> {
    node_state(&api, &context, (&name, NodeState::Offline), &query).await
}

async fn node_state(
    api: &Api,
    context: &cp_auth::OpContext,
    (name, state): (&str, NodeState),
    query: &WaitQuery,
) -> Result<Response, Problem> {
    let name = NodeName::parse(name)?;
    let change = NodeChange {
        state: Some(state),
        weight: None,
    };
    let wait = query.duration()?;
    let changed = api
        .app
        .node_update(context, (&name, None), change, wait)
        .await?;
    Ok(changed_answer(changed))
}

fn changed_answer(changed: Changed<NodeView>) -> Response {
    let headers = header_of(header::ETAG, &etag_of(&changed.value));
    let settled = changed.applied.settled;
    let body = NodeChanged {
        node: changed.value.into(),
        generation: changed.generation.0,
        applied: changed.applied.into(),
    };
    answer((StatusCode::OK, settled), changed.generation, headers, body)
}

/// Presented or not; a person at a terminal may drain without having looked.
fn expected(target: &Target) -> Option<Version> {
    match target.if_match {
        Some(IfMatch::Version(version)) => Some(version),
        Some(IfMatch::Any) | None => None,
    }
}

/// A stale write is told what is there now.
async fn with_current(
    api: &Api,
    context: &cp_auth::OpContext,
    name: &NodeName,
    problem: Problem,
) -> Problem {
    if problem.status != StatusCode::PRECONDITION_FAILED {
        return problem;
    }
    match api.app.node_find(context, name).await {
        Ok(view) => {
            let current = serde_json::to_value(NodeBody::from(view)).unwrap_or_default();
            problem.with("current", current)
        }
        Err(_) => problem,
    }
}

fn etag_of(view: &NodeView) -> String {
    etag::of_version(view.node.version)
}

/// A rate as JSON shows it.
pub(crate) fn requests_per_second(view: &NodeView) -> f64 {
    stats::rounded(view.stats.requests_per_second)
}
