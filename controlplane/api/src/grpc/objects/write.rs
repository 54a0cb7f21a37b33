//! Making, changing and removing objects.
//!
//! Invariant: whoever changes an existing object says which version they have seen.

use bascule_proto::admin::v1 as proto;
use cp_app::{AppError, Changed, ChangedObject, Seen};
use cp_model::kind::Kind;
use prost::Message as _;
use prost_types::Struct;
use serde_json::{Map, Value};

use super::super::applied::applied_of;
use super::super::call::Changing;
use super::super::{document, mask};
use super::{kind_of, object_of};
use crate::etag::{self, IfMatch};
use crate::json::JSON_BYTES_MAX;
use crate::problem::Problem;

pub(super) async fn object_create(
    changing: Changing,
    asked: proto::CreateObjectRequest,
) -> Result<proto::ObjectChanged, Problem> {
    let kind = kind_of(&asked.kind, "/kind")?;
    let mut fields = spec_of(asked.spec).map_err(|problem| placed(problem, "", "/name"))?;
    fields.insert("name".to_owned(), asked.name.into());
    let app = &changing.api.app;
    let changed = app
        .object_create(&changing.context, kind, fields, changing.wait)
        .await;
    let changed = changed.map_err(|error| of_object(error, "/name"))?;
    Ok(changed_of(changed, changing.context.intent.is_dry_run))
}

pub(super) async fn object_update(
    changing: Changing,
    asked: proto::UpdateObjectRequest,
) -> Result<proto::ObjectChanged, Problem> {
    let (kind, seen) = seen(&asked.kind, &asked.name, &asked.etag)?;
    let given = spec_of(asked.spec).map_err(|problem| placed(problem, "", "/rename_to"))?;
    let mut patch = mask::patch(kind, given, asked.update_mask)?;
    rename(&mut patch, asked.rename_to);
    let app = &changing.api.app;
    let changed = app
        .object_update(&changing.context, (kind, &seen), patch, changing.wait)
        .await;
    let changed = changed.map_err(|error| of_object(error, "/rename_to"))?;
    Ok(changed_of(changed, changing.context.intent.is_dry_run))
}

pub(super) async fn object_replace(
    changing: Changing,
    asked: proto::ReplaceObjectRequest,
) -> Result<proto::ObjectChanged, Problem> {
    let (kind, seen) = seen(&asked.kind, &asked.name, &asked.etag)?;
    let mut fields = spec_of(asked.spec).map_err(|problem| placed(problem, "", "/rename_to"))?;
    rename(&mut fields, asked.rename_to);
    let app = &changing.api.app;
    let changed = app
        .object_replace(&changing.context, (kind, &seen), fields, changing.wait)
        .await;
    let changed = changed.map_err(|error| of_object(error, "/rename_to"))?;
    Ok(changed_of(changed, changing.context.intent.is_dry_run))
}

pub(super) async fn object_delete(
    changing: Changing,
    asked: proto::DeleteObjectRequest,
) -> Result<proto::ObjectChanged, Problem> {
    let (kind, seen) = seen(&asked.kind, &asked.name, &asked.etag)?;
    let app = &changing.api.app;
    let changed = app.object_delete(&changing.context, (kind, &seen), changing.wait);
    Ok(changed_of(
        changed.await?,
        changing.context.intent.is_dry_run,
    ))
}

/// Refused without an etag.
fn seen(kind: &str, name: &str, etag: &str) -> Result<(&'static Kind, Seen), Problem> {
    let given = (!etag.is_empty()).then(|| etag::parse(etag));
    let version = match etag::required(given).map_err(without_etag)? {
        IfMatch::Any => None,
        IfMatch::Version(version) => Some(version),
    };
    let kind = kind_of(kind, "/kind")?;
    let name = kind.parse_name(name)?;
    Ok((kind, Seen { name, version }))
}

fn without_etag(mut problem: Problem) -> Problem {
    "send the etag of the version that you have seen, or *".clone_into(&mut problem.detail);
    problem.with_error("/etag", "is needed")
}

/// The fields of a spec. The places of its faults are not yet those of the message: see `placed`.
pub(super) fn spec_of(given: Option<Struct>) -> Result<Map<String, Value>, Problem> {
    let given = given.unwrap_or_default();
    if given.encoded_len() > JSON_BYTES_MAX {
        return Err(crate::json::too_large(JSON_BYTES_MAX));
    }
    let fields = document::fields_of(given)?;
    if fields.contains_key("name") {
        return Err(Problem::bad_request(
            "/name",
            "stands beside the spec, not in it",
        ));
    }
    Ok(fields)
}

fn rename(fields: &mut Map<String, Value>, rename_to: String) {
    if !rename_to.is_empty() {
        fields.insert("name".to_owned(), rename_to.into());
    }
}

fn of_object(error: AppError, name: &str) -> Problem {
    placed(error.into(), "", name)
}

/// Faults of an object's fields, with the places that they have in the message `at`, whose name is at
/// `name`.
pub(super) fn placed(mut problem: Problem, at: &str, name: &str) -> Problem {
    for error in &mut problem.errors {
        error.pointer = match error.pointer.as_str() {
            "/name" => format!("{at}{name}"),
            pointer if pointer.starts_with('/') => format!("{at}/spec{pointer}"),
            _ => continue,
        };
    }
    problem
}

/// The object as it is now (as it was, when it is gone), the generation, and how it stands on the nodes.
fn changed_of(changed: Changed<ChangedObject>, is_dry_run: bool) -> proto::ObjectChanged {
    proto::ObjectChanged {
        object: changed.value.object().map(object_of),
        generation: changed.generation.0,
        applied: Some(applied_of(changed.applied)),
        is_dry_run,
    }
}
