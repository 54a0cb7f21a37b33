//! The one place that maps problems to gRPC's codes and details.
//!
//! A use case's error becomes a `Problem` first, as on the other face: so what went wrong is decided, worded
//! and logged once, and the two faces cannot disagree. Invariant: what is sent fits into the trailers that
//! common clients accept, whatever went wrong.

use std::time::Duration;

use axum::http::{StatusCode, header};
use serde_json::Value;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt as _};

use crate::problem::Problem;

/// In `ErrorInfo`.
const DOMAIN: &str = "bascule";
/// Of the message, which is sent twice. Trailers are limited by clients, by the strictest of the common ones to 8 KiB in
/// all; what is not ASCII grows to the threefold on the way, and details by a third.
const MESSAGE_BYTES_MAX: usize = 600;
/// Of all field violations and users.
const VIOLATIONS_BYTES_MAX: usize = 2_000;
/// Of the traceback, whose end says most.
const TRACEBACK_BYTES_MAX: usize = 1_200;

// === impl Status ===

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let code = code_of(&problem);
        let details = details_of(&problem);
        let message = first(&problem.detail, MESSAGE_BYTES_MAX);
        Status::with_error_details_and_metadata(code, message, details, MetadataMap::new())
    }
}

/// By what it is, where the status of HTTP is coarser; else by the status.
fn code_of(problem: &Problem) -> Code {
    match problem.kind {
        "exists" | "taken" | "service-taken" => Code::AlreadyExists,
        "superseded" => Code::Aborted,
        "key-reused" => Code::InvalidArgument,
        // The call may have been run: whether a retry is safe is not known.
        "node-gone" => Code::Unknown,
        "slow" => Code::ResourceExhausted,
        "unimplemented" => Code::Unimplemented,
        _ => code_of_status(problem.status),
    }
}

fn code_of_status(status: StatusCode) -> Code {
    match status {
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::PRECONDITION_FAILED => Code::Aborted,
        StatusCode::CONFLICT
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::PRECONDITION_REQUIRED => Code::FailedPrecondition,
        StatusCode::GONE => Code::OutOfRange,
        StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::INSUFFICIENT_STORAGE => Code::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        StatusCode::GATEWAY_TIMEOUT => Code::DeadlineExceeded,
        status if status.is_client_error() => Code::InvalidArgument,
        _ => Code::Internal,
    }
}

fn details_of(problem: &Problem) -> ErrorDetails {
    let mut details = ErrorDetails::new();
    let metadata = ["etag", "after"].into_iter().filter_map(|name| {
        let value = problem.extra.get(name)?.as_str()?;
        Some((name.to_owned(), value.to_owned()))
    });
    details.set_error_info(
        reason_of(problem),
        DOMAIN,
        metadata.collect::<std::collections::HashMap<_, _>>(),
    );
    let mut bytes_left = VIOLATIONS_BYTES_MAX;
    let mut fits = |bytes: usize| {
        bytes_left = bytes_left.saturating_sub(bytes);
        bytes_left > 0
    };
    let violations: Vec<_> = problem
        .errors
        .iter()
        .map(|error| {
            FieldViolation::new(
                field_of(&error.pointer),
                first(&error.detail, MESSAGE_BYTES_MAX),
            )
        })
        .take_while(|violation| fits(violation.field.len() + violation.description.len()))
        .collect();
    if !violations.is_empty() {
        details.set_bad_request(violations);
    }
    let users = problem.extra.get("users").and_then(Value::as_array);
    let users: Vec<_> = users
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|user| PreconditionViolation::new("USED_BY", user, "names it"))
        .take_while(|user| fits(user.subject.len() + 16))
        .collect();
    if !users.is_empty() {
        details.set_precondition_failure(users);
    }
    if let Some(traceback) = problem.extra.get("traceback").and_then(Value::as_str) {
        details.set_debug_info(Vec::<String>::new(), last(traceback, TRACEBACK_BYTES_MAX));
    }
    let retry_after = problem
        .headers
        .iter()
        .find(|(name, _)| *name == header::RETRY_AFTER);
    if let Some(seconds) = retry_after.and_then(|(_, seconds)| seconds.parse().ok()) {
        details.set_retry_info(Some(Duration::from_secs(seconds)));
    }
    details
}

/// The problem's type in capitals: `REFERENCE_UNKNOWN`; that of the status when it has none.
pub(super) fn reason_of(problem: &Problem) -> String {
    let text = match problem.kind {
        "" => problem.status.canonical_reason().unwrap_or("error"),
        kind => kind,
    };
    text.to_ascii_uppercase().replace(['-', ' '], "_")
}

/// `/spec/endpoints/0/address` → `spec.endpoints[0].address`; other places stay.
fn field_of(pointer: &str) -> String {
    let Some(path) = pointer.strip_prefix('/') else {
        return pointer.to_owned();
    };
    let mut field = String::new();
    for step in path.split('/') {
        let is_index = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        match (field.is_empty(), is_index) {
            (true, _) => field.push_str(step),
            (false, true) => field.extend(["[", step, "]"]),
            (false, false) => field.extend([".", step]),
        }
    }
    field
}

fn first(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes_max);
    format!("{}…", text.get(..end).unwrap_or_default())
}

fn last(text: &str, bytes_max: usize) -> &str {
    let start = text.ceil_char_boundary(text.len().saturating_sub(bytes_max));
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
