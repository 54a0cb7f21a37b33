//! The product's main job: a saved service answers over HTTP through the balancer, on every node.

use anyhow::{Context as _, Result, ensure};
use bascule_tests::http::{Connection, get, post_json};
use bascule_tests::{Cluster, ClusterShape, eventually};
use serde_json::{Value, json};

const ECHO: &str = r"
from zato.server.service import Service

class Echo(Service):
    name = 'story.echo'

    def handle(self):
        self.response.payload = {
            'got': self.request.payload,
            'name': self.request.http.params.get('name'),
            'query': self.request.http.GET.get('q'),
            'cid': self.cid,
        }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployed_service_answers_through_the_balancer() -> Result<()> {
    let cluster = Cluster::usual().await?;
    cluster
        .serve("echo.py", ECHO, "story.echo", "/echo/{name}")
        .await?;

    let answer = post_json(
        cluster.balancer()?,
        "/echo/Ada?q=x%20y",
        &json!({"a": [1, 2]}),
    )
    .await?;

    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    let body = answer.json()?;
    ensure!(body.get("got") == Some(&json!({"a": [1, 2]})), "{body}");
    ensure!(body.get("name") == Some(&json!("Ada")), "{body}");
    ensure!(body.get("query") == Some(&json!("x y")), "{body}");
    // The correlation id that the service saw is the one that the client can quote.
    ensure!(
        body.get("cid").and_then(Value::as_str) == answer.header("x-request-id"),
        "{body}"
    );
    ensure!(
        answer.header("content-type") == Some("application/json"),
        "{:?}",
        answer.headers
    );
    cluster.without_warnings()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_balancer_shares_the_requests_between_the_nodes() -> Result<()> {
    let cluster = Cluster::usual().await?;
    cluster
        .serve("echo.py", ECHO, "story.echo", "/echo/{name}")
        .await?;
    // A member that has just joined is trusted slowly (ten seconds); after that, round robin is exact.
    eventually("each of two nodes gets its half", || async {
        let before = served(&cluster).await?;
        let mut connection = Connection::open(cluster.balancer()?).await?;
        for _ in 0..40 {
            let answer = connection.exchange("POST", "/echo/Ada", "", b"{}").await?;
            ensure!(answer.status == 200, "{}", answer.text());
        }
        let after = served(&cluster).await?;
        let shares: Vec<u64> = after
            .iter()
            .zip(&before)
            .map(|(after, before)| after - before)
            .collect();
        ensure!(shares == [20, 20], "{shares:?}");
        Ok(())
    })
    .await
}

/// How many requests of the story's service each node has answered.
async fn served(cluster: &Cluster) -> Result<Vec<u64>> {
    let mut counts = Vec::new();
    for node in &cluster.nodes {
        counts.push(requests(
            &get(&node.admin, "/metrics").await?.text(),
            "story.echo",
        ));
    }
    Ok(counts)
}

/// Sum of `bascule_http_requests_total` of a service, over all codes.
fn requests(metrics: &str, service: &str) -> u64 {
    metrics
        .lines()
        .filter(|line| line.starts_with("bascule_http_requests_total") && line.contains(service))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_core_of_every_node_acknowledges_a_change() -> Result<()> {
    let cluster = Cluster::start(ClusterShape {
        cores: 2,
        ..ClusterShape::default()
    })
    .await?;
    cluster.api.deploy("echo.py", ECHO).await?.success()?;
    let outcome = cluster
        .api
        .channel("echo", "/e", "story.echo", json!({}))
        .await?
        .success()?;

    let applied = outcome.get("applied").context("no applied")?;
    ensure!(applied.get("complete") == Some(&json!(true)), "{applied}");
    let generation = applied
        .get("generation")
        .cloned()
        .context("no generation")?;
    let nodes = cluster.api.get("/nodes").await?;
    let items = nodes
        .get("items")
        .and_then(Value::as_array)
        .context("no items")?;
    ensure!(items.len() == 2, "{nodes}");
    for node in items {
        ensure!(node.get("generation") == Some(&generation), "{node}");
        ensure!(node.get("status") == Some(&json!("in_sync")), "{node}");
        let cores = node
            .get("cores")
            .and_then(Value::as_array)
            .context("no cores")?;
        ensure!(cores.len() == 2, "{node}");
    }
    cluster.without_warnings()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_pipelines_gets_its_answers_in_order() -> Result<()> {
    let cluster = Cluster::usual().await?;
    cluster
        .serve("echo.py", ECHO, "story.echo", "/echo/{name}")
        .await?;
    let mut connection = Connection::open(cluster.balancer()?).await?;
    let mut bytes = Vec::new();
    for index in 0..50 {
        bytes.extend(format!("GET /echo/n{index} HTTP/1.1\r\nHost: story\r\n\r\n").into_bytes());
    }
    connection.send(&bytes).await?;
    for index in 0..50 {
        let answer = connection.answer().await?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        let name = answer.json()?.get("name").cloned();
        ensure!(
            name == Some(json!(format!("n{index}"))),
            "answer {index} is of {name:?}"
        );
    }
    cluster.without_warnings()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoke_through_the_api_runs_on_a_node() -> Result<()> {
    let cluster = Cluster::usual().await?;
    cluster.api.deploy("echo.py", ECHO).await?.success()?;
    let outcome = cluster
        .api
        .post("/services/story.echo:invoke", &json!({"x": 1}))
        .await?;
    let body = outcome.expect(200)?;
    ensure!(body.get("got") == Some(&json!({"x": 1})), "{body}");
    cluster.without_warnings()
}

const LOOK: &str = r"
import os
from zato.server.service import Service

class Look(Service):
    name = 'story.look'

    def handle(self):
        http = self.request.http
        self.response.payload = {
            'headers': dict(http.headers), 'remote': http.remote_addr, 'worker': os.getpid(),
        }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_sees_the_same_request_on_every_node() -> Result<()> {
    let cluster = Cluster::usual().await?;
    cluster
        .serve("look.py", LOOK, "story.look", "/look")
        .await?;
    let mut connection = Connection::open(cluster.balancer()?).await?;
    let extra = "x-request-id: mine-1\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\nte: trailers\r\n\
                 x-forwarded-for: 6.6.6.6\r\nx-bascule-remote: 6.6.6.6:6\r\nx-mine: 1\r\n";
    // One worker on each node; both have answered when there are two.
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..200 {
        let answer = connection.exchange("POST", "/look", extra, b"{}").await?;
        ensure!(answer.status == 200, "{}", answer.text());
        let mut body = answer.json()?;
        let worker = body.as_object_mut().and_then(|body| body.remove("worker"));
        seen.insert(worker.and_then(|pid| pid.as_u64()), body);
        if seen.len() == 2 {
            break;
        }
    }
    let [here, there] = &seen.into_values().collect::<Vec<_>>()[..] else {
        anyhow::bail!("two nodes answered");
    };
    ensure!(here == there, "{here}\n{there}");
    let headers = &here["headers"];
    for (name, value) in [
        ("x-request-id", "mine-1"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "story"),
        ("x-mine", "1"),
    ] {
        ensure!(headers[name] == value, "{name}: {headers}");
    }
    for name in ["connection", "x-hop", "te", "x-bascule-remote"] {
        ensure!(headers.get(name).is_none(), "{name}: {headers}");
    }
    let remote = here["remote"].as_str().unwrap_or_default();
    ensure!(remote == connection.local_address()?, "{remote}");
    cluster.without_warnings()
}
