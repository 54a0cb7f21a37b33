//! "After every change you know, node by node, whether it is live."

use serde_json::{Value, json};

use crate::fake_node::{FakeNode, Manner};
use crate::plane::{Answer, Plane};

async fn create(plane: &Plane, query: &str) -> Answer {
    let what = format!("POST /api/v1/channels?wait=applied{query}");
    plane
        .call(
            &what,
            json!({"name": "a", "path": "/a", "service": "bascule.echo"}),
        )
        .await
}

#[tokio::test]
async fn a_change_that_all_nodes_run_is_complete() {
    let (plane, _folder) = Plane::new().await;
    let _one = FakeNode::connect(&plane, "n1").await.run(Manner::Obedient);
    let _two = FakeNode::connect(&plane, "n2").await.run(Manner::Obedient);
    let in_sync = |body: &Value| body["nodes"]["in_sync"] == 2;
    plane.eventually("/api/v1/cluster", in_sync).await;
    let made = create(&plane, "").await.expect(201).body;
    assert_eq!(made["applied"]["complete"], true);
    assert_eq!(made["applied"]["generation"], made["generation"]);
    for node in made["applied"]["nodes"].as_array().unwrap() {
        assert_eq!(
            (&node["state"], &node["ack_us"]),
            (&json!("applied"), &json!(42))
        );
    }
    let node = plane
        .call("GET /api/v1/nodes/n1", Value::Null)
        .await
        .expect(200)
        .body;
    assert_eq!(
        node["cores"],
        json!([{"core": 0, "prepare_us": 11, "commit_us": 7}])
    );
    assert_eq!(
        (&node["status"], &node["generation"]),
        (&json!("in_sync"), &made["generation"])
    );
}

#[tokio::test]
async fn a_node_that_refuses_says_object_field_and_reason() {
    let (plane, _folder) = Plane::new().await;
    let _good = FakeNode::connect(&plane, "good")
        .await
        .run(Manner::Obedient);
    plane
        .eventually("/api/v1/cluster", |body| body["nodes"]["in_sync"] == 1)
        .await;
    let _bad = FakeNode::connect(&plane, "bad").await.run(Manner::Refusing);
    plane
        .eventually("/api/v1/cluster", |body| body["nodes"]["in_sync"] == 2)
        .await;
    let made = create(&plane, "").await.expect(201).body;
    assert_eq!(made["applied"]["complete"], false);
    let bad = &made["applied"]["nodes"][0];
    assert_eq!(
        (&bad["node"], &bad["state"]),
        (&json!("bad"), &json!("rejected"))
    );
    assert_eq!(bad["refusals"][0]["object"], "channel x");
    assert_eq!(bad["refusals"][0]["field"], "path");
    assert_eq!(made["applied"]["nodes"][1]["state"], "applied");
    let node = plane
        .call("GET /api/v1/nodes/bad", Value::Null)
        .await
        .expect(200)
        .body;
    assert_eq!(node["status"], "rejected");
    assert_eq!(node["rejection"]["generation"], made["generation"]);
    let number = made["generation"].as_u64().unwrap();
    assert_eq!(node["generation"], number - 1, "it goes on with the old");
}

#[tokio::test]
async fn a_mute_node_gets_the_caller_202_and_a_place_to_look() {
    let (plane, _folder) = Plane::new().await;
    let _mute = FakeNode::connect(&plane, "mute").await.run(Manner::Mute);
    plane
        .eventually("/api/v1/cluster", |body| body["nodes"]["connected"] == 1)
        .await;
    let made = create(&plane, "&timeout=50ms").await.expect(202);
    assert_eq!(made.body["applied"]["complete"], false);
    assert_eq!(made.body["applied"]["nodes"][0]["state"], "pending");
    let number = &made.body["generation"];
    assert_eq!(
        made.header("location"),
        format!("/api/v1/generations/{number}")
    );
    let shown = plane
        .call(&format!("GET {}", made.header("location")), Value::Null)
        .await;
    assert_eq!(shown.expect(200).body["nodes"][0]["state"], "pending");
}

#[tokio::test]
async fn without_a_wait_the_answer_comes_at_once_and_claims_nothing() {
    let (plane, _folder) = Plane::new().await;
    let body = json!({"name": "a", "path": "/a", "service": "bascule.echo"});
    let made = plane
        .call("POST /api/v1/channels", body)
        .await
        .expect(201)
        .body;
    assert_eq!(made["applied"]["complete"], false);
    assert_eq!(made["applied"]["generation"], made["generation"]);
}

#[tokio::test]
async fn only_the_newest_snapshot_reaches_a_slow_node() {
    let (plane, _folder) = Plane::new().await;
    let mut node = FakeNode::connect(&plane, "slow").await;
    let first = node.snapshot().await;
    let mut newest = 0;
    for number in 0..20 {
        let body = json!({
            "name": format!("c{number}"), "path": format!("/c{number}"), "service": "bascule.echo"
        });
        let made = plane
            .call("POST /api/v1/channels", body)
            .await
            .expect(201)
            .body;
        newest = made["generation"].as_u64().unwrap();
    }
    let mut last = first.generation;
    while last < newest {
        let snapshot = node.snapshot().await;
        assert!(snapshot.generation > last, "generations only grow");
        last = snapshot.generation;
    }
    node.ack(last).await;
    plane
        .eventually("/api/v1/cluster", |body| body["nodes"]["in_sync"] == 1)
        .await;
}
