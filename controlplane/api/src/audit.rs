//! `/audit`: who changed what.

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use cp_model::AuditEvent;
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use crate::Api;
use crate::context::Context;
use crate::problem::Problem;
use crate::query::{Page, PageQuery};

#[derive(OpenApi)]
#[openapi(paths(audit_list))]
pub(crate) struct Doc;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub(crate) struct AuditBody {
    pub(crate) id: u64,
    pub(crate) at: String,
    pub(crate) who: String,
    /// The reason that the author gave; may be empty.
    pub(crate) why: String,
    pub(crate) action: String,
    pub(crate) object: String,
    /// `null` when nodes need not know.
    pub(crate) generation: Option<u64>,
    #[schema(value_type = Option<Object>)]
    pub(crate) before: Option<Value>,
    #[schema(value_type = Option<Object>)]
    pub(crate) after: Option<Value>,
}

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/audit", get(audit_list))
}

/// All changes, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(PageQuery),
    responses((status = 200, body = Page<AuditBody>)))]
async fn audit_list(
    State(api): State<Api>,
    Context(context): Context,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AuditBody>>, Problem> {
    let size = query.size()?;
    let events = api
        .app
        .audit_list(&context, query.before()?, size + 1)
        .await?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let page = Page::of(events, size, |event| event.id.to_string());
    Ok(Json(page.map(AuditBody::from)))
}

// === impl AuditBody ===

impl From<AuditEvent> for AuditBody {
    fn from(event: AuditEvent) -> Self {
        Self {
            id: event.id,
            at: event.at.to_string(),
            who: event.who,
            why: event.why,
            action: event.action,
            object: event.object,
            generation: event.generation.map(|generation| generation.0),
            before: event.before,
            after: event.after,
        }
    }
}
