//! Services for the stories of faults: one that is quick, and some that are trouble.

use anyhow::Result;
use serde_json::json;

use crate::load::Request;
use crate::{Cluster, ClusterShape};

const SERVICES: &str = r"
import os
import threading
from bascule import Service

class Quick(Service):
    name = 'story.quick'

    def handle(self):
        self.response.payload = {'pid': os.getpid()}

class Slow(Service):
    name = 'story.slow'

    def handle(self):
        threading.Event().wait(0.2)
        self.response.payload = {}

class Waits(Service):
    name = 'story.waits'

    def handle(self):
        threading.Event().wait(60)

class Exits(Service):
    name = 'story.exits'

    def handle(self):
        os._exit(3)
";

/// A cluster with the services, each behind a channel of its name.
pub async fn cluster(shape: ClusterShape) -> Result<Cluster> {
    let cluster = Cluster::start(shape).await?;
    cluster
        .serve("faults.py", SERVICES, "story.quick", "/quick")
        .await?;
    let more = json!({"data_format": "json", "timeout_ms": 20_000});
    cluster
        .api
        .channel("waits", "/waits", "story.waits", more)
        .await?
        .success()?;
    cluster
        .api
        .channel("exits", "/exits", "story.exits", json!({}))
        .await?
        .success()?;
    cluster
        .api
        .channel("slow", "/slow", "story.slow", json!({}))
        .await?
        .success()?;
    Ok(cluster)
}

/// The request that always succeeds, as fast as it can.
pub fn quick() -> Request {
    Request {
        method: "GET",
        target: "/quick".into(),
        body: Vec::new(),
    }
}
