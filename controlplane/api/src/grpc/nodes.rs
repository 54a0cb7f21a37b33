//! `Nodes`: what a person wants of them, and what they do.
//!
//! Invariant: what a node never reported is zero or empty, never invented.

use bascule_proto::admin::v1::nodes_server::Nodes;
use bascule_proto::admin::v1::{self as proto};
use cp_app::{AckRecord, Changed, Connection, Lifecycle, NodeStatus, NodeView, Rejection};
use cp_model::{NodeChange, NodeName, NodeState, Version, Weight};
use tonic::{Request, Response, Status};

use super::Face;
use super::applied::{applied_of, refusal_of, timestamp_of};
use super::call::{self, Changing, Reading};
use crate::etag::{self, IfMatch};
use crate::node::requests_per_second;
use crate::problem::Problem;
use crate::query::PageQuery;

#[tonic::async_trait]
impl Nodes for Face {
    async fn list(
        &self,
        request: Request<proto::ListNodesRequest>,
    ) -> Result<Response<proto::ListNodesResponse>, Status> {
        call::read(&self.api, request, node_list).await
    }

    async fn get(
        &self,
        request: Request<proto::GetNodeRequest>,
    ) -> Result<Response<proto::Node>, Status> {
        call::read(&self.api, request, node_get).await
    }

    async fn update(
        &self,
        request: Request<proto::UpdateNodeRequest>,
    ) -> Result<Response<proto::NodeChanged>, Status> {
        call::change(&self.api, request, node_update).await
    }

    async fn delete(
        &self,
        request: Request<proto::DeleteNodeRequest>,
    ) -> Result<Response<proto::NodeChanged>, Status> {
        call::change(&self.api, request, node_delete).await
    }
}

async fn node_list(
    reading: Reading,
    asked: proto::ListNodesRequest,
) -> Result<proto::ListNodesResponse, Problem> {
    let nodes = reading.api.app.node_list(&reading.context).await?;
    let query = PageQuery::new(asked.page_size, asked.page_token);
    let page = query.cut(nodes, |view| view.node.seen.name.to_string())?;
    Ok(proto::ListNodesResponse {
        nodes: page.items.into_iter().map(node_of).collect(),
        next_page_token: page.next_page_token.unwrap_or_default(),
    })
}

async fn node_get(reading: Reading, asked: proto::GetNodeRequest) -> Result<proto::Node, Problem> {
    let name = NodeName::parse(&asked.name)?;
    let found = reading.api.app.node_find(&reading.context, &name);
    Ok(node_of(found.await?))
}

async fn node_update(
    changing: Changing,
    asked: proto::UpdateNodeRequest,
) -> Result<proto::NodeChanged, Problem> {
    let weight = asked.weight.map(|weight| Weight::parse(weight.into()));
    let change = NodeChange {
        state: wanted_of(asked.state)?,
        weight: weight.transpose()?,
    };
    let name = NodeName::parse(&asked.name)?;
    let target = (&name, expected(&asked.etag));
    let app = &changing.api.app;
    let changed = app
        .node_update(&changing.context, target, change, changing.wait)
        .await?;
    Ok(changed_of(changed, changing.context.intent.is_dry_run))
}

async fn node_delete(
    changing: Changing,
    asked: proto::DeleteNodeRequest,
) -> Result<proto::NodeChanged, Problem> {
    let name = NodeName::parse(&asked.name)?;
    let target = (&name, expected(&asked.etag));
    let app = &changing.api.app;
    let changed = app
        .node_delete(&changing.context, target, changing.wait)
        .await?;
    Ok(changed_of(changed, changing.context.intent.is_dry_run))
}

/// Presented or not; a person at a terminal may drain without having looked.
fn expected(etag: &str) -> Option<Version> {
    match etag {
        "" => None,
        etag => match etag::parse(etag) {
            IfMatch::Any => None,
            IfMatch::Version(version) => Some(version),
        },
    }
}

fn wanted_of(state: i32) -> Result<Option<NodeState>, Problem> {
    let text = match proto::WantedState::try_from(state) {
        Ok(proto::WantedState::Unspecified) => return Ok(None),
        Ok(proto::WantedState::Online) => "online",
        Ok(proto::WantedState::Draining) => "draining",
        Ok(proto::WantedState::Offline) => "offline",
        Err(_) => "",
    };
    Ok(Some(NodeState::parse(text)?))
}

fn changed_of(changed: Changed<NodeView>, is_dry_run: bool) -> proto::NodeChanged {
    proto::NodeChanged {
        node: Some(node_of(changed.value)),
        generation: changed.generation.0,
        applied: Some(applied_of(changed.applied)),
        is_dry_run,
    }
}

fn node_of(view: NodeView) -> proto::Node {
    let requests_per_second = requests_per_second(&view);
    let state = match view.node.state {
        NodeState::Online => proto::WantedState::Online,
        NodeState::Draining => proto::WantedState::Draining,
        NodeState::Offline => proto::WantedState::Offline,
    };
    let status = match view.status {
        NodeStatus::InSync => proto::NodeStatus::InSync,
        NodeStatus::Applying => proto::NodeStatus::Applying,
        NodeStatus::Rejected => proto::NodeStatus::Rejected,
        NodeStatus::Away => proto::NodeStatus::Away,
    };
    let seen = view.node.seen;
    let text = |address: Option<std::net::SocketAddr>| {
        address
            .map(|address| address.to_string())
            .unwrap_or_default()
    };
    let known = proto::Node {
        name: seen.name.to_string(),
        state: state.into(),
        connection: proto::Connection::Away.into(),
        status: status.into(),
        address: seen.address.to_string(),
        balancer_address: text(seen.balancer_address),
        admin_address: text(seen.admin_address),
        version: seen.binary_version,
        python: seen.python,
        weight: view.node.weight.value(),
        lifecycle: proto::Lifecycle::Starting.into(),
        requests_per_second,
        etag: etag::of_version(view.node.version),
        ..Default::default()
    };
    match view.live {
        Some(live) => with_live(known, live),
        None => known,
    }
}

/// What the node said of itself since it connected.
fn with_live(known: proto::Node, live: cp_app::NodeLive) -> proto::Node {
    let connection = match live.connection {
        Connection::Connected => proto::Connection::Connected,
        Connection::Away => proto::Connection::Away,
    };
    let node = proto::Node {
        connection: connection.into(),
        generation: live.running.0,
        ack_us: live.ack.as_ref().map(|ack| ack.total_us),
        cores: live.ack.map(cores_of).unwrap_or_default(),
        rejection: live.rejection.map(rejection_of),
        started_at: live.started_at.map(timestamp_of),
        last_seen_at: live.last_seen_at.map(timestamp_of),
        ..known
    };
    let Some(report) = live.report else {
        return node;
    };
    let lifecycle = match report.lifecycle {
        Lifecycle::Starting => proto::Lifecycle::Starting,
        Lifecycle::Ready => proto::Lifecycle::Ready,
        Lifecycle::Stopping => proto::Lifecycle::Stopping,
    };
    proto::Node {
        python: match &*report.python {
            "" => node.python,
            _ => report.python,
        },
        workers_ready: report.workers_ready,
        workers_total: report.workers_total,
        lifecycle: lifecycle.into(),
        connections: report.connections,
        in_flight: report.in_flight,
        cpu_share: report.cpu_share,
        resident_bytes: report.resident_bytes,
        ..node
    }
}

fn cores_of(ack: AckRecord) -> Vec<proto::Core> {
    let core = |core: cp_app::CoreAck| proto::Core {
        core: core.core,
        prepare_us: core.prepare_us,
        commit_us: core.commit_us,
    };
    ack.cores.into_iter().map(core).collect()
}

fn rejection_of(rejection: Rejection) -> proto::Rejection {
    proto::Rejection {
        generation: rejection.generation.0,
        refusals: rejection.refusals.into_iter().map(refusal_of).collect(),
    }
}
