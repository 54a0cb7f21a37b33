//! The golden snapshot: what nodes get for known rows.

use cp_model::{
    Cluster, ClusterId, ClusterName, DeclaredService, FileName, Generation, NodeName, NodeSeen,
    PackageId, PackageState, ServiceName, Timestamp, Version, Weight,
};

use prost::Message as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::*;

fn rows() -> Rows {
    let at = Timestamp::from_unix_us(0);
    let id = PackageId::from_digest(&[7; 32]);
    let file = FileName::parse("hello.py").unwrap();
    let service = ServiceName::parse("hello.say").unwrap();
    let uuid = |text: &str| text.parse().unwrap();
    Rows {
        cluster: Cluster {
            id: ClusterId(uuid("00000000-0000-7000-8000-000000000001")),
            name: ClusterName::parse("golden").unwrap(),
            generation: Generation(42),
            history_from: Generation(1),
            created_at: at,
        },
        nodes: vec![Node {
            seen: NodeSeen {
                name: NodeName::parse("n1").unwrap(),
                address: ([127, 0, 0, 1], 17010).into(),
                balancer_address: None,
                admin_address: None,
                binary_version: "0.1.0".into(),
                python: String::new(),
            },
            state: NodeState::Draining,
            weight: Weight::DEFAULT,
            created_at: at,
            version: Version(1),
        }],
        packages: vec![Package {
            id: id.clone(),
            file: file.clone(),
            version: 3,
            state: PackageState::Live,
            bytes: 10,
            services: vec![service.clone()],
            error: None,
            created_at: at,
            sequence: 1,
        }],
        services: vec![Service {
            declared: DeclaredService {
                name: service,
                class_name: "Say".into(),
                line: 1,
                documentation: String::new(),
                input: Vec::new(),
                output: Vec::new(),
            },
            package_id: id,
            file,
            version: 3,
            deployed_at: at,
        }],
        objects: vec![channel_at(at, true), channel_at(at, false)],
    }
}

fn channel_at(at: Timestamp, is_active: bool) -> Object {
    let given = json!({
        "name": "hello", "path": "/hello/{name}", "method": "GET", "service": "hello.say",
        "data_format": "json", "timeout_ms": 1_500, "body_bytes_max": 99, "is_active": is_active,
    });
    let (name, spec) = CHANNEL.parse(given.as_object().unwrap().clone()).unwrap();
    Object {
        kind: &CHANNEL,
        id: "00000000-0000-7000-8000-000000000002".parse().unwrap(),
        name,
        spec,
        version: Version(1),
        created_at: at,
        changed_at: at,
    }
}

#[test]
fn known_rows_make_the_golden_snapshot() {
    let snapshot = snapshot_of(&rows());
    let hash: Vec<_> = snapshot
        .hash
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let shown = proto::Snapshot {
        hash: prost::bytes::Bytes::new(),
        ..snapshot
    };
    let text = format!("{shown:#?}\nhash {}\n", hash.concat());
    assert_eq!(text, include_str!("golden.txt"), "the text is now:\n{text}");
}

#[test]
fn the_hash_covers_everything_but_itself() {
    let snapshot = snapshot_of(&rows());
    let unhashed = proto::Snapshot {
        hash: prost::bytes::Bytes::new(),
        ..snapshot.clone()
    };
    assert_eq!(
        snapshot.hash.to_vec(),
        Sha256::digest(unhashed.encode_to_vec()).to_vec()
    );
    assert_eq!(
        snapshot,
        snapshot_of(&rows()),
        "the same rows make the same bytes"
    );
    let mut other = rows();
    other.objects.remove(0);
    assert_ne!(snapshot.hash, snapshot_of(&other).hash);
}
