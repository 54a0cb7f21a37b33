//! `/generations`: the history, and how each stands on the nodes.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use cp_app::{Difference, GenerationView};
use cp_model::object::HIDDEN;
use cp_model::{Generation, diff, kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::Api;
use crate::applied::{AppliedBody, NodeAppliedBody, answer};
use crate::context::Context;
use crate::problem::{Problem, ProblemBody};
use crate::query::{Page, PageQuery, WaitQuery, WriteQuery};

#[derive(OpenApi)]
#[openapi(paths(generation_list, generation_show, generation_diff, generation_restore))]
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

/// What to compare with.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct DiffQuery {
    /// The generation before it unless set.
    from: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Diff)]
struct DiffBody {
    from: u64,
    to: u64,
    /// In order of kind and name.
    items: Vec<DifferenceBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Difference)]
pub(crate) struct DifferenceBody {
    /// `channel`, …, or `package`, whose name is its file.
    pub(crate) kind: String,
    pub(crate) name: String,
    /// `created`, `changed` or `deleted`.
    pub(crate) change: &'static str,
    pub(crate) fields: Vec<FieldChangeBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldChange)]
pub(crate) struct FieldChangeBody {
    /// JSON pointer.
    pub(crate) pointer: String,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Restored)]
struct RestoredBody {
    generation: u64,
    items: Vec<DifferenceBody>,
    applied: AppliedBody,
    /// Nothing was committed.
    is_dry_run: bool,
}

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/generations", get(generation_list))
        .route("/api/v1/generations/{number}", get(generation_show))
        .route("/api/v1/generations/{number}/diff", get(generation_diff))
        .route(
            "/api/v1/generations/{number}/restore",
            post(generation_restore),
        )
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

/// What a generation changed, field by field; or what differs between it and another one.
#[utoipa::path(get, path = "/api/v1/generations/{number}/diff", tag = "generations",
    params(("number" = u64, Path), DiffQuery), responses(
    (status = 200, body = DiffBody),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 410, description = "its content is not kept", body = ProblemBody,
     content_type = "application/problem+json")))]
async fn generation_diff(
    State(api): State<Api>,
    Context(context): Context,
    Path(number): Path<u64>,
    Query(query): Query<DiffQuery>,
) -> Result<Json<DiffBody>, Problem> {
    let from = query.from.unwrap_or_else(|| number.saturating_sub(1));
    let (from, to) = (Generation(from), Generation(number));
    let differences = api.app.generation_diff(&context, from, to).await?;
    Ok(Json(DiffBody {
        from: from.0,
        to: to.0,
        items: differences.iter().map(DifferenceBody::from).collect(),
    }))
}

/// Makes the content of a generation the newest one. Nodes' states are not part of it.
#[utoipa::path(post, path = "/api/v1/generations/{number}/restore", tag = "generations",
    params(("number" = u64, Path), WaitQuery,
           ("dry_run" = Option<String>, Query, description = "`true`: do everything but the commit.")),
    responses(
    (status = 200, body = RestoredBody),
    (status = 202, description = "committed, not applied in time", body = RestoredBody),
    (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    (status = 410, description = "its content is not kept", body = ProblemBody,
     content_type = "application/problem+json")))]
async fn generation_restore(
    State(api): State<Api>,
    Context(context): Context,
    Path(number): Path<u64>,
    query: WriteQuery,
) -> Result<Response, Problem> {
    let restored = api
        .app
        .generation_restore(&context, Generation(number), query.wait)
        .await?;
    let settled = restored.applied.settled;
    let body = RestoredBody {
        generation: restored.generation.0,
        items: restored.value.iter().map(DifferenceBody::from).collect(),
        applied: restored.applied.into(),
        is_dry_run: context.intent.is_dry_run,
    };
    let done = (StatusCode::OK, settled);
    Ok(answer(done, restored.generation, HeaderMap::new(), body))
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

// === impl DifferenceBody ===

impl From<&Difference> for DifferenceBody {
    fn from(difference: &Difference) -> Self {
        let (before, after) = (&difference.before, &difference.after);
        let change = match (before, after) {
            (None, _) => "created",
            (_, None) => "deleted",
            _ => "changed",
        };
        let fields = |kept: &Option<cp_app::Kept>| {
            let kept = kept.as_ref()?;
            let mut fields = kept.fields.clone();
            // A package is known by what it is made of; an object by its name.
            if difference.kind == "package" {
                fields.insert("id".to_owned(), kept.id.as_str().into());
            }
            Some(fields)
        };
        let (before, after) = (fields(before), fields(after));
        let changes = diff::between(before.as_ref(), after.as_ref());
        Self {
            kind: difference.kind.clone(),
            name: difference.name.clone(),
            change,
            fields: changes
                .into_iter()
                .map(|change| FieldChangeBody::of(&difference.kind, change))
                .collect(),
        }
    }
}

// === impl FieldChangeBody ===

impl FieldChangeBody {
    /// That a secret changed is told; what it was and is, is not.
    fn of(kind: &str, change: diff::FieldChange) -> Self {
        let is_secret = kind::find(kind).is_some_and(|kind| kind.is_secret(&change.place));
        let hide = |value: Option<Value>| match value {
            Some(_) if is_secret => Some(HIDDEN.into()),
            value => value,
        };
        Self {
            pointer: format!("/{}", change.place),
            before: hide(change.before),
            after: hide(change.after),
        }
    }
}
