//! The border to the control plane, from this side: what it accepts compiles here. `cp-model` reads
//! the same file.

use bascule_proto::config::v1 as proto;

use crate::{PackageId, Refusals, Snapshot, snapshot_hash};

/// Applies one good value of the shared file to a snapshot.
fn put(snapshot: &mut proto::Snapshot, kind: &str, text: &str) {
    let channel = &mut snapshot.channels[0];
    let number = || text.parse::<u32>().unwrap();
    match kind {
        "path" => text.clone_into(&mut channel.path),
        "name" => text.clone_into(&mut channel.name),
        // Built in: no package declares it.
        "service" if text == "bascule.echo" => text.clone_into(&mut channel.service),
        "service" => {
            text.clone_into(&mut channel.service);
            text.clone_into(&mut snapshot.services[0].name);
        }
        "module" => {
            text.clone_into(&mut snapshot.packages[0].module);
            snapshot.packages[0].file = format!("{text}.py");
        }
        "timeout_ms" => channel.timeout_ms = number(),
        "body_bytes_max" => channel.body_bytes_max = number().into(),
        "package_bytes" => snapshot.packages[0].bytes = number().into(),
        "weight" => snapshot.members[0].weight = number(),
        other => panic!("no test knows the kind {other}"),
    }
}

fn compile(kind: &str, text: &str) -> Result<Snapshot, Refusals> {
    let id = PackageId::of("a.py", b"").to_string();
    let mut snapshot = proto::Snapshot {
        generation: 1,
        cluster_id: "c".to_owned(),
        members: vec![proto::Member {
            node: "n".to_owned(),
            address: "127.0.0.1:1".to_owned(),
            state: proto::MemberState::Online.into(),
            weight: 1,
        }],
        packages: vec![proto::Package {
            id: id.clone(),
            file: "a.py".to_owned(),
            module: "a".to_owned(),
            version: 1,
            bytes: 1,
        }],
        services: vec![proto::Service {
            name: "a".to_owned(),
            package_id: id,
        }],
        channels: vec![proto::Channel {
            name: "a".to_owned(),
            path: "/a".to_owned(),
            service: "bascule.echo".to_owned(),
            timeout_ms: 1,
            ..Default::default()
        }],
        ..Default::default()
    };
    put(&mut snapshot, kind, text);
    snapshot.hash = snapshot_hash(&snapshot).0.to_vec().into();
    Snapshot::try_from(&snapshot)
}

#[test]
fn what_the_control_plane_accepts_compiles() {
    for line in include_str!("../../../proto/testdata/channels.txt").lines() {
        let Some(line) = line.strip_prefix("good ") else {
            continue;
        };
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap();
        let (kind, times) = (word(), word().parse().unwrap());
        let text = word().repeat(times);
        let compiled = compile(kind, &text);
        assert!(compiled.is_ok(), "{kind} {text}: {}", compiled.unwrap_err());
    }
}
