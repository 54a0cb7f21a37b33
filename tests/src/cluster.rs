//! A whole cluster for one story: a control plane and nodes in a temporary folder, on port 0.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;
use crate::eventually;
use crate::process::{Process, binary};

/// How large, and how it differs from the defaults.
#[derive(Debug, Clone)]
pub struct ClusterShape {
    pub nodes: usize,
    pub cores: usize,
    pub workers: usize,
    /// Further arguments of every node.
    pub node_args: Vec<String>,
    /// Environment of every node (and so of its workers).
    pub environment: Vec<(String, String)>,
}

/// The first node has the balancer listener; all have a `node` and an admin listener.
#[derive(Debug)]
pub struct Cluster {
    pub nodes: Vec<Node>,
    pub control: Option<Process>,
    pub api: Api,
    shape: ClusterShape,
    grpc: String,
    http: String,
    // Declared last: the folder goes after the processes that write into it.
    folder: TempDir,
}

/// One node of a story.
#[derive(Debug)]
pub struct Node {
    pub name: String,
    pub process: Process,
    pub address: String,
    pub balancer: Option<String>,
    pub admin: String,
}

impl Default for ClusterShape {
    fn default() -> Self {
        Self {
            nodes: 2,
            cores: 1,
            workers: 1,
            node_args: Vec::new(),
            environment: Vec::new(),
        }
    }
}

// === impl Cluster ===

impl Cluster {
    /// Starts everything and waits until every node runs the newest generation.
    pub async fn start(shape: ClusterShape) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("bascule-story-")
            .tempdir()?;
        let (control, ready) =
            start_control_plane(folder.path(), "127.0.0.1:0", "127.0.0.1:0").await?;
        let http = text(&ready, "http")?;
        let grpc = text(&ready, "grpc")?;
        let token = std::fs::read_to_string(folder.path().join("control/admin.token"))?;
        let api = Api::new(&http, &token);
        let mut cluster = Self {
            nodes: Vec::new(),
            control: Some(control),
            api,
            shape,
            grpc,
            http,
            folder,
        };
        for index in 0..cluster.shape.nodes {
            let node = cluster.start_node(index).await?;
            cluster.nodes.push(node);
        }
        cluster.in_sync().await?;
        Ok(cluster)
    }

    /// The usual two nodes.
    pub async fn usual() -> Result<Self> {
        Self::start(ClusterShape::default()).await
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Address of the admin API.
    pub fn http_address(&self) -> String {
        self.http.clone()
    }

    /// Address that nodes connect to.
    pub fn grpc_address(&self) -> String {
        self.grpc.clone()
    }

    /// State folder of the control plane, with its tokens.
    pub fn control_state(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    /// Address of the balancer listener.
    pub fn balancer(&self) -> Result<&str> {
        let node = self.nodes.first().context("no node")?;
        node.balancer
            .as_deref()
            .context("the first node has no balancer")
    }

    /// State folder of a node.
    pub fn node_state(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("node-{index}"))
    }

    /// Starts (again) the node of this number; the caller puts it into `nodes`.
    pub async fn start_node(&self, index: usize) -> Result<Node> {
        let name = format!("node-{index}");
        let ready_file = self.folder.path().join(format!("{name}.ready"));
        drop(std::fs::remove_file(&ready_file));
        let mut args = vec![
            format!("--name={name}"),
            format!("--controlplane=http://{}", self.grpc),
            format!(
                "--cluster-token-file={}",
                self.folder.path().join("control/cluster.token").display()
            ),
            format!("--state-dir={}", self.node_state(index).display()),
            "--node-listen=127.0.0.1:0".to_owned(),
            "--admin-listen=127.0.0.1:0".to_owned(),
            format!("--cores={}", self.shape.cores),
            format!("--workers={}", self.shape.workers),
            "--no-pin".to_owned(),
            format!("--ready-file={}", ready_file.display()),
        ];
        if index == 0 {
            args.push("--balancer-listen=127.0.0.1:0".to_owned());
        }
        args.extend(self.shape.node_args.iter().cloned());
        let mut process = Process::start_with(
            &name,
            &binary("bascule-dataplane")?,
            &args,
            self.folder.path(),
            &self.shape.environment,
        )?;
        let ready = process.ready(&ready_file).await?;
        Ok(Node {
            name,
            process,
            address: text(&ready, "node")?,
            balancer: ready
                .get("balancer")
                .and_then(Value::as_str)
                .map(str::to_owned),
            admin: text(&ready, "admin")?,
        })
    }

    /// Starts the control plane again on the addresses that the nodes know.
    pub async fn restart_control_plane(&mut self) -> Result<()> {
        let (control, _) = start_control_plane(self.folder.path(), &self.http, &self.grpc).await?;
        self.control = Some(control);
        Ok(())
    }

    /// Waits until every node is connected and runs the newest generation.
    pub async fn in_sync(&self) -> Result<u64> {
        eventually("all nodes run the newest generation", || async {
            let cluster = self.api.get("/cluster").await?;
            let nodes = cluster.get("nodes").context("no nodes")?;
            let count = |key: &str| nodes.get(key).and_then(Value::as_u64).unwrap_or(0);
            let wanted = u64::try_from(self.nodes.len())?;
            if count("in_sync") < wanted || count("connected") < wanted {
                bail!("{cluster}");
            }
            cluster
                .get("generation")
                .and_then(Value::as_u64)
                .context("no generation")
        })
        .await
    }

    /// Fails when any process of the cluster has warned of something: a story without faults has none.
    pub fn without_warnings(&self) -> Result<()> {
        let logs = self.nodes.iter().map(|node| node.process.log());
        let logs = logs.chain(self.control.iter().map(Process::log));
        for log in logs {
            let is_bad = |line: &&str| {
                ["WARN", "ERROR", "panicked"]
                    .iter()
                    .any(|mark| line.contains(mark))
            };
            if let Some(line) = log.lines().find(is_bad) {
                bail!("unexpected: {line}");
            }
        }
        Ok(())
    }

    /// Deploys a file and puts a JSON channel in front of its service.
    pub async fn serve(&self, file: &str, source: &str, service: &str, path: &str) -> Result<()> {
        self.api.deploy(file, source).await?.success()?;
        let name = service.replace('/', "-");
        let more = serde_json::json!({"data_format": "json"});
        self.api
            .channel(&name, path, service, more)
            .await?
            .success()?;
        Ok(())
    }
}

async fn start_control_plane(folder: &Path, http: &str, grpc: &str) -> Result<(Process, Value)> {
    let ready_file = folder.join("control.ready");
    drop(std::fs::remove_file(&ready_file));
    let args = [
        format!("--http={http}"),
        format!("--grpc={grpc}"),
        format!("--state-dir={}", folder.join("control").display()),
        format!("--ready-file={}", ready_file.display()),
    ];
    let mut process = Process::start("control", &binary("bascule-controlplane")?, &args, folder)?;
    let ready = process.ready(&ready_file).await?;
    Ok((process, ready))
}

fn text(value: &Value, key: &str) -> Result<String> {
    Ok(value
        .get(key)
        .and_then(Value::as_str)
        .with_context(|| format!("no {key} in {value}"))?
        .to_owned())
}
