//! `/generations`: the history, and how each stands on the nodes.

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use cp_app::GenerationView;
use cp_model::Generation;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::Api;
use crate::applied::NodeAppliedBody;
use crate::context::Context;
use crate::problem::{Problem, ProblemBody};
use crate::query::{Page, PageQuery};

#[derive(OpenApi)]
#[openapi(paths(generation_list, generation_show))]
pub(crate) struct Doc;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Generation)]
struct GenerationBody {
    number: u64,
    at: String,
    who: String,
    summary: String,
    nodes: Vec<NodeAppliedBody>,
}

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/generations", get(generation_list))
        .route("/api/v1/generations/{number}", get(generation_show))
}

/// All generations, newest first.
#[utoipa::path(get, path = "/api/v1/generations", tag = "generations", params(PageQuery),
    responses((status = 200, body = Page<GenerationBody>)))]
async fn generation_list(
    State(api): State<Api>,
    Context(context): Context,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<GenerationBody>>, Problem> {
    let size = query.size()?;
    let views = api
        .app
        .generation_list(&context, query.before()?, size + 1)
        .await?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let page = Page::of(views, size, |view| view.row.number.to_string());
    Ok(Json(page.map(GenerationBody::from)))
}

/// One generation.
#[utoipa::path(get, path = "/api/v1/generations/{number}", tag = "generations",
    params(("number" = u64, Path)), responses(
    (status = 200, body = GenerationBody),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn generation_show(
    State(api): State<Api>,
    Context(context): Context,
    Path(number): Path<u64>,
) -> Result<Json<GenerationBody>, Problem> {
    Ok(Json(
        api.app
            .generation_find(&context, Generation(number))
            .await?
            .into(),
    ))
}

// === impl GenerationBody ===

impl From<GenerationView> for GenerationBody {
    fn from(view: GenerationView) -> Self {
        Self {
            number: view.row.number.0,
            at: view.row.at.to_string(),
            who: view.row.who,
            summary: view.row.summary,
            nodes: view.nodes.into_iter().map(NodeAppliedBody::from).collect(),
        }
    }
}
