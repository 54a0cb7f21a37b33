//! The `OpenAPI` 3.1 document, put together from the handlers themselves.
//!
//! Invariant: what is documented is what the handlers are annotated with; a test calls every
//! documented route.

use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::context::Context;
use crate::problem::ProblemBody;
use crate::{
    Api, audit, cluster, config, cookie, failure, generation, health, job, kinds, metrics, node,
    object, package, service, session, stats, stream,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Bascule", description = "Admin API of the Bascule control plane."),
    paths(openapi_show),
    components(schemas(ProblemBody)),
    security(("token" = []), ("session" = []))
)]
struct Doc;

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/openapi.json", get(openapi_show))
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "openapi",
    responses((status = 200, description = "OpenAPI 3.1")))]
async fn openapi_show(_context: Context) -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let parts = vec![
        audit::Doc::openapi(),
        cluster::Doc::openapi(),
        config::Doc::openapi(),
        failure::Doc::openapi(),
        generation::Doc::openapi(),
        health::Doc::openapi(),
        job::Doc::openapi(),
        kinds::Doc::openapi(),
        metrics::Doc::openapi(),
        node::Doc::openapi(),
        object::document(),
        package::Doc::openapi(),
        service::Doc::openapi(),
        session::Doc::openapi(),
        stats::Doc::openapi(),
        stream::Doc::openapi(),
    ];
    let mut document = parts.into_iter().fold(Doc::openapi(), |mut all, part| {
        all.merge(part);
        all
    });
    let components = document.components.get_or_insert_default();
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("token", SecurityScheme::Http(token));
    let text = "Followed by _PORT, the port of the Host header, when it has one.";
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description(cookie::NAME, text));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    document
}

#[cfg(test)]
mod tests;
