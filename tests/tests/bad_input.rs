//! Bad input and what it gets: a clear refusal, a closed connection, and nothing passed on.

use anyhow::{Context as _, Result, ensure};
use bascule_tests::Cluster;
use bascule_tests::http::{Connection, get, request};
use serde_json::json;

const ECHO: &str = r"
from bascule import Service
from zato.common.exception import NotFound

class Echo(Service):
    name = 'story.echo'

    def handle(self):
        self.response.payload = {'got': self.request.payload}

class Missing(Service):
    name = 'story.missing'

    def handle(self):
        raise NotFound(self.cid, 'no such customer')

class Injects(Service):
    name = 'story.injects'

    def handle(self):
        self.response.headers['X-Note'] = 'a\r\nSet-Cookie: stolen=1'
        self.response.payload = {}
";

async fn with_echo() -> Result<Cluster> {
    let cluster = Cluster::usual().await?;
    cluster
        .serve("echo.py", ECHO, "story.echo", "/echo")
        .await?;
    Ok(cluster)
}

/// Each line: what is sent, and the statuses that may answer it. The rules stand in the codec's
/// own tables; here the point is that the real listener closes and passes nothing on.
const MALFORMED: &[(&[u8], &[u16])] = &[
    (b"GET /echo HTTP/1.1\r\n\r\n", &[400]),
    (b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &[400]),
    (b"GET /echo HTTP/1.1\nHost: a\n\n", &[400]),
    (b"GET  /echo HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET /echo HTTP/1.2\r\nHost: a\r\n\r\n", &[505]),
    (b"GET /echo HTTP/1.1\r\nHost : a\r\n\r\n", &[400]),
    (b"GET /echo HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", &[400]),
    (b"GET /echo HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", &[400]),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", &[400]),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", &[400]),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\nx", &[400, 413]),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", &[501]),
    (b"POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n", &[400]),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", &[400]),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent_Length: 1\r\n\r\n", &[400]),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nContent-Length: 1\r\n\r\n", &[417]),
    (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", &[405]),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[400, 505]),
    (b"GET /a/%00 HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
    (b"GET http://b/echo HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_requests_are_refused_and_the_connection_closed() -> Result<()> {
    let cluster = with_echo().await?;
    for (bytes, statuses) in MALFORMED {
        let sent = String::from_utf8_lossy(bytes).into_owned();
        let mut connection = Connection::open(cluster.balancer()?).await?;
        connection.send(bytes).await?;
        let answer = connection
            .answer()
            .await
            .with_context(|| format!("after {sent:?}"))?;
        ensure!(
            statuses.contains(&answer.status),
            "{sent:?} got {}",
            answer.status
        );
        ensure!(answer.closes(), "{sent:?}: {:?}", answer.headers);
        let rest = connection.until_closed().await?;
        ensure!(
            rest.is_empty(),
            "{sent:?}: more than one answer: {:?}",
            String::from_utf8_lossy(&rest)
        );
    }
    ensure!(get(cluster.balancer()?, "/echo").await?.status == 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_have_their_own_statuses() -> Result<()> {
    let cluster = with_echo().await?;
    let more = json!({"body_bytes_max": 100});
    cluster
        .api
        .channel("small", "/small", "story.echo", more)
        .await?
        .success()?;
    let balancer = cluster.balancer()?;

    let long = format!("/{}", "a".repeat(9000));
    ensure!(get(balancer, &long).await?.status == 414);
    let big_head = format!("X-Big: {}\r\n", "a".repeat(70_000));
    ensure!(
        request(balancer, "GET", "/echo", &big_head, b"")
            .await?
            .status
            == 431
    );
    let many = "X-Many: a\r\n".repeat(150);
    ensure!(request(balancer, "GET", "/echo", &many, b"").await?.status == 431);
    ensure!(
        request(balancer, "POST", "/small", "", &[b'1'; 101])
            .await?
            .status
            == 413
    );
    ensure!(
        request(balancer, "POST", "/small", "", &[b'1'; 100])
            .await?
            .status
            == 200
    );
    let mut chunked = Connection::open(balancer).await?;
    let head = b"POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    chunked.send(head).await?;
    chunked
        .send(format!("65\r\n{}\r\n0\r\n\r\n", "1".repeat(101)).as_bytes())
        .await?;
    ensure!(chunked.answer().await?.status == 413);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_channel_takes_gets_404_or_405() -> Result<()> {
    let cluster = with_echo().await?;
    let only_post = json!({"method": "POST"});
    cluster
        .api
        .channel("only-post", "/only-post", "story.echo", only_post)
        .await?
        .success()?;
    let missing = get(cluster.balancer()?, "/nowhere").await?;
    ensure!(missing.status == 404, "{}", missing.text());
    ensure!(missing.header("x-request-id").is_some());
    let wrong = get(cluster.balancer()?, "/only-post").await?;
    ensure!(wrong.status == 405, "{}", wrong.text());
    ensure!(wrong.header("allow") == Some("POST"), "{:?}", wrong.headers);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_json_gets_400_with_its_position() -> Result<()> {
    let cluster = with_echo().await?;
    let answer = request(
        cluster.balancer()?,
        "POST",
        "/echo",
        "",
        b"{\"a\": 1,\n  oops}",
    )
    .await?;
    ensure!(answer.status == 400, "{}: {}", answer.status, answer.text());
    ensure!(answer.text().contains("line 2"), "{}", answer.text());
    let nested = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let answer = request(cluster.balancer()?, "POST", "/echo", "", &nested).await?;
    ensure!(answer.status == 400, "{}: {}", answer.status, answer.text());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_services_exceptions_become_their_statuses() -> Result<()> {
    let cluster = with_echo().await?;
    cluster
        .api
        .channel(
            "missing",
            "/missing",
            "story.missing",
            json!({"data_format": "json"}),
        )
        .await?
        .success()?;
    cluster
        .api
        .channel("injects", "/injects", "story.injects", json!({}))
        .await?
        .success()?;
    let answer = get(cluster.balancer()?, "/missing").await?;
    ensure!(
        answer.status == 404 && answer.text().contains("no such customer"),
        "{}",
        answer.text()
    );
    ensure!(
        answer.json()?.get("result") == Some(&json!("Error")),
        "{}",
        answer.text()
    );
    let answer = get(cluster.balancer()?, "/injects").await?;
    ensure!(answer.status == 500, "{}", answer.status);
    ensure!(
        answer.header("set-cookie").is_none(),
        "{:?}",
        answer.headers
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_refuses_conflicts_and_stale_writes() -> Result<()> {
    let cluster = with_echo().await?;
    let api = &cluster.api;

    let twin = api
        .channel("twin", "/echo", "story.echo", json!({}))
        .await?
        .expect(409)?;
    ensure!(
        twin.to_string().contains("story.echo"),
        "it names the other channel: {twin}"
    );

    let first = api
        .send("GET", "/channels/story.echo", &[], Vec::new())
        .await?;
    let patch = |timeout: u32| json!({"timeout_ms": timeout}).to_string().into_bytes();
    let fresh = [
        ("if-match", first.etag.as_str()),
        ("content-type", "application/json"),
    ];
    api.send("PATCH", "/channels/story.echo", &fresh, patch(1000))
        .await?
        .expect(200)?;
    let stale = api
        .send("PATCH", "/channels/story.echo", &fresh, patch(2000))
        .await?;
    ensure!(stale.status == 412, "{stale:?}");
    let none = [("content-type", "application/json")];
    let without = api
        .send("PATCH", "/channels/story.echo", &none, patch(2000))
        .await?;
    ensure!(without.status == 428, "{without:?}");

    let bad = api
        .channel("bad", "no-slash", "story.echo", json!({}))
        .await?;
    ensure!(bad.status == 400 || bad.status == 422, "{bad:?}");
    ensure!(
        bad.body.pointer("/errors/0/pointer") == Some(&json!("/path")),
        "{bad:?}"
    );
    let unknown = api
        .channel("unknown", "/u", "story.unknown", json!({}))
        .await?;
    ensure!(
        unknown.body.pointer("/errors/0/pointer") == Some(&json!("/service")),
        "{unknown:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_answers_nobody_without_the_token() -> Result<()> {
    let cluster = Cluster::usual().await?;
    let stranger = bascule_tests::api::Api::new(&cluster.http_address(), "bsc_guess");
    for path in [
        "/cluster",
        "/nodes",
        "/channels",
        "/services",
        "/packages",
        "/audit",
        "/stats",
    ] {
        let outcome = stranger.send("GET", path, &[], Vec::new()).await?;
        ensure!(outcome.status == 401, "{path}: {outcome:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_too_slow_with_its_head_gets_408() -> Result<()> {
    let cluster = with_echo().await?;
    let mut slow = Connection::open(cluster.balancer()?).await?;
    slow.send(b"GET /echo HTTP/1.1\r\nHost: a\r\nX-Slow:")
        .await?;
    // The head has ten seconds in all; the wait is the server's.
    let answer = slow.answer().await?;
    ensure!(answer.status == 408 && answer.closes(), "{answer:?}");
    Ok(())
}
