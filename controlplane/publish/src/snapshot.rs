//! Rows of one generation → the one message that nodes apply.
//!
//! Pure. Invariant: the same rows make the same bytes and so the same hash (all lists are in the
//! order of the rows, which the ODB sorts by name).

use bascule_proto::config::v1 as proto;
use cp_model::{Channel, DataFormat, Node, NodeState, Package, Service};
use cp_odb::Rows;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

pub fn snapshot_of(rows: &Rows) -> proto::Snapshot {
    let mut snapshot = proto::Snapshot {
        generation: rows.cluster.generation.0,
        cluster_id: rows.cluster.id.to_string(),
        hash: prost::bytes::Bytes::new(),
        members: rows.nodes.iter().map(member).collect(),
        packages: rows.packages.iter().map(package).collect(),
        services: rows.services.iter().map(service).collect(),
        channels: rows.channels.iter().map(channel).collect(),
        cluster: rows.cluster.name.to_string(),
    };
    snapshot.hash = Sha256::digest(snapshot.encode_to_vec()).to_vec().into();
    snapshot
}

pub(crate) fn package(package: &Package) -> proto::Package {
    proto::Package {
        id: package.id.to_string(),
        file: package.file.to_string(),
        module: package.file.module().to_owned(),
        version: package.version,
        bytes: package.bytes,
    }
}

fn member(node: &Node) -> proto::Member {
    let state = match node.state {
        NodeState::Online => proto::MemberState::Online,
        NodeState::Draining => proto::MemberState::Draining,
        NodeState::Offline => proto::MemberState::Offline,
    };
    proto::Member {
        node: node.seen.name.to_string(),
        address: node.seen.address.to_string(),
        state: state.into(),
        weight: node.weight.value(),
    }
}

fn service(service: &Service) -> proto::Service {
    proto::Service {
        name: service.declared.name.to_string(),
        package_id: service.package_id.to_string(),
    }
}

fn channel(channel: &Channel) -> proto::Channel {
    let spec = &channel.spec;
    let data_format = match spec.data_format {
        DataFormat::Raw => proto::DataFormat::Unspecified,
        DataFormat::Json => proto::DataFormat::Json,
    };
    proto::Channel {
        id: channel.id.to_string(),
        name: spec.name.to_string(),
        path: spec.path.to_string(),
        method: spec.method.as_str().to_owned(),
        service: spec.service.to_string(),
        data_format: data_format.into(),
        timeout_ms: spec.timeout_ms,
        body_bytes_max: spec.body_bytes_max,
    }
}

#[cfg(test)]
mod tests;
