//! `Clusters`: the cluster at a glance.

use bascule_proto::admin::v1::clusters_server::Clusters;
use bascule_proto::admin::v1::{self as proto};
use tonic::{Request, Response, Status};

use super::Face;
use super::applied::timestamp_of;
use super::call::{self, Reading};
use crate::problem::Problem;

#[tonic::async_trait]
impl Clusters for Face {
    async fn get(
        &self,
        request: Request<proto::GetClusterRequest>,
    ) -> Result<Response<proto::Cluster>, Status> {
        call::read(&self.api, request, cluster_get).await
    }
}

async fn cluster_get(
    reading: Reading,
    _asked: proto::GetClusterRequest,
) -> Result<proto::Cluster, Problem> {
    let view = reading.api.app.cluster_view(&reading.context).await?;
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(proto::Cluster {
        id: view.cluster.id.to_string(),
        name: view.cluster.name.to_string(),
        generation: view.cluster.generation.0,
        nodes_total: count(view.nodes_total),
        nodes_connected: count(view.nodes_connected),
        nodes_in_sync: count(view.nodes_in_sync),
        version: view.version.to_owned(),
        started_at: Some(timestamp_of(view.started_at)),
    })
}
