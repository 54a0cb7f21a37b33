//! `Apply`: a set of changes as one generation.

use bascule_proto::admin::v1 as proto;
use cp_app::{ChangedObject, ObjectWish};
use cp_model::kind::Kind;
use proto::object_change::To;

use super::super::applied::applied_of;
use super::super::call::Changing;
use super::write::{placed, spec_of};
use super::{kind_of, object_of};
use crate::problem::Problem;

/// As many as the largest clusters that are planned for have channels.
const CHANGES_MAX: usize = 10_000;

pub(super) async fn objects_apply(
    changing: Changing,
    asked: proto::ApplyObjectsRequest,
) -> Result<proto::ObjectsApplied, Problem> {
    if asked.changes.len() > CHANGES_MAX {
        let text = format!("must not have more than {CHANGES_MAX} elements");
        return Err(Problem::bad_request("/changes", text));
    }
    let mut wishes = Vec::with_capacity(asked.changes.len());
    for (index, change) in asked.changes.into_iter().enumerate() {
        wishes.push(wish_of(index, change)?);
    }
    let app = &changing.api.app;
    let changed = app
        .objects_apply(&changing.context, wishes, changing.wait)
        .await
        .map_err(|error| of_change(error.into()))?;
    Ok(proto::ObjectsApplied {
        objects: changed.value.iter().map(difference_of).collect(),
        generation: changed.generation.0,
        applied: Some(applied_of(changed.applied)),
        is_dry_run: changing.context.intent.is_dry_run,
    })
}

fn wish_of(
    index: usize,
    change: proto::ObjectChange,
) -> Result<(&'static Kind, ObjectWish), Problem> {
    let at = format!("/changes/{index}");
    let kind = kind_of(&change.kind, &format!("{at}/kind"))?;
    let name = change.name;
    let fields = |spec| {
        let fields = spec_of(Some(spec)).map_err(|problem| placed(problem, &at, "/name"));
        fields.map(|mut fields| {
            fields.insert("name".to_owned(), name.clone().into());
            fields
        })
    };
    let wish = match change.to {
        Some(To::Create(spec)) => ObjectWish::Create(fields(spec)?),
        Some(To::Put(spec)) => ObjectWish::Put(fields(spec)?),
        Some(To::Delete(())) => {
            let name = kind.parse_name(&name);
            ObjectWish::Delete(name.map_err(|error| placed(error.into(), &at, "/name"))?)
        }
        None => {
            let text = "must have one of create, put and delete";
            return Err(Problem::bad_request(&at, text));
        }
    };
    Ok((kind, wish))
}

/// The use case says `changes/2/path` when one change is at fault by itself.
fn of_change(mut problem: Problem) -> Problem {
    for error in &mut problem.errors {
        let rest = error.pointer.strip_prefix("/changes/");
        let Some((index, field)) = rest.and_then(|rest| rest.split_once('/')) else {
            continue;
        };
        error.pointer = match field {
            "name" => format!("/changes/{index}/name"),
            field => format!("/changes/{index}/spec/{field}"),
        };
    }
    problem
}

fn difference_of(changed: &ChangedObject) -> proto::ObjectDifference {
    proto::ObjectDifference {
        before: changed.before.as_ref().map(object_of),
        after: changed.after.as_ref().map(object_of),
    }
}
