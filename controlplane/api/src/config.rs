//! `/config`: the whole configuration in one document, to read and to write.
//!
//! Owns its shape: lists of objects by the plural of their kind, nothing of the ODB's own (ids, times,
//! versions), no secret but the text that says where one is. Invariant: what is read can be written as
//! it is, and changes nothing.

mod body;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cp_app::Scope;
use cp_model::{Generation, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::Api;
use crate::applied::{AppliedBody, answer, header_of};
use crate::context::Context;
use crate::etag::{self, IfMatch};
use crate::generation::DifferenceBody;
use crate::idempotency::BODY_BYTES_MAX;
use crate::json::JsonBody;
use crate::problem::{Problem, ProblemBody};
use crate::query::WaitQuery;

#[derive(OpenApi)]
#[openapi(paths(config_show, config_apply))]
pub(crate) struct Doc;

/// How the document is meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ConfigQuery {
    /// `true`: do everything but the commit.
    // Read by `Context`, which also says what is wrong with it.
    #[serde(rename = "dry_run")]
    #[param(rename = "dry_run")]
    _dry_run: Option<String>,
    /// `true`: inside the scope, what the document does not mention is taken away.
    prune: Option<String>,
    /// The beginning of names that are inside; `*` is everything. Needed by `prune`.
    scope: Option<String>,
    /// `applied`: answer when every connected node runs the change, 202 when the time is up.
    wait: Option<String>,
    /// For example `5s` (the default) or `500ms`; at most `60s`.
    timeout: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Effect)]
struct EffectBody {
    /// `channel`, …, or `service`.
    kind: String,
    name: String,
    /// For people; reads on after kind and name: `is unused afterwards`.
    text: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConfigChanged)]
struct ConfigChangedBody {
    /// The one before when nothing is different.
    generation: u64,
    /// What is different, in order of kind and name.
    items: Vec<DifferenceBody>,
    effects: Vec<EffectBody>,
    applied: AppliedBody,
    /// Nothing was committed.
    is_dry_run: bool,
}

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/config", get(config_show).post(config_apply))
}

/// Every object of every kind: `{"channels": [{"name": …}]}`, in order of name.
///
/// The `ETag` is the generation.
#[utoipa::path(get, path = "/api/v1/config", tag = "config",
    responses((status = 200, body = Object, description = "lists of objects by their kind's plural")))]
async fn config_show(
    State(api): State<Api>,
    Context(context): Context,
) -> Result<impl IntoResponse, Problem> {
    let view = api.app.config_show(&context).await?;
    let tag = etag::of_version(Version(view.generation.0));
    Ok((
        header_of(header::ETAG, &tag),
        Json(body::shown(&view.objects)),
    ))
}

/// Makes the objects of the document, or changes them to what it says; all of them or none.
///
/// A field that is not mentioned gets its default, a secret stays. Objects that are not mentioned stay,
/// unless `prune` says otherwise. With `If-Match`, only on the generation that `GET` gave, or a dry run.
#[utoipa::path(post, path = "/api/v1/config", tag = "config",
    params(ConfigQuery, ("If-Match" = Option<String>, Header, description = "The generation that was seen.")),
    request_body(content = Object, description = "as `GET` answers; at most 8 MiB"),
    responses(
    (status = 200, body = ConfigChangedBody),
    (status = 202, description = "committed, not applied in time", body = ConfigChangedBody),
    (status = 400, description = "objects are not valid, told by pointer: `/channels/3/path`",
     body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "two objects claim the same, or what is pruned is in use",
     body = ProblemBody, content_type = "application/problem+json"),
    (status = 412, description = "the configuration was changed meanwhile", body = ProblemBody,
     content_type = "application/problem+json"),
    (status = 422, description = "what objects name does not exist", body = ProblemBody,
     content_type = "application/problem+json")))]
async fn config_apply(
    State(api): State<Api>,
    Context(context): Context,
    Query(query): Query<ConfigQuery>,
    headers: HeaderMap,
    JsonBody(document): JsonBody<Map<String, Value>, BODY_BYTES_MAX>,
) -> Result<Response, Problem> {
    let expected = match etag::optional(&headers) {
        None | Some(IfMatch::Any) => None,
        Some(IfMatch::Version(version)) => Some(Generation(version.0)),
    };
    let wait = query.wait().duration()?;
    let wish = cp_app::ConfigWish {
        objects: body::parse(document)?,
        prune: query.scope()?,
        expected,
    };
    let changed = api.app.config_apply(&context, wish, wait).await?;
    let settled = changed.applied.settled;
    // Of a dry run, the generation that it speaks of: whoever agrees to it sends it back.
    let current = if context.intent.is_dry_run {
        changed.value.before
    } else {
        changed.generation
    };
    let headers = header_of(header::ETAG, &etag::of_version(Version(current.0)));
    let body = ConfigChangedBody {
        generation: changed.generation.0,
        items: (changed.value.differences.iter())
            .map(DifferenceBody::from)
            .collect(),
        effects: changed
            .value
            .effects
            .into_iter()
            .map(EffectBody::from)
            .collect(),
        applied: changed.applied.into(),
        is_dry_run: context.intent.is_dry_run,
    };
    let done = (StatusCode::OK, settled);
    Ok(answer(done, changed.generation, headers, body))
}

// === impl ConfigQuery ===

impl ConfigQuery {
    fn wait(&self) -> WaitQuery {
        WaitQuery::new(self.wait.clone(), self.timeout.clone())
    }

    fn scope(&self) -> Result<Option<Scope>, Problem> {
        let is_pruning = match self.prune.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Problem::bad_request("prune", "must be true or false")),
        };
        match (is_pruning, self.scope.as_deref()) {
            (false, None) => Ok(None),
            (false, Some(_)) => Err(Problem::bad_request("scope", "means nothing without prune")),
            (true, None | Some("")) => {
                let text = "is needed to prune: the beginning of names, or * for everything";
                Err(Problem::bad_request("scope", text))
            }
            (true, Some("*")) => Ok(Some(Scope::Everything)),
            (true, Some(prefix)) => Ok(Some(Scope::Prefix(prefix.to_owned()))),
        }
    }
}

// === impl EffectBody ===

impl From<cp_model::effect::Effect> for EffectBody {
    fn from(effect: cp_model::effect::Effect) -> Self {
        Self {
            kind: effect.kind.to_owned(),
            name: effect.name,
            text: effect.text,
        }
    }
}
