//! Who gets past the door.
//!
//! Order: the `Host` must be ours (DNS rebinding), then open paths pass, then credentials: a bearer
//! token, or the session cookie, whose writes must come from our own pages (CSRF). Source addresses
//! and forwarding headers are never trusted. Invariant: what is not on the open list needs
//! credentials, so a new route is closed by default.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cp_auth::{Actor, TokenDigest};

use crate::Api;
use crate::context::Admitted;
use crate::cookie::CookieName;
use crate::problem::Problem;

pub(crate) async fn guard(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let cookie = CookieName::of_host(host_of(&request).unwrap_or_default());
    let admitted = admit(&api, &request, &cookie);
    request.extensions_mut().insert(cookie);
    match admitted {
        Ok(Some(admitted)) => {
            request.extensions_mut().insert(admitted);
            next.run(request).await
        }
        Ok(None) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn admit(api: &Api, request: &Request, cookie: &CookieName) -> Result<Option<Admitted>, Problem> {
    let headers = request.headers();
    let host = our_host(api, request)?;
    let path = request.uri().path();
    let is_write = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if is_open(request.method(), path) {
        // Log-in from a foreign page would plant a session (login CSRF).
        if is_write && is_browser(headers) {
            same_origin(headers, host)?;
        }
        return Ok(None);
    }
    if let Some(admitted) = bearer(api, headers)? {
        return Ok(Some(admitted));
    }
    match cookie.find(headers) {
        Some(id) if api.access.is_session(id) => {
            if is_write {
                same_origin(headers, host)?;
            }
            Ok(Some(Admitted {
                actor: Actor::Admin,
                session: Some(TokenDigest::of(id)),
            }))
        }
        Some(_) => Err(unauthorized("the session has ended")),
        None => Err(unauthorized("credentials are needed")),
    }
}

/// The host that the request names, which must be one of ours.
pub(crate) fn our_host<'a, B>(
    api: &Api,
    request: &'a axum::http::Request<B>,
) -> Result<&'a str, Problem> {
    let host = host_of(request).unwrap_or_default();
    if api.access.is_our_host(host) {
        return Ok(host);
    }
    let text = "this server does not answer under that Host";
    Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "host", text))
}

/// Whoever the token in `Authorization` is of; `None` without the header.
pub(crate) fn bearer(api: &Api, headers: &HeaderMap) -> Result<Option<Admitted>, Problem> {
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let token = header
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("Bearer "));
    match token {
        Some(token) if api.access.is_admin_token(token) => Ok(Some(Admitted {
            actor: Actor::Admin,
            session: None,
        })),
        _ => Err(unauthorized("the token is wrong")),
    }
}

/// The only paths that need no credentials.
fn is_open(method: &Method, path: &str) -> bool {
    if path == "/api/v1/session" {
        return method == Method::POST;
    }
    // Everything else below is the console's files and the probes.
    path != "/api" && !path.starts_with("/api/") && path != "/metrics"
}

fn host_of<B>(request: &axum::http::Request<B>) -> Option<&str> {
    let header = request
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    header.or_else(|| {
        request
            .uri()
            .authority()
            .map(axum::http::uri::Authority::as_str)
    })
}

fn is_browser(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN)
}

/// A write with a cookie must say that it comes from our own page.
fn same_origin(headers: &HeaderMap, host: &str) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_same = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
        }
        (None, None) => false,
    };
    if is_same {
        return Ok(());
    }
    let text = "a change with a session must come from the console's own pages";
    Err(Problem::new(StatusCode::FORBIDDEN, "cross-origin", text))
}

pub(crate) fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
        .with_header(header::WWW_AUTHENTICATE, "Bearer realm=\"bascule\"")
}
