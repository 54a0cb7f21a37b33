//! A node as an endpoint of the cluster's own backend.

use std::net::SocketAddr;
use std::sync::Arc;

use bascule_proto::config::v1 as proto;

use crate::{Refusal, name};

/// Weight of a member that says none.
const WEIGHT_DEFAULT: u32 = 100;
const WEIGHT_MAX: u32 = 1000;

/// One member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub node: Arc<str>,
    /// Its `node` listener.
    pub address: SocketAddr,
    pub state: MemberState,
    /// 1 to 1000.
    pub weight: u32,
}

/// What a person wants of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// Gets requests.
    Online,
    /// Finishes what it has and gets nothing new.
    Draining,
    /// Taken out.
    Offline,
}

// === impl Member ===

impl TryFrom<&proto::Member> for Member {
    type Error = Refusal;

    fn try_from(wire: &proto::Member) -> Result<Self, Refusal> {
        let refuse =
            |field, reason: String| Refusal::new(format!("node {}", wire.node), field, reason);
        name::check(&wire.node).map_err(|reason| refuse("node", reason))?;
        let address = wire.address.parse();
        let address = address.map_err(|error| {
            refuse(
                "address",
                format!("{:?} is no ip:port: {error}", wire.address),
            )
        })?;
        let state = match wire.state() {
            proto::MemberState::Online => MemberState::Online,
            proto::MemberState::Draining => MemberState::Draining,
            proto::MemberState::Offline => MemberState::Offline,
            proto::MemberState::Unspecified => {
                return Err(refuse(
                    "state",
                    format!("{} is no member state", wire.state),
                ));
            }
        };
        let weight = if wire.weight == 0 {
            WEIGHT_DEFAULT
        } else {
            wire.weight
        };
        if weight > WEIGHT_MAX {
            return Err(refuse("weight", format!("{weight} is over {WEIGHT_MAX}")));
        }
        Ok(Self {
            node: wire.node.as_str().into(),
            address,
            state,
            weight,
        })
    }
}
