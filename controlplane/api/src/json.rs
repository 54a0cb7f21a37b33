//! JSON bodies: read within a limit, refused with the place of the fault.
//!
//! Invariant: a handler gets a value of its type or is not called.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The extra text of a job may have 500,000 bytes, and as many again when each is escaped; what is
/// larger is a mistake.
pub(crate) const JSON_BYTES_MAX: usize = 1024 * 1024;

/// A body of type `T`.
#[derive(Debug)]
pub(crate) struct JsonBody<T, const BYTES_MAX: usize = JSON_BYTES_MAX>(pub(crate) T);

// === impl JsonBody ===

impl<T, S, const BYTES_MAX: usize> FromRequest<S> for JsonBody<T, BYTES_MAX>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let text = "the body must be application/json";
            return Err(Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        let bytes = read(request.into_body(), BYTES_MAX).await?;
        parse(&bytes).map(Self)
    }
}

/// The body, or 413.
pub(crate) async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let read = to_bytes(body, bytes_max).await;
    read.map_err(|_too_large| too_large(bytes_max))
}

pub(crate) fn too_large(bytes_max: usize) -> Problem {
    let text = format!("the body must not be larger than {bytes_max} bytes");
    Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE, text)
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Serde would take an array for an object whose fields it has in order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::bad_request("", "must be a JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        refusal(error.inner(), pointer)
    })?;
    reader
        .end()
        .map_err(|error| refusal(&error, String::new()))?;
    Ok(value)
}

fn refusal(error: &serde_json::Error, pointer: String) -> Problem {
    let text = error.to_string();
    if !error.is_data() {
        let place = format!("line {} column {}", error.line(), error.column());
        return Problem::new(StatusCode::BAD_REQUEST, "json", format!("not JSON: {text}"))
            .with_error(&place, text);
    }
    // Serde names the unknown field in the text only.
    let unknown = text
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split('`').next());
    let pointer = unknown.map_or(pointer, |name| format!("/{name}"));
    Problem::bad_request(&pointer, text)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } | Segment::Enum { variant: key } => {
            format!("/{}", key.replace('~', "~0").replace('/', "~1"))
        }
        Segment::Unknown => String::new(),
    };
    path.iter().map(segment).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Pair {
        name: String,
        size: u32,
    }

    #[test]
    fn an_object_is_an_object_and_never_a_list_of_its_values() {
        let pair = Pair {
            name: "a".into(),
            size: 1,
        };
        assert_eq!(parse::<Pair>(br#" {"name":"a","size":1}"#).ok(), Some(pair));
        for list in [&br#"["a",1]"#[..], b" \n[]"] {
            assert!(parse::<Pair>(list).is_err());
        }
    }
}
