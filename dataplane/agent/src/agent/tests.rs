//! The agent against a control plane of its own kind: the generated server, in this process.

mod deltas;
mod fake;

use std::sync::atomic::Ordering;

use proto::control_message::Message as Control;

use self::fake::{ControlPlane, FakeNode, Rig, channel, encoded, hashed, package, snapshot};
use super::*;
use crate::status::{Link, Phase, Source};

#[tokio::test]
async fn a_snapshot_is_applied_kept_and_acknowledged() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    assert_eq!(
        (session.hello.node.as_str(), session.hello.generation),
        ("dev-1", 0)
    );

    let (wire, content) = package("hello.py", "class Hello: pass");
    control_plane.packages.send_modify(|all| {
        all.insert(wire.id.clone(), content);
    });
    let sent = hashed(proto::Snapshot {
        packages: vec![wire],
        ..snapshot(3)
    });
    session.send(Control::Snapshot(sent.clone())).await;

    let ack = session.ack().await;
    assert_eq!((ack.generation, &ack.hash), (3, &sent.hash));
    assert_eq!(ack.cores.len(), 1);
    assert_eq!(*rig.node.applied.borrow(), [3]);
    let status = rig.status.read();
    assert_eq!(status.phase, Phase::Ready);
    assert_eq!(status.serving.unwrap().source, Source::ControlPlane);
    assert!(rig.folder.path().join("snapshot.bin").exists());
}

#[tokio::test]
async fn an_invalid_snapshot_is_refused_by_object_and_field_and_the_old_one_serves() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    session.send(Control::Snapshot(hashed(snapshot(1)))).await;
    session.ack().await;

    let bad = proto::Snapshot {
        channels: vec![channel("crm", "no-slash")],
        ..snapshot(2)
    };
    session.send(Control::Snapshot(hashed(bad))).await;

    let nack = session.nack().await;
    assert_eq!((nack.generation, nack.serving), (2, 1));
    let refusal = &nack.refusals[0];
    assert_eq!(
        (refusal.object.as_str(), refusal.field.as_str()),
        ("channel crm", "path")
    );
    assert_eq!(refusal.core, -1);
    assert_eq!(rig.status.read().generation(), 1);
    assert_eq!(*rig.node.applied.borrow(), [1]);
}

#[tokio::test]
async fn a_foreign_or_older_snapshot_is_refused() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    session.send(Control::Snapshot(hashed(snapshot(5)))).await;
    session.ack().await;

    let foreign = proto::Snapshot {
        cluster_id: "other".to_owned(),
        ..snapshot(6)
    };
    session.send(Control::Snapshot(hashed(foreign))).await;
    assert_eq!(session.nack().await.refusals[0].field, "cluster_id");

    session.send(Control::Snapshot(hashed(snapshot(4)))).await;
    assert_eq!(session.nack().await.refusals[0].field, "generation");
    assert_eq!(rig.status.read().generation(), 5);
}

#[tokio::test]
async fn content_that_is_not_the_packages_own_is_refused() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    let (wire, _) = package("hello.py", "class Hello: pass");
    control_plane.packages.send_modify(|all| {
        all.insert(wire.id.clone(), b"import os".to_vec());
    });
    session
        .send(Control::Snapshot(hashed(proto::Snapshot {
            packages: vec![wire],
            ..snapshot(1)
        })))
        .await;
    let refusal = session.nack().await.refusals.remove(0);
    assert_eq!(refusal.object, "package hello.py");
    assert!(refusal.reason.contains("hashes to"), "{}", refusal.reason);
    assert_eq!(rig.status.read().generation(), 0);
}

#[tokio::test]
async fn a_dropped_session_is_opened_again_and_says_what_serves() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    let sent = hashed(snapshot(1));
    session.send(Control::Snapshot(sent.clone())).await;
    session.ack().await;
    drop(session);
    let session = control_plane.session().await;
    assert_eq!(
        (session.hello.generation, &session.hello.hash),
        (1, &sent.hash)
    );
    assert_eq!(session.hello.cluster_id, "c1");
    rig.status
        .wait_for(|status| matches!(status.link, Link::Connected { .. }))
        .await;
}

#[tokio::test]
async fn of_several_waiting_snapshots_only_the_newest_is_applied() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::held());
    let mut session = control_plane.session().await;
    session.send(Control::Snapshot(hashed(snapshot(1)))).await;
    rig.node
        .applied
        .subscribe()
        .wait_for(|all| all == &[1])
        .await
        .unwrap();
    for generation in 2..=5 {
        session
            .send(Control::Snapshot(hashed(snapshot(generation))))
            .await;
    }
    // An invocation is answered in order of arrival: then all snapshots have been received.
    session
        .send(Control::Invoke(proto::Invoke {
            id: 9,
            ..Default::default()
        }))
        .await;
    assert_eq!(session.invoke_result().await.id, 9);
    rig.node.gate.as_ref().unwrap().add_permits(100);
    assert_eq!(session.ack().await.generation, 1);
    assert_eq!(session.ack().await.generation, 5);
    assert_eq!(*rig.node.applied.borrow(), [1, 5]);
}

#[tokio::test]
async fn the_same_generation_again_is_acknowledged_with_its_cores_and_without_work() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    for _ in 0..2 {
        session.send(Control::Snapshot(hashed(snapshot(1)))).await;
        let ack = session.ack().await;
        assert_eq!((ack.generation, ack.cores.len()), (1, 1));
    }
    assert_eq!(*rig.node.applied.borrow(), [1]);
}

#[tokio::test]
async fn a_core_that_does_not_confirm_is_told_and_the_ack_follows_when_it_does() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    session.send(Control::Snapshot(hashed(snapshot(1)))).await;
    session.ack().await;

    rig.node.unconfirmed.store(3, Ordering::SeqCst);
    session.send(Control::Snapshot(hashed(snapshot(2)))).await;
    let nack = session.nack().await;
    assert_eq!((nack.generation, nack.serving), (2, 1));
    assert_eq!(nack.refusals[0].core, 1);

    // Nobody sends it again: the node asks its cores, says nothing twice, and tells when all have it.
    assert_eq!(session.ack().await.generation, 2);
    assert_eq!(*rig.node.applied.borrow(), [1, 2, 2, 2, 2]);
    let status = rig.status.read();
    assert_eq!((status.generation(), status.rejections), (2, 1));
    assert!(status.rejection.is_none());
}

#[tokio::test]
async fn while_a_core_has_not_confirmed_no_generation_is_acknowledged_unasked() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    session.send(Control::Snapshot(hashed(snapshot(1)))).await;
    session.ack().await;
    rig.node.unconfirmed.store(usize::MAX, Ordering::SeqCst);
    session.send(Control::Snapshot(hashed(snapshot(2)))).await;
    session.nack().await;
    // The last one that all cores have served, and some do not any more.
    session.send(Control::Snapshot(hashed(snapshot(1)))).await;
    assert_eq!(session.nack().await.generation, 1);
}

#[tokio::test]
async fn a_snapshot_on_disk_that_a_core_does_not_confirm_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = crate::SnapshotFile::new(folder.path());
    file.save(&encoded(snapshot(1))).unwrap();
    file.save(&encoded(snapshot(2))).unwrap();
    let node = FakeNode::default();
    node.unconfirmed.store(1, Ordering::SeqCst);
    let rig = Rig::start_in(folder, "http://127.0.0.1:1", node);
    let status = rig.status.wait_for(|status| status.serving.is_some()).await;
    assert_eq!(status.generation(), 2);
    assert_eq!(*rig.node.applied.borrow(), [2, 2]);
}

#[tokio::test]
async fn a_node_starts_from_disk_while_the_control_plane_is_away() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    session.send(Control::Snapshot(hashed(snapshot(4)))).await;
    session.ack().await;
    let folder = rig.stop();
    drop((session, control_plane));

    let rig = Rig::start_in(folder, "http://127.0.0.1:1", FakeNode::default());
    let status = rig.status.wait_for(|status| status.serving.is_some()).await;
    assert_eq!(status.generation(), 4);
    assert_eq!(status.serving.unwrap().source, Source::Disk);
    let status = rig
        .status
        .wait_for(|status| matches!(&status.link, Link::Away { reason, .. } if reason.contains("reached")))
        .await;
    assert_eq!(status.phase, Phase::Ready);
}

#[tokio::test]
async fn a_refused_snapshot_on_disk_gives_way_to_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = crate::SnapshotFile::new(folder.path());
    file.save(&encoded(snapshot(1))).unwrap();
    let bad = proto::Snapshot {
        channels: vec![channel("crm", "no-slash")],
        ..snapshot(2)
    };
    file.save(&encoded(bad)).unwrap();
    let rig = Rig::start_in(folder, "http://127.0.0.1:1", FakeNode::default());
    let status = rig.status.wait_for(|status| status.serving.is_some()).await;
    assert_eq!(status.generation(), 1);
}

#[tokio::test]
async fn a_trial_answers_with_services_or_with_the_error() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    let (good, content) = package("good.py", "x");
    control_plane.packages.send_modify(|all| {
        all.insert(good.id.clone(), content);
    });
    let (missing, _) = package("missing.py", "y");
    session
        .send(Control::Trial(proto::Trial {
            package: Some(good.clone()),
        }))
        .await;
    let report = session.trial_report().await;
    assert_eq!((report.package_id, report.error), (good.id, None));
    assert_eq!(report.services[0].name, "good");
    session
        .send(Control::Trial(proto::Trial {
            package: Some(missing),
        }))
        .await;
    let error = session.trial_report().await.error.unwrap();
    assert_eq!(error.file, "missing.py");
    assert!(error.message.contains("did not send"), "{}", error.message);
    drop(rig);
}

#[tokio::test]
async fn reports_come_by_themselves() {
    let mut control_plane = ControlPlane::start().await;
    let rig = Rig::start(&control_plane, FakeNode::default());
    let mut session = control_plane.session().await;
    // What is counted before the agent knows of its session is told to nobody.
    session.report().await;
    let core = rig.registry.register(0);
    let key = dp_stats::ChannelKey {
        channel: "a".into(),
        service: "s".into(),
    };
    let held = core.channel(&key);
    held.record(200, 10, 1, 1);
    loop {
        let report = session.report().await;
        if let Some(delta) = report.channels.first() {
            assert_eq!((delta.channel.as_str(), delta.codes[0].count), ("a", 1));
            assert_eq!(report.workers_total, 2);
            break;
        }
    }
    drop(held);
}

#[tokio::test]
async fn a_token_that_is_refused_is_said_and_tried_again() {
    let mut control_plane = ControlPlane::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "wrong").unwrap();
    let rig = Rig::start_in(folder, &control_plane.url, FakeNode::default());
    let refused = |status: &crate::NodeStatus| matches!(&status.link, Link::Away { reason, .. } if reason.contains("Unauthenticated"));
    rig.status.wait_for(refused).await;
    std::fs::write(rig.folder.path().join("token"), "secret\n").unwrap();
    control_plane.session().await;
}
