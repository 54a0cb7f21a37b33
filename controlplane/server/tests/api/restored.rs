//! The ODB was restored from a backup, and nodes serve what its rows never made.

use bascule_proto::config::v1 as proto;
use proto::node_message::Message as ToPlane;
use serde_json::{Value, json};

use crate::fake_node::{FakeNode, hello};
use crate::plane::{CLUSTER, Plane};

async fn reconnect(plane: &Plane, first: &proto::Snapshot, ahead: u64) -> FakeNode {
    let ahead = proto::Hello {
        generation: first.generation + ahead,
        hash: vec![1; 32].into(),
        cluster_id: first.cluster_id.clone(),
        ..hello("n1")
    };
    FakeNode::open(plane, CLUSTER, ToPlane::Hello(ahead))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_node_that_is_ahead_is_overtaken_and_the_audit_says_why() {
    for ahead in [0, 40] {
        let (plane, _folder) = Plane::new().await;
        let first = FakeNode::connect(&plane, "n1").await.snapshot().await;
        let mut node = reconnect(&plane, &first, ahead).await;
        let snapshot = node.snapshot().await;
        assert_eq!(snapshot.generation, first.generation + ahead + 1);
        node.ack(snapshot.generation).await;
        plane
            .eventually("/api/v1/nodes/n1", |body| body["status"] == "in_sync")
            .await;
        let audit = plane.call("GET /api/v1/audit", Value::Null).await.body;
        let event = &audit["items"][0];
        assert_eq!(
            (&event["action"], &event["generation"]),
            (&json!("cluster.overtake"), &json!(snapshot.generation))
        );
        assert_eq!(event["before"]["generation"], first.generation);
        let reason = event["after"]["reason"].as_str().unwrap();
        let serves = format!("serves generation {}", first.generation + ahead);
        assert!(reason.contains(&serves), "{reason}");
        let body = json!({"name": "a", "path": "/a", "service": "bascule.echo"});
        plane.call("POST /api/v1/channels", body).await.expect(201);
        assert_eq!(node.snapshot().await.generation, snapshot.generation + 1);
    }
}

#[tokio::test]
async fn a_generation_that_was_refused_is_not_applied_however_high_the_node_stands() {
    let (plane, _folder) = Plane::new().await;
    let mut node = FakeNode::connect(&plane, "n1").await;
    let first = node.snapshot().await.generation;
    node.nack(first, first + 40).await;
    plane
        .eventually("/api/v1/nodes/n1", |body| body["status"] == "rejected")
        .await;
    let body = json!({"name": "a", "path": "/a", "service": "bascule.echo"});
    let refuse = async {
        let next = node.snapshot().await.generation;
        node.nack(next, first + 40).await;
    };
    let (made, ()) = tokio::join!(
        plane.call("POST /api/v1/channels?wait=applied", body),
        refuse
    );
    let made = made.expect(201).body;
    assert_eq!(made["applied"]["complete"], false);
    assert_eq!(made["applied"]["nodes"][0]["state"], "rejected");
    let cluster = plane.call("GET /api/v1/cluster", Value::Null).await.body;
    assert_eq!(cluster["nodes"]["in_sync"], 0);
}
