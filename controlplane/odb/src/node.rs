//! Rows of nodes.
//!
//! Owns registration (a node says where it is) and wanted state (a person says what it shall do).
//! Invariant: a reconnect that changes nothing that others need makes no generation.

use cp_model::node::address_parse;
use cp_model::{
    Generation, Node, NodeChange, NodeName, NodeSeen, NodeState, Origin, Version, Weight,
};

use crate::engine::{self, Row, sql};
use crate::row::{number, text, time};
use crate::write::{Event, Write, expect_version, shown, version_to_sql};
use crate::{Odb, OdbError, Written};

// === impl Odb ===

impl Odb {
    pub async fn node_find(&self, name: &NodeName) -> Result<Node, OdbError> {
        let row = sql("SELECT * FROM node WHERE name = ?")
            .bind(name.as_str())
            .fetch_optional(&self.pools.read)
            .await?;
        parse(&row.ok_or_else(|| absent(name))?)
    }

    /// All nodes in order of name; a cluster has at most hundreds.
    pub async fn node_list(&self) -> Result<Vec<Node>, OdbError> {
        let rows = sql("SELECT * FROM node ORDER BY name")
            .fetch_all(&self.pools.read)
            .await?;
        rows.iter().map(parse).collect()
    }

    /// Registers a node that connected. `Some` generation when nodes must know: it is new, or it
    /// moved to another address.
    pub async fn node_register(
        &self,
        origin: &Origin,
        seen: &NodeSeen,
    ) -> Result<Option<Generation>, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let Some(before) = find(&mut write.tx, &seen.name).await? else {
            let node = Node {
                seen: seen.clone(),
                state: NodeState::Online,
                weight: Weight::DEFAULT,
                created_at: origin.at,
                version: write.version().await?,
            };
            insert(&mut write.tx, &node).await?;
            let after = shown(&node)?;
            return write
                .publish(event("node.register", &seen.name, None, after))
                .await
                .map(Some);
        };
        if before.seen == *seen {
            return Ok(None);
        }
        let after = Node {
            seen: seen.clone(),
            version: write.version().await?,
            ..before.clone()
        };
        update(&mut write.tx, &after).await?;
        let moved = before.seen.address != seen.address;
        let event = event("node.register", &seen.name, shown(&before)?, shown(&after)?);
        if moved {
            return write.publish(event).await.map(Some);
        }
        write.record(event).await.map(|()| None)
    }

    pub async fn node_update(
        &self,
        origin: &Origin,
        name: &NodeName,
        change: NodeChange,
        expected: Option<Version>,
    ) -> Result<Written<Node>, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let before = find(&mut write.tx, name)
            .await?
            .ok_or_else(|| absent(name))?;
        expect_version("node", name.as_str(), before.version, expected)?;
        let state = change.state.unwrap_or(before.state);
        let weight = change.weight.unwrap_or(before.weight);
        if (state, weight) == (before.state, before.weight) {
            let generation = write.generation().await?;
            return Ok(Written {
                value: before,
                generation,
            });
        }
        let after = Node {
            state,
            weight,
            version: write.version().await?,
            ..before.clone()
        };
        update(&mut write.tx, &after).await?;
        let event = event("node.update", name, shown(&before)?, shown(&after)?);
        let generation = write.publish(event).await?;
        Ok(Written {
            value: after,
            generation,
        })
    }

    pub async fn node_delete(
        &self,
        origin: &Origin,
        name: &NodeName,
        expected: Option<Version>,
    ) -> Result<Written<Node>, OdbError> {
        let mut write = Write::begin(self, origin).await?;
        let before = find(&mut write.tx, name)
            .await?
            .ok_or_else(|| absent(name))?;
        expect_version("node", name.as_str(), before.version, expected)?;
        sql("DELETE FROM node WHERE name = ?")
            .bind(name.as_str())
            .execute(&mut write.tx)
            .await?;
        let event = event("node.delete", name, shown(&before)?, None);
        let generation = write.publish(event).await?;
        Ok(Written {
            value: before,
            generation,
        })
    }
}

pub(crate) fn parse(row: &Row) -> Result<Node, OdbError> {
    let address = address_parse("address", &text(row, "address")?)?
        .ok_or_else(|| cp_model::Invalid::new("address", "is empty"))?;
    Ok(Node {
        seen: NodeSeen {
            name: NodeName::parse(&text(row, "name")?)?,
            address,
            balancer_address: address_parse("balancer_address", &text(row, "balancer_address")?)?,
            admin_address: address_parse("admin_address", &text(row, "admin_address")?)?,
            binary_version: text(row, "binary_version")?,
            python: text(row, "python")?,
        },
        state: NodeState::parse(&text(row, "state")?)?,
        weight: Weight::parse(number(row, "weight")?)?,
        created_at: time(row, "created_at")?,
        version: Version(number(row, "version")?),
    })
}

async fn find(tx: &mut engine::Transaction, name: &NodeName) -> Result<Option<Node>, OdbError> {
    let row = sql("SELECT * FROM node WHERE name = ?")
        .bind(name.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    row.as_ref().map(parse).transpose()
}

async fn insert(tx: &mut engine::Transaction, node: &Node) -> Result<(), OdbError> {
    sql(
        "INSERT INTO node (name, state, weight, address, balancer_address, admin_address,
                           binary_version, python, created_at, version)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(node.seen.name.as_str())
    .bind(node.state.as_str())
    .bind(i64::from(node.weight.value()))
    .bind(node.seen.address.to_string())
    .bind(address_text(node.seen.balancer_address))
    .bind(address_text(node.seen.admin_address))
    .bind(&node.seen.binary_version)
    .bind(&node.seen.python)
    .bind(node.created_at.unix_us())
    .bind(version_to_sql(node.version))
    .execute(&mut *tx)
    .await?;
    Ok(())
}

async fn update(tx: &mut engine::Transaction, node: &Node) -> Result<(), OdbError> {
    sql(
        "UPDATE node SET state = ?, weight = ?, address = ?, balancer_address = ?,
                         admin_address = ?, binary_version = ?, python = ?, version = ?
         WHERE name = ?",
    )
    .bind(node.state.as_str())
    .bind(i64::from(node.weight.value()))
    .bind(node.seen.address.to_string())
    .bind(address_text(node.seen.balancer_address))
    .bind(address_text(node.seen.admin_address))
    .bind(&node.seen.binary_version)
    .bind(&node.seen.python)
    .bind(version_to_sql(node.version))
    .bind(node.seen.name.as_str())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

fn address_text(address: Option<std::net::SocketAddr>) -> String {
    address
        .map(|address| address.to_string())
        .unwrap_or_default()
}

fn absent(name: &NodeName) -> OdbError {
    OdbError::NotFound {
        kind: "node",
        name: name.to_string(),
    }
}

fn event(
    action: &str,
    name: &NodeName,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
) -> Event {
    Event {
        action: action.to_owned(),
        object: format!("node {name}"),
        before,
        after,
    }
}
