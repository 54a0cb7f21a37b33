//! `Objects`: one set of operations for all kinds.
//!
//! Owns the shape of an object as a message. Refuses to know any kind. Invariant: what is shown is what the
//! other face shows, so no secret is in it either.

mod apply;
mod write;

use bascule_proto::admin::v1::objects_server::Objects;
use bascule_proto::admin::v1::{self as proto};
use cp_model::Object;
use cp_model::kind::{self, KINDS, Kind};
use serde_json::Value;
use tonic::{Request, Response, Status};

use super::applied::timestamp_of;
use super::call::{self, Reading};
use super::document::struct_of_value;
use super::{Face, page_of};
use crate::etag;
use crate::object::shown;
use crate::problem::Problem;
use crate::query::PageQuery;

/// What `shown` has besides the spec.
const NOT_OF_SPEC: [&str; 6] = [
    "name",
    "id",
    "etag",
    "created_at",
    "changed_at",
    "secrets_set",
];

#[tonic::async_trait]
impl Objects for Face {
    async fn list(
        &self,
        request: Request<proto::ListObjectsRequest>,
    ) -> Result<Response<proto::ListObjectsResponse>, Status> {
        call::read(&self.api, request, object_list).await
    }

    async fn get(
        &self,
        request: Request<proto::GetObjectRequest>,
    ) -> Result<Response<proto::Object>, Status> {
        call::read(&self.api, request, object_get).await
    }

    async fn create(
        &self,
        request: Request<proto::CreateObjectRequest>,
    ) -> Result<Response<proto::ObjectChanged>, Status> {
        call::change(&self.api, request, write::object_create).await
    }

    async fn update(
        &self,
        request: Request<proto::UpdateObjectRequest>,
    ) -> Result<Response<proto::ObjectChanged>, Status> {
        call::change(&self.api, request, write::object_update).await
    }

    async fn replace(
        &self,
        request: Request<proto::ReplaceObjectRequest>,
    ) -> Result<Response<proto::ObjectChanged>, Status> {
        call::change(&self.api, request, write::object_replace).await
    }

    async fn delete(
        &self,
        request: Request<proto::DeleteObjectRequest>,
    ) -> Result<Response<proto::ObjectChanged>, Status> {
        call::change(&self.api, request, write::object_delete).await
    }

    async fn apply(
        &self,
        request: Request<proto::ApplyObjectsRequest>,
    ) -> Result<Response<proto::ObjectsApplied>, Status> {
        call::change(&self.api, request, apply::objects_apply).await
    }
}

async fn object_list(
    reading: Reading,
    asked: proto::ListObjectsRequest,
) -> Result<proto::ListObjectsResponse, Problem> {
    let kind = kind_of(&asked.kind, "/kind")?;
    let query = PageQuery::new(asked.page_size, asked.page_token);
    let (size, after) = (query.size()?, query.after()?);
    let app = &reading.api.app;
    let objects = app
        .object_list(&reading.context, kind, &after, size + 1)
        .await?;
    let (objects, next_page_token) = page_of(objects, size, |object| object.name.to_string());
    Ok(proto::ListObjectsResponse {
        objects: objects.iter().map(object_of).collect(),
        next_page_token,
    })
}

async fn object_get(
    reading: Reading,
    asked: proto::GetObjectRequest,
) -> Result<proto::Object, Problem> {
    let kind = kind_of(&asked.kind, "/kind")?;
    let name = kind.parse_name(&asked.name)?;
    let found = reading.api.app.object_find(&reading.context, kind, &name);
    Ok(object_of(&found.await?))
}

/// By name or plural.
fn kind_of(text: &str, pointer: &str) -> Result<&'static Kind, Problem> {
    kind::find(text).ok_or_else(|| {
        let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        Problem::bad_request(pointer, format!("must be one of {}", names.join(", ")))
    })
}

fn object_of(object: &Object) -> proto::Object {
    let mut spec = shown(object);
    let mut secrets_set = Vec::new();
    if let Value::Object(fields) = &mut spec {
        let places = fields.get("secrets_set").and_then(Value::as_array);
        let places = places.into_iter().flatten().filter_map(Value::as_str);
        secrets_set.extend(places.map(str::to_owned));
        for name in NOT_OF_SPEC {
            fields.remove(name);
        }
    }
    proto::Object {
        kind: object.kind.name.to_owned(),
        name: object.name.to_string(),
        id: object.id.to_string(),
        etag: etag::of_version(object.version),
        created_at: Some(timestamp_of(object.created_at)),
        changed_at: Some(timestamp_of(object.changed_at)),
        spec: Some(struct_of_value(spec)),
        secrets_set,
    }
}
