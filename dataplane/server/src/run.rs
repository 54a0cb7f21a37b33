//! The node from its start to its end: everything is bound and tried first, then it serves, then it
//! drains.
//!
//! Invariant: whatever cannot work (a taken address, a folder that cannot be written, a missing
//! token) is one error before the first thread starts.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use dp_agent::{AdminContext, Agent, AgentConfig, ClusterToken, Link, Status, Timing};
use dp_config::Snapshot;
use dp_exec::{Supervisor, SupervisorConfig, WorkerEvent};
use dp_net::ListenerSet;
use dp_proxy::{AccessLog, CoreError, NodeShared};
use dp_stats::Registry;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use crate::apply::Workers;
use crate::args::{Args, Membership};
use crate::cores::{Cores, CoresConfig};
use crate::failure::FAILURES_MAX;
use crate::node::LocalNode;
use crate::ready::{self, Addresses};
use crate::signals::Signals;
use crate::{access, python, state_dir};

const NODE_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 17010);
/// Of the drain time, kept for the workers after the cores.
const WORKERS_SHARE: u32 = 6;

/// From a core's last answer to the end of its thread.
const THREADS_TIMEOUT: Duration = Duration::from_secs(1);

/// A reader of the access log that stands still must not keep the process.
const ACCESS_LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// What was bound and tried before anything runs.
struct Prepared {
    membership: Option<Membership>,
    /// Holds the state folder.
    _lock: Option<File>,
    node: Option<ListenerSet>,
    balancer: Option<ListenerSet>,
    admin: Option<std::net::TcpListener>,
    /// Flushed and never dropped: dropping waits for all cores' ends of it, and a core that died
    /// leaves its own behind.
    access_log: ManuallyDrop<Option<AccessLog>>,
    addresses: Addresses,
}

/// Runs the node until a signal or a fault ends it.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let prepared = prepare(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("agent")
        .enable_all()
        .build()
        .context("the agent's runtime cannot start")?;
    let ended = runtime.block_on(serve(args, prepared));
    // Whatever still runs there (sessions, admin connections) has nothing left to save.
    runtime.shutdown_background();
    ended
}

fn prepare(args: &Args) -> anyhow::Result<Prepared> {
    let membership = args.membership()?;
    let lock = membership
        .as_ref()
        .map(|member| state_dir::open(&member.state_dir))
        .transpose()?;
    if let Some(member) = &membership {
        let file = &member.cluster_token_file;
        ClusterToken { file: file.clone() }
            .check()
            .with_context(|| format!("the cluster token file {} cannot be read", file.display()))?;
    }
    if let Some(path) = &args.ready_file {
        ready::forget(path);
    }
    let node_listen = match args.node_listen {
        None if args.is_proxy_only() => None,
        given => Some(given.unwrap_or(NODE_LISTEN)),
    };
    let bind = |address| ListenerSet::bind(address, args.cores());
    let node = node_listen.map(bind).transpose()?;
    let balancer = args.balancer_listen.map(bind).transpose()?;
    let admin = args.admin_listen.map(bind_admin).transpose()?;
    let addresses = Addresses {
        node: node.as_ref().map(ListenerSet::address),
        balancer: balancer.as_ref().map(ListenerSet::address),
        admin: admin
            .as_ref()
            .map(std::net::TcpListener::local_addr)
            .transpose()?,
    };
    let access_log = ManuallyDrop::new(access::start(&args.access_log)?);
    Ok(Prepared {
        membership,
        _lock: lock,
        node,
        balancer,
        admin,
        access_log,
        addresses,
    })
}

fn bind_admin(address: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    let listener = dp_net::bind_patiently(|| std::net::TcpListener::bind(address))
        .with_context(|| format!("cannot listen on {address}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(args: &Args, mut prepared: Prepared) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let registry = Arc::new(Registry::default());
    let stopping = Arc::new(AtomicBool::new(false));
    let (failures_in, failures) = flume::bounded(FAILURES_MAX);
    let (failed, core_failures) = flume::unbounded();
    let shared = NodeShared {
        node: args.name.as_str().into(),
        stats: Arc::clone(&registry),
        access_log: prepared.access_log.as_ref().and_then(AccessLog::sink),
        failures: failures_in,
        stopping: Arc::clone(&stopping),
    };
    let cpus = cpus(args)?;
    let (workers, events) = start_workers(args, prepared.membership.as_ref(), &cpus)?;
    let config = CoresConfig {
        shared,
        driver: args.driver(),
        cpus,
        node: prepared.node.take(),
        balancer: prepared.balancer.take(),
        backends: args.backend.clone(),
        renewal: workers.renewal(),
        connections_max: connections_max(args),
    };
    let cores = Cores::start(config, events, failed).context("the cores cannot start")?;
    wait_until_up(&cores, &core_failures).await?;
    let node = Arc::new(LocalNode {
        workers,
        cores,
        failures,
        bound: tokio::sync::Mutex::default(),
    });

    let status = if prepared.membership.is_some() {
        Status::away()
    } else {
        Status::new(Link::Unused)
    };
    start_agent(args, &prepared, &node, (&status, &registry))?;
    start_admin(args, &mut prepared, &node, (&status, &registry))?;
    let ended = tokio::select! {
        signal = signals.next() => Ok(signal),
        error = core_failures.recv_async() => Err(error),
        error = announce(args, prepared.addresses, &status) => return Err(error),
    };
    status.stopping();
    stopping.store(true, Ordering::Relaxed);
    match ended {
        Ok(signal) => tracing::info!(
            signal,
            timeout_ms = args.drain_timeout.as_millis(),
            "draining"
        ),
        Err(Ok(error)) => return Err(error.into()),
        Err(Err(_closed)) => bail!("the cores are gone"),
    }
    tokio::select! {
        () = drain(args, &node) => {}
        signal = signals.next() => bail!("ended by a second {signal} before the drain was complete"),
    }
    // Closed when the last core's thread has ended and handed over its last lines.
    drop(timeout(THREADS_TIMEOUT, core_failures.recv_async()).await);
    if let Some(log) = prepared.access_log.as_ref()
        && !log.flush(ACCESS_LOG_TIMEOUT)
    {
        tracing::warn!("the last lines of the access log were not written");
    }
    Ok(())
}

fn connections_max(args: &Args) -> usize {
    let descriptors = dp_net::raise_descriptor_limit();
    let max = dp_net::connections_max(descriptors, args.cores(), args.workers() + 1);
    tracing::info!(descriptors, connections_max_per_core = max, "limits");
    max
}

/// A core that cannot start says why before it can answer.
async fn wait_until_up(cores: &Cores, failures: &flume::Receiver<CoreError>) -> anyhow::Result<()> {
    let initial = Arc::new(Snapshot::initial()?);
    tokio::select! {
        biased;
        Ok(error) = failures.recv_async() => Err(error.into()),
        up = cores.wait_until_up(initial) => up.map_err(Into::into),
    }
}

fn cpus(args: &Args) -> anyhow::Result<Vec<usize>> {
    let allowed = rustix::thread::sched_getaffinity(None).context("the CPUs cannot be counted")?;
    let allowed: Vec<usize> = (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|cpu| allowed.is_set(*cpu))
        .collect();
    let enough = args.cores() <= allowed.len();
    if args.pin && !enough {
        bail!(
            "--pin: {} cores need as many CPUs, there are {}",
            args.cores(),
            allowed.len()
        );
    }
    let pinned = enough && !args.no_pin;
    Ok(if pinned {
        allowed.into_iter().take(args.cores()).collect()
    } else {
        Vec::new()
    })
}

type Events = Vec<Option<flume::Receiver<WorkerEvent>>>;

fn start_workers(
    args: &Args,
    membership: Option<&Membership>,
    cpus: &[usize],
) -> anyhow::Result<(Workers, Events)> {
    let missing = |reason: String| Ok((Workers::Missing { reason }, vec![None; args.cores()]));
    let Some(member) = membership else {
        return missing("proxy-only mode".to_owned());
    };
    if python::find(&args.python).is_none() {
        let reason = format!(
            "the Python interpreter {} was not found",
            args.python.display()
        );
        tracing::error!(reason, "generations with Python services will be refused");
        return missing(reason);
    }
    let config = SupervisorConfig {
        python: args.python.clone().into_os_string(),
        python_path: args.python_path.clone(),
        workers: args.workers(),
        worker_cpus: if args.pin_workers {
            cpus.to_vec()
        } else {
            Vec::new()
        },
        ..SupervisorConfig::new(&args.name, args.cores(), &member.state_dir)
    };
    let (supervisor, events) = Supervisor::start(config)?;
    Ok((
        Workers::Running(supervisor),
        events.into_iter().map(Some).collect(),
    ))
}

fn start_agent(
    args: &Args,
    prepared: &Prepared,
    node: &Arc<LocalNode>,
    (status, registry): (&Status, &Arc<Registry>),
) -> anyhow::Result<()> {
    let Some(member) = &prepared.membership else {
        status.ready();
        return Ok(());
    };
    let addresses = prepared.addresses;
    let config = AgentConfig {
        node: args.name.clone(),
        boot_id: uuid::Uuid::now_v7().to_string(),
        control_plane: member.control_plane.clone(),
        token: ClusterToken {
            file: member.cluster_token_file.clone(),
        },
        state_dir: member.state_dir.clone(),
        address: args.node_address.or(addresses.node).unwrap_or(NODE_LISTEN),
        balancer_address: addresses.balancer,
        admin_address: addresses.admin,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cores: u32::try_from(args.cores()).unwrap_or(u32::MAX),
        timing: Timing::default(),
    };
    let agent = Agent::new(
        config,
        Arc::clone(node),
        status.clone(),
        Arc::clone(registry),
    )?;
    tokio::spawn(agent.run());
    Ok(())
}

fn start_admin(
    args: &Args,
    prepared: &mut Prepared,
    node: &Arc<LocalNode>,
    (status, registry): (&Status, &Arc<Registry>),
) -> anyhow::Result<()> {
    let Some(listener) = prepared.admin.take() else {
        return Ok(());
    };
    let context = AdminContext {
        node: Arc::clone(node),
        name: args.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        status: status.clone(),
        registry: Arc::clone(registry),
        settings: args.to_json(),
    };
    let listener = TcpListener::from_std(listener).context("the admin listener cannot be used")?;
    tokio::spawn(async move {
        if let Err(error) = dp_agent::serve_admin(listener, Arc::new(context)).await {
            tracing::error!(%error, "the admin listener ended");
        }
    });
    Ok(())
}

/// Says that the node serves, once it does; ends only with an error.
async fn announce(args: &Args, addresses: Addresses, status: &Status) -> anyhow::Error {
    let served = status
        .wait_for(|status| status.phase == dp_agent::Phase::Ready)
        .await;
    if let Some(path) = &args.ready_file
        && let Err(error) = ready::write(path, addresses)
    {
        return error;
    }
    tracing::info!(
        generation = served.generation(),
        listen = addresses.node.map(tracing::field::display),
        balancer = addresses.balancer.map(tracing::field::display),
        admin = addresses.admin.map(tracing::field::display),
        "the node serves"
    );
    std::future::pending().await
}

async fn drain(args: &Args, node: &LocalNode) {
    let started = Instant::now();
    let cores_time = args
        .drain_timeout
        .saturating_sub(args.drain_timeout / WORKERS_SHARE);
    let abandoned = node.cores.drain(cores_time).await;
    if let Workers::Running(supervisor) = &node.workers {
        let left = args.drain_timeout.saturating_sub(started.elapsed());
        if timeout(left + Duration::from_secs(1), supervisor.stop(left))
            .await
            .is_err()
        {
            tracing::warn!("workers did not end in time");
        }
    }
    let took_ms = started.elapsed().as_millis();
    tracing::info!(abandoned, took_ms, "drained");
}
