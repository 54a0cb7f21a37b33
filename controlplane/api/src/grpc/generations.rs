//! `Generations`: the history, and following it.

use bascule_proto::admin::v1::generations_server::Generations;
use bascule_proto::admin::v1::{self as proto};
use cp_app::{Difference, GenerationView};
use cp_model::Generation;
use tonic::{Request, Response, Status};

use super::applied::{applied_of, node_applied_of, timestamp_of};
use super::call::{self, Changing, Reading};
use super::watch::{self, Watching};
use super::{Face, document, page_of};
use crate::generation::DifferenceBody;
use crate::problem::Problem;
use crate::query::PageQuery;

#[tonic::async_trait]
impl Generations for Face {
    type WatchStream = Watching;

    async fn list(
        &self,
        request: Request<proto::ListGenerationsRequest>,
    ) -> Result<Response<proto::ListGenerationsResponse>, Status> {
        call::read(&self.api, request, generation_list).await
    }

    async fn get(
        &self,
        request: Request<proto::GetGenerationRequest>,
    ) -> Result<Response<proto::Generation>, Status> {
        call::read(&self.api, request, generation_get).await
    }

    async fn diff(
        &self,
        request: Request<proto::DiffGenerationsRequest>,
    ) -> Result<Response<proto::DiffGenerationsResponse>, Status> {
        call::read(&self.api, request, generation_diff).await
    }

    async fn restore(
        &self,
        request: Request<proto::RestoreGenerationRequest>,
    ) -> Result<Response<proto::GenerationRestored>, Status> {
        call::change(&self.api, request, generation_restore).await
    }

    async fn watch(
        &self,
        request: Request<proto::WatchGenerationsRequest>,
    ) -> Result<Response<Watching>, Status> {
        call::read(&self.api, request, watch::generation_watch).await
    }
}

async fn generation_list(
    reading: Reading,
    asked: proto::ListGenerationsRequest,
) -> Result<proto::ListGenerationsResponse, Problem> {
    let query = PageQuery::new(asked.page_size, asked.page_token);
    let (size, before) = (query.size()?, query.before()?);
    let app = &reading.api.app;
    let views = app
        .generation_list(&reading.context, before, size + 1)
        .await?;
    let (views, next_page_token) = page_of(views, size, |view| view.row.number.to_string());
    Ok(proto::ListGenerationsResponse {
        generations: views.into_iter().map(generation_of).collect(),
        next_page_token,
    })
}

async fn generation_get(
    reading: Reading,
    asked: proto::GetGenerationRequest,
) -> Result<proto::Generation, Problem> {
    let app = &reading.api.app;
    let found = app.generation_find(&reading.context, Generation(asked.number));
    Ok(generation_of(found.await?))
}

async fn generation_diff(
    reading: Reading,
    asked: proto::DiffGenerationsRequest,
) -> Result<proto::DiffGenerationsResponse, Problem> {
    let to = asked.to;
    let from = asked.from.unwrap_or_else(|| to.saturating_sub(1));
    let app = &reading.api.app;
    let differences = app
        .generation_diff(&reading.context, Generation(from), Generation(to))
        .await?;
    Ok(proto::DiffGenerationsResponse {
        from,
        to,
        differences: differences.iter().map(difference_of).collect(),
    })
}

async fn generation_restore(
    changing: Changing,
    asked: proto::RestoreGenerationRequest,
) -> Result<proto::GenerationRestored, Problem> {
    let app = &changing.api.app;
    let wanted = Generation(asked.number);
    let restored = app
        .generation_restore(&changing.context, wanted, changing.wait)
        .await?;
    Ok(proto::GenerationRestored {
        generation: restored.generation.0,
        differences: restored.value.iter().map(difference_of).collect(),
        applied: Some(applied_of(restored.applied)),
        is_dry_run: changing.context.intent.is_dry_run,
    })
}

pub(super) fn generation_of(view: GenerationView) -> proto::Generation {
    proto::Generation {
        number: view.row.number.0,
        at: Some(timestamp_of(view.row.at)),
        who: view.row.who,
        summary: view.row.summary,
        nodes: view.nodes.into_iter().map(node_applied_of).collect(),
    }
}

/// As the other face shows it, which hides secrets.
pub(super) fn difference_of(difference: &Difference) -> proto::Difference {
    let change = match (&difference.before, &difference.after) {
        (None, _) => proto::DifferenceChange::Created,
        (_, None) => proto::DifferenceChange::Deleted,
        _ => proto::DifferenceChange::Changed,
    };
    let shown = DifferenceBody::from(difference);
    let fields = shown.fields.into_iter().map(|field| proto::FieldChange {
        pointer: field.pointer,
        before: field.before.map(document::proto_of),
        after: field.after.map(document::proto_of),
    });
    proto::Difference {
        kind: shown.kind,
        name: shown.name,
        change: change.into(),
        fields: fields.collect(),
    }
}
