//! `Watch`: each generation after one, for as long as the client listens.
//!
//! One task per watcher reads the history and fills a short queue. A watcher that is behind because it began
//! far back is served at its own pace; one that does not take what it was sent while the cluster goes on is
//! ended, and told where to go on. Invariant: the last message that a client got says what it has, however
//! the stream ends.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use bascule_proto::admin::v1 as proto;
use cp_app::{AppError, Follow, OdbError, Step};
use cp_model::Generation;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::Stream;
use tonic::Status;

use super::call::Reading;
use super::generations::{difference_of, generation_of};
use crate::problem::Problem;

/// Messages that wait for the client. Each holds one generation's differences.
const QUEUED_MAX: usize = 16;
/// Generations that may be made while the client takes nothing.
const MISSED_MAX: u64 = 256;
/// A client that takes nothing for so long has stopped, or is gone.
const STALLED_MAX: Duration = Duration::from_mins(1);
/// Tells a client that the stream is alive, and us that the client is.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// What a watcher gets: what was queued, then how it ended.
#[derive(Debug)]
pub(super) struct Watching {
    queued: mpsc::Receiver<proto::WatchGenerationsResponse>,
    /// `None` when it was told.
    end: Option<oneshot::Receiver<Status>>,
}

struct Watcher {
    follow: Follow,
    /// What the client has when it has taken all that was queued.
    told: Generation,
    queue: mpsc::Sender<proto::WatchGenerationsResponse>,
    stopping: watch::Receiver<bool>,
    deadline: Option<Instant>,
}

/// Why a watcher is told no more.
enum End {
    /// It hung up: nobody listens to the reason.
    Left,
    Slow,
    Stopping,
    Late,
    Failed(OdbError),
}

pub(super) async fn generation_watch(
    reading: Reading,
    asked: proto::WatchGenerationsRequest,
) -> Result<Watching, Problem> {
    let after = (asked.after != 0).then_some(Generation(asked.after));
    let app = &reading.api.app;
    let follow = app.generation_follow(&reading.context, after).await;
    let follow = follow.map_err(|error| cannot_follow(error, asked.after))?;
    let (queue, queued) = mpsc::channel(QUEUED_MAX);
    let (ending, end) = oneshot::channel();
    let watcher = Watcher {
        told: follow.after(),
        follow,
        queue,
        stopping: reading.api.stopping.clone(),
        deadline: reading.deadline.map(|deadline| deadline.0),
    };
    tokio::spawn(async move {
        if let Some(status) = watcher.run().await {
            // The client may be gone by now.
            ending.send(status).ok();
        }
    });
    let end = Some(end);
    Ok(Watching { queued, end })
}

/// A generation that does not exist yet is for a follower the same as one that is not kept: begin anew.
fn cannot_follow(error: AppError, after: u64) -> Problem {
    match error {
        AppError::Odb(OdbError::NotFound { .. }) => {
            let text =
                format!("generation {after} does not exist; list the objects and begin anew");
            Problem::new(StatusCode::GONE, "not-kept", text)
        }
        error => error.into(),
    }
}

// === impl Watcher ===

impl Watcher {
    async fn run(mut self) -> Option<Status> {
        let sign_of_life = message(self.follow.after(), None);
        let mut end = self.send(sign_of_life).await;
        while end.is_none() {
            end = match self.next().await {
                Ok(message) => self.send(message).await,
                Err(end) => Some(end),
            };
        }
        end.and_then(|end| end.status(self.told))
    }

    /// The next generation, or a sign of life.
    async fn next(&mut self) -> Result<proto::WatchGenerationsResponse, End> {
        let late = late(self.deadline);
        tokio::select! {
            step = self.follow.next() => match step {
                Ok(step) => Ok(message(self.follow.after(), Some(step))),
                Err(error) => Err(End::Failed(error)),
            },
            () = tokio::time::sleep(SILENCE_MAX) => Ok(message(self.follow.after(), None)),
            () = self.queue.closed() => Err(End::Left),
            _ = self.stopping.wait_for(|stopping| *stopping) => Err(End::Stopping),
            () = late => Err(End::Late),
        }
    }

    async fn send(&mut self, message: proto::WatchGenerationsResponse) -> Option<End> {
        let newest = self.follow.newest();
        let told = Generation(message.after);
        tokio::select! {
            biased;
            sent = self.queue.send(message) => {
                self.told = told;
                sent.is_err().then_some(End::Left)
            }
            _ = self.stopping.wait_for(|stopping| *stopping) => Some(End::Stopping),
            () = self.follow.ahead(newest, MISSED_MAX) => Some(End::Slow),
            () = tokio::time::sleep(STALLED_MAX) => Some(End::Slow),
            () = late(self.deadline) => Some(End::Late),
        }
    }
}

async fn late(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

fn message(after: Generation, step: Option<Step>) -> proto::WatchGenerationsResponse {
    let (generation, differences) = match step {
        Some(step) => (
            Some(generation_of(step.generation)),
            step.differences.iter().map(difference_of).collect(),
        ),
        None => (None, Vec::new()),
    };
    proto::WatchGenerationsResponse {
        after: after.0,
        generation,
        differences,
    }
}

// === impl End ===

impl End {
    /// `after` is the generation to go on from.
    fn status(self, after: Generation) -> Option<Status> {
        let problem = match self {
            Self::Left => return None,
            Self::Slow => {
                let text = format!("what was sent is not taken; go on from generation {after}");
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "slow", text)
            }
            Self::Stopping => {
                let text = format!("the control plane stops; go on from generation {after}");
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", text)
            }
            Self::Late => super::door::too_late(),
            Self::Failed(error) => (&error).into(),
        };
        Some(problem.with("after", after.to_string().into()).into())
    }
}

// === impl Watching ===

impl Stream for Watching {
    type Item = Result<proto::WatchGenerationsResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.queued.poll_recv(cx) {
            Poll::Ready(Some(message)) => return Poll::Ready(Some(Ok(message))),
            Poll::Ready(None) => {}
            Poll::Pending => return Poll::Pending,
        }
        let Some(end) = &mut self.end else {
            return Poll::Ready(None);
        };
        let told = std::task::ready!(Pin::new(end).poll(cx));
        self.end = None;
        let status = told.unwrap_or_else(|_| Status::internal("the watch failed"));
        Poll::Ready(Some(Err(status)))
    }
}
