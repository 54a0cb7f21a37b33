//! Logging in and out of the console.
//!
//! Invariant: each log-in makes a new session id; a cookie that was there before is never adopted
//! (session fixation).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::post;
use axum::{Extension, Json, Router};
use cp_model::ErrorChain;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::Api;
use crate::context::Context;
use crate::cookie::CookieName;
use crate::json::JsonBody;
use crate::problem::{Problem, ProblemBody};

#[derive(OpenApi)]
#[openapi(paths(session_create, session_show, session_delete))]
pub(crate) struct Doc;

/// One of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SessionCreate {
    /// From the set-up link; works once.
    code: Option<String>,
    /// The admin token.
    token: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionBody {
    user: &'static str,
}

pub(crate) fn routes() -> Router<Api> {
    let session = post(session_create)
        .get(session_show)
        .delete(session_delete);
    Router::new().route("/api/v1/session", session)
}

/// Trades a set-up code or the admin token for a cookie.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", security(()),
    request_body = SessionCreate, responses(
    (status = 204, description = "logged in; `Set-Cookie` holds the session"),
    (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
async fn session_create(
    State(api): State<Api>,
    Extension(cookie): Extension<CookieName>,
    JsonBody(body): JsonBody<SessionCreate>,
) -> Result<impl IntoResponse, Problem> {
    let is_known = match (&body.code, &body.token) {
        (Some(code), None) => api.access.redeem(code),
        (None, Some(token)) => api.access.is_admin_token(token),
        _ => return Err(Problem::bad_request("", "must have either code or token")),
    };
    if !is_known {
        let text = "the code or token is wrong, used or too old";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", text));
    }
    let id = api.access.session_open().map_err(|error| {
        tracing::error!(error = %ErrorChain(&error), "no session can be made");
        Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR, "no session can be made")
    })?;
    let life = cp_auth::SESSION_IDLE_MAX.as_secs();
    Ok((
        StatusCode::NO_CONTENT,
        set_cookie(cookie.set(id.expose(), life)),
    ))
}

/// Who is logged in.
#[utoipa::path(get, path = "/api/v1/session", tag = "session",
    responses((status = 200, body = SessionBody)))]
async fn session_show(Context(context): Context) -> Json<SessionBody> {
    Json(SessionBody {
        user: context.actor.name(),
    })
}

/// Ends the session of the cookie.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session",
    responses((status = 204, description = "logged out")))]
async fn session_delete(
    State(api): State<Api>,
    _context: Context,
    Extension(cookie): Extension<CookieName>,
    headers: HeaderMap,
) -> impl IntoResponse {
    if let Some(id) = cookie.find(&headers) {
        api.access.session_close(id);
    }
    (StatusCode::NO_CONTENT, set_cookie(cookie.set("", 0)))
}

fn set_cookie(value: String) -> AppendHeaders<[(header::HeaderName, String); 1]> {
    AppendHeaders([(header::SET_COOKIE, value)])
}
