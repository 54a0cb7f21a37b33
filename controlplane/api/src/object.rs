//! `/channels` and the paths of every other kind: one set of handlers for all.
//!
//! Owns the shape of an object in JSON: its fields, its name and id, its `ETag`; secrets are only told
//! to be set. Refuses to know any kind. Invariant: a kind is in the routes and in the document because
//! it is in the list of kinds.

mod body;
mod document;
mod write;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Json, Router};
use cp_model::filter::{Filter, Order};
use cp_model::kind::{KINDS, Kind};
use serde_json::Value;

use crate::Api;
use crate::applied::header_of;
use crate::context::Context;
use crate::etag;
use crate::problem::Problem;
use crate::query::{ListQuery, Page};

pub(crate) use body::shown;
pub(crate) use document::document;

pub(crate) fn routes() -> Router<Api> {
    KINDS.iter().fold(Router::new(), |routes, kind| {
        let all = get(object_list).post(write::object_create);
        let one = get(object_show)
            .put(write::object_replace)
            .patch(write::object_update)
            .delete(write::object_delete);
        let of_kind = Router::new()
            .route(&format!("/api/v1/{}", kind.plural), all)
            .route(&format!("/api/v1/{}/{{name}}", kind.plural), one)
            .layer(Extension(*kind));
        routes.merge(of_kind)
    })
}

/// Objects of the kind: in order of name, or those that a filter takes, in any order.
async fn object_list(
    State(api): State<Api>,
    Extension(kind): Extension<&'static Kind>,
    Context(context): Context,
    query: ListQuery,
) -> Result<Json<Page<Value>>, Problem> {
    let size = query.size()?;
    let known = || body::names(kind);
    let filter = Filter::parse(query.filter(), &known())?;
    let order = Order::parse(query.order_by(), known())?;
    let page = if filter.is_empty() && order.is_by_name() {
        let after = query.after()?;
        let objects = api.app.object_list(&context, kind, &after, size + 1);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let page = Page::of(objects.await?, size, |object| object.name.to_string());
        page.map(|object| shown(&object))
    } else {
        let objects = api.app.object_list_all(&context, kind).await?;
        query.select(objects.iter().map(shown), &filter, &order)?
    };
    Ok(Json(page))
}

/// One object.
async fn object_show(
    State(api): State<Api>,
    Extension(kind): Extension<&'static Kind>,
    Context(context): Context,
    Path(name): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let name = kind.parse_name(&name)?;
    let object = api.app.object_find(&context, kind, &name).await?;
    let etag = etag::of_version(object.version);
    Ok((header_of(header::ETAG, &etag), Json(shown(&object))))
}
