//! The admin API as a story uses it: a token, JSON in and out, and the status beside it.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// A client of `/api/v1` with the cluster's admin token.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    token: String,
    client: reqwest::Client,
}

/// Status, entity tag and body of one answer.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub status: u16,
    pub etag: String,
    pub body: Value,
}

// === impl Api ===

impl Api {
    pub fn new(address: &str, token: &str) -> Self {
        let client = reqwest::Client::new();
        Self {
            base: format!("http://{address}/api/v1"),
            token: token.trim().to_owned(),
            client,
        }
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        let outcome = self.send("GET", path, &[], Vec::new()).await?;
        outcome.expect(200)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Outcome> {
        self.send(
            "POST",
            path,
            &[("content-type", "application/json")],
            body.to_string().into_bytes(),
        )
        .await
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Outcome> {
        let mut request = self
            .client
            .request(method.parse()?, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("{method} {path}"))?;
        let status = answer.status().as_u16();
        let etag = answer
            .headers()
            .get("etag")
            .and_then(|tag| tag.to_str().ok())
            .unwrap_or("")
            .to_owned();
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Outcome { status, etag, body })
    }

    /// Deploys a service file and waits until every node runs it.
    pub async fn deploy(&self, file: &str, source: &str) -> Result<Outcome> {
        let path = format!("/packages?file={file}&wait=applied&timeout=20s");
        self.send(
            "POST",
            &path,
            &[("content-type", "text/x-python")],
            source.as_bytes().to_vec(),
        )
        .await
    }

    /// Creates a channel and waits until every node runs it.
    pub async fn channel(
        &self,
        name: &str,
        path: &str,
        service: &str,
        more: Value,
    ) -> Result<Outcome> {
        let mut body = serde_json::json!({"name": name, "path": path, "service": service});
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        self.post("/channels?wait=applied&timeout=20s", &body).await
    }
}

// === impl Outcome ===

impl Outcome {
    /// The body, when the status is `status`.
    pub fn expect(self, status: u16) -> Result<Value> {
        if self.status != status {
            bail!("expected {status}, got {}: {:#}", self.status, self.body);
        }
        Ok(self.body)
    }

    /// The body of any 2xx.
    pub fn success(self) -> Result<Value> {
        if !(200..300).contains(&self.status) {
            bail!("expected success, got {}: {:#}", self.status, self.body);
        }
        Ok(self.body)
    }
}
