//! Rows of one generation → the one message that nodes apply.
//!
//! Pure. Invariant: the same rows make the same bytes and so the same hash (all lists are in the
//! order of the rows, which the ODB sorts by name).

use bascule_proto::config::v1 as proto;
use cp_model::kind::CHANNEL;
use cp_model::{Node, NodeState, Object, Package, Service};
use cp_odb::Rows;

pub fn snapshot_of(rows: &Rows) -> proto::Snapshot {
    let mut snapshot = proto::Snapshot {
        generation: rows.cluster.generation.0,
        cluster_id: rows.cluster.id.to_string(),
        hash: prost::bytes::Bytes::new(),
        members: rows.nodes.iter().map(member).collect(),
        packages: rows.packages.iter().map(package).collect(),
        services: rows.services.iter().map(service).collect(),
        channels: rows
            .objects
            .iter()
            .filter(|object| object.kind.name == CHANNEL.name && object.spec.is("is_active"))
            .map(channel)
            .collect(),
        cluster: rows.cluster.name.to_string(),
    };
    snapshot.hash = bascule_proto::snapshot_hash(&snapshot).to_vec().into();
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

fn channel(channel: &Object) -> proto::Channel {
    let spec = &channel.spec;
    let data_format = match spec.text("data_format") {
        "json" => proto::DataFormat::Json,
        _ => proto::DataFormat::Unspecified,
    };
    proto::Channel {
        id: channel.id.to_string(),
        name: channel.name.to_string(),
        path: spec.text("path").to_owned(),
        method: spec.text("method").to_owned(),
        service: spec.text("service").to_owned(),
        data_format: data_format.into(),
        // The table of fields keeps both within their types.
        timeout_ms: u32::try_from(spec.integer("timeout_ms")).unwrap_or(u32::MAX),
        body_bytes_max: u64::try_from(spec.integer("body_bytes_max")).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
