//! Nodes as the ODB knows them: where they are and what a person wants of them.
//!
//! Owns wanted state and addresses; refuses what a node reports of itself while it runs (the fleet
//! in cp-publish keeps that). Invariant: an address is one that other nodes can connect to.

use std::net::SocketAddr;

use serde::Serialize;

use crate::{Invalid, NodeName, Timestamp, Version};

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    #[serde(flatten)]
    pub seen: NodeSeen,
    pub state: NodeState,
    pub weight: Weight,
    pub created_at: Timestamp,
    pub version: Version,
}

/// What a node says about itself when it connects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeSeen {
    pub name: NodeName,
    pub address: SocketAddr,
    pub balancer_address: Option<SocketAddr>,
    pub admin_address: Option<SocketAddr>,
    /// Version of its binary.
    pub binary_version: String,
    pub python: String,
}

/// What a person asks of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeChange {
    pub state: Option<NodeState>,
    pub weight: Option<Weight>,
}

/// Whether a node gets requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    Online,
    /// Finishes what it has and gets nothing new.
    Draining,
    Offline,
}

/// Share of the cluster's requests, 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Weight(u32);

// === impl NodeState ===

impl NodeState {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "online" => Ok(Self::Online),
            "draining" => Ok(Self::Draining),
            "offline" => Ok(Self::Offline),
            _ => Err(Invalid::new("state", "must be online, draining or offline")),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Draining => "draining",
            Self::Offline => "offline",
        }
    }
}

// === impl Weight ===

impl Weight {
    pub const DEFAULT: Self = Self(100);

    pub fn parse(value: u64) -> Result<Self, Invalid> {
        match u32::try_from(value) {
            Ok(weight @ 1..=1_000) => Ok(Self(weight)),
            _ => Err(Invalid::new("weight", "must be 1 to 1000")),
        }
    }

    pub fn value(self) -> u32 {
        self.0
    }
}

/// An address that a node gives of itself; an empty text is "has none".
pub fn address_parse(field: &'static str, text: &str) -> Result<Option<SocketAddr>, Invalid> {
    if text.is_empty() {
        return Ok(None);
    }
    let refuse = |reason: &str| Err(Invalid::new(field, reason));
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() == 0 => refuse("must have a port other than 0"),
        Ok(address) if address.ip().is_unspecified() => {
            refuse("must be an address that others can connect to, not the wildcard")
        }
        Ok(address) => Ok(Some(address)),
        Err(error) => refuse(&format!("must be ip:port ({error})")),
    }
}
