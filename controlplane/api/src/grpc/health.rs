//! `grpc.health.v1`: whether this process can serve, which is whether the ODB answers.
//!
//! Asks when it is asked, as `/readyz` does, so that no answer is older than its question. Invariant: it
//! tells nothing but that.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::pb::health_check_response::ServingStatus as WireStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::{Face, rights};
use crate::health::is_ready;

/// How often a watcher's status is looked at. Each look is a query of one row.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

#[tonic::async_trait]
impl Health for Face {
    type WatchStream = ReceiverStream<Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = &request.get_ref().service;
        if !rights::is_service(service) {
            let text = format!("there is no service {service}");
            return Err(Status::not_found(text));
        }
        Ok(Response::new(response(self.serving().await.into())))
    }

    /// The status now, and whenever it has become another one.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let is_known = rights::is_service(&request.get_ref().service);
        let (sender, receiver) = mpsc::channel(1);
        let face = self.clone();
        tokio::spawn(async move {
            let mut stopping = face.api.stopping.clone();
            tokio::select! {
                () = face.tell(is_known, &sender) => {}
                () = sender.closed() => {}
                _ = stopping.wait_for(|stopping| *stopping) => {
                    // Whoever is slow sees the end of the stream instead.
                    sender.try_send(Ok(response(WireStatus::NotServing))).ok();
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

// === impl Face ===

impl Face {
    async fn tell(
        &self,
        is_known: bool,
        sender: &mpsc::Sender<Result<HealthCheckResponse, Status>>,
    ) {
        let mut told = None;
        let mut looks = tokio::time::interval(LOOK_INTERVAL);
        loop {
            looks.tick().await;
            let status = if is_known {
                self.serving().await.into()
            } else {
                WireStatus::ServiceUnknown
            };
            if told != Some(status) && sender.send(Ok(response(status))).await.is_err() {
                return;
            }
            told = Some(status);
        }
    }

    async fn serving(&self) -> ServingStatus {
        if *self.api.stopping.borrow() || !is_ready(&self.api).await {
            return ServingStatus::NotServing;
        }
        ServingStatus::Serving
    }
}

fn response(status: WireStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}
