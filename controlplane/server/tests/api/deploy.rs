//! Deploy stories: trial on every node first, then a generation, or a refusal.

use std::time::Duration;

use bascule_proto::config::v1::control_message::Message as ToNode;
use serde_json::{Value, json};

use crate::fake_node::{FakeNode, Manner};
use crate::plane::Plane;

async fn fleet(plane: &Plane, manners: &[(&str, Manner)]) -> Vec<tokio::task::JoinHandle<()>> {
    let mut running = Vec::new();
    for (name, manner) in manners {
        running.push(FakeNode::connect(plane, name).await.run(*manner));
    }
    let count = json!(manners.len());
    plane
        .eventually("/api/v1/cluster", |body| {
            body["nodes"]["connected"] == count
        })
        .await;
    running
}

#[tokio::test]
async fn a_package_that_all_nodes_import_goes_live() {
    let (plane, _folder) = Plane::new().await;
    let _nodes = fleet(
        &plane,
        &[("n1", Manner::Obedient), ("n2", Manner::Obedient)],
    )
    .await;
    let made = plane
        .deploy("a.py", "service a.x", "&wait=applied")
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&made["package"]["state"], &made["applied"]["complete"]),
        (&json!("live"), &json!(true))
    );
    assert_eq!(made["package"]["services"], json!(["a.x"]));
    let service = plane
        .call("GET /api/v1/services/a.x", Value::Null)
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&service["file"], &service["line"]),
        (&json!("a.py"), &json!(1))
    );
    let id = made["package"]["id"].as_str().unwrap();
    let source = plane
        .call(&format!("GET /api/v1/packages/{id}/source"), Value::Null)
        .await;
    assert_eq!(source.expect(200).body, "service a.x");

    let again = plane
        .deploy("a.py", "service a.x", "&wait=applied")
        .await
        .expect(200)
        .body;
    assert_eq!(
        again["generation"], made["generation"],
        "the same content changes nothing"
    );
}

#[tokio::test]
async fn one_node_that_cannot_import_refuses_for_all_and_the_old_stays() {
    let (plane, _folder) = Plane::new().await;
    let _nodes = fleet(&plane, &[("n1", Manner::Obedient)]).await;
    let old = plane
        .deploy("a.py", "service a.x", "&wait=applied")
        .await
        .expect(200)
        .body;
    let refused = plane
        .deploy("a.py", "service a.x\nraise", "")
        .await
        .expect(422)
        .body;
    assert_eq!(refused["errors"][0]["pointer"], "line 2");
    assert_eq!(refused["errors"][0]["detail"], "RuntimeError: raised");
    assert!(
        refused["traceback"]
            .as_str()
            .unwrap()
            .starts_with("Traceback")
    );
    assert_eq!(refused["package"]["error"]["node"], "n1");
    let cluster = plane.call("GET /api/v1/cluster", Value::Null).await.body;
    assert_eq!(
        cluster["generation"], old["generation"],
        "no generation is made"
    );
    let service = plane
        .call("GET /api/v1/services/a.x", Value::Null)
        .await
        .expect(200)
        .body;
    assert_eq!(service["package_id"], old["package"]["id"]);
    let id = refused["package"]["id"].as_str().unwrap();
    let shown = plane
        .call(&format!("GET /api/v1/packages/{id}"), Value::Null)
        .await
        .expect(200);
    assert_eq!(shown.body["error"]["line"], 2);
    plane
        .deploy("a.py", "service a.x\nraise", "")
        .await
        .expect(422);
}

#[tokio::test]
async fn with_no_node_a_package_waits_and_is_tried_when_one_connects() {
    let (plane, _folder) = Plane::new().await;
    let waiting = plane
        .deploy("a.py", "service a.x", "&wait=applied")
        .await
        .expect(202);
    assert_eq!(waiting.body["package"]["state"], "checking");
    plane
        .call("GET /api/v1/services/a.x", Value::Null)
        .await
        .expect(404);
    let _nodes = fleet(&plane, &[("n1", Manner::Obedient)]).await;
    let is_live = |body: &Value| body["state"] == "live";
    plane.eventually(waiting.header("location"), is_live).await;
    plane
        .call("GET /api/v1/services/a.x", Value::Null)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_trial_that_a_restart_interrupted_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let before = Plane::open(folder.path(), Duration::from_secs(30)).await;
    let _mute = FakeNode::connect(&before, "n1").await.run(Manner::Mute);
    before
        .eventually("/api/v1/cluster", |body| body["nodes"]["connected"] == 1)
        .await;
    let waiting = before
        .deploy("a.py", "service a.x", "&wait=applied&timeout=50ms")
        .await;
    let waiting = waiting.expect(202);
    before.stop();
    let after = Plane::open(folder.path(), Duration::from_secs(30)).await;
    let known = after
        .call("GET /api/v1/nodes/n1", Value::Null)
        .await
        .expect(200)
        .body;
    assert_eq!(known["status"], "away");
    let _node = FakeNode::connect(&after, "n1").await.run(Manner::Obedient);
    let is_live = |body: &Value| body["state"] == "live";
    after.eventually(waiting.header("location"), is_live).await;
}

#[tokio::test]
async fn a_node_that_never_answers_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let plane = Plane::open(folder.path(), Duration::from_millis(20)).await;
    let _nodes = fleet(&plane, &[("mute", Manner::Mute)]).await;
    let refused = plane.deploy("a.py", "service a.x", "").await.expect(422);
    refused.detail_has("mute").detail_has("not imported within");
}

#[tokio::test]
async fn a_node_that_leaves_takes_its_word_with_it() {
    let (plane, _folder) = Plane::new().await;
    let nodes = fleet(&plane, &[("n1", Manner::Obedient), ("n2", Manner::Mute)]).await;
    let deploy = plane.deploy("a.py", "service a.x", "");
    let leave = async {
        plane
            .eventually("/api/v1/packages", |body| {
                body["items"][0]["state"] == "checking"
            })
            .await;
        nodes[1].abort();
    };
    let (deployed, ()) = tokio::join!(deploy, leave);
    assert_eq!(deployed.expect(200).body["package"]["state"], "live");
}

#[tokio::test]
async fn a_name_of_another_file_gets_409_naming_both() {
    let (plane, _folder) = Plane::new().await;
    let _nodes = fleet(&plane, &[("n1", Manner::Obedient)]).await;
    plane.deploy("a.py", "service shared", "").await.expect(200);
    let refused = plane
        .deploy("b.py", "#\nservice shared", "")
        .await
        .expect(409);
    assert_eq!(refused.body["errors"][0]["pointer"], "line 2");
    refused.detail_has("a.py").detail_has("b.py");
}

#[tokio::test]
async fn a_service_that_channels_use_cannot_go_away() {
    let (plane, _folder) = Plane::new().await;
    let _nodes = fleet(&plane, &[("n1", Manner::Obedient)]).await;
    let made = plane
        .deploy("a.py", "service a.x\nservice a.y", "")
        .await
        .expect(200)
        .body;
    let channel = json!({"name": "c1", "path": "/c", "service": "a.x"});
    plane
        .call("POST /api/v1/channels", channel)
        .await
        .expect(201);
    plane
        .deploy("a.py", "service a.y", "")
        .await
        .expect(409)
        .detail_has("c1");
    let one = format!(
        "DELETE /api/v1/packages/{}",
        made["package"]["id"].as_str().unwrap()
    );
    plane
        .call(&one, Value::Null)
        .await
        .expect(409)
        .detail_has("c1");
    let delete = "DELETE /api/v1/channels/c1";
    plane
        .call_with(delete, &[("if-match", "*")], Value::Null)
        .await
        .expect(200);
    let gone = plane.call(&one, Value::Null).await.expect(200).body;
    assert_eq!(gone["package"]["state"], "retired");
    plane
        .call("GET /api/v1/services/a.x", Value::Null)
        .await
        .expect(404);
}

#[tokio::test]
async fn built_in_names_and_names_twice_are_refused() {
    let (plane, _folder) = Plane::new().await;
    let _nodes = fleet(&plane, &[("n1", Manner::Obedient)]).await;
    plane
        .deploy("a.py", "service bascule.ping", "")
        .await
        .expect(422)
        .detail_has("built in");
    plane
        .deploy("a.py", "service a\nservice a", "")
        .await
        .expect(422)
        .detail_has("twice");
    plane.deploy("a.py", "service a/b", "").await.expect(422);
}

#[tokio::test]
async fn taking_a_save_back_during_its_trial_leaves_the_old_version_live() {
    let (plane, _folder) = Plane::new().await;
    let nodes = fleet(&plane, &[("n1", Manner::Obedient)]).await;
    let first = plane.deploy("a.py", "service a.x", "").await.expect(200);
    drop(nodes);
    let mut node = FakeNode::connect(&plane, "n1").await;
    let saved = plane.deploy("a.py", "service a.x\nservice a.y", "");
    let taken_back = async {
        let trial = loop {
            if let Some(ToNode::Trial(trial)) = node.next().await.unwrap() {
                break trial;
            }
        };
        let back = plane.deploy("a.py", "service a.x", "").await.expect(200);
        assert_eq!(back.body["package"]["id"], first.body["package"]["id"]);
        trial
    };
    let (saved, trial) = tokio::join!(saved, taken_back);
    saved.expect(409).detail_has("in between");
    // The word of the node comes too late; what it says next is heard after it.
    node.try_package(trial).await;
    let generation = &first.body["generation"];
    node.ack(generation.as_u64().unwrap()).await;
    plane
        .eventually("/api/v1/nodes/n1", |body| body["ack_us"] == 42)
        .await;
    let id = first.body["package"]["id"].as_str().unwrap();
    let path = format!("GET /api/v1/packages/{id}");
    let shown = plane.call(&path, Value::Null).await.expect(200).body;
    assert_eq!(shown["state"], "live");
}
