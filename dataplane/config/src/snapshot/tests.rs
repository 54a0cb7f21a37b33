//! Whole snapshots: a good one, and one fault at a time.

use dp_policy::route::Lookup;

use super::*;
use crate::{BuiltIn, MemberState, REFUSALS_MAX, Target};

const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn channel(name: &str, path: &str, method: &str, service: &str) -> proto::Channel {
    proto::Channel {
        id: name.to_owned(),
        name: name.to_owned(),
        path: path.to_owned(),
        method: method.to_owned(),
        service: service.to_owned(),
        data_format: 0,
        timeout_ms: 30_000,
        body_bytes_max: 1024,
    }
}

fn good() -> proto::Snapshot {
    proto::Snapshot {
        generation: 7,
        cluster_id: "c1".to_owned(),
        cluster: "dev".to_owned(),
        members: vec![proto::Member {
            node: "dev-1".to_owned(),
            address: "127.0.0.1:17010".to_owned(),
            state: proto::MemberState::Online.into(),
            weight: 0,
        }],
        packages: vec![proto::Package {
            id: ID.to_owned(),
            file: "hello.py".to_owned(),
            module: "hello".to_owned(),
            version: 1,
            bytes: 10,
        }],
        services: vec![proto::Service {
            name: "hello.greet".to_owned(),
            package_id: ID.to_owned(),
        }],
        channels: vec![
            channel("greet", "/greet/{name}", "GET", "hello.greet"),
            channel("echo", "/echo", "", "bascule.echo"),
        ],
        ..Default::default()
    }
}

fn hashed(mut wire: proto::Snapshot) -> proto::Snapshot {
    wire.hash = snapshot_hash(&wire).0.to_vec().into();
    wire
}

#[test]
fn a_good_snapshot_is_compiled() {
    let snapshot = Snapshot::try_from(&hashed(good())).unwrap();
    assert_eq!(snapshot.generation, 7);
    let member = &snapshot.members[0];
    assert_eq!((member.state, member.weight), (MemberState::Online, 100));
    let Lookup::Found { index, params } = snapshot.routes.find(b"GET", b"/greet/ana") else {
        panic!("no route");
    };
    assert_eq!(params[0], ("name", "ana".into()));
    let channel = &snapshot.channels[index];
    assert_eq!(channel.target, Target::Worker { service: 0 });
    assert_eq!(&*channel.service, "hello.greet");
}

#[test]
fn every_snapshot_answers_the_ping() {
    for snapshot in [Snapshot::initial(), Snapshot::try_from(&hashed(good()))] {
        let snapshot = snapshot.unwrap();
        let Lookup::Found { index, .. } = snapshot.routes.find(b"GET", b"/zato/ping") else {
            panic!("no ping");
        };
        assert_eq!(
            snapshot.channels[index].target,
            Target::BuiltIn(BuiltIn::Ping)
        );
    }
}

type Break = fn(&mut proto::Snapshot);

/// A fault, the object and the field that must be blamed for it.
const FAULTS: [(Break, &str, &str); 25] = [
    (|s| s.generation = 0, "snapshot", "generation"),
    (|s| s.cluster_id.clear(), "snapshot", "cluster_id"),
    (
        |s| s.members[0].address = "localhost:1".into(),
        "node dev-1",
        "address",
    ),
    (|s| s.members[0].node = "Dev 1".into(), "node Dev 1", "node"),
    (|s| s.members[0].state = 0, "node dev-1", "state"),
    (|s| s.members[0].weight = 1001, "node dev-1", "weight"),
    (
        |s| s.members.push(s.members[0].clone()),
        "node dev-1",
        "node",
    ),
    (
        |s| s.packages[0].id = "A".repeat(64),
        "package hello.py",
        "id",
    ),
    (
        |s| s.packages[0].file = "../x.py".into(),
        "package ../x.py",
        "file",
    ),
    (
        |s| s.packages[0].module = "a b".into(),
        "package hello.py",
        "module",
    ),
    (
        |s| s.packages[0].bytes = 5 << 20,
        "package hello.py",
        "bytes",
    ),
    (
        |s| s.packages.push(s.packages[0].clone()),
        "package hello.py",
        "file",
    ),
    (
        |s| s.services[0].package_id = "b".repeat(64),
        "service hello.greet",
        "package_id",
    ),
    (
        |s| s.services[0].package_id = "b".into(),
        "service hello.greet",
        "package_id",
    ),
    (
        |s| s.services[0].name = "bascule.ping".into(),
        "service bascule.ping",
        "name",
    ),
    (
        |s| s.services.push(s.services[0].clone()),
        "service hello.greet",
        "name",
    ),
    (|s| s.channels[0].name = "-x".into(), "channel -x", "name"),
    (
        |s| s.channels[0].service = "none".into(),
        "channel greet",
        "service",
    ),
    (
        |s| s.channels[0].path = "greet".into(),
        "channel greet",
        "path",
    ),
    (
        |s| s.channels[0].method = "get".into(),
        "channel greet",
        "method",
    ),
    (
        |s| s.channels[0].data_format = 9,
        "channel greet",
        "data_format",
    ),
    (
        |s| s.channels[0].timeout_ms = 0,
        "channel greet",
        "timeout_ms",
    ),
    (
        |s| s.channels[0].body_bytes_max = 1 << 40,
        "channel greet",
        "body_bytes_max",
    ),
    (
        |s| s.channels[1].name = "greet".into(),
        "channel greet",
        "name",
    ),
    (
        |s| s.channels[1].path = "/zato/ping".into(),
        "channel echo",
        "path",
    ),
];

#[test]
fn one_fault_is_refused_by_object_and_field() {
    for (index, (fault, object, field)) in FAULTS.into_iter().enumerate() {
        let mut wire = good();
        fault(&mut wire);
        let refusals = Snapshot::try_from(&hashed(wire)).expect_err(object);
        let first = &refusals.0[0];
        assert_eq!(
            (first.object.as_str(), first.field),
            (object, field),
            "row {index}"
        );
        assert!(!first.reason.is_empty());
    }
}

#[test]
fn a_pattern_conflict_names_both_channels() {
    let mut wire = good();
    wire.channels
        .push(channel("other", "/greet/{who}", "", "bascule.echo"));
    let refusals = Snapshot::try_from(&hashed(wire)).unwrap_err();
    assert_eq!(refusals.0.len(), 1);
    assert_eq!(refusals.0[0].object, "channel other");
    assert!(
        refusals.0[0].reason.contains("channel greet"),
        "{}",
        refusals.0[0].reason
    );
}

#[test]
fn the_same_pattern_with_other_methods_is_no_conflict() {
    let mut wire = good();
    wire.channels
        .push(channel("other", "/greet/{who}", "POST", "bascule.echo"));
    Snapshot::try_from(&hashed(wire)).unwrap();
}

#[test]
fn a_changed_byte_is_found_by_the_hash() {
    let mut wire = hashed(good());
    wire.channels[0].timeout_ms += 1;
    let refusals = Snapshot::try_from(&wire).unwrap_err();
    assert_eq!(
        (refusals.0[0].object.as_str(), refusals.0[0].field),
        ("snapshot", "hash")
    );
}

#[test]
fn all_faults_are_told_but_not_more_than_a_nack_holds() {
    let mut wire = good();
    wire.channels = (0..200)
        .map(|n| channel(&format!("c{n}"), "x", "", "none"))
        .collect();
    let refusals = Snapshot::try_from(&hashed(wire)).unwrap_err();
    assert_eq!(refusals.0.len(), REFUSALS_MAX);
}
