//! Sessions of nodes, their state, and invoking through them.

use bascule_proto::config::v1 as proto;
use proto::control_message::Message as ToNode;
use proto::node_message::Message as ToPlane;
use serde_json::{Value, json};
use tonic::Code;

use crate::fake_node::{FakeNode, Manner, hello};
use crate::plane::{CLUSTER, Plane};

#[tokio::test]
async fn a_caller_without_the_cluster_token_learns_nothing() {
    let (plane, _folder) = Plane::new().await;
    for wrong in ["", "wrong", "bsc_admin"] {
        let refused = FakeNode::open(&plane, wrong, ToPlane::Hello(hello("n1"))).await;
        assert_eq!(
            refused.err().map(|status| status.code()),
            Some(Code::Unauthenticated)
        );
    }
    let nodes = plane.call("GET /api/v1/nodes", Value::Null).await.body;
    assert_eq!(nodes["items"], json!([]));
}

#[tokio::test]
async fn what_is_not_a_valid_hello_ends_the_session() {
    let (plane, _folder) = Plane::new().await;
    let wildcard = proto::Hello {
        address: "0.0.0.0:1".into(),
        ..hello("n1")
    };
    let bad = [
        (ToPlane::Ack(proto::Ack::default()), Code::InvalidArgument),
        (ToPlane::Hello(hello("NOT A NAME")), Code::InvalidArgument),
        (ToPlane::Hello(wildcard), Code::InvalidArgument),
        (
            ToPlane::Hello(proto::Hello {
                cluster_id: "another".into(),
                ..hello("n1")
            }),
            Code::FailedPrecondition,
        ),
    ];
    for (first, code) in bad {
        let mut node = FakeNode::open(&plane, CLUSTER, first).await.unwrap();
        assert_eq!(node.next().await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn a_newer_session_replaces_the_older() {
    let (plane, _folder) = Plane::new().await;
    let mut old = FakeNode::connect(&plane, "n1").await;
    old.snapshot().await;
    let mut new = FakeNode::connect(&plane, "n1").await;
    let snapshot = new.snapshot().await;
    let ended = loop {
        match old.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended without a reason"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Aborted);
    new.ack(snapshot.generation).await;
    plane
        .eventually("/api/v1/nodes/n1", |body| body["status"] == "in_sync")
        .await;
}

fn elsewhere() -> proto::Hello {
    proto::Hello {
        boot_id: "another".into(),
        address: "127.0.0.1:19999".into(),
        ..hello("n1")
    }
}

#[tokio::test]
async fn a_second_process_with_a_nodes_name_is_refused_and_changes_nothing() {
    let (plane, _folder) = Plane::new().await;
    let mut first = FakeNode::connect(&plane, "n1").await;
    let generation = first.snapshot().await.generation;
    let second = FakeNode::open(&plane, CLUSTER, ToPlane::Hello(elsewhere())).await;
    let refused = second.unwrap().next().await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert!(refused.message().contains(&hello("n1").address));
    let cluster = plane.call("GET /api/v1/cluster", Value::Null).await.body;
    assert_eq!(cluster["generation"], generation);
    first.ack(generation).await;
    plane
        .eventually("/api/v1/nodes/n1", |body| body["status"] == "in_sync")
        .await;
}

#[tokio::test]
async fn a_node_that_died_comes_back_at_another_address() {
    let (plane, _folder) = Plane::new().await;
    let mut first = FakeNode::connect(&plane, "n1").await;
    let generation = first.snapshot().await.generation;
    drop(first);
    // As the node does: again until the old session is known to be gone.
    let snapshot = loop {
        let second = FakeNode::open(&plane, CLUSTER, ToPlane::Hello(elsewhere())).await;
        match second.unwrap().next().await {
            Ok(Some(ToNode::Snapshot(snapshot))) => break snapshot,
            Ok(other) => panic!("a snapshot was due, not {other:?}"),
            Err(status) => assert_eq!(status.code(), Code::AlreadyExists),
        }
    };
    assert_eq!(snapshot.generation, generation + 1);
    assert_eq!(snapshot.members[0].address, elsewhere().address);
}

#[tokio::test]
async fn a_node_that_runs_the_newest_snapshot_is_sent_it_and_tells_its_cores() {
    let (plane, _folder) = Plane::new().await;
    let first = FakeNode::connect(&plane, "n1").await.snapshot().await;
    let knows = proto::Hello {
        generation: first.generation,
        hash: first.hash,
        cluster_id: first.cluster_id,
        ..hello("n1")
    };
    plane
        .eventually("/api/v1/nodes/n1", |body| body["connection"] == "away")
        .await;
    let mut again = FakeNode::open(&plane, CLUSTER, ToPlane::Hello(knows))
        .await
        .unwrap();
    let same = again.snapshot().await;
    assert_eq!(same.generation, first.generation);
    again.ack(same.generation).await;
    let has_cores =
        |body: &Value| body["status"] == "in_sync" && body["cores"][0]["commit_us"] == 7;
    plane.eventually("/api/v1/nodes/n1", has_cores).await;
    let body = json!({"name": "a", "path": "/a", "service": "bascule.echo"});
    plane.call("POST /api/v1/channels", body).await.expect(201);
    let next = again.snapshot().await;
    assert_eq!(
        (next.generation, next.channels.len()),
        (first.generation + 1, 1)
    );
}

#[tokio::test]
async fn drain_resume_and_offline_reach_the_members() {
    let (plane, _folder) = Plane::new().await;
    let mut node = FakeNode::connect(&plane, "n1").await;
    let mut member = node.snapshot().await.members.remove(0);
    assert_eq!(
        (member.state(), member.weight),
        (proto::MemberState::Online, 100)
    );
    for (verb, state) in [
        ("drain", proto::MemberState::Draining),
        ("offline", proto::MemberState::Offline),
        ("resume", proto::MemberState::Online),
    ] {
        plane
            .call(&format!("POST /api/v1/nodes/n1:{verb}"), Value::Null)
            .await
            .expect(200);
        member = node.snapshot().await.members.remove(0);
        assert_eq!(member.state(), state);
    }
    plane
        .call("PATCH /api/v1/nodes/n1", json!({"weight": 7}))
        .await
        .expect(200);
    member = node.snapshot().await.members.remove(0);
    assert_eq!(member.weight, 7);
    plane
        .call("PATCH /api/v1/nodes/n1", json!({"weight": 0}))
        .await
        .expect(400);
    plane
        .call("PATCH /api/v1/nodes/n1", json!({"state": "gone"}))
        .await
        .expect(400);
    let stale = [("if-match", "\"1\"")];
    let stale = plane
        .call_with("PATCH /api/v1/nodes/n1", &stale, json!({"weight": 8}))
        .await;
    assert_eq!(stale.expect(412).body["current"]["weight"], 7);
}

#[tokio::test]
async fn only_a_node_that_is_away_can_be_deleted() {
    let (plane, _folder) = Plane::new().await;
    let node = FakeNode::connect(&plane, "n1").await.run(Manner::Obedient);
    plane
        .eventually("/api/v1/nodes/n1", |body| body["status"] == "in_sync")
        .await;
    plane
        .call("DELETE /api/v1/nodes/n1", Value::Null)
        .await
        .expect(409);
    node.abort();
    plane
        .eventually("/api/v1/nodes/n1", |body| body["connection"] == "away")
        .await;
    plane
        .call("DELETE /api/v1/nodes/n1", Value::Null)
        .await
        .expect(200);
    plane
        .call("GET /api/v1/nodes/n1", Value::Null)
        .await
        .expect(404);
}

#[tokio::test]
async fn an_invoked_service_answers_for_itself() {
    let (plane, _folder) = Plane::new().await;
    let _node = FakeNode::connect(&plane, "n1").await.run(Manner::Obedient);
    plane
        .eventually("/api/v1/nodes/n1", |body| body["status"] == "in_sync")
        .await;
    let invoke = "POST /api/v1/services/bascule.echo:invoke";
    let answer = plane.call(invoke, json!({"a": 1})).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body),
        (418, &json!({"a": 1}))
    );
    assert_eq!(answer.header("x-bascule-node"), "n1");
    assert_eq!(answer.header("x-bascule-duration-us"), "5");
    assert!(!answer.header("x-request-id").is_empty());
    let policy = answer.header("content-security-policy");
    assert!(
        policy.contains("sandbox"),
        "a service's HTML is not the console: {policy}"
    );
    plane
        .call("POST /api/v1/nodes/n1:drain", Value::Null)
        .await
        .expect(200);
    plane.call(invoke, json!({})).await.expect(503);
}

#[tokio::test]
async fn an_invocation_ends_when_its_node_goes() {
    let (plane, _folder) = Plane::new().await;
    let mut node = FakeNode::connect(&plane, "n1").await;
    node.snapshot().await;
    let invoke = plane.call("POST /api/v1/services/bascule.echo:invoke", json!({}));
    let go = async {
        node.next().await.unwrap();
        drop(node);
    };
    let (answer, ()) = tokio::join!(invoke, go);
    answer.expect(502).detail_has("n1");
}

#[tokio::test]
async fn reports_become_statistics_and_failures() {
    let (plane, _folder) = Plane::new().await;
    let mut node = FakeNode::connect(&plane, "n1").await;
    node.snapshot().await;
    let delta = proto::ChannelDelta {
        channel: "a".into(),
        service: "bascule.echo".into(),
        codes: vec![proto::CodeCount {
            code: 500,
            count: 10,
        }],
        histogram: vec![10, 10],
        ..Default::default()
    };
    let failure = proto::Failure {
        cid: "c1".into(),
        kind: "KeyError".into(),
        ..Default::default()
    };
    let report = proto::Report {
        state: proto::NodeState::Ready.into(),
        workers_ready: 1,
        workers_total: 2,
        in_flight: 3,
        channels: vec![delta],
        failures: vec![failure],
        ..Default::default()
    };
    node.say(ToPlane::Report(report)).await;
    let shown = plane
        .eventually("/api/v1/failures/c1", |body| body["cid"] == "c1")
        .await;
    assert_eq!(
        (&shown["node"], &shown["kind"]),
        (&json!("n1"), &json!("KeyError"))
    );
    let node = plane.call("GET /api/v1/nodes/n1", Value::Null).await.body;
    assert_eq!(node["workers"], json!({"ready": 1, "total": 2}));
    assert_eq!(
        (&node["node_state"], &node["in_flight"]),
        (&json!("ready"), &json!(3))
    );
    let is_counted = |body: &Value| body["total"]["errors_per_second"] == 1.0;
    let stats = plane.eventually("/api/v1/stats", is_counted).await;
    assert_eq!(stats["services"][0]["name"], "bascule.echo");
    assert_eq!(stats["total"]["p50_us"], 10);
}
