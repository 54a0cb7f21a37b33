//! Nodes: what a person wants of them and what they do.

use std::time::Duration;

use cp_auth::{Action, OpContext};
use cp_model::{Node, NodeChange, NodeName, Version};
use cp_publish::{NodeLive, NodeStatus};
use cp_stats::Summary;

use crate::{App, AppError, Changed, clock};

/// A node's row, what it says of itself, and how it stands to the newest generation.
#[derive(Debug, Clone)]
pub struct NodeView {
    pub node: Node,
    /// `None` only for a moment, between its row and its first session.
    pub live: Option<NodeLive>,
    pub status: NodeStatus,
    pub stats: Summary,
}

// === impl App ===

impl App {
    pub async fn node_list(&self, context: &OpContext) -> Result<Vec<NodeView>, AppError> {
        context.authorize(Action::Read)?;
        let nodes = self.odb.node_list().await?;
        Ok(nodes.into_iter().map(|node| self.node_view(node)).collect())
    }

    pub async fn node_find(
        &self,
        context: &OpContext,
        name: &NodeName,
    ) -> Result<NodeView, AppError> {
        context.authorize(Action::Read)?;
        Ok(self.node_view(self.odb.node_find(name).await?))
    }

    pub async fn node_update(
        &self,
        context: &OpContext,
        (name, expected): (&NodeName, Option<Version>),
        change: NodeChange,
        wait: Option<Duration>,
    ) -> Result<Changed<NodeView>, AppError> {
        context.authorize(Action::Change)?;
        let written = self
            .odb
            .node_update(&context.origin(), name, change, expected)
            .await?;
        let changed = self
            .finished(context, written.value, written.generation, wait)
            .await;
        Ok(Changed {
            value: self.node_view(changed.value),
            generation: changed.generation,
            applied: changed.applied,
        })
    }

    /// Forgets a node that is not connected.
    pub async fn node_delete(
        &self,
        context: &OpContext,
        (name, expected): (&NodeName, Option<Version>),
        wait: Option<Duration>,
    ) -> Result<Changed<NodeView>, AppError> {
        context.authorize(Action::Change)?;
        if self.fleet.is_connected(name) {
            return Err(AppError::NodeConnected(name.to_string()));
        }
        let written = self
            .odb
            .node_delete(&context.origin(), name, expected)
            .await?;
        let value = self.node_view(written.value);
        if !context.intent.is_dry_run {
            self.fleet.forget(name);
        }
        Ok(self
            .finished(context, value, written.generation, wait)
            .await)
    }

    fn node_view(&self, node: Node) -> NodeView {
        let live = self.fleet.node(&node.seen.name);
        let newest = self.publisher.newest().generation;
        let status = live
            .as_ref()
            .map_or(NodeStatus::Away, |live| live.status(newest));
        let stats = self
            .stats
            .node(node.seen.name.as_str(), clock::second_of(clock::now()));
        NodeView {
            node,
            live,
            status,
            stats,
        }
    }
}
