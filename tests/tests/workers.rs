//! Services that die, hang or end their process cost their own calls, and nobody else's.

use anyhow::{Context as _, Result, ensure};
use bascule_tests::http::{Connection, get, request};
use bascule_tests::process::{Signal, signal_pid};
use bascule_tests::{ClusterShape, eventually, faulty};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_is_replaced_and_its_calls_get_an_answer() -> Result<()> {
    let cluster = faulty::cluster(ClusterShape {
        nodes: 1,
        ..ClusterShape::default()
    })
    .await?;
    let pid = get(cluster.balancer()?, "/quick")
        .await?
        .json()?
        .get("pid")
        .and_then(Value::as_u64);
    let worker = u32::try_from(pid.context("no pid")?)?;
    let mut hanging = Connection::open(cluster.balancer()?).await?;
    hanging
        .send(b"POST /waits HTTP/1.1\r\nHost: story\r\nContent-Length: 2\r\n\r\n{}")
        .await?;
    let admin = cluster.nodes.first().context("a node")?.admin.clone();
    eventually("the call has reached the worker", || async {
        let metrics = get(&admin, "/metrics").await?.text();
        let busy = metrics.lines().any(|line| {
            line.starts_with("bascule_http_requests_in_flight") && !line.ends_with(" 0")
        });
        ensure!(busy, "{metrics}");
        Ok(())
    })
    .await?;

    signal_pid(worker, Signal::Kill)?;

    let answer = hanging.answer().await?;
    ensure!(answer.status == 502, "{}: {}", answer.status, answer.text());
    ensure!(
        answer.text().contains("story.waits"),
        "the answer names the service: {}",
        answer.text()
    );
    let replaced = eventually("another worker serves", || async {
        let answer = get(cluster.balancer()?, "/quick").await?;
        ensure!(answer.status == 200, "{}", answer.text());
        answer
            .json()?
            .get("pid")
            .and_then(Value::as_u64)
            .context("no pid")
    })
    .await?;
    ensure!(replaced != u64::from(worker));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_ends_its_process_gets_502_and_others_go_on() -> Result<()> {
    let cluster = faulty::cluster(ClusterShape {
        nodes: 1,
        workers: 2,
        ..ClusterShape::default()
    })
    .await?;
    let answer = request(cluster.balancer()?, "POST", "/exits", "", b"").await?;
    ensure!(answer.status == 502, "{}: {}", answer.status, answer.text());
    ensure!(answer.text().contains("story.exits"), "{}", answer.text());
    for _ in 0..10 {
        let answer = get(cluster.balancer()?, "/quick").await?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_past_its_deadline_gets_504() -> Result<()> {
    let cluster = faulty::cluster(ClusterShape {
        nodes: 1,
        ..ClusterShape::default()
    })
    .await?;
    let more = json!({"timeout_ms": 300});
    cluster
        .api
        .channel("late", "/late", "story.waits", more)
        .await?
        .success()?;
    let answer = get(cluster.balancer()?, "/late").await?;
    ensure!(answer.status == 504, "{}: {}", answer.status, answer.text());
    ensure!(answer.text().contains("story.waits"), "{}", answer.text());
    ensure!(get(cluster.balancer()?, "/quick").await?.status == 200);
    Ok(())
}
