//! What is written down of requests, and what never is.

use anyhow::{Context as _, Result, ensure};
use bascule_tests::http::{get, request};
use bascule_tests::{Cluster, eventually};
use serde_json::{Value, json};

const ECHO: &str = r"
from bascule import Service

class Echo(Service):
    name = 'story.echo'

    def handle(self):
        self.response.payload = {}
";

async fn with_echo() -> Result<Cluster> {
    let cluster = Cluster::usual().await?;
    cluster
        .serve("echo.py", ECHO, "story.echo", "/echo")
        .await?;
    Ok(cluster)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_in_no_log_and_no_config_page() -> Result<()> {
    let cluster = with_echo().await?;
    get(cluster.balancer()?, "/echo").await?;
    let secrets: Vec<String> = ["admin.token", "cluster.token"]
        .iter()
        .map(|name| std::fs::read_to_string(cluster.folder().join("control").join(name)))
        .collect::<std::io::Result<_>>()?;
    let node = cluster.nodes.first().context("a node")?;
    let config = get(&node.admin, "/config").await?;
    ensure!(config.status == 200);
    let mut texts = vec![config.text(), get(&node.admin, "/metrics").await?.text()];
    for entry in std::fs::read_dir(cluster.folder())?.flatten() {
        if entry.path().is_file() {
            texts.push(String::from_utf8_lossy(&std::fs::read(entry.path())?).into_owned());
        }
    }
    ensure!(texts.len() > 4, "the logs were read");
    for secret in &secrets {
        let secret = secret.trim();
        ensure!(secret.len() > 30);
        ensure!(
            texts.iter().all(|text| !text.contains(secret)),
            "a secret is in a log"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_access_log_has_one_line_for_every_request() -> Result<()> {
    let cluster = with_echo().await?;
    let answer = request(
        cluster.balancer()?,
        "POST",
        "/echo",
        "X-Request-ID: story-1\r\n",
        b"{}",
    )
    .await?;
    ensure!(
        answer.header("x-request-id") == Some("story-1"),
        "{:?}",
        answer.headers
    );
    let file = cluster.folder().join("node-0.out");
    let line = eventually("the line is written", || async {
        let text = std::fs::read_to_string(&file)?;
        text.lines()
            .find(|line| line.contains("story-1"))
            .map(str::to_owned)
            .context(text)
    })
    .await?;
    let record: Value = serde_json::from_str(&line)?;
    ensure!(record.get("cid") == Some(&json!("story-1")), "{record}");
    ensure!(record.get("code") == Some(&json!(200)), "{record}");
    ensure!(record.get("path") == Some(&json!("/echo")), "{record}");
    ensure!(
        record.get("channel") == Some(&json!("story.echo")),
        "{record}"
    );
    Ok(())
}
