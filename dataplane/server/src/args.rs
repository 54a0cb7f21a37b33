//! The flags of the node, each also as a `BASCULE_*` variable, and what must hold between them.
//!
//! Invariant: no flag takes a secret; the cluster token comes in a file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::builder::ArgPredicate;
use clap::{ArgAction, Parser, ValueEnum};
use dp_net::DriverChoice;

/// A node of Bascule: load balancer and service executor in one process.
#[derive(Clone, Debug, Parser)]
#[command(name = "bascule-dataplane", version)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that is given or not"
)]
pub(crate) struct Args {
    /// Name of this node, unique in its cluster. With --backend there is no cluster, and a default.
    #[arg(
        long,
        env = "BASCULE_NAME",
        required = false,
        required_unless_present = "backend",
        default_value_if("backend", ArgPredicate::IsPresent, "proxy"),
        value_parser = parse_name
    )]
    pub(crate) name: String,
    /// Where the control plane listens for nodes, for example `http://127.0.0.1:8082`.
    #[arg(long, env = "BASCULE_CONTROLPLANE", value_name = "URL")]
    pub(crate) controlplane: Option<String>,
    /// File that holds the cluster token.
    #[arg(long, env = "BASCULE_CLUSTER_TOKEN_FILE", value_name = "PATH")]
    pub(crate) cluster_token_file: Option<PathBuf>,
    /// Folder for the last snapshot and the service packages.
    #[arg(long, env = "BASCULE_STATE_DIR", value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Where requests are run: other nodes and clients call it. 127.0.0.1:17010 unless set; only
    /// when set with --backend.
    #[arg(long, env = "BASCULE_NODE_LISTEN", value_name = "IP:PORT")]
    pub(crate) node_listen: Option<SocketAddr>,
    /// Where the other nodes reach this one, when it is not the address of --node-listen.
    #[arg(long, env = "BASCULE_NODE_ADDRESS", value_name = "IP:PORT")]
    pub(crate) node_address: Option<SocketAddr>,
    /// Where requests are balanced over the members.
    #[arg(long, env = "BASCULE_BALANCER_LISTEN", value_name = "IP:PORT")]
    pub(crate) balancer_listen: Option<SocketAddr>,
    /// Health, metrics and config of this node.
    #[arg(long, env = "BASCULE_ADMIN_LISTEN", value_name = "IP:PORT")]
    pub(crate) admin_listen: Option<SocketAddr>,
    /// Allow addresses other than loopback for --node-listen and --admin-listen, although nothing there is
    /// encrypted or asks who calls.
    #[arg(long, env = "BASCULE_INSECURE_BIND", action = ArgAction::SetTrue)]
    pub(crate) insecure_bind: bool,
    /// Threads that serve; as many as there are CPUs unless set.
    #[arg(long, env = "BASCULE_CORES", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) cores: Option<u32>,
    /// Keep each core's thread on one CPU; the default when there are enough CPUs.
    #[arg(long, env = "BASCULE_PIN", action = ArgAction::SetTrue, overrides_with = "no_pin")]
    pub(crate) pin: bool,
    /// Let the kernel move the threads of the cores.
    #[arg(long, env = "BASCULE_NO_PIN", action = ArgAction::SetTrue, overrides_with = "pin")]
    pub(crate) no_pin: bool,
    /// Keep the workers on the CPUs of the cores that feed them.
    #[arg(long, env = "BASCULE_PIN_WORKERS", action = ArgAction::SetTrue)]
    pub(crate) pin_workers: bool,
    /// Python worker processes; as many as cores unless set. At least one: every node tries and runs every service.
    #[arg(long, env = "BASCULE_WORKERS", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) workers: Option<u32>,
    /// The Python interpreter of the workers.
    #[arg(
        long,
        env = "BASCULE_PYTHON",
        value_name = "PATH",
        default_value = "python3"
    )]
    pub(crate) python: PathBuf,
    /// Folder that holds the package `bascule`, instead of the embedded one.
    #[arg(long, env = "BASCULE_PYTHON_PATH", value_name = "DIR")]
    pub(crate) python_path: Option<PathBuf>,
    /// Where access-log lines go: `-` for stdout, `off`, or a file.
    #[arg(
        long,
        env = "BASCULE_ACCESS_LOG",
        value_name = "-|off|PATH",
        default_value = "-"
    )]
    pub(crate) access_log: String,
    /// Written once the node serves.
    #[arg(long, env = "BASCULE_READY_FILE", value_name = "PATH")]
    pub(crate) ready_file: Option<PathBuf>,
    /// How long exchanges in flight may take after SIGTERM, for example 30s or 500ms.
    #[arg(long, env = "BASCULE_DRAIN_TIMEOUT", default_value = "30s", value_parser = parse_duration)]
    pub(crate) drain_timeout: Duration,
    /// How the cores talk to the kernel.
    #[arg(long, env = "BASCULE_DRIVER", default_value = "auto")]
    pub(crate) driver: DriverFlag,
    /// Proxy-only: balance over these endpoints, without control plane and workers. Repeatable.
    #[arg(
        long,
        env = "BASCULE_BACKEND",
        value_name = "IP:PORT",
        value_delimiter = ','
    )]
    pub(crate) backend: Vec<SocketAddr>,
    /// What is logged, for example `info,dp_agent=debug`.
    #[arg(
        long,
        env = "BASCULE_LOG",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub(crate) log: String,
    /// JSON lines unless stderr is a terminal.
    #[arg(long, env = "BASCULE_LOG_FORMAT", default_value = "auto")]
    pub(crate) log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DriverFlag {
    /// The ring when the kernel has it.
    Auto,
    IoUring,
    /// Epoll.
    Legacy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Auto,
    Json,
    Pretty,
}

/// The flags of a node that has a control plane.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) control_plane: String,
    pub(crate) cluster_token_file: PathBuf,
    pub(crate) state_dir: PathBuf,
}

// === impl Args ===

impl Args {
    /// What one flag alone cannot say.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.is_proxy_only() && self.balancer_listen.is_none() {
            bail!("--backend needs --balancer-listen");
        }
        if self.is_proxy_only() && self.controlplane.is_some() {
            bail!("--backend is for a node without control plane: leave out --controlplane");
        }
        let unspecified = self
            .node_listen
            .is_some_and(|address| address.ip().is_unspecified());
        if unspecified && self.node_address.is_none() && !self.is_proxy_only() {
            bail!("--node-listen on all addresses needs --node-address for the other nodes");
        }
        self.check_reach("--node-listen", self.node_listen)?;
        self.check_reach("--admin-listen", self.admin_listen)?;
        self.membership().map(drop)
    }

    /// The node listener believes its members, the admin listener everybody: both are for this machine until
    /// mTLS tells who calls. The balancer's is for clients and may be anywhere.
    fn check_reach(&self, flag: &str, address: Option<SocketAddr>) -> anyhow::Result<()> {
        match address {
            Some(address) if !address.ip().is_loopback() && !self.insecure_bind => bail!(
                "{flag} {address} is not a loopback address, and nothing is encrypted yet; \
                 --insecure-bind allows it"
            ),
            _ => Ok(()),
        }
    }

    pub(crate) fn is_proxy_only(&self) -> bool {
        !self.backend.is_empty()
    }

    /// `None` in proxy-only mode.
    pub(crate) fn membership(&self) -> anyhow::Result<Option<Membership>> {
        if self.is_proxy_only() {
            return Ok(None);
        }
        let control_plane = self
            .controlplane
            .clone()
            .context("--controlplane is missing")?;
        if !control_plane.starts_with("http://") {
            bail!("--controlplane {control_plane} must start with http://");
        }
        Ok(Some(Membership {
            control_plane,
            cluster_token_file: self
                .cluster_token_file
                .clone()
                .context("--cluster-token-file is missing")?,
            state_dir: self.state_dir.clone().context("--state-dir is missing")?,
        }))
    }

    pub(crate) fn cores(&self) -> usize {
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        self.cores
            .and_then(|cores| usize::try_from(cores).ok())
            .unwrap_or_else(available)
    }

    pub(crate) fn workers(&self) -> usize {
        if self.is_proxy_only() {
            return 0;
        }
        self.workers
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or_else(|| self.cores())
    }

    pub(crate) fn driver(&self) -> DriverChoice {
        match self.driver {
            DriverFlag::Auto => DriverChoice::Auto,
            DriverFlag::IoUring => DriverChoice::IoUring,
            DriverFlag::Legacy => DriverChoice::Legacy,
        }
    }

    /// For `/config` of the admin listener: no value here is a secret.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        serde_json::json!({
            "controlplane": self.controlplane,
            "cluster_token_file": path(&self.cluster_token_file),
            "state_dir": path(&self.state_dir),
            "cores": self.cores(),
            "workers": self.workers(),
            "python": self.python.display().to_string(),
            "access_log": self.access_log,
            "drain_timeout_ms": self.drain_timeout.as_millis(),
            "backends": self.backend.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }
}

fn parse_name(name: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let first = name.bytes().next().is_some_and(plain);
    if first && name.len() <= 63 && name.bytes().all(|b| plain(b) || b"._-".contains(&b)) {
        return Ok(name.to_owned());
    }
    Err("1 to 63 of a-z, 0-9, '.', '_', '-', the first a letter or digit".to_owned())
}

/// A number and a unit: ms, s, m, h.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number
        .parse()
        .map_err(|_no| "a number and ms, s, m or h".to_owned())?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _other => return Err("the unit must be ms, s, m or h".to_owned()),
    };
    number
        .checked_mul(unit_ms)
        .map(Duration::from_millis)
        .ok_or_else(|| "too long".to_owned())
}

#[cfg(test)]
mod tests;
