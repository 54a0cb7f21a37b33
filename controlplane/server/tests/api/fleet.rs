//! What nodes are sent, and what of their words is believed: deltas, whole snapshots, false acknowledgements, and a node
//! that stands still.

use std::collections::VecDeque;

use bascule_proto::Encoded;
use bascule_proto::config::v1 as proto;
use proto::control_message::Message as ToNode;
use proto::node_message::Message as ToPlane;
use serde_json::{Value, json};

use crate::fake_node::{FakeNode, Manner, hello};
use crate::plane::{CLUSTER, Plane};

fn takes_deltas(name: &str) -> proto::Hello {
    proto::Hello {
        takes_deltas: true,
        ..hello(name)
    }
}

async fn open(plane: &Plane, hello: proto::Hello) -> FakeNode {
    FakeNode::open(plane, CLUSTER, ToPlane::Hello(hello))
        .await
        .unwrap()
}

/// Enough that one channel is a small part of them.
async fn with_channels(plane: &Plane) {
    for number in 0..10 {
        let name = format!("c{number}");
        channel(plane, &name).await;
    }
}

/// Makes a channel; its generation.
async fn channel(plane: &Plane, name: &str) -> u64 {
    let body = json!({"name": name, "path": format!("/{name}"), "service": "bascule.echo"});
    let made = plane.call("POST /api/v1/channels", body).await.expect(201);
    made.body["generation"].as_u64().unwrap()
}

fn names(snapshot: &proto::Snapshot) -> Vec<&str> {
    snapshot.channels.iter().map(|c| c.name.as_str()).collect()
}

/// A name that makes snapshots large, so that the session's window is full soon.
fn long(number: usize) -> String {
    format!("{}{number:03}", "long.".repeat(11))
}

async fn state_of(plane: &Plane, node: &str, generation: u64) -> String {
    let path = format!("GET /api/v1/generations/{generation}");
    let body = plane.call(&path, Value::Null).await.expect(200).body;
    let nodes = body["nodes"].as_array().unwrap().clone();
    let found = nodes.iter().find(|state| state["node"] == node).unwrap();
    found["state"].as_str().unwrap().to_owned()
}

async fn status_is(plane: &Plane, node: &str, status: &str) -> Value {
    let path = format!("/api/v1/nodes/{node}");
    plane
        .eventually(&path, |body| body["status"] == status)
        .await
}

#[tokio::test]
async fn a_node_that_takes_deltas_is_sent_what_changed() {
    let (plane, _folder) = Plane::new().await;
    with_channels(&plane).await;
    let mut node = open(&plane, takes_deltas("n1")).await;
    let first = node.snapshot().await;
    let generation = channel(&plane, "c4b").await;
    let (delta, snapshot) = node.delta().await;
    assert_eq!(delta.base_generation, first.generation);
    assert_eq!(
        (delta.generation, delta.put.len()),
        (generation, 3),
        "{delta:?}"
    );
    assert_eq!(names(&snapshot)[4..7], ["c4", "c4b", "c5"]);
    node.ack(generation).await;
    status_is(&plane, "n1", "in_sync").await;

    let gone = [("if-match", "*")];
    let gone = plane.call_with("DELETE /api/v1/channels/c4b", &gone, Value::Null);
    gone.await.expect(200);
    let (delta, snapshot) = node.delta().await;
    assert_eq!(delta.base_generation, generation);
    assert_eq!(names(&snapshot), names(&first));
}

#[tokio::test]
async fn a_node_that_comes_back_catches_up_from_what_it_has() {
    let (plane, _folder) = Plane::new().await;
    with_channels(&plane).await;
    let mut node = open(&plane, takes_deltas("n1")).await;
    let had = Encoded::of(&node.snapshot().await).unwrap();
    drop(node);
    for name in ["x1", "x2", "x3"] {
        channel(&plane, name).await;
    }
    let knows = proto::Hello {
        generation: had.generation(),
        hash: had.hash().clone(),
        cluster_id: had.decode().unwrap().cluster_id,
        ..takes_deltas("n1")
    };
    let mut again = open(&plane, knows.clone()).await;
    again.hold(had.clone());
    let (delta, mut snapshot) = again.delta().await;
    assert_eq!(delta.base_generation, had.generation());
    while snapshot.channels.len() < 13 {
        // It may have come back while the last ones were being published.
        (_, snapshot) = again.delta().await;
    }
    drop(again);

    let newest = Encoded::of(&snapshot).unwrap();
    let knows = proto::Hello {
        generation: newest.generation(),
        hash: newest.hash().clone(),
        ..knows
    };
    let mut at_newest = open(&plane, knows).await;
    at_newest.hold(newest);
    let (delta, same) = at_newest.delta().await;
    assert!(
        delta.put.is_empty() && delta.removed.is_empty(),
        "{delta:?}"
    );
    at_newest.ack(same.generation).await;
    let has_cores =
        |body: &Value| body["status"] == "in_sync" && body["cores"][0]["commit_us"] == 7;
    plane.eventually("/api/v1/nodes/n1", has_cores).await;
}

#[tokio::test]
async fn a_node_that_asks_for_the_whole_gets_it_and_deltas_again_after_it() {
    let (plane, _folder) = Plane::new().await;
    with_channels(&plane).await;
    let mut node = open(&plane, takes_deltas("n1")).await;
    node.snapshot().await;
    channel(&plane, "x1").await;
    let Some(ToNode::Delta(delta)) = node.next().await.unwrap() else {
        panic!("a delta was due");
    };
    let resync = proto::Resync {
        generation: delta.generation,
        reason: "the test says so".into(),
    };
    node.say(ToPlane::Resync(resync)).await;
    assert_eq!(node.snapshot().await.channels.len(), 11);
    node.ack(delta.generation).await;
    status_is(&plane, "n1", "in_sync").await;
    channel(&plane, "x2").await;
    assert_eq!(node.delta().await.1.channels.len(), 12);
    let metrics = plane.call("GET /metrics", Value::Null).await.body;
    let counted = "bascule_controlplane_node_resyncs_total 1\n";
    assert!(metrics.as_str().unwrap().contains(counted), "{metrics}");
}

#[tokio::test]
async fn a_node_that_does_not_take_deltas_is_sent_whole_snapshots() {
    let (plane, _folder) = Plane::new().await;
    with_channels(&plane).await;
    let mut old = open(&plane, hello("n1")).await;
    let first = old.snapshot().await;
    channel(&plane, "x1").await;
    assert_eq!(old.snapshot().await.channels.len(), 11);
    let knows = proto::Hello {
        generation: first.generation,
        hash: first.hash,
        cluster_id: first.cluster_id,
        ..hello("n1")
    };
    let mut again = open(&plane, knows).await;
    assert_eq!(again.snapshot().await.channels.len(), 11);
}

#[tokio::test]
async fn a_false_acknowledgement_is_counted_and_shows_nothing_as_live() {
    let (plane, _folder) = Plane::new().await;
    with_channels(&plane).await;
    let mut node = open(&plane, takes_deltas("n1")).await;
    let first = node.snapshot().await;
    node.ack(first.generation).await;
    status_is(&plane, "n1", "in_sync").await;
    let generation = channel(&plane, "x1").await;
    let (delta, _) = node.delta().await;
    let ack = |generation, hash: &[u8]| {
        ToPlane::Ack(proto::Ack {
            generation,
            hash: hash.to_vec().into(),
            ..Default::default()
        })
    };
    node.say(ack(generation, &first.hash)).await;
    node.say(ack(generation, &[])).await;
    node.say(ack(generation + 1, &delta.hash)).await;
    node.nack(generation + 1, generation + 1).await;
    let all_counted = "bascule_controlplane_node_claims_refused_total 4\n";
    metrics_have(&plane, all_counted).await;
    assert_eq!(state_of(&plane, "n1", generation).await, "pending");

    // A refusal of what was sent cannot claim to serve it either.
    node.nack(generation, generation).await;
    status_is(&plane, "n1", "rejected").await;
    assert_eq!(state_of(&plane, "n1", generation).await, "rejected");
    node.say(ack(generation, &delta.hash)).await;
    status_is(&plane, "n1", "in_sync").await;
    assert_eq!(state_of(&plane, "n1", generation).await, "applied");
}

#[tokio::test]
async fn a_session_speaks_for_its_own_node_and_of_what_it_was_sent() {
    let (plane, _folder) = Plane::new().await;
    let mut first = open(&plane, hello("n1")).await;
    let generation = first.snapshot().await.generation;
    let mut other = open(&plane, hello("n2")).await;
    let newest = other.snapshot().await;
    assert_eq!(newest.generation, generation + 1);
    // The second node was never sent what the first one was.
    let ack = proto::Ack {
        generation,
        hash: vec![7; 32].into(),
        ..Default::default()
    };
    other.say(ToPlane::Ack(ack)).await;
    metrics_have(&plane, "node_claims_refused_total 1\n").await;
    for node in ["n1", "n2"] {
        assert_eq!(state_of(&plane, node, generation).await, "pending");
    }
    first.ack(generation).await;
    other.ack(newest.generation).await;
    status_is(&plane, "n2", "in_sync").await;
    assert_eq!(state_of(&plane, "n1", generation).await, "applied");
    assert_eq!(
        state_of(&plane, "n1", newest.generation).await,
        "pending",
        "the other node's word is not its own"
    );
}

#[tokio::test]
async fn a_node_that_says_it_runs_another_content_of_a_generation_runs_nothing() {
    let (plane, _folder) = Plane::new().await;
    let mut node = open(&plane, hello("n1")).await;
    let earlier = node.snapshot().await;
    let generation = channel(&plane, "x1").await;
    node.snapshot().await;
    drop(node);
    let liar = proto::Hello {
        generation: earlier.generation,
        hash: vec![7; 32].into(),
        cluster_id: earlier.cluster_id,
        ..takes_deltas("n1")
    };
    let mut liar = open(&plane, liar).await;
    assert_eq!(liar.snapshot().await.generation, generation);
    for generation in [earlier.generation, generation] {
        assert_eq!(state_of(&plane, "n1", generation).await, "pending");
    }
}

#[tokio::test]
async fn a_node_that_does_not_read_holds_no_other_up_and_gets_only_the_newest() {
    let (plane, _folder) = Plane::new().await;
    for number in 0..30 {
        channel(&plane, &long(number)).await;
    }
    // As a process that was stopped: its session is open, and nothing is read from it.
    let mut stopped = open(&plane, hello("stopped")).await;
    stopped.snapshot().await;
    let good = open(&plane, takes_deltas("n1")).await.run(Manner::Obedient);
    status_is(&plane, "n1", "in_sync").await;
    let mut newest = 0;
    let changes = 60;
    for number in 30..30 + changes {
        newest = channel(&plane, &long(number)).await;
        let report = proto::Report::default();
        stopped.say(ToPlane::Report(report)).await;
        while state_of(&plane, "n1", newest).await != "applied" {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(state_of(&plane, "stopped", newest).await, "pending");
    let mut read = VecDeque::from([stopped.snapshot().await.generation]);
    while read.back() != Some(&newest) {
        read.push_back(stopped.snapshot().await.generation);
    }
    assert!(
        read.len() <= changes / 2,
        "{} of {changes} generations waited for a node that did not read",
        read.len()
    );
    good.abort();
}

async fn metrics_have(plane: &Plane, line: &str) {
    let has = |body: &Value| body.as_str().is_some_and(|text| text.contains(line));
    plane.eventually("/metrics", has).await;
}
