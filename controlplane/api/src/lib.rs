//! REST and gRPC faces of the use cases, `OpenAPI`, and the embedded console.
//!
//! Owns HTTP: routes, shapes, errors, who is let in. Refuses rules of the business (cp-app has
//! those). Invariant: every route and method but the few open ones needs credentials, and every error
//! is an RFC 9457 problem, or a status of gRPC that was made from one.

mod access;
mod applied;
mod audit;
mod cluster;
mod config;
mod console;
mod context;
mod cookie;
mod error;
mod etag;
mod failure;
mod generation;
mod grpc;
mod guard;
mod health;
mod idempotency;
mod job;
mod json;
mod kinds;
mod metrics;
mod node;
mod object;
mod openapi;
mod package;
mod problem;
mod query;
mod render;
mod service;
mod session;
mod stats;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use cp_app::App;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;

pub use access::Access;
pub use stream::Events;

/// What handlers share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    pub app: App,
    pub access: Arc<Access>,
    pub events: Arc<Events>,
    /// Turns true when the control plane stops; long answers end then.
    pub stopping: watch::Receiver<bool>,
}

/// The whole HTTP service of the control plane.
pub fn router(api: Api) -> Router {
    let routes = Router::new()
        .merge(audit::routes())
        .merge(cluster::routes())
        .merge(config::routes())
        .merge(failure::routes())
        .merge(generation::routes())
        .merge(health::routes())
        .merge(job::routes())
        .merge(kinds::routes())
        .merge(metrics::routes())
        .merge(node::routes())
        .merge(object::routes())
        .merge(openapi::routes())
        .merge(package::routes())
        .merge(service::routes())
        .merge(session::routes())
        .merge(stats::routes())
        .merge(stream::routes())
        .fallback(console::serve);
    routes
        .with_state(api.clone())
        .layer(from_fn(idempotency::digest))
        .layer(from_fn_with_state(api.clone(), guard::guard))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(grpc::router(api), grpc::pick))
        .layer(from_fn(render::render))
}
