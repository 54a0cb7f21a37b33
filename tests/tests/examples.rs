//! The examples, driven through the balancer with real HTTP, as their READMEs say.

#![expect(
    clippy::unwrap_used,
    reason = "a broken story ends with the line that broke"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use bascule_tests::http::{Answer, get, post_json, request};
use bascule_tests::{Cluster, ClusterShape};
use serde_json::{Value, json};

fn folder(example: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("examples")
        .join(example)
}

/// A cluster with the example's services and channels, made from its own `bascule.toml`.
async fn cluster_of(example: &str, environment: Vec<(String, String)>) -> Result<Cluster> {
    let cluster = Cluster::start(ClusterShape {
        environment,
        ..ClusterShape::default()
    })
    .await?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder(example))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "py"))
        .collect();
    files.sort();
    for file in files {
        let name = file
            .file_name()
            .context("a name")?
            .to_string_lossy()
            .into_owned();
        cluster
            .api
            .deploy(&name, &std::fs::read_to_string(&file)?)
            .await?
            .success()?;
    }
    let text = std::fs::read_to_string(folder(example).join("bascule.toml"))?;
    let settings: toml::Table = toml::from_str(&text)?;
    for channel in settings
        .get("channel")
        .and_then(toml::Value::as_array)
        .context("channels")?
    {
        let channel = serde_json::to_value(channel)?;
        cluster
            .api
            .post("/channels?wait=applied&timeout=20s", &channel)
            .await?
            .success()?;
    }
    Ok(cluster)
}

fn details(answer: &Answer) -> Result<Value> {
    answer.json()?.get("details").cloned().context("no details")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hello_greets() -> Result<()> {
    let cluster = cluster_of("hello", Vec::new()).await?;
    let balancer = cluster.balancer()?;
    ensure!(get(balancer, "/hello").await?.text() == r#"{"message":"Hello, World"}"#);
    ensure!(get(balancer, "/hello?name=Ada").await?.text() == r#"{"message":"Hello, Ada"}"#);
    let by_path = get(balancer, "/hello/Grace%20Hopper").await?;
    ensure!(
        by_path.text() == r#"{"message":"Hello, Grace Hopper"}"#,
        "{}",
        by_path.text()
    );
    let by_body = post_json(balancer, "/hello", &json!({"name": "Alan"})).await?;
    ensure!(
        by_body.text() == r#"{"message":"Hello, Alan"}"#,
        "{}",
        by_body.text()
    );
    let invalid = request(balancer, "POST", "/hello", "", b"{\"name\":").await?;
    ensure!(invalid.status == 400, "{}", invalid.status);
    ensure!(
        details(&invalid)?.to_string().contains("line 1 column 9"),
        "{}",
        invalid.text()
    );
    Ok(())
}

/// The stand-ins for CRM and billing; ended with the story.
struct Backends {
    child: Child,
    crm: String,
    billing: String,
}

impl Backends {
    fn start() -> Result<Self> {
        let mut child = Command::new("python3")
            .arg(folder("facade").join("backends/serve.py"))
            .args(["0", "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("stdout")?;
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line)?;
        let addresses: Value = serde_json::from_str(&line)?;
        let address = |name: &str| {
            addresses
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .context("an address")
        };
        Ok(Self {
            crm: address("crm")?,
            billing: address("billing")?,
            child,
        })
    }
}

impl Drop for Backends {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facade_joins_two_backends() -> Result<()> {
    let backends = Backends::start()?;
    let environment = vec![
        ("FACADE_CRM_URL".to_owned(), backends.crm.clone()),
        ("FACADE_BILLING_URL".to_owned(), backends.billing.clone()),
    ];
    let cluster = cluster_of("facade", environment).await?;
    let balancer = cluster.balancer()?;

    let ada = get(balancer, "/api/customers/7").await?;
    ensure!(ada.status == 200, "{}: {}", ada.status, ada.text());
    let expected = json!({
        "id": 7, "name": "Ada Lovelace", "country": "GB", "segment": "gold",
        "open_total": "200.40", "open_invoices": 2, "currency": "EUR"
    });
    ensure!(ada.json()? == expected, "{}", ada.text());
    let unknown = get(balancer, "/api/customers/99").await?;
    ensure!(unknown.status == 404, "{}", unknown.text());
    ensure!(
        details(&unknown)? == json!("There is no customer 99"),
        "{}",
        unknown.text()
    );
    let invalid = get(balancer, "/api/customers/abc").await?;
    ensure!(invalid.status == 400, "{}", invalid.text());
    let wrong = post_json(balancer, "/api/customers/7", &json!({})).await?;
    ensure!(
        wrong.status == 405 && wrong.header("allow").is_some(),
        "{:?}",
        wrong.headers
    );

    drop(backends);
    let down = get(balancer, "/api/customers/7").await?;
    ensure!(down.status == 503, "{}: {}", down.status, down.text());
    ensure!(
        down.header("retry-after") == Some("5"),
        "{:?}",
        down.headers
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn xml_bridge_turns_xml_into_json_and_refuses_entities() -> Result<()> {
    let cluster = cluster_of("xml_bridge", Vec::new()).await?;
    let balancer = cluster.balancer()?;
    let xml = |body: &'static str| {
        request(
            balancer,
            "POST",
            "/xml/to-json",
            "Content-Type: application/xml\r\n",
            body.as_bytes(),
        )
    };

    let order =
        xml(r#"<order id="17"><item sku="A">Pen</item><item sku="B">Ink</item></order>"#).await?;
    ensure!(order.status == 200, "{}", order.text());
    let items = json!([{"@sku": "A", "#text": "Pen"}, {"@sku": "B", "#text": "Ink"}]);
    ensure!(
        order.json()? == json!({"order": {"@id": "17", "item": items}}),
        "{}",
        order.text()
    );
    let broken = xml("<a><b></a>").await?;
    ensure!(broken.status == 400, "{}", broken.text());
    ensure!(
        details(&broken)?.to_string().contains("line 1 column 9"),
        "{}",
        broken.text()
    );
    let entity = xml(r#"<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>"#).await?;
    ensure!(entity.status == 400, "{}", entity.text());
    ensure!(!entity.text().contains("root:"), "{}", entity.text());
    let method = get(balancer, "/xml/to-json").await?;
    ensure!(method.status == 405, "{}", method.text());
    ensure!(
        method.header("allow") == Some("POST"),
        "{:?}",
        method.headers
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn report_reads_a_folder_and_writes_a_summary() -> Result<()> {
    let data = tempfile::tempdir()?;
    for entry in std::fs::read_dir(folder("report").join("data"))?.flatten() {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), data.path().join(entry.file_name()))?;
        }
    }
    let environment = vec![(
        "REPORT_FOLDER".to_owned(),
        data.path().display().to_string(),
    )];
    let cluster = cluster_of("report", environment).await?;

    let report = post_json(cluster.balancer()?, "/report/nightly", &json!({})).await?;

    ensure!(report.status == 200, "{}: {}", report.status, report.text());
    let body = report.json()?;
    ensure!(body.get("rows") == Some(&json!(5)), "{body}");
    ensure!(body.get("total") == Some(&json!("123.50")), "{body}");
    ensure!(
        body.pointer("/by_region/south") == Some(&json!("58.00")),
        "{body}"
    );
    let summaries = std::fs::read_dir(data.path().join("summary"))?
        .flatten()
        .count();
    ensure!(summaries == 1, "{summaries} summaries");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_names_what_is_wrong_by_its_path() -> Result<()> {
    let cluster = cluster_of("orders", Vec::new()).await?;
    let balancer = cluster.balancer()?;
    let order = json!({
        "customer": {"email": "Ada@example.com"}, "currency": "EUR",
        "ordered_on": "2026-11-22", "deliver_on": "2026-11-23",
        "lines": [{"sku": "pen", "price": "1.50", "quantity": 4}, {"sku": "ink", "price": 7.25}]
    });
    let good = post_json(balancer, "/orders", &order).await?;
    ensure!(good.status == 201, "{}: {}", good.status, good.text());
    ensure!(
        good.json()?.get("total") == Some(&json!("13.25")),
        "{}",
        good.text()
    );
    let changes = [
        (
            "/lines/0/quantity",
            json!("many"),
            400,
            "/lines[0]/quantity",
        ),
        ("/currency", json!("XYZ"), 400, "/currency"),
        (
            "/deliver_on",
            json!("2026-11-01"),
            400,
            "deliver_on is before ordered_on",
        ),
        ("/lines", json!([]), 400, "1 to 100 lines"),
        ("/lines/1/sku", json!("pen"), 409, "pen is ordered twice"),
    ];
    for (pointer, value, status, reason) in changes {
        let mut bad = order.clone();
        *bad.pointer_mut(pointer).context("a field")? = value;
        let answer = post_json(balancer, "/orders", &bad).await?;
        ensure!(
            answer.status == status,
            "{pointer}: {}: {}",
            answer.status,
            answer.text()
        );
        ensure!(
            answer.text().contains(reason),
            "{pointer}: {}",
            answer.text()
        );
    }
    let without =
        json!({"customer": {}, "currency": "EUR", "ordered_on": "2026-11-22", "lines": []});
    let answer = post_json(balancer, "/orders", &without).await?;
    ensure!(
        answer.text().contains("Element missing: /customer/email"),
        "{}",
        answer.text()
    );
    Ok(())
}
