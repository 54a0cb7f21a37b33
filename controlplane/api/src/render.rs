//! The outermost layer: correlation id in, security headers and problem documents out.
//!
//! Invariant: whatever happened inside, an answer of 400 or more is a problem document (unless a
//! service was invoked and this is its own answer), and every answer carries the cid.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use crate::context::Cid;
use crate::grpc::is_of_grpc;
use crate::problem::Problem;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The console's files come from here; nothing else may run or frame it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; \
     object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Texts of axum's own refusals are short.
const REFUSAL_BYTES_MAX: usize = 4_096;
/// As the nodes take it, so that one id can be followed through both planes.
const CID_BYTES_MAX: usize = 64;

/// Marks an answer that is a service's own, to be handed over as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AsIs;

pub(crate) async fn render(mut request: Request, next: Next) -> Response {
    let cid = request_cid(request.headers());
    let instance = request.uri().path().to_owned();
    request.extensions_mut().insert(Cid(cid.clone()));
    let mut response = next.run(request).await;
    if response.status().as_u16() >= 400 && response.extensions().get::<AsIs>().is_none() {
        response = problem_document(response, &instance, &cid).await;
    }
    headers_add(response.headers_mut(), &cid);
    response
}

/// Takes a caller's id when it is one that is safe to log; else makes one.
fn request_cid(headers: &HeaderMap) -> String {
    let given = headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+/=@".contains(&byte);
    match given {
        Some(given)
            if !given.is_empty() && given.len() <= CID_BYTES_MAX && given.bytes().all(is_safe) =>
        {
            given.to_owned()
        }
        _ => Uuid::now_v7().simple().to_string(),
    }
}

async fn problem_document(response: Response, instance: &str, cid: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let problem = if let Some(problem) = parts.extensions.remove::<Problem>() {
        problem
    } else {
        let text = to_bytes(body, REFUSAL_BYTES_MAX).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let title = parts.status.canonical_reason().unwrap_or("error");
        let detail = if text.is_empty() {
            title.to_owned()
        } else {
            text
        };
        Problem::of_status(parts.status, detail)
    };
    let document = serde_json::to_vec(&problem.body(instance, cid)).unwrap_or_default();
    parts.headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(document))
}

fn headers_add(headers: &mut HeaderMap, cid: &str) {
    if let Ok(value) = HeaderValue::from_str(cid) {
        headers.insert(X_REQUEST_ID, value);
    }
    // No browser reads those.
    if is_of_grpc(headers) {
        return;
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}
