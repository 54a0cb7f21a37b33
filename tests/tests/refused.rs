//! A configuration that a node cannot take: refused whole, told with its place, while the old one serves.
//!
//! The API takes no such configuration, so the story writes into the ODB behind the control plane's back: an earlier
//! version may have stored what is refused today.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use bascule_tests::http::get;
use bascule_tests::{Cluster, eventually};
use serde_json::{Value, json};

const GREETS: &str = r"
from bascule import Service

class Greets(Service):
    name = 'story.greets'

    def handle(self):
        self.response.payload = {'greeting': 'hello'}
";

/// Sets the stored path of a channel; as of `sqlite3 FILE`, which fewer machines have than Python.
const SET_PATH: &str = "
import sqlite3, sys
file, path, name = sys.argv[1:]
with sqlite3.connect(file, timeout=10) as odb:
    change = 'UPDATE object SET spec = json_set(spec, ?, ?) WHERE kind = ? AND name = ?'
    done = odb.execute(change, ('$.path', path, 'channel', name))
    assert done.rowcount == 1, done.rowcount
";

fn set_path(cluster: &Cluster, name: &str, path: &str) -> Result<()> {
    let output = Command::new("python3")
        .args(["-c", SET_PATH])
        .arg(cluster.folder().join("control/odb.db"))
        .args([path, name])
        .output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_snapshot_is_refused_whole_and_the_old_one_serves() -> Result<()> {
    let cluster = Cluster::usual().await?;
    cluster
        .serve("greets.py", GREETS, "story.greets", "/greets")
        .await?;
    let before = cluster.in_sync().await?;

    set_path(&cluster, "story.greets", "/greets/../{")?;
    let change = cluster
        .api
        .channel("other", "/other", "story.greets", json!({}))
        .await?
        .expect(201)?;

    let applied = change.get("applied").context("no applied")?;
    ensure!(applied.get("complete") == Some(&json!(false)), "{applied}");
    let generation = applied.get("generation").and_then(Value::as_u64);
    let refused = generation.context("no generation")?;
    ensure!(refused > before, "{refused} follows {before}");
    every_node_tells(&cluster, before, refused).await?;
    // Whole: the good channel of the same generation is not there either, and nothing of the old one is gone.
    for _ in 0..4 {
        ensure!(get(cluster.balancer()?, "/greets").await?.status == 200);
        ensure!(get(cluster.balancer()?, "/other").await?.status == 404);
    }

    mend(&cluster).await?;
    for path in ["/mended", "/other"] {
        let answer = get(cluster.balancer()?, path).await?;
        ensure!(answer.status == 200, "{path}: {}", answer.text());
    }
    ensure!(get(cluster.balancer()?, "/greets").await?.status == 404);
    Ok(())
}

/// Object, field and reason: of the generation, of the node, and in the node's log.
async fn every_node_tells(cluster: &Cluster, before: u64, refused: u64) -> Result<()> {
    let names_the_fault = |refusals: Option<&Value>| {
        let refusal = refusals.and_then(|list| list.get(0));
        let text = |key: &str| refusal.and_then(|refusal| refusal.get(key)?.as_str());
        text("object") == Some("channel story.greets")
            && text("field") == Some("path")
            && text("reason").is_some_and(|reason| !reason.is_empty())
    };
    let generation = cluster.api.get(&format!("/generations/{refused}")).await?;
    let nodes = cluster.api.get("/nodes").await?;
    for (index, node) in cluster.nodes.iter().enumerate() {
        let state = generation.pointer(&format!("/nodes/{index}"));
        let state = state.with_context(|| generation.to_string())?;
        ensure!(state.get("state") == Some(&json!("rejected")), "{state}");
        ensure!(names_the_fault(state.get("refusals")), "{state}");

        let shown = nodes.pointer(&format!("/items/{index}"));
        let shown = shown.with_context(|| nodes.to_string())?;
        ensure!(shown.get("name") == Some(&json!(node.name)), "{shown}");
        ensure!(shown.get("status") == Some(&json!("rejected")), "{shown}");
        ensure!(shown.get("generation") == Some(&json!(before)), "{shown}");
        let rejection = shown.get("rejection").context("no rejection")?;
        ensure!(rejection.get("generation") == Some(&json!(refused)));
        ensure!(names_the_fault(rejection.get("refusals")), "{rejection}");

        eventually("the node's log names the fault", || async {
            let log = node.process.log();
            let line = log.lines().find(|line| line.contains("generation refused"));
            let line = line.with_context(|| log.clone())?;
            let place = "channel story.greets: path: ";
            ensure!(line.contains(place), "{place:?} is missing: {line}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// As a person would: the row is readable, and a good path takes the place of the bad one.
async fn mend(cluster: &Cluster) -> Result<()> {
    let channel = cluster
        .api
        .send("GET", "/channels/story.greets", &[], Vec::new())
        .await?;
    let headers = [
        ("content-type", "application/merge-patch+json"),
        ("if-match", channel.etag.as_str()),
    ];
    let path = "/channels/story.greets?wait=applied&timeout=20s";
    let body = json!({"path": "/mended"}).to_string().into_bytes();
    let mended = cluster.api.send("PATCH", path, &headers, body).await?;
    let applied = mended.expect(200)?;
    ensure!(
        applied.pointer("/applied/complete") == Some(&json!(true)),
        "{applied}"
    );
    let nodes = cluster.api.get("/nodes").await?;
    for index in 0..cluster.nodes.len() {
        let node = nodes.pointer(&format!("/items/{index}"));
        let node = node.with_context(|| nodes.to_string())?;
        ensure!(node.get("status") == Some(&json!("in_sync")), "{node}");
        ensure!(node.get("rejection") == Some(&Value::Null), "{node}");
    }
    cluster.in_sync().await?;
    Ok(())
}
