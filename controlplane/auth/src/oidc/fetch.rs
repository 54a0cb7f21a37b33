//! The way out: what is asked of the provider, and what comes back.
//!
//! Owns plain values alone. Whoever fetches follows no redirect, verifies TLS, gives up after some
//! seconds and reads no more than `body_bytes_max`.

use std::error::Error;
use std::future::Future;

use url::Url;

use super::OidcError;
use crate::Secret;

/// A provider with many keys, each with its certificate chain, has some 50 KB of them.
const BODY_BYTES_MAX: usize = 262_144;

/// One request.
#[derive(Debug, Clone)]
pub enum OidcRequest {
    Get {
        url: Url,
    },
    Post {
        url: Url,
        /// `application/x-www-form-urlencoded`.
        form: Secret,
        /// The value of `Authorization`.
        authorization: Option<Secret>,
    },
}

/// Its answer, whatever the status.
#[derive(Debug, Clone)]
pub struct OidcResponse {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Why there was no answer.
pub type FetchError = Box<dyn Error + Send + Sync>;

/// Implemented by an HTTP client, and by a fake provider in tests.
pub trait Fetch: Sync {
    fn fetch(
        &self,
        request: OidcRequest,
    ) -> impl Future<Output = Result<OidcResponse, FetchError>> + Send;
}

// === impl OidcRequest ===

impl OidcRequest {
    pub fn body_bytes_max() -> usize {
        BODY_BYTES_MAX
    }
}

/// Fetches and takes 200 alone; `what` names the document in errors.
pub(super) async fn fetch_document(
    fetch: &impl Fetch,
    request: OidcRequest,
    what: &'static str,
) -> Result<Vec<u8>, OidcError> {
    let answered = fetch.fetch(request).await;
    let response = answered.map_err(|source| OidcError::Fetch { what, source })?;
    match response.status {
        _ if response.body.len() > BODY_BYTES_MAX => Err(OidcError::Document {
            what,
            reason: "is too large".to_owned(),
        }),
        200 => Ok(response.body),
        status => Err(OidcError::Status {
            what,
            status,
            code: error_code(&response.body),
        }),
    }
}

/// The `error` of RFC 6749, section 5.2, when the body has one.
fn error_code(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    body.get("error")?.as_str().map(shown_code)
}

/// A code as the RFC allows it, short; what the provider writes goes into our log.
pub(super) fn shown_code(code: &str) -> String {
    let is_code = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    code.chars().filter(is_code).take(64).collect()
}
