//! `/stream`: what a live page shows, pushed once a second, and deploys as they end.
//!
//! One task makes the events for all listeners. Ticks are states, so a listener that was away gets
//! only the newest; deploys are kept for a while and repeated after `Last-Event-ID`. Invariant: a
//! slow listener is dropped behind, never waited for.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use cp_app::{App, AppError, DeployOutcome, DeployResult, clock};
use cp_auth::{Actor, OpContext};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use utoipa::OpenApi;

use crate::Api;
use crate::cluster::ClusterBody;
use crate::context::Context;
use crate::node::NodeBody;
use crate::package::PackageBody;
use crate::problem::Problem;
use crate::service::ServiceBody;
use crate::stats::{PointBody, TotalBody};

const TICK: Duration = Duration::from_secs(1);
/// Deploys that a listener may have missed while it reconnected.
const DEPLOYS_KEPT: usize = 50;
/// Events that a listener may lag behind by before it skips to the newest.
const EVENTS_QUEUED_MAX: usize = 16;

#[derive(OpenApi)]
#[openapi(paths(stream))]
pub(crate) struct Doc;

/// Makes events and hands them to all listeners.
#[derive(Debug)]
pub struct Events {
    /// Tells this process's numbers from an earlier one's.
    epoch: i64,
    state: Mutex<EventState>,
    live: broadcast::Sender<Arc<Sent>>,
}

#[derive(Debug, Default)]
struct EventState {
    number: u64,
    deploys: VecDeque<Arc<Sent>>,
}

#[derive(Debug)]
struct Sent {
    number: u64,
    name: &'static str,
    data: String,
}

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

#[derive(Serialize)]
struct DeployEvent {
    package: PackageBody,
    /// `live`, `refused` or `superseded`.
    outcome: &'static str,
    generation: Option<u64>,
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
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let last_seen = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    let live = api.events.live.subscribe();
    let mut first = api.events.missed(last_seen.unwrap_or_default());
    // A listener sees something at once, not after the next tick.
    first.push(api.events.make("tick", tick(&api.app, &context).await?));
    let (sender, receiver) = mpsc::channel(EVENTS_QUEUED_MAX);
    tokio::spawn(forward(api, first, live, sender));
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()))
}

async fn forward(
    api: Api,
    first: Vec<Arc<Sent>>,
    mut live: broadcast::Receiver<Arc<Sent>>,
    sender: mpsc::Sender<Result<Event, Infallible>>,
) {
    let mut stopping = api.stopping.clone();
    for sent in first {
        if sender.send(Ok(api.events.event(&sent))).await.is_err() {
            return;
        }
    }
    loop {
        let sent = tokio::select! {
            sent = live.recv() => match sent {
                Ok(sent) => sent,
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            },
            () = sender.closed() => return,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        if sender.send(Ok(api.events.event(&sent))).await.is_err() {
            return;
        }
    }
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

// === impl Events ===

impl Events {
    pub fn new() -> Self {
        let (live, _) = broadcast::channel(EVENTS_QUEUED_MAX);
        Self {
            epoch: clock::now().unix_us(),
            state: Mutex::default(),
            live,
        }
    }

    /// Runs for as long as the control plane does.
    pub async fn run(self: Arc<Self>, app: App) {
        let mut results = app.deploy_results();
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => self.tick(&app).await,
                result = results.recv() => match result {
                    Ok(result) => self.deployed(&result),
                    Err(RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "deploy events are skipped");
                    }
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }

    async fn tick(&self, app: &App) {
        if self.live.receiver_count() == 0 {
            return;
        }
        let context = OpContext {
            actor: Actor::System,
            at: clock::now(),
            cid: "stream".to_owned(),
        };
        match tick(app, &context).await {
            Ok(tick) => self.send(&self.make("tick", tick)),
            Err(error) => tracing::warn!(%error, "no tick this second"),
        }
    }

    fn deployed(&self, result: &DeployResult) {
        let (outcome, generation) = match &result.outcome {
            DeployOutcome::Live(generation) => ("live", Some(generation.0)),
            DeployOutcome::Refused(_) => ("refused", None),
            DeployOutcome::Superseded => ("superseded", None),
        };
        let package = PackageBody::from(&result.package);
        let sent = self.make(
            "deploy",
            DeployEvent {
                package,
                outcome,
                generation,
            },
        );
        let mut state = self.state();
        if state.deploys.len() == DEPLOYS_KEPT {
            state.deploys.pop_front();
        }
        state.deploys.push_back(Arc::clone(&sent));
        drop(state);
        self.send(&sent);
    }

    fn make(&self, name: &'static str, data: impl Serialize) -> Arc<Sent> {
        let data = serde_json::to_string(&data).unwrap_or_default();
        let mut state = self.state();
        state.number += 1;
        Arc::new(Sent {
            number: state.number,
            name,
            data,
        })
    }

    fn send(&self, sent: &Arc<Sent>) {
        // Nobody listens: nothing is lost.
        self.live.send(Arc::clone(sent)).ok();
    }

    /// Deploys after the event that a listener saw last; none for a listener that is new here.
    fn missed(&self, last_seen: &str) -> Vec<Arc<Sent>> {
        let number = last_seen.split_once('-').and_then(|(epoch, number)| {
            let is_ours = epoch.parse() == Ok(self.epoch);
            number.parse::<u64>().ok().filter(|_| is_ours)
        });
        let Some(number) = number else {
            return Vec::new();
        };
        let state = self.state();
        state
            .deploys
            .iter()
            .filter(|sent| sent.number > number)
            .cloned()
            .collect()
    }

    fn event(&self, sent: &Sent) -> Event {
        let id = format!("{}-{}", self.epoch, sent.number);
        Event::default().event(sent.name).id(id).data(&sent.data)
    }

    fn state(&self) -> MutexGuard<'_, EventState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}
