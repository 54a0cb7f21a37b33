//! Things die: nodes and the control plane. Requests go on.

use anyhow::{Context as _, Result, ensure};
use bascule_tests::http::{Connection, get};
use bascule_tests::load::{Load, Request};
use bascule_tests::process::{Signal, children};
use bascule_tests::{ClusterShape, faulty};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_killed_under_load_fails_no_idempotent_request() -> Result<()> {
    let mut cluster = faulty::cluster(ClusterShape::default()).await?;
    let load = Load::start(cluster.balancer()?, 8, &faulty::quick());
    load.goes_on_for(200).await?;

    cluster
        .nodes
        .get_mut(1)
        .context("two nodes")?
        .process
        .kill()?;

    load.goes_on_for(1000).await?;
    let again = cluster.start_node(1).await?;
    *cluster.nodes.get_mut(1).context("two nodes")? = again;
    load.goes_on_for(500).await?;
    let (succeeded, failures) = load.stop().await?;
    ensure!(
        failures.is_empty(),
        "{succeeded} succeeded, failed: {failures:#?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_killed_with_many_requests_in_flight_fails_none_of_them() -> Result<()> {
    let mut cluster = faulty::cluster(ClusterShape::default()).await?;
    let slow = Request {
        method: "GET",
        target: "/slow".into(),
        body: Vec::new(),
    };
    let load = Load::start(cluster.balancer()?, 64, &slow);
    // Past the slow start of the second node: half of them are there.
    load.goes_on_for(2500).await?;

    cluster
        .nodes
        .get_mut(1)
        .context("two nodes")?
        .process
        .kill()?;

    load.goes_on_for(200).await?;
    let (succeeded, failures) = load.stop().await?;
    ensure!(
        failures.is_empty(),
        "{succeeded} succeeded, failed: {failures:#?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stands_still_fails_no_idempotent_request() -> Result<()> {
    let cluster = faulty::cluster(ClusterShape::default()).await?;
    let load = Load::start(cluster.balancer()?, 8, &faulty::quick());
    load.goes_on_for(500).await?;
    let node = cluster.nodes.get(1).context("two nodes")?;

    node.process.signal(Signal::Stop)?;

    // What waits there goes on elsewhere when its health checks have failed; `stop` waits for that.
    load.goes_on_for(500).await?;
    let stopped = load.stop().await;
    node.process.signal(Signal::Continue)?;
    let (succeeded, failures) = stopped?;
    ensure!(
        failures.is_empty(),
        "{succeeded} succeeded, failed: {failures:#?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_control_plane_nodes_serve_and_a_restarted_one_does_too() -> Result<()> {
    let mut cluster = faulty::cluster(ClusterShape::default()).await?;
    cluster
        .control
        .as_mut()
        .context("a control plane")?
        .kill()?;

    ensure!(get(cluster.balancer()?, "/quick").await?.status == 200);
    let balancer = cluster.nodes.first_mut().context("a node")?;
    balancer.process.kill()?;
    let again = cluster.start_node(0).await?;
    *cluster.nodes.first_mut().context("a node")? = again;

    // It has the snapshot and the package from its own disk.
    for _ in 0..4 {
        let answer = get(cluster.balancer()?, "/quick").await?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    }
    let readiness = get(
        &cluster.nodes.first().context("a node")?.admin,
        "/readyz?verbose",
    )
    .await?;
    ensure!(readiness.status == 200, "{}", readiness.text());
    ensure!(
        readiness.text().contains("disk"),
        "it says where its config is from: {}",
        readiness.text()
    );

    cluster.restart_control_plane().await?;
    cluster.in_sync().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_node_gets_nothing_new_and_fails_nothing() -> Result<()> {
    let cluster = faulty::cluster(ClusterShape::default()).await?;
    let load = Load::start(cluster.balancer()?, 8, &faulty::quick());
    load.goes_on_for(200).await?;
    for _ in 0..3 {
        let path = "/nodes/node-1:drain?wait=applied&timeout=20s";
        cluster.api.post(path, &json!({})).await?.expect(200)?;
        load.goes_on_for(100).await?;
        let path = "/nodes/node-1:resume?wait=applied&timeout=20s";
        cluster.api.post(path, &json!({})).await?.expect(200)?;
        load.goes_on_for(100).await?;
    }
    let (succeeded, failures) = load.stop().await?;
    ensure!(
        failures.is_empty(),
        "{succeeded} succeeded, failed: {failures:#?}"
    );

    cluster
        .api
        .post("/nodes/node-1:drain?wait=applied&timeout=20s", &json!({}))
        .await?
        .expect(200)?;
    let mut pids = std::collections::BTreeSet::new();
    for _ in 0..12 {
        pids.insert(get(cluster.balancer()?, "/quick").await?.text());
    }
    ensure!(
        pids.len() == 1,
        "only the other node's worker answers: {pids:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_told_to_stop_under_load_fails_nothing_and_ends_with_0() -> Result<()> {
    let mut cluster = faulty::cluster(ClusterShape::default()).await?;
    let load = Load::start(cluster.balancer()?, 8, &faulty::quick());
    load.goes_on_for(200).await?;

    let node = cluster.nodes.get_mut(1).context("two nodes")?;
    let workers = children(node.process.id());
    node.process.signal(Signal::Terminate)?;
    let status = node.process.wait().await?;

    load.goes_on_for(100).await?;
    let (succeeded, failures) = load.stop().await?;
    ensure!(
        failures.is_empty(),
        "{succeeded} succeeded, failed: {failures:#?}"
    );
    ensure!(status.code() == Some(0), "{status}");
    ensure!(!workers.is_empty());
    for worker in workers {
        let gone = !std::path::Path::new(&format!("/proc/{worker}")).exists();
        ensure!(gone, "worker {worker} outlives its node");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balancer_told_to_stop_answers_what_it_has_accepted() -> Result<()> {
    let mut cluster = faulty::cluster(ClusterShape {
        nodes: 1,
        ..ClusterShape::default()
    })
    .await?;
    let mut kept = Connection::open(cluster.balancer()?).await?;
    ensure!(kept.exchange("GET", "/quick", "", b"").await?.status == 200);
    let node = cluster.nodes.first_mut().context("a node")?;

    node.process.signal(Signal::Terminate)?;

    // A kept connection is told before it is closed, so no request is ever lost in between.
    let answer = kept.exchange("GET", "/quick", "", b"").await?;
    ensure!(answer.status == 200, "{}", answer.text());
    let last = if answer.closes() {
        answer
    } else {
        closing_answer(&mut kept).await?
    };
    ensure!(last.status == 200 && last.closes(), "{last:?}");
    ensure!(node.process.wait().await?.code() == Some(0));
    Ok(())
}

async fn closing_answer(connection: &mut Connection) -> Result<bascule_tests::http::Answer> {
    loop {
        let answer = connection.exchange("GET", "/quick", "", b"").await?;
        if answer.closes() {
            return Ok(answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupt_snapshot_on_disk_is_ignored_with_a_clear_line() -> Result<()> {
    let mut cluster = faulty::cluster(ClusterShape {
        nodes: 1,
        ..ClusterShape::default()
    })
    .await?;
    cluster
        .nodes
        .first_mut()
        .context("a node")?
        .process
        .kill()?;
    for entry in std::fs::read_dir(cluster.node_state(0))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("snapshot") {
            let mut bytes = std::fs::read(entry.path())?;
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 0x40;
            }
            std::fs::write(entry.path(), bytes)?;
        }
    }
    let again = cluster.start_node(0).await?;
    *cluster.nodes.first_mut().context("a node")? = again;
    cluster.in_sync().await?;

    ensure!(get(cluster.balancer()?, "/quick").await?.status == 200);
    let log = cluster.nodes.first().context("a node")?.process.log();
    ensure!(
        log.contains("snapshot") && log.contains("not used"),
        "{log}"
    );
    Ok(())
}
