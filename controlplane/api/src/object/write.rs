//! Making, changing and removing objects.
//!
//! Invariant: whoever changes an existing object says which version they have seen.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use cp_app::{AppError, Changed, ChangedObject, OdbError, Seen};
use cp_auth::OpContext;
use cp_model::Version;
use cp_model::kind::Kind;
use serde_json::{Map, Value, json};

use super::shown;
use crate::Api;
use crate::applied::{AppliedBody, answer};
use crate::context::{Context, Target};
use crate::etag::{self, IfMatch};
use crate::json::JsonBody;
use crate::problem::Problem;
use crate::query::WriteQuery;

pub(super) async fn object_create(
    State(api): State<Api>,
    Extension(kind): Extension<&'static Kind>,
    Context(context): Context,
    query: WriteQuery,
    JsonBody(fields): JsonBody<Map<String, Value>>,
) -> Result<Response, Problem> {
    let changed = api
        .app
        .object_create(&context, kind, fields, query.wait)
        .await?;
    Ok(changed_answer(
        kind,
        StatusCode::CREATED,
        changed,
        context.intent.is_dry_run,
    ))
}

pub(super) async fn object_replace(
    State(api): State<Api>,
    Extension(kind): Extension<&'static Kind>,
    Context(context): Context,
    target: Target,
    JsonBody(fields): JsonBody<Map<String, Value>>,
) -> Result<Response, Problem> {
    let (seen, wait) = seen(kind, &target)?;
    let changed = api
        .app
        .object_replace(&context, (kind, &seen), fields, wait)
        .await;
    let changed = or_current(&api, &context, (kind, &seen), changed).await?;
    Ok(changed_answer(
        kind,
        StatusCode::OK,
        changed,
        context.intent.is_dry_run,
    ))
}

pub(super) async fn object_update(
    State(api): State<Api>,
    Extension(kind): Extension<&'static Kind>,
    Context(context): Context,
    target: Target,
    JsonBody(patch): JsonBody<Map<String, Value>>,
) -> Result<Response, Problem> {
    let (seen, wait) = seen(kind, &target)?;
    let changed = api
        .app
        .object_update(&context, (kind, &seen), patch, wait)
        .await;
    let changed = or_current(&api, &context, (kind, &seen), changed).await?;
    Ok(changed_answer(
        kind,
        StatusCode::OK,
        changed,
        context.intent.is_dry_run,
    ))
}

pub(super) async fn object_delete(
    State(api): State<Api>,
    Extension(kind): Extension<&'static Kind>,
    Context(context): Context,
    target: Target,
) -> Result<Response, Problem> {
    let (seen, wait) = seen(kind, &target)?;
    let changed = api.app.object_delete(&context, (kind, &seen), wait).await;
    let changed = or_current(&api, &context, (kind, &seen), changed).await?;
    Ok(changed_answer(
        kind,
        StatusCode::OK,
        changed,
        context.intent.is_dry_run,
    ))
}

/// Whoever was too late sees what there is now.
async fn or_current<T>(
    api: &Api,
    context: &OpContext,
    (kind, seen): (&'static Kind, &Seen),
    result: Result<T, AppError>,
) -> Result<T, Problem> {
    match result {
        Err(error @ AppError::Odb(OdbError::Stale { .. })) => {
            let problem = Problem::from(error);
            let current = api.app.object_find(context, kind, &seen.name).await;
            Err(match current {
                Ok(current) => problem.with("current", shown(&current)),
                Err(_) => problem,
            })
        }
        result => Ok(result?),
    }
}

/// 428 without `If-Match`.
fn seen(kind: &Kind, target: &Target) -> Result<(Seen, Option<Duration>), Problem> {
    let version: Option<Version> = match etag::required(target.if_match)? {
        IfMatch::Any => None,
        IfMatch::Version(version) => Some(version),
    };
    let name = kind.parse_name(&target.name)?;
    Ok((Seen { name, version }, target.wait))
}

/// The object as it is now (as it was, when it is gone), the generation, how it stands on the nodes,
/// and what a dry run would have done.
fn changed_answer(
    kind: &Kind,
    done: StatusCode,
    changed: Changed<ChangedObject>,
    is_dry_run: bool,
) -> Response {
    let mut headers = HeaderMap::new();
    if let Some(after) = &changed.value.after
        && let Ok(etag) = HeaderValue::from_str(&etag::of_version(after.version))
    {
        headers.insert(header::ETAG, etag);
    }
    let settled = changed.applied.settled;
    let mut body = json!({
        "generation": changed.generation.0,
        "applied": AppliedBody::from(changed.applied),
    });
    if let Value::Object(body) = &mut body {
        let object = changed.value.object().map(shown);
        body.insert(kind.name.to_owned(), object.unwrap_or_default());
        if is_dry_run {
            body.insert("is_dry_run".to_owned(), true.into());
        }
    }
    let done = if is_dry_run { StatusCode::OK } else { done };
    answer((done, settled), changed.generation, headers, body)
}
