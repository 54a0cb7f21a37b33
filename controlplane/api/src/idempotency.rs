//! The body's digest of a request that carries an `Idempotency-Key`.
//!
//! Owns only that: the key with what was asked is kept by the write itself, in its transaction, so a
//! crash between the two cannot be. Invariant: the handler reads the very bytes that were digested.

use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use crate::json::read;

pub(crate) const HEADER: &str = "idempotency-key";
/// The largest body that any route takes, a whole configuration's.
pub(crate) const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// SHA-256 of the request's body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyDigest(pub(crate) [u8; 32]);

pub(crate) async fn digest(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(HEADER) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    match read(body, BODY_BYTES_MAX).await {
        Ok(bytes) => {
            parts
                .extensions
                .insert(BodyDigest(Sha256::digest(&bytes).into()));
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Err(problem) => problem.into_response(),
    }
}
