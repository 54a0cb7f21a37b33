//! `/services`: what can be invoked, and invoking it.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cp_app::{Invocation, Invoked, ServiceOrigin, ServiceView};
use cp_model::ServiceName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::Api;
use crate::applied::header_of;
use crate::context::Context;
use crate::json::read;
use crate::problem::{Problem, ProblemBody};
use crate::query::{Page, PageQuery};
use crate::render::AsIs;
use crate::stats::SummaryBody;

/// Calls by hand; each is held whole here and in the node. A gRPC message would hold 64 MiB.
pub(crate) const INVOKE_BYTES_MAX: usize = 3 * 1024 * 1024;
pub(crate) const INVOKE_TIMEOUT_DEFAULT_MS: u64 = 30_000;
pub(crate) const INVOKE_TIMEOUT_MAX_MS: u64 = 600_000;

#[derive(OpenApi)]
#[openapi(paths(service_list, service_show, service_invoke))]
pub(crate) struct Doc;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Service)]
pub(crate) struct ServiceBody {
    name: String,
    file: Option<String>,
    package_id: Option<String>,
    /// Of the package.
    version: Option<u32>,
    class_name: Option<String>,
    line: Option<u32>,
    documentation: String,
    input: Vec<String>,
    output: Vec<String>,
    deployed_at: Option<String>,
    /// Names of the channels that lead to it.
    channels: Vec<String>,
    built_in: bool,
    stats: SummaryBody,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct InvokeQuery {
    /// Time for the service; 30,000 unless set.
    timeout_ms: Option<u64>,
}

pub(crate) fn routes() -> Router<Api> {
    // The verb follows the name after a colon, which the router cannot split.
    Router::new()
        .route("/api/v1/services", get(service_list))
        .route(
            "/api/v1/services/{name}",
            get(service_show).post(service_verb),
        )
}

/// All services, the built-in ones among them, in order of name.
#[utoipa::path(get, path = "/api/v1/services", tag = "services", params(PageQuery),
    responses((status = 200, body = Page<ServiceBody>)))]
async fn service_list(
    State(api): State<Api>,
    Context(context): Context,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ServiceBody>>, Problem> {
    let services = api.app.service_list(&context).await?;
    let page = query.cut(services, |service| service.name.to_string())?;
    Ok(Json(page.map(ServiceBody::from)))
}

/// One service.
#[utoipa::path(get, path = "/api/v1/services/{name}", tag = "services",
    params(("name" = String, Path)), responses(
    (status = 200, body = ServiceBody),
    (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn service_show(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let service = api
        .app
        .service_find(&context, &ServiceName::parse(&name)?)
        .await?;
    let etag = match &service.origin {
        ServiceOrigin::BuiltIn => "\"built-in\"".to_owned(),
        ServiceOrigin::Package(service) => format!("\"{}\"", service.package_id),
    };
    Ok((
        header_of(header::ETAG, &etag),
        Json(ServiceBody::from(service)),
    ))
}

async fn service_verb(
    State(api): State<Api>,
    context: Context,
    Path(target): Path<String>,
    query: Query<InvokeQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let Some(name) = target.strip_suffix(":invoke") else {
        let text = "POST needs :invoke after the name";
        return Err(Problem::of_status(StatusCode::METHOD_NOT_ALLOWED, text)
            .with_header(header::ALLOW, "GET,HEAD"));
    };
    service_invoke(State(api), context, Path(name.to_owned()), query, request).await
}

/// Runs the service on an online node; the answer is what the service answered.
#[utoipa::path(post, path = "/api/v1/services/{name}:invoke", tag = "services",
    params(("name" = String, Path), InvokeQuery),
    request_body(content = Vec<u8>, content_type = "*/*"), responses(
    (status = 200, description = "the service's own answer, with its own status"),
    (status = 503, description = "no online node is connected", body = ProblemBody,
     content_type = "application/problem+json")))]
async fn service_invoke(
    State(api): State<Api>,
    Context(context): Context,
    Path(name): Path<String>,
    Query(query): Query<InvokeQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let timeout_ms = query.timeout_ms.unwrap_or(INVOKE_TIMEOUT_DEFAULT_MS);
    if !(1..=INVOKE_TIMEOUT_MAX_MS).contains(&timeout_ms) {
        let text = format!("must be 1 to {INVOKE_TIMEOUT_MAX_MS}");
        return Err(Problem::bad_request("timeout_ms", text));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let invocation = Invocation {
        service: ServiceName::parse(&name)?,
        content_type: content_type.to_owned(),
        timeout: Duration::from_millis(timeout_ms),
        body: read(request.into_body(), INVOKE_BYTES_MAX).await?.to_vec(),
    };
    Ok(invoked_answer(
        api.app.service_invoke(&context, invocation).await?,
    ))
}

/// Hands over what a user's code wrote, which must not run as part of the console.
fn invoked_answer(invoked: Invoked) -> Response {
    let mut headers = HeaderMap::new();
    let duration = invoked.total_us.to_string();
    let texts = [
        (header::CONTENT_TYPE, invoked.content_type.as_str()),
        (
            HeaderName::from_static("x-bascule-node"),
            invoked.node.as_str(),
        ),
        (
            HeaderName::from_static("x-bascule-duration-us"),
            duration.as_str(),
        ),
    ];
    for (name, value) in texts {
        if let Some(value) = HeaderValue::from_str(value)
            .ok()
            .filter(|value| !value.is_empty())
        {
            headers.insert(name, value);
        }
    }
    let sandbox = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(header::CONTENT_SECURITY_POLICY, sandbox);
    let status = u16::try_from(invoked.status)
        .ok()
        .and_then(|code| StatusCode::from_u16(code).ok());
    let status = status
        .filter(|status| status.as_u16() >= 200)
        .unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = (status, headers, Body::from(invoked.body)).into_response();
    response.extensions_mut().insert(AsIs);
    response
}

// === impl ServiceBody ===

impl From<ServiceView> for ServiceBody {
    fn from(view: ServiceView) -> Self {
        let channels = view.channels.iter().map(ToString::to_string).collect();
        let base = Self {
            name: view.name.to_string(),
            file: None,
            package_id: None,
            version: None,
            class_name: None,
            line: None,
            documentation: String::new(),
            input: Vec::new(),
            output: Vec::new(),
            deployed_at: None,
            channels,
            built_in: true,
            stats: view.stats.into(),
        };
        match view.origin {
            ServiceOrigin::BuiltIn => base,
            ServiceOrigin::Package(service) => Self {
                file: Some(service.file.to_string()),
                package_id: Some(service.package_id.to_string()),
                version: Some(service.version),
                class_name: Some(service.declared.class_name),
                line: Some(service.declared.line),
                documentation: service.declared.documentation,
                input: service.declared.input,
                output: service.declared.output,
                deployed_at: Some(service.deployed_at.to_string()),
                built_in: false,
                ..base
            },
        }
    }
}
