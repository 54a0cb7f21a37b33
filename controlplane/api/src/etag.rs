//! `ETag` and `If-Match`: nobody overwrites what they have not seen.
//!
//! Invariant: an entity tag changes whenever the row does, and is never that of another row: also not
//! of one that was made anew under the name of a deleted one.

use axum::http::{HeaderMap, StatusCode, header};
use cp_model::Version;

use crate::problem::Problem;

/// What a client presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// `*`: whatever there is.
    Any,
    Version(Version),
}

pub(crate) fn of_version(version: Version) -> String {
    format!("\"{version}\"")
}

/// For writes that must say what they change: 428 without.
pub(crate) fn required(given: Option<IfMatch>) -> Result<IfMatch, Problem> {
    let text = "send If-Match with the ETag of the version that you have seen";
    given.ok_or_else(|| {
        Problem::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition-required",
            text,
        )
    })
}

pub(crate) fn optional(headers: &HeaderMap) -> Option<IfMatch> {
    let text = headers.get(header::IF_MATCH)?.to_str();
    Some(parse(text.unwrap_or_default()))
}

pub(crate) fn parse(text: &str) -> IfMatch {
    let text = text.trim();
    if text == "*" {
        return IfMatch::Any;
    }
    let number = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let number = number.and_then(|number| number.parse().ok());
    // A tag that we never gave out matches nothing: it is stale, not malformed.
    IfMatch::Version(Version(number.unwrap_or(u64::MAX)))
}
