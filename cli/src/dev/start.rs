//! Bringing a development cluster up: ports, control plane, nodes, and the API to talk to them.
//! Invariant: when this returns, every node is connected, so that a deploy is tried at once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::ports::{free_or_any, moved};
use super::processes::Processes;
use super::project::{Project, make_private};
use crate::api::Api;
use crate::args::DevArgs;
use crate::context::{Context, Target, own_token};
use crate::failure::Failure;
use crate::output::field;

const BALANCER_LISTEN: &str = "--balancer-listen";
/// Nodes connect within milliseconds; beyond this something is wrong that their logs tell.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_POLL: Duration = Duration::from_millis(10);

/// A cluster that runs.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) api: Api,
    pub(crate) url: String,
    pub(crate) console: String,
    /// Ports that had to be others than wished.
    pub(crate) moved: Vec<String>,
    plans: Vec<NodePlan>,
}

/// How a node is started, also for the second time.
#[derive(Debug, Clone)]
struct NodePlan {
    name: String,
    ready: PathBuf,
    args: Vec<OsString>,
}

// === impl Cluster ===

impl Cluster {
    pub(crate) async fn start(
        project: &Project,
        args: &DevArgs,
        processes: &mut Processes,
    ) -> Result<Self, Failure> {
        let console_port = free_or_any(args.console_port);
        let (http, grpc) = control_plane(project, processes, console_port).await?;
        let mut plans = Vec::new();
        for index in 0..args.nodes {
            let balancer = (index == 0).then(|| free_or_any(args.port));
            plans.push(NodePlan::new(project, args, (index, &grpc), balancer)?);
        }
        for plan in &plans {
            plan.start(processes)?;
        }
        let mut balancer = String::new();
        for plan in &mut plans {
            let ready = processes.ready(&plan.name, &plan.ready).await?;
            if let Some(address) = plan.keep_balancer(&ready) {
                balancer = address;
            }
        }
        let moved = [
            moved(args.port, &balancer, "the balancer"),
            moved(args.console_port, &http, "the console"),
        ];
        let mut cluster = Self {
            api: connect(project, &http)?,
            url: format!("http://{balancer}"),
            console: format!("http://{http}/"),
            moved: moved.into_iter().flatten().collect(),
            plans,
        };
        if let Some(link) = processes.setup_link("control plane") {
            cluster.console = link;
        }
        cluster.connected().await?;
        Ok(cluster)
    }

    /// Starts a node again that has ended.
    pub(crate) fn restart(&self, name: &str, processes: &mut Processes) -> Result<(), Failure> {
        self.plans
            .iter()
            .filter(|plan| plan.name == name)
            .try_for_each(|plan| plan.start(processes))
    }

    /// Our nodes as the control plane knows them. Those of an earlier, larger run are not ours to wait for.
    pub(crate) async fn nodes(&self) -> Result<Vec<Value>, Failure> {
        let mut nodes = self.api.list("/nodes").await?;
        let is_ours = |node: &Value| {
            self.plans
                .iter()
                .any(|plan| plan.name == field(node, "/name"))
        };
        nodes.retain(is_ours);
        Ok(nodes)
    }

    async fn connected(&self) -> Result<(), Failure> {
        let wait = async {
            loop {
                let nodes = self.nodes().await?;
                let connected = nodes
                    .iter()
                    .filter(|node| field(node, "/connection") == "connected");
                if connected.count() == self.plans.len() {
                    return Ok(());
                }
                tokio::time::sleep(CONNECT_POLL).await;
            }
        };
        tokio::time::timeout(CONNECT_TIMEOUT, wait)
            .await
            .unwrap_or_else(|_elapsed| {
                let text = "the nodes run, and have not connected to the control plane";
                Err(Failure::Failed(text.to_owned()))
            })
    }
}

/// Starts it; answers with its addresses for people and for nodes.
async fn control_plane(
    project: &Project,
    processes: &mut Processes,
    port: u16,
) -> Result<(String, String), Failure> {
    let binary = processes.binary("bascule-controlplane")?;
    let ready = fresh(project.state.join("controlplane.ready"));
    let args = vec![
        "--http".into(),
        format!("127.0.0.1:{port}").into(),
        "--grpc".into(),
        "127.0.0.1:0".into(),
        "--state-dir".into(),
        project.state.clone().into(),
        "--ready-file".into(),
        ready.clone().into(),
        "--log-format".into(),
        "json".into(),
        "--setup-link".into(),
    ];
    processes.start("control plane", &binary, args)?;
    let ready = processes.ready("control plane", &ready).await?;
    Ok((field(&ready, "/http"), field(&ready, "/grpc")))
}

/// Reads the token that the control plane has made, and leaves the context for other commands.
fn connect(project: &Project, http: &str) -> Result<Api, Failure> {
    let token_file = project.state.join("admin.token");
    let token = own_token(&token_file)?;
    let url = format!("http://{http}");
    Context {
        url: url.clone(),
        token_file,
    }
    .write(&project.state)?;
    Api::new(Target {
        url,
        token: Some(token),
    })
}

/// A ready file of an earlier run must not be taken for this one's.
fn fresh(file: PathBuf) -> PathBuf {
    std::fs::remove_file(&file).ok();
    file
}

// === impl NodePlan ===

impl NodePlan {
    fn new(
        project: &Project,
        args: &DevArgs,
        (index, grpc): (u16, &str),
        balancer: Option<u16>,
    ) -> Result<Self, Failure> {
        let name = format!("dev-{}", index + 1);
        let state = project.state.join("nodes").join(&name);
        make_private(&state)
            .map_err(|error| Failure::io(&format!("making {}", state.display()), &error))?;
        let ready = state.join("node.ready");
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let cores = args
            .cores
            .unwrap_or_else(|| (cpus / usize::from(args.nodes)).max(1));
        let workers = args.workers.unwrap_or(cores);
        let mut list: Vec<OsString> = Vec::new();
        let mut add = |flag: &str, value: OsString| list.extend([flag.into(), value]);
        add("--name", name.clone().into());
        add("--controlplane", format!("http://{grpc}").into());
        add(
            "--cluster-token-file",
            project.state.join("cluster.token").into(),
        );
        add("--state-dir", state.into());
        add("--node-listen", "127.0.0.1:0".into());
        add("--admin-listen", "127.0.0.1:0".into());
        add("--cores", cores.to_string().into());
        add("--workers", workers.to_string().into());
        add("--python", python(project, args).into());
        add("--access-log", "-".into());
        add("--ready-file", ready.clone().into());
        add("--drain-timeout", "5s".into());
        if let Some(port) = balancer {
            add(BALANCER_LISTEN, format!("127.0.0.1:{port}").into());
        }
        if let Some(path) = &args.python_path {
            add("--python-path", absolute(path).into());
        }
        // Several nodes share the machine's cores: the kernel places them better than pinning would.
        list.push("--no-pin".into());
        Ok(Self {
            name,
            ready,
            args: list,
        })
    }

    /// Where its balancer listens, if it has one; after a restart it listens there again.
    fn keep_balancer(&mut self, ready: &Value) -> Option<String> {
        let address = field(ready, "/balancer");
        let at = self.args.iter().position(|arg| arg == BALANCER_LISTEN)?;
        *self.args.get_mut(at + 1)? = address.clone().into();
        Some(address)
    }

    fn start(&self, processes: &mut Processes) -> Result<(), Failure> {
        fresh(self.ready.clone());
        let binary = processes.binary("bascule-dataplane")?;
        processes.start(&self.name, &binary, self.args.clone())
    }
}

/// The project's own virtual environment, when it has one: its packages are what the services import.
fn python(project: &Project, args: &DevArgs) -> PathBuf {
    if let Some(python) = &args.python {
        // A bare name is looked for in PATH; a path is relative to where the person stands.
        return if python.components().count() > 1 {
            absolute(python)
        } else {
            python.clone()
        };
    }
    let own = project.dir.join(".venv/bin/python");
    if own.exists() { own } else { "python3".into() }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_unknown_folder| path.to_owned())
}
