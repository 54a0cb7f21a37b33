//! RFC 9457: the one shape of all errors.
//!
//! Owns the document; `error` decides what goes in, `render` adds the request's path and cid.
//! Invariant: `detail` is for the caller and never carries internals.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Where the problem types are explained.
const TYPE_BASE: &str = "https://bascule.dev/problems/";

/// An error on its way out.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// Last part of `type`, for example `stale`.
    pub(crate) kind: &'static str,
    pub(crate) detail: String,
    pub(crate) errors: Vec<ProblemError>,
    pub(crate) headers: Vec<(header::HeaderName, String)>,
    /// Further members, for example the current version of what is stale.
    pub(crate) extra: Map<String, Value>,
}

/// One field that is wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ProblemError {
    /// JSON pointer, or a place such as `line 12`.
    pub(crate) pointer: String,
    pub(crate) detail: String,
}

/// `application/problem+json`
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    /// Path of the request.
    instance: String,
    /// Correlation id; the log has it too.
    cid: String,
    errors: Vec<ProblemError>,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    extra: Map<String, Value>,
}

// === impl Problem ===

impl Problem {
    pub(crate) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            headers: Vec::new(),
            extra: Map::new(),
        }
    }

    /// For what needs no type of its own: the status says it all.
    pub(crate) fn of_status(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, "", detail)
    }

    pub(crate) fn bad_request(pointer: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail.clone()).with_error(pointer, detail)
    }

    pub(crate) fn with_error(mut self, pointer: &str, detail: impl Into<String>) -> Self {
        self.errors.push(ProblemError {
            pointer: pointer.to_owned(),
            detail: detail.into(),
        });
        self
    }

    pub(crate) fn with_header(mut self, name: header::HeaderName, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn with(mut self, member: &str, value: Value) -> Self {
        self.extra.insert(member.to_owned(), value);
        self
    }

    /// The document, once the request's path and cid are known.
    pub(crate) fn body(self, instance: &str, cid: &str) -> ProblemBody {
        let title = self.status.canonical_reason().unwrap_or("Error").to_owned();
        ProblemBody {
            kind: match self.kind {
                "" => "about:blank".to_owned(),
                kind => format!("{TYPE_BASE}{kind}"),
            },
            title,
            status: self.status.as_u16(),
            detail: self.detail,
            instance: instance.to_owned(),
            cid: cid.to_owned(),
            errors: self.errors,
            extra: self.extra,
        }
    }
}

impl IntoResponse for Problem {
    /// `render` turns the extension into the document.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        for (name, value) in &self.headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response.extensions_mut().insert(self);
        response
    }
}
