//! Who gets past the door, and until when.
//!
//! Order: the host, credentials, the method and its right, the deadline. Only tokens count here: a browser
//! that holds a session cannot be made to call. Invariant: no method is reached but through here, and every
//! answer is one of gRPC.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use cp_auth::{Intent, OpContext};
use tonic::Status;

use super::call::{Deadline, Method};
use super::rights::{self, Right};
use crate::Api;
use crate::context::Admitted;
use crate::guard::{bearer, our_host, unauthorized};
use crate::problem::Problem;

/// As gRPC has it: up to eight digits and a unit.
const TIMEOUT_DIGITS_MAX: usize = 8;

pub(super) async fn door(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let deadline = match admit(&api, &mut request) {
        Ok(deadline) => deadline,
        Err(problem) => return refused(problem),
    };
    let Some(Deadline(deadline)) = deadline else {
        return next.run(request).await;
    };
    // What was committed by then stays, as the caller has to expect of a deadline.
    let answered = tokio::time::timeout_at(deadline.into(), next.run(request)).await;
    answered.unwrap_or_else(|_| refused(too_late()))
}

/// Notes in the request what the call needs to know of itself.
fn admit(api: &Api, request: &mut Request) -> Result<Option<Deadline>, Problem> {
    our_host(api, request)?;
    let path = request.uri().path().to_owned();
    let deadline = deadline_of(request.headers(), Instant::now())?;
    let right = rights::of(&path);
    if right != Some(Right::Open) {
        let admitted = bearer(api, request.headers())?;
        let admitted = admitted.ok_or_else(|| unauthorized("credentials are needed"))?;
        // Whoever is not let in learns nothing of what there is.
        let Some(Right::May(action)) = right else {
            return Err(no_method(&path));
        };
        context_of(&admitted)
            .authorize(action)
            .map_err(cp_app::AppError::from)?;
        request.extensions_mut().insert(admitted);
    }
    let extensions = request.extensions_mut();
    extensions.insert(Method(path));
    if let Some(deadline) = deadline {
        extensions.insert(deadline);
    }
    Ok(deadline)
}

fn context_of(admitted: &Admitted) -> OpContext {
    OpContext {
        actor: admitted.actor,
        at: cp_app::clock::now(),
        cid: String::new(),
        intent: Intent::default(),
    }
}

fn deadline_of(headers: &HeaderMap, now: Instant) -> Result<Option<Deadline>, Problem> {
    let Some(given) = headers.get("grpc-timeout") else {
        return Ok(None);
    };
    let timeout = given.to_str().ok().and_then(timeout);
    let text = "must be up to eight digits and one of H, M, S, m, u and n";
    let timeout = timeout.ok_or_else(|| Problem::bad_request("grpc-timeout", text))?;
    // What the clock cannot reach is no limit.
    Ok(now.checked_add(timeout).map(Deadline))
}

fn timeout(text: &str) -> Option<Duration> {
    let (end, unit) = text.char_indices().last()?;
    let digits = text.get(..end)?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || digits.len() > TIMEOUT_DIGITS_MAX {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_hours(number)),
        'M' => Some(Duration::from_mins(number)),
        'S' => Some(Duration::from_secs(number)),
        'm' => Some(Duration::from_millis(number)),
        'u' => Some(Duration::from_micros(number)),
        'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

pub(super) fn no_method(path: &str) -> Problem {
    let text = format!("there is no method {path}");
    Problem::new(StatusCode::NOT_IMPLEMENTED, "unimplemented", text)
}

pub(super) fn too_late() -> Problem {
    let text = "the deadline of the call is over; what was committed by then stays";
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "deadline", text)
}

fn refused(problem: Problem) -> Response {
    Status::from(problem).into_http()
}

/// For the fence: what a panic of ours looks like.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    let text = "the call failed";
    refused(Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        text,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_have_a_unit_and_eight_digits_at_most() {
        for (text, wanted) in [
            ("1S", Duration::from_secs(1)),
            ("0m", Duration::ZERO),
            ("99999999H", Duration::from_hours(99_999_999)),
            ("250m", Duration::from_millis(250)),
            ("7M", Duration::from_mins(7)),
            ("5u", Duration::from_micros(5)),
            ("5n", Duration::from_nanos(5)),
        ] {
            assert_eq!(timeout(text), Some(wanted), "{text}");
        }
        for bad in [
            "",
            "S",
            "1",
            "1s",
            "-1S",
            "+1S",
            "1.5S",
            "123456789S",
            "1 S",
            "1µ",
            "é",
        ] {
            assert_eq!(timeout(bad), None, "{bad}");
        }
    }
}
