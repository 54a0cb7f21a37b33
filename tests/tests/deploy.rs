//! Hot deploy: new code serves at once, bad code never does, and nobody notices the change.

use anyhow::{Context as _, Result, ensure};
use bascule_tests::http::{Connection, get, request};
use bascule_tests::load::{Load, Request};
use bascule_tests::{Cluster, ClusterShape, eventually};
use serde_json::{Value, json};

fn version(number: u32) -> String {
    format!(
        r"
from bascule import Service

class Versioned(Service):
    name = 'story.version'

    def handle(self):
        self.response.payload = {{'version': {number}}}
"
    )
}

const BROKEN: &str = r"
from bascule import Service

import module_that_is_not_there

class Versioned(Service):
    name = 'story.version'
";

async fn served_version(cluster: &Cluster) -> Result<Value> {
    let answer = get(cluster.balancer()?, "/version").await?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    answer.json()?.get("version").cloned().context("no version")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_applied_deploy_serves_the_new_code_on_every_node() -> Result<()> {
    let cluster = Cluster::usual().await?;
    cluster
        .serve("version.py", &version(1), "story.version", "/version")
        .await?;
    for number in 2..6 {
        let outcome = cluster
            .api
            .deploy("version.py", &version(number))
            .await?
            .expect(200)?;
        let package = outcome.get("package").context("no package")?;
        ensure!(package.get("state") == Some(&json!("live")), "{package}");
        ensure!(package.get("version") == Some(&json!(number)), "{package}");
        // Once the API says applied, no node may answer with the old code.
        for _ in 0..8 {
            ensure!(served_version(&cluster).await? == json!(number));
        }
    }
    cluster.without_warnings()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_does_not_import_is_refused_with_its_line_and_the_old_serves() -> Result<()> {
    let cluster = Cluster::usual().await?;
    cluster
        .serve("version.py", &version(1), "story.version", "/version")
        .await?;
    let before = cluster.in_sync().await?;

    let problem = cluster
        .api
        .deploy("version.py", BROKEN)
        .await?
        .expect(422)?;

    let text = problem.to_string();
    ensure!(text.contains("module_that_is_not_there"), "{text}");
    ensure!(text.contains("line 4"), "{text}");
    ensure!(text.contains("Traceback"), "{text}");
    ensure!(served_version(&cluster).await? == json!(1));
    ensure!(
        cluster.in_sync().await? == before,
        "a refused package makes no generation"
    );
    let packages = cluster.api.get("/packages").await?;
    let refused = packages
        .get("items")
        .and_then(Value::as_array)
        .and_then(|items| {
            items
                .iter()
                .find(|item| item.get("state") == Some(&json!("refused")))
        })
        .context("the refused package is listed")?;
    ensure!(
        refused.pointer("/error/line") == Some(&json!(4)),
        "{refused}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deploy_under_load_fails_no_request() -> Result<()> {
    let cluster = Cluster::usual().await?;
    cluster
        .serve("version.py", &version(1), "story.version", "/version")
        .await?;
    // A GET that fails on its way may be sent again by the balancer, which would hide it; a POST never is.
    let mut loads = Vec::new();
    for (method, body) in [("GET", &b""[..]), ("POST", b"{}")] {
        let request = Request {
            method,
            target: "/version".into(),
            body: body.to_vec(),
        };
        loads.push(Load::start(cluster.balancer()?, 8, &request));
    }
    go_on(&loads, 100).await?;
    for number in 2..8 {
        let source = if number % 3 == 0 {
            BROKEN.to_owned()
        } else {
            version(number)
        };
        let outcome = cluster.api.deploy("version.py", &source).await?;
        ensure!(
            outcome.status == 200 || outcome.status == 422,
            "{outcome:?}"
        );
        go_on(&loads, 50).await?;
    }
    for load in loads {
        let (succeeded, failures) = load.stop().await?;
        ensure!(
            failures.is_empty(),
            "{succeeded} succeeded, failed: {failures:#?}"
        );
    }
    Ok(())
}

/// Waits until each of them has succeeded `more` times.
async fn go_on(loads: &[Load], more: u64) -> Result<()> {
    for load in loads {
        load.goes_on_for(more).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_ends_on_the_code_it_began_with() -> Result<()> {
    let cluster = Cluster::start(ClusterShape {
        nodes: 1,
        ..ClusterShape::default()
    })
    .await?;
    cluster
        .serve("version.py", &version(1), "story.version", "/version")
        .await?;
    let mut slow = Connection::open(cluster.balancer()?).await?;
    slow.send(
        b"POST /version HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    )
    .await?;
    // The node asks for the body: the exchange has begun.
    ensure!(slow.answer().await?.status == 100);
    for number in 2..5 {
        cluster
            .api
            .deploy("version.py", &version(number))
            .await?
            .expect(200)?;
    }
    ensure!(served_version(&cluster).await? == json!(4));
    slow.send(b"{}").await?;
    let answer = slow.answer().await?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    ensure!(
        answer.json()?.get("version") == Some(&json!(1)),
        "{}",
        answer.text()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_name_of_another_file_is_refused_naming_both() -> Result<()> {
    let cluster = Cluster::usual().await?;
    cluster.api.deploy("one.py", &version(1)).await?.success()?;
    let problem = cluster
        .api
        .deploy("two.py", &version(2))
        .await?
        .expect(409)?;
    let text = problem.to_string();
    ensure!(text.contains("one.py") && text.contains("two.py"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_call_shows_its_traceback_to_operators_only() -> Result<()> {
    let cluster = Cluster::usual().await?;
    let source = r"
from bascule import Service

class Raises(Service):
    name = 'story.raises'

    def handle(self):
        secret_of_the_house = {}
        return secret_of_the_house['key-that-is-missing']
";
    cluster
        .serve("raises.py", source, "story.raises", "/raises")
        .await?;

    let answer = request(cluster.balancer()?, "POST", "/raises", "", b"{}").await?;

    ensure!(answer.status == 500, "{}: {}", answer.status, answer.text());
    let cid = answer
        .header("x-request-id")
        .context("no x-request-id")?
        .to_owned();
    let body = answer.text();
    ensure!(body.contains(&cid), "the body names the cid: {body}");
    for inside in ["key-that-is-missing", "KeyError", "raises.py", "Traceback"] {
        ensure!(
            !body.contains(inside),
            "the client must not see `{inside}`: {body}"
        );
    }
    let path = format!("/failures/{cid}");
    let failure = eventually("the failure is on the API", || cluster.api.get(&path)).await?;
    let traceback = failure
        .get("traceback")
        .and_then(Value::as_str)
        .unwrap_or("");
    ensure!(
        traceback.contains("key-that-is-missing") && traceback.contains("raises.py"),
        "{failure}"
    );
    ensure!(
        failure.get("service") == Some(&json!("story.raises")),
        "{failure}"
    );
    Ok(())
}
