//! What handlers take out of a request besides its body.
//!
//! Invariant: an `OpContext` exists only after the guard let the request in.

pub(crate) mod intent;

use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use cp_auth::{Actor, OpContext, TokenDigest};

use crate::etag::{self, IfMatch};
use crate::problem::Problem;
use crate::query::WriteQuery;

/// Correlation id of the request.
#[derive(Debug, Clone)]
pub(crate) struct Cid(pub(crate) String);

/// Set by the guard.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) actor: Actor,
    /// Set when a session let the request in; a long answer ends with it.
    pub(crate) session: Option<TokenDigest>,
}

/// Who asks, for a use case.
#[derive(Debug)]
pub(crate) struct Context(pub(crate) OpContext);

/// What a change of one named object says besides its body.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) if_match: Option<IfMatch>,
    /// How long to wait until nodes have applied the change.
    pub(crate) wait: Option<Duration>,
}

// === impl Context ===

impl<S: Sync> FromRequestParts<S> for Context {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let admitted = parts.extensions.get::<Admitted>();
        let Some(admitted) = admitted else {
            return Err(Problem::of_status(
                StatusCode::UNAUTHORIZED,
                "credentials are needed",
            ));
        };
        let cid = parts
            .extensions
            .get::<Cid>()
            .map(|cid| cid.0.clone())
            .unwrap_or_default();
        Ok(Self(OpContext {
            actor: admitted.actor,
            at: cp_app::clock::now(),
            cid,
            intent: intent::of(parts, admitted.actor)?,
        }))
    }
}

// === impl Target ===

impl<S: Send + Sync> FromRequestParts<S> for Target {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let of_path =
            |error: PathRejection| Problem::of_status(error.into_response().status(), "bad path");
        let Path(name) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(of_path)?;
        let query = WriteQuery::from_request_parts(parts, state).await?;
        Ok(Self {
            name,
            if_match: etag::optional(&parts.headers),
            wait: query.wait,
        })
    }
}
