//! The REST client: one place where requests are made. It owns paths, headers and the way from an answer to a
//! [`Failure`]. It refuses to retry: a person or a script decides that. Invariant: an error status never looks like success.

#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::context::Target;
use crate::failure::Failure;
use crate::problem::Problem;
use crate::suggest;

/// A connection on loopback or in a cluster is there at once or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A read takes milliseconds; after this long nobody is at work there.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// A write may take this much longer than the control plane was asked to wait, or has to work.
const WRITE_MARGIN: Duration = Duration::from_secs(10);
/// Pages of 1000; enough for 100,000 objects, and an end to the loop.
const PAGES_MAX: usize = 100;

#[derive(Debug, Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    target: Target,
}

#[derive(Debug, Default)]
pub(crate) struct Call<'a> {
    pub(crate) query: Vec<(&'a str, String)>,
    /// Asks for the answer when every connected node runs the change, or when this time is up.
    pub(crate) wait: Option<Duration>,
    /// How long the control plane may work before it answers, waiting or not.
    pub(crate) work: Duration,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) if_match: Option<String>,
    /// The reason, for the audit trail.
    pub(crate) why: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    /// Who has answered.
    url: String,
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

// === impl Api ===

impl Api {
    pub(crate) fn new(target: Target) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // Every request has a connection of its own: a kept one may be closed by the time that it is used again, and
            // not every request may be sent twice to find out. On loopback another costs next to nothing.
            .pool_max_idle_per_host(0)
            // A proxy from the environment cannot know this machine's loopback.
            .no_proxy()
            .build()
            .map_err(|error| Failure::Failed(format!("starting the HTTP client: {error}")))?;
        Ok(Self { http, target })
    }

    /// Makes a request; whatever status comes is the caller's to judge.
    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        call: Call<'_>,
    ) -> Result<Reply, Failure> {
        let mut url = format!("{}/api/v1{path}", self.target.url);
        let timeout = call.timeout(&method);
        for (index, (name, value)) in call.query().iter().enumerate() {
            url.extend([
                if index == 0 { "?" } else { "&" },
                name,
                "=",
                &encode(value),
            ]);
        }
        let mut request = self.http.request(method, url).timeout(timeout);
        if let Some(token) = &self.target.token {
            request = request.bearer_auth(token);
        }
        if let Some(etag) = call.if_match {
            request = request.header("If-Match", etag);
        }
        if let Some(why) = call.why.as_deref().map(header_text) {
            request = request.header("Bascule-Why", why);
        }
        if let Some(body) = call.body {
            let content_type = call.content_type.unwrap_or("application/json");
            request = request.header("Content-Type", content_type).body(body);
        }
        let lost = |error: reqwest::Error| self.lost(&error);
        let response = request.send().await.map_err(lost)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.map_err(lost)?.to_vec();
        let reply = Reply {
            url: self.target.url.clone(),
            status,
            headers,
            body,
        };
        if reply.is_ours() {
            Ok(reply)
        } else {
            Err(reply.stranger())
        }
    }

    /// Makes a request and takes any error status as a failure.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        call: Call<'_>,
    ) -> Result<Reply, Failure> {
        let reply = self.raw(method, path, call).await?;
        if reply.status < 400 {
            return Ok(reply);
        }
        Err(Failure::Problem(Box::new(Problem::parse(
            reply.status,
            &reply.body,
        ))))
    }

    /// All items of a list, page after page.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut page_token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut query = vec![("page_size", "1000".to_owned())];
            query.extend(page_token.take().map(|token| ("page_token", token)));
            let call = Call {
                query,
                ..Call::default()
            };
            let mut page = self.send(Method::GET, path, call).await?.json()?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            match page.get("next_page_token").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => page_token = Some(token.to_owned()),
                _ => break,
            }
        }
        Ok(items)
    }

    /// One named object; a name that is not there comes with the nearest that is.
    pub(crate) async fn named(&self, what: &'static str, name: &str) -> Result<Reply, Failure> {
        let path = format!("/{what}s/{}", encode(name));
        match self.send(Method::GET, &path, Call::default()).await {
            Err(Failure::Problem(problem)) if problem.status == 404 => {
                Err(self.not_found(what, name).await)
            }
            other => other,
        }
    }

    pub(crate) async fn not_found(&self, what: &'static str, name: &str) -> Failure {
        let items = self.list(&format!("/{what}s")).await.unwrap_or_default();
        let names = items.iter().filter_map(|item| item.get("name")?.as_str());
        let near = suggest::nearest(name, names).map(ToOwned::to_owned);
        Failure::NotFound {
            what,
            name: name.to_owned(),
            near,
        }
    }

    fn lost(&self, error: &reqwest::Error) -> Failure {
        let mut reason: &dyn std::error::Error = error;
        // The innermost says what happened: "Connection refused".
        while let Some(source) = reason.source() {
            reason = source;
        }
        let reason = if error.is_timeout() {
            "timed out".to_owned()
        } else {
            reason.to_string()
        };
        Failure::Unreachable {
            url: self.target.url.clone(),
            reason,
        }
    }
}

// === impl Call ===

impl<'a> Call<'a> {
    fn timeout(&self, method: &Method) -> Duration {
        if method == Method::GET {
            return READ_TIMEOUT.max(self.work);
        }
        self.wait.unwrap_or_default().max(self.work) + WRITE_MARGIN
    }

    /// With `wait=applied&timeout=5s` where it waits.
    fn query(&self) -> Vec<(&'a str, String)> {
        let mut query = self.query.clone();
        if let Some(wait) = self.wait {
            let timeout = if wait.subsec_millis() == 0 {
                format!("{}s", wait.as_secs())
            } else {
                format!("{}ms", wait.as_millis())
            };
            query.extend([("wait", "applied".to_owned()), ("timeout", timeout)]);
        }
        query
    }
}

// === impl Reply ===

impl Reply {
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body).map_err(|_no_json| self.stranger())
    }

    /// The control plane's errors are problem documents, all of them, and a service's own answer says which node ran it.
    /// What else answers so is another server at the address, or one in between.
    fn is_ours(&self) -> bool {
        let content_type = self.header("content-type").unwrap_or_default();
        self.status < 400
            || self.header("x-bascule-node").is_some()
            || content_type.starts_with("application/problem+json")
    }

    fn stranger(&self) -> Failure {
        Failure::Stranger {
            url: self.url.clone(),
            status: self.status,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Bytes that a header may hold: a line break would end it.
fn header_text(text: &str) -> Vec<u8> {
    let text = text.replace(|c: char| c.is_control(), " ");
    text.trim().as_bytes().to_vec()
}

/// Percent-encodes what is not unreserved, so that a name cannot change the path.
pub(crate) fn encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect::<Vec<_>>().concat()
}
