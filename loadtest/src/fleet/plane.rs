//! The control plane's REST API, as far as the fleet needs it.
//!
//! Owns the names of the fleet's channels. Invariant: `change` returns only when the control plane has said that every
//! node runs the change.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, IF_MATCH};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::node::NODE_PREFIX;

/// Channels are made by so many requests at a time: enough to keep the one writer of the ODB busy, and the publisher
/// makes one generation's snapshot of many of them.
const CREATE_CONCURRENCY: usize = 16;
/// The API's own longest wait.
const WAIT: &str = "60s";
/// Longer than the wait, so that the answer says which node is late.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(70);
/// Timeouts of channels that the changes set, in milliseconds; each change sets another one.
const TIMEOUT_MS_FIRST: usize = 1_000;
/// So that successive changes do not fall on neighbours. Prime, so that all channels have their turn.
const STRIDE: usize = 7_919;

#[derive(Clone)]
pub(super) struct ControlPlane {
    client: Client,
    api: String,
}

// === impl ControlPlane ===

impl ControlPlane {
    pub(super) fn new(http: SocketAddr, admin_token: &str) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        let bearer = HeaderValue::from_str(&format!("Bearer {admin_token}"));
        headers.insert(AUTHORIZATION, bearer.context("the admin token")?);
        let client = Client::builder()
            .default_headers(headers)
            .timeout(REQUEST_TIMEOUT)
            .build()?;
        Ok(Self {
            client,
            api: format!("http://{http}/api/v1"),
        })
    }

    /// Makes the first `count` channels; those that are there already stay as they are.
    pub(super) async fn channels_ensure(&self, count: usize) -> anyhow::Result<()> {
        let mut requests = JoinSet::new();
        for number in 0..count {
            if requests.len() == CREATE_CONCURRENCY {
                requests.join_next().await.context("no request")???;
            }
            let plane = self.clone();
            requests.spawn(async move { plane.channel_ensure(number).await });
        }
        while let Some(created) = requests.join_next().await {
            created??;
        }
        Ok(())
    }

    async fn channel_ensure(&self, number: usize) -> anyhow::Result<()> {
        let channel = json!({
            "name": name(number),
            "path": format!("/fleet/{number:05}"),
            "service": "bascule.echo",
        });
        let request = self.client.post(format!("{}/channels", self.api));
        let answer = request.json(&channel).send().await?;
        match answer.status() {
            StatusCode::CREATED | StatusCode::CONFLICT => Ok(()),
            status => bail!(
                "making {} got {status}: {}",
                name(number),
                answer.text().await?
            ),
        }
    }

    /// Changes one of `channels` channels; the generation that all of `nodes` nodes run then.
    pub(super) async fn change(
        &self,
        number: usize,
        channels: usize,
        nodes: usize,
    ) -> anyhow::Result<u64> {
        let place = number.wrapping_mul(STRIDE).checked_rem(channels);
        let name = name(place.unwrap_or_default());
        let url = format!("{}/channels/{name}?wait=applied&timeout={WAIT}", self.api);
        let change = json!({ "timeout_ms": TIMEOUT_MS_FIRST + number });
        let request = self.client.patch(url).header(IF_MATCH, "*");
        let answer = request.json(&change).send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        ensure!(
            status == StatusCode::OK,
            "changing {name} got {status}: {body}"
        );
        let applied = body.pointer("/applied/nodes").and_then(Value::as_array);
        let applied = applied.context("the answer names no nodes")?.iter();
        let applied = applied
            .filter(|node| is_simulated_and_applied(node))
            .count();
        ensure!(
            applied == nodes,
            "{applied} of {nodes} nodes run the change of {name}"
        );
        let generation = body.get("generation").and_then(Value::as_u64);
        generation.context("the answer has no generation")
    }

    pub(super) async fn nodes_in_sync(&self) -> anyhow::Result<usize> {
        let url = format!("{}/cluster", self.api);
        let cluster: Value = self.client.get(url).send().await?.json().await?;
        let in_sync = cluster.pointer("/nodes/in_sync").and_then(Value::as_u64);
        Ok(usize::try_from(in_sync.unwrap_or(0))?)
    }
}

/// Other nodes may be there too; that they run the change as well is what the status says.
fn is_simulated_and_applied(node: &Value) -> bool {
    let name = node.get("node").and_then(Value::as_str).unwrap_or_default();
    name.starts_with(NODE_PREFIX) && node.get("state") == Some(&"applied".into())
}

fn name(number: usize) -> String {
    format!("fleet-{number:05}")
}
