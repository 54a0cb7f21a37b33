//! `/stream`: what a live page shows, pushed once a second, and deploys as they end.
//!
//! One task makes the events for all listeners. Ticks are states, so a listener that was away gets
//! only the newest; deploys are kept for a while and repeated after `Last-Event-ID`. Invariant: a
//! slow listener is dropped behind, never waited for.

mod events;
mod listener;

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use axum::{Extension, Router};
use cp_app::{App, AppError};
use cp_auth::OpContext;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::OpenApi;

use crate::Api;
use crate::cluster::ClusterBody;
use crate::context::{Admitted, Context};
use crate::node::NodeBody;
use crate::problem::Problem;
use crate::service::ServiceBody;
use crate::stats::{PointBody, TotalBody};
pub use events::Events;
use events::{EVENTS_QUEUED_MAX, Kind, Sent};
use listener::Listener;

#[derive(OpenApi)]
#[openapi(paths(stream))]
pub(crate) struct Doc;

#[derive(Serialize)]
struct Tick {
    cluster: ClusterBody,
    nodes: Vec<NodeBody>,
    services: Vec<ServiceBody>,
    stats: TickStats,
}

#[derive(Serialize)]
struct TickStats {
    at: String,
    total: TotalBody,
    /// The newest whole second, when there were reports.
    last: Option<PointBody>,
}

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/api/v1/stream", get(stream))
}

/// Server-sent events: `tick` once a second, `deploy` when one ends.
#[utoipa::path(get, path = "/api/v1/stream", tag = "stats", responses(
    (status = 200, content_type = "text/event-stream", body = String)))]
async fn stream(
    State(api): State<Api>,
    Context(context): Context,
    Extension(admitted): Extension<Admitted>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let last_seen = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    // A listener sees something at once, not after the next tick.
    let now = tick(&api.app, &context).await?;
    let joined = api.events.join(last_seen.unwrap_or_default());
    let mut first = joined.missed;
    first.push(Arc::new(Sent::of(joined.number, Kind::Tick, now)));
    let (sender, receiver) = mpsc::channel(EVENTS_QUEUED_MAX);
    let listener = Listener {
        events: Arc::clone(&api.events),
        access: Arc::clone(&api.access),
        session: admitted.session,
        stopping: api.stopping.clone(),
        live: joined.live,
        sent: joined.number,
        sender,
    };
    tokio::spawn(listener.run(first));
    let body = ReceiverStream::new(receiver).map(move |sent| {
        let event = Event::default().event(sent.kind.name());
        Ok::<_, std::convert::Infallible>(event.id(api.events.id(&sent)).data(&sent.data))
    });
    Ok(Sse::new(body).keep_alive(KeepAlive::default()))
}

async fn tick(app: &App, context: &OpContext) -> Result<Tick, AppError> {
    let stats = app.stats_view(context)?;
    Ok(Tick {
        cluster: app.cluster_view(context).await?.into(),
        nodes: app
            .node_list(context)
            .await?
            .into_iter()
            .map(NodeBody::from)
            .collect(),
        services: app
            .service_list(context)
            .await?
            .into_iter()
            .map(ServiceBody::from)
            .collect(),
        stats: TickStats {
            at: stats.at.to_string(),
            total: TotalBody::from(&stats),
            last: stats.points.last().map(PointBody::from),
        },
    })
}
