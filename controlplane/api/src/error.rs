//! The one place that maps what use cases end with to HTTP.
//!
//! Invariant: whose fault it is decides the class: 4xx the caller can mend, 5xx we log with the
//! whole chain and tell in a few words.

use axum::http::{StatusCode, header};
use cp_app::{AppError, InvokeError, OdbError};
use cp_model::{ErrorChain, Invalid};

use crate::problem::Problem;

/// Faults that one answer tells; a person mends these, and asks again.
const ERRORS_MAX: usize = 100;
/// When to try again after "busy".
const RETRY_AFTER_SECONDS: &str = "1";

// === impl Problem ===

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Forbidden(inner) => {
                Self::new(StatusCode::FORBIDDEN, "forbidden", inner.to_string())
            }
            AppError::Invalid(errors) => errors.into(),
            AppError::ConfigTaken(errors) => with_errors(StatusCode::CONFLICT, "taken", errors),
            AppError::ConfigDangling(errors) => with_errors(
                StatusCode::UNPROCESSABLE_ENTITY,
                "reference-unknown",
                errors,
            ),
            AppError::NotFound { .. } => {
                Self::new(StatusCode::NOT_FOUND, "not-found", error.to_string())
            }
            AppError::NodeConnected(_) => {
                Self::new(StatusCode::CONFLICT, "node-connected", error.to_string())
            }
            AppError::Invoke(inner) => inner.into(),
            AppError::Odb(inner) => (&inner).into(),
        }
    }
}

impl From<InvokeError> for Problem {
    fn from(error: InvokeError) -> Self {
        let (status, kind) = match &error {
            InvokeError::NoNode => (StatusCode::SERVICE_UNAVAILABLE, "no-node"),
            InvokeError::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "node-busy"),
            InvokeError::Gone(_) => (StatusCode::BAD_GATEWAY, "node-gone"),
            InvokeError::TimedOut(_) => (StatusCode::GATEWAY_TIMEOUT, "node-silent"),
        };
        let problem = Self::new(status, kind, error.to_string());
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                problem.with_header(header::RETRY_AFTER, RETRY_AFTER_SECONDS)
            }
            _ => problem,
        }
    }
}

impl From<Vec<Invalid>> for Problem {
    fn from(errors: Vec<Invalid>) -> Self {
        with_errors(StatusCode::BAD_REQUEST, "invalid", errors)
    }
}

/// Each fault with its pointer, up to `ERRORS_MAX`; the rest are counted.
fn with_errors(status: StatusCode, kind: &'static str, errors: Vec<Invalid>) -> Problem {
    let told = errors.iter().take(ERRORS_MAX);
    let mut texts: Vec<_> = told.map(ToString::to_string).collect();
    if let Some(more @ 1..) = errors.len().checked_sub(ERRORS_MAX) {
        texts.push(format!("and {more} more"));
    }
    let problem = Problem::new(status, kind, texts.join("; "));
    let told = errors.into_iter().take(ERRORS_MAX);
    told.fold(problem, |problem, error| {
        problem.with_error(&format!("/{}", error.field), error.reason)
    })
}

impl From<Invalid> for Problem {
    fn from(error: Invalid) -> Self {
        vec![error].into()
    }
}

impl From<&OdbError> for Problem {
    fn from(error: &OdbError) -> Self {
        let text = error.to_string();
        match error {
            OdbError::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "not-found", text),
            OdbError::Exists { .. } => {
                Self::new(StatusCode::CONFLICT, "exists", text.clone()).with_error("/name", text)
            }
            OdbError::Stale { current, .. } => {
                let etag = crate::etag::of_version(*current);
                Self::new(StatusCode::PRECONDITION_FAILED, "stale", text)
                    .with_header(header::ETAG, &etag)
                    .with("etag", etag.clone().into())
            }
            OdbError::Taken { field, .. } => Self::new(StatusCode::CONFLICT, "taken", text.clone())
                .with_error(&format!("/{field}"), text),
            OdbError::ReferenceUnknown { place, .. } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "reference-unknown",
                text.clone(),
            )
            .with_error(&format!("/{place}"), text),
            OdbError::Objects(faults) if !faults.is_empty() => {
                // All are of callers; the first says the status.
                let first = faults.first().map(|fault| Self::from(&*fault.error));
                first.unwrap_or_else(|| Self::of_status(StatusCode::CONFLICT, text))
            }
            OdbError::ReferenceType { place, .. } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "reference-type",
                text.clone(),
            )
            .with_error(&format!("/{place}"), text),
            OdbError::TypeInUse { user, .. } => {
                Self::new(StatusCode::CONFLICT, "in-use", text.clone())
                    .with("users", vec![user.clone()].into())
                    .with_error("/type", text)
            }
            OdbError::ServiceTaken { .. } => Self::new(StatusCode::CONFLICT, "service-taken", text),
            OdbError::InUse { users, .. } => {
                Self::new(StatusCode::CONFLICT, "in-use", text).with("users", users.clone().into())
            }
            OdbError::NotKept { .. } => Self::new(StatusCode::GONE, "not-kept", text),
            OdbError::KeyReused => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "key-reused", text),
            OdbError::PackageState { .. } => Self::new(StatusCode::CONFLICT, "package-state", text),
            OdbError::Busy(_) | OdbError::Unreachable(_) => {
                logged(error);
                let kind = match error {
                    OdbError::Busy(_) => "odb-busy",
                    _ => "odb-unreachable",
                };
                Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, text)
                    .with_header(header::RETRY_AFTER, RETRY_AFTER_SECONDS)
            }
            OdbError::DiskFull(_) | OdbError::ReadOnly(_) => {
                logged(error);
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "odb-not-writable", text)
            }
            _ => {
                logged(error);
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "the ODB failed",
                )
            }
        }
    }
}

/// Logged here, once, with the chain; the caller gets the short text and the cid.
fn logged(error: &OdbError) {
    tracing::error!(error = %ErrorChain(error), "the ODB failed");
}
