//! `Audit`: who changed what.

use bascule_proto::admin::v1::audit_server::Audit;
use bascule_proto::admin::v1::{self as proto};
use cp_model::AuditEvent;
use tonic::{Request, Response, Status};

use super::applied::timestamp_of;
use super::call::{self, Reading};
use super::document::struct_of_value;
use super::{Face, page_of};
use crate::problem::Problem;
use crate::query::PageQuery;

#[tonic::async_trait]
impl Audit for Face {
    async fn list(
        &self,
        request: Request<proto::ListAuditRequest>,
    ) -> Result<Response<proto::ListAuditResponse>, Status> {
        call::read(&self.api, request, audit_list).await
    }
}

async fn audit_list(
    reading: Reading,
    asked: proto::ListAuditRequest,
) -> Result<proto::ListAuditResponse, Problem> {
    let query = PageQuery::new(asked.page_size, asked.page_token);
    let (size, before) = (query.size()?, query.before()?);
    let app = &reading.api.app;
    let events = app.audit_list(&reading.context, before, size + 1).await?;
    let (events, next_page_token) = page_of(events, size, |event| event.id.to_string());
    Ok(proto::ListAuditResponse {
        events: events.into_iter().map(event_of).collect(),
        next_page_token,
    })
}

fn event_of(event: AuditEvent) -> proto::AuditEvent {
    let why = event.why.clone();
    let at = Some(timestamp_of(event.at));
    // As the other face shows it.
    let shown = crate::audit::AuditBody::from(event);
    proto::AuditEvent {
        id: shown.id,
        at,
        who: shown.who,
        why,
        action: shown.action,
        object: shown.object,
        generation: shown.generation,
        before: shown.before.map(struct_of_value),
        after: shown.after.map(struct_of_value),
    }
}
