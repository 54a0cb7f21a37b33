//! The gRPC face: `bascule.admin.v1`, the same operations as REST, on the same listener.
//!
//! Owns messages, codes and who is let in; each operation is a use case of cp-app, and what is wrong with a
//! request is said by the same code as on the other face. Refuses rules of the business. Invariant: a call
//! that is not of gRPC never gets here, and one that is never leaves.

mod applied;
mod audit;
mod call;
mod clusters;
mod document;
mod door;
mod generations;
mod health;
mod mask;
mod nodes;
mod objects;
mod packages;
mod rights;
mod services;
mod status;
mod watch;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use bascule_proto::admin::v1::audit_server::AuditServer;
use bascule_proto::admin::v1::clusters_server::ClustersServer;
use bascule_proto::admin::v1::generations_server::GenerationsServer;
use bascule_proto::admin::v1::nodes_server::NodesServer;
use bascule_proto::admin::v1::objects_server::ObjectsServer;
use bascule_proto::admin::v1::packages_server::PackagesServer;
use bascule_proto::admin::v1::services_server::ServicesServer;
use cp_model::package::PACKAGE_BYTES_MAX;
use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder;
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;

use crate::Api;
use crate::query::Page;
use crate::service::INVOKE_BYTES_MAX;

/// A message of names and numbers.
const SMALL_BYTES_MAX: usize = 64 * 1024;
/// A set of changes of a whole cluster: 10,000 objects of 1.6 KiB.
const OBJECTS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Of what invoked services answer and packages hold; nodes' messages are as large.
const SENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What is served, for reflection and for the test of rights.
pub(crate) const DESCRIPTORS: [&[u8]; 4] = [
    bascule_proto::admin::v1::FILE_DESCRIPTOR_SET,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// Serves all methods; one file for each service.
#[derive(Debug, Clone)]
struct Face {
    api: Api,
}

/// Everything that answers calls.
pub(crate) fn router(api: Api) -> Router {
    let face = Face { api: api.clone() };
    let objects = ObjectsServer::new(face.clone()).max_decoding_message_size(OBJECTS_BYTES_MAX);
    let packages = PackagesServer::new(face.clone())
        .max_decoding_message_size(PACKAGE_BYTES_MAX + SMALL_BYTES_MAX);
    let services = ServicesServer::new(face.clone())
        .max_decoding_message_size(INVOKE_BYTES_MAX + SMALL_BYTES_MAX)
        .max_encoding_message_size(SENT_BYTES_MAX);
    let generations =
        GenerationsServer::new(face.clone()).max_decoding_message_size(SMALL_BYTES_MAX);
    let nodes = NodesServer::new(face.clone()).max_decoding_message_size(SMALL_BYTES_MAX);
    let audit = AuditServer::new(face.clone()).max_decoding_message_size(SMALL_BYTES_MAX);
    let clusters = ClustersServer::new(face.clone()).max_decoding_message_size(SMALL_BYTES_MAX);
    let health = HealthServer::new(face).max_decoding_message_size(SMALL_BYTES_MAX);
    let routes = Routes::new(objects)
        .add_service(packages)
        .add_service(services)
        .add_service(generations)
        .add_service(nodes)
        .add_service(audit)
        .add_service(clusters)
        .add_service(health);
    reflected(routes)
        .into_axum_router()
        .layer(from_fn_with_state(api, door::door))
        .layer(CatchPanicLayer::custom(door::panicked))
}

/// With both versions of reflection: common clients still ask for the older one.
fn reflected(routes: Routes) -> Routes {
    let describe = || {
        let builder = Builder::configure().include_reflection_service(false);
        DESCRIPTORS.into_iter().fold(builder, |builder, set| {
            builder.register_encoded_file_descriptor_set(set)
        })
    };
    match (describe().build_v1(), describe().build_v1alpha()) {
        (Ok(newer), Ok(older)) => routes
            .add_service(newer.max_decoding_message_size(SMALL_BYTES_MAX))
            .add_service(older.max_decoding_message_size(SMALL_BYTES_MAX)),
        // The descriptors are compiled in, and a test asks for them.
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(error = %error, "no reflection");
            routes
        }
    }
}

/// Takes calls out of the other face's requests.
pub(crate) async fn pick(State(calls): State<Router>, request: Request, next: Next) -> Response {
    if !is_of_grpc(request.headers()) {
        return next.run(request).await;
    }
    if request.version() != Version::HTTP_2 {
        let text = "gRPC needs HTTP/2";
        return (StatusCode::HTTP_VERSION_NOT_SUPPORTED, text).into_response();
    }
    match calls.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// `application/grpc`, with a subtype or parameters or without; not `application/grpc-web`.
pub(crate) fn is_of_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    let rest = content_type
        .map(HeaderValue::as_bytes)
        .and_then(|value| value.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}

/// A page's items and the token of the next; `items` holds one more than `size` when there is one.
fn page_of<T>(items: Vec<T>, size: u32, key: impl Fn(&T) -> String) -> (Vec<T>, String) {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let page = Page::of(items, size, key);
    (page.items, page.next_page_token.unwrap_or_default())
}
