//! Many nodes and many changes: who gets a delta, who catches up, and who holds nobody up.

use anyhow::{Context as _, Result, ensure};
use bascule_tests::http::get;
use bascule_tests::process::{Process, Signal, binary};
use bascule_tests::{Cluster, ClusterShape, eventually};
use serde_json::{Value, json};

/// Makes `count` channels more.
async fn channels(cluster: &Cluster, prefix: &str, count: usize) -> Result<()> {
    for number in 0..count {
        let name = format!("{prefix}{number:02}");
        let path = format!("/{name}");
        let made = cluster.api.channel(&name, &path, "bascule.echo", json!({}));
        made.await?.success()?;
    }
    Ok(())
}

/// A counter of a node's own metrics.
async fn counter(address: &str, name: &str) -> Result<u64> {
    let page = get(address, "/metrics").await?.text();
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    let value = line.with_context(|| format!("no {name}"))?.trim().parse()?;
    Ok(value)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulated_nodes_and_a_real_one_run_every_change_from_deltas() -> Result<()> {
    let shape = ClusterShape {
        nodes: 1,
        ..ClusterShape::default()
    };
    let cluster = Cluster::start(shape).await?;
    let result = cluster.folder().join("fleet.json");
    let args = [
        "fleet".to_owned(),
        format!("--http={}", cluster.http_address()),
        format!("--grpc={}", cluster.grpc_address()),
        format!("--state-dir={}", cluster.control_state().display()),
        "--nodes=5".to_owned(),
        "--channels=40".to_owned(),
        "--changes=4".to_owned(),
        format!("--json={}", result.display()),
    ];
    let loadtest = binary("bascule-loadtest")?;
    let mut fleet = Process::start("fleet", &loadtest, &args, cluster.folder())?;
    let ended = fleet.wait().await?;
    ensure!(ended.success(), "{ended}: {}", fleet.log());
    let result: Value = serde_json::from_slice(&std::fs::read(&result)?)?;
    for (field, expected) in [("deltas", 20), ("wholes", 0), ("resyncs", 0)] {
        ensure!(result.get(field) == Some(&expected.into()), "{result}");
    }
    cluster.in_sync().await?;
    let node = cluster.nodes.first().context("no node")?;
    let resyncs = counter(&node.admin, "bascule_config_resyncs_total ").await?;
    ensure!(resyncs == 0, "{resyncs} deltas did not fit");
    cluster.without_warnings()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stands_still_holds_no_other_up_and_catches_up() -> Result<()> {
    let cluster = Cluster::usual().await?;
    channels(&cluster, "before", 20).await?;
    cluster.in_sync().await?;
    let [first, second] = cluster.nodes.as_slice() else {
        anyhow::bail!("the usual cluster has two nodes");
    };
    second.process.signal(Signal::Stop)?;
    channels(&cluster, "while", 20).await?;
    let last = eventually("the other node runs the last change", || async {
        let answer = get(&first.address, "/while19").await?;
        ensure!(answer.status == 200, "{}", answer.status);
        Ok(answer)
    });
    let last = last.await;
    second.process.signal(Signal::Continue)?;
    last?;
    cluster.in_sync().await?;
    let answer = get(&second.address, "/while19").await?;
    ensure!(answer.status == 200, "{}", answer.status);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_killed_starts_with_what_it_acknowledged_and_catches_up() -> Result<()> {
    let mut cluster = Cluster::start(ClusterShape {
        nodes: 1,
        ..ClusterShape::default()
    })
    .await?;
    channels(&cluster, "kept", 20).await?;
    cluster.in_sync().await?;
    let node = cluster.nodes.first_mut().context("no node")?;
    node.process.kill()?;
    let mut control = cluster.control.take().context("no control plane")?;
    control.kill()?;
    let again = cluster.start_node(0).await?;
    // The control plane is away: what answers is what was on disk when it was acknowledged.
    let answer = get(&again.address, "/kept19").await?;
    ensure!(answer.status == 200, "{}", answer.status);
    cluster.nodes = vec![again];
    cluster.restart_control_plane().await?;
    channels(&cluster, "later", 1).await?;
    cluster.in_sync().await?;
    let node = cluster.nodes.first().context("no node")?;
    let answer = get(&node.address, "/later00").await?;
    ensure!(answer.status == 200, "{}", answer.status);
    Ok(())
}
