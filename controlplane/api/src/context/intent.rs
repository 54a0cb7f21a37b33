//! How a change is asked for: for real or not, why, and under which key.
//!
//! Invariant: two requests have one fingerprint only when method, path, query and body are the same.

use std::fmt::Write as _;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use cp_auth::{Actor, Intent};
use cp_model::RequestKey;
use sha2::{Digest as _, Sha256};

use crate::idempotency::{BodyDigest, HEADER};
use crate::problem::Problem;

const KEY_BYTES_MAX: usize = 200;
const WHY_CHARS_MAX: usize = 500;

pub(super) fn of(parts: &Parts, actor: Actor) -> Result<Intent, Problem> {
    Ok(Intent {
        why: why(&parts.headers),
        is_dry_run: is_dry_run(parts.uri.query().unwrap_or_default())?,
        key: key(parts, actor)?,
    })
}

fn why(headers: &HeaderMap) -> String {
    let given = headers.get("bascule-why").map(HeaderValue::as_bytes);
    why_of(&String::from_utf8_lossy(given.unwrap_or_default()))
}

/// Printable text only: it is shown in the audit trail and in logs.
pub(crate) fn why_of(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(WHY_CHARS_MAX)
        .collect()
}

fn is_dry_run(query: &str) -> Result<bool, Problem> {
    let given = query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
        (name == "dry_run").then_some(value)
    });
    match given {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::bad_request("dry_run", "must be true or false")),
    }
}

fn key(parts: &Parts, actor: Actor) -> Result<Option<RequestKey>, Problem> {
    let digested = parts.extensions.get::<BodyDigest>();
    let (Some(body), Some(given)) = (digested, parts.headers.get(HEADER)) else {
        return Ok(None);
    };
    let uri = parts.uri.to_string();
    key_of(actor, given.as_bytes(), &[uri.as_bytes(), &body.0]).map(Some)
}

/// `asked` is everything that makes the request the one that it is.
pub(crate) fn key_of(actor: Actor, given: &[u8], asked: &[&[u8]]) -> Result<RequestKey, Problem> {
    if given.is_empty() || given.len() > KEY_BYTES_MAX {
        let text = format!("Idempotency-Key must be 1 to {KEY_BYTES_MAX} bytes");
        return Err(Problem::bad_request("idempotency_key", text));
    }
    Ok(RequestKey {
        key: digest(&[actor.name().as_bytes(), given]),
        fingerprint: digest(asked),
    })
}

fn digest(texts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        digest.update(text);
    }
    let bytes = digest.finalize();
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}
