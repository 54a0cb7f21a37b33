//! The worker processes of a node: started, watched, replaced, ended; packages tried on a spare one and
//! bound on all of them.
//!
//! This file is the handle: it sends commands and waits for answers on channels, so it works on any runtime. One
//! thread (`coordinator`) owns every child and control socket. Invariant: no worker outlives that thread, and the
//! thread does not outlive the handle.

mod child;
mod command;
mod control;
mod coordinator;
mod message;
mod order;
mod relay;
mod seat;

use std::{
    ffi::OsString,
    fmt,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use command::{Command, Mailbox, StatusBoard};
pub use command::{FaultReporter, WorkerRenewal};
use coordinator::Coordinator;

use crate::{
    package::{BindError, PackageError, PackageFile, ServiceBinding, ServiceSet, TrialOutcome},
    pool::WorkerEvent,
    python_package,
};

/// Long enough that a service that computes for a while without yielding is not taken for a dead one.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(30);
/// From the start of a process to HELLO, and again to its first sets: imports of big packages on a busy machine.
pub const START_TIMEOUT: Duration = Duration::from_secs(30);
/// For one trial or bind. Below the control plane's 30 s, so that the node answers itself.
pub const IMPORT_TIMEOUT: Duration = Duration::from_secs(20);

/// How workers are run.
pub struct SupervisorConfig {
    /// Name of the node, for the log.
    pub node: String,
    /// The interpreter; looked up in PATH when it has no slash.
    pub python: OsString,
    /// The directory that holds `bascule/`, instead of the embedded package.
    pub python_path: Option<PathBuf>,
    /// The embedded package is unpacked here, in `python-<hash>/`.
    pub scratch_dir: PathBuf,
    /// That serve; one spare is kept beside them. 0 = no Python services on this node.
    pub workers: usize,
    pub cores: usize,
    /// A worker that has not answered for this long is killed and replaced.
    pub heartbeat_timeout: Duration,
    pub start_timeout: Duration,
    pub import_timeout: Duration,
    /// CPUs for the workers, round robin; empty = wherever the kernel puts them.
    pub worker_cpus: Vec<usize>,
    /// Where the log lines of workers go: whole lines, one `write_all` each.
    pub worker_log: Box<dyn Write + Send>,
}

/// The supervisor could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the Python package cannot be unpacked into {path}")]
    Unpack {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the supervisor cannot start")]
    Thread(#[source] io::Error),
}

/// The workers, for readiness and the console.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerStatus {
    /// Serving calls.
    pub ready: usize,
    pub total: usize,
    /// Workers that ended without being told to, and not by a package on trial, since the start.
    pub restarts: u64,
    /// `3.11.7, gevent 26.9, orjson 3.13`; empty until the first HELLO.
    pub python: String,
    /// Of the workers that serve calls now.
    pub pids: Vec<u32>,
    /// Pid of the spare worker while it could try a package or take a place; not in the numbers above.
    pub spare: Option<u32>,
}

/// The handle of the supervisor thread. Dropping it kills the workers; [`Self::stop`] ends them in peace.
#[derive(Debug)]
pub struct Supervisor {
    mailbox: Mailbox,
    status: StatusBoard,
    thread: Option<JoinHandle<()>>,
}

/// What keeps a bound set callable; the workers forget it when this is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    set: u64,
    mailbox: Mailbox,
}

// === impl SupervisorConfig ===

impl SupervisorConfig {
    /// The defaults for a node of `cores` cores: as many workers, the embedded package, log to stderr.
    pub fn new(node: impl Into<String>, cores: usize, scratch_dir: impl Into<PathBuf>) -> Self {
        Self {
            node: node.into(),
            python: "python3".into(),
            python_path: None,
            scratch_dir: scratch_dir.into(),
            workers: cores,
            cores,
            heartbeat_timeout: HEARTBEAT_TIMEOUT,
            start_timeout: START_TIMEOUT,
            import_timeout: IMPORT_TIMEOUT,
            worker_cpus: Vec::new(),
            worker_log: Box::new(io::stderr()),
        }
    }
}

impl fmt::Debug for SupervisorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorConfig")
            .field("node", &self.node)
            .field("python", &self.python)
            .field("workers", &self.workers)
            .field("cores", &self.cores)
            .finish_non_exhaustive()
    }
}

// === impl Supervisor ===

impl Supervisor {
    /// Starts the workers and returns at once, with one event channel per core for its `WorkerPool`.
    pub fn start(
        config: SupervisorConfig,
    ) -> Result<(Self, Vec<flume::Receiver<WorkerEvent>>), StartError> {
        let python_path = match &config.python_path {
            Some(path) => path.clone(),
            None => python_package::unpack(&config.scratch_dir).map_err(|source| {
                StartError::Unpack {
                    path: config.scratch_dir.clone(),
                    source,
                }
            })?,
        };
        let (mailbox, commands) = Mailbox::new().map_err(StartError::Thread)?;
        // Unbounded, because the supervisor must not wait for a core, and cannot grow: a worker's life is three events,
        // and a seat backs off from short ones.
        let (cores, events) = (0..config.cores).map(|_| flume::unbounded()).unzip();
        let status = StatusBoard::new(config.workers);
        let coordinator = Coordinator::new(
            config,
            python_path,
            commands,
            mailbox.clone(),
            (cores, status.clone()),
        );
        let thread = std::thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || coordinator.run())
            .map_err(StartError::Thread)?;
        Ok((
            Self {
                mailbox,
                status,
                thread: Some(thread),
            },
            events,
        ))
    }

    /// Imports a package on the spare worker, away from what serves; nothing becomes callable.
    pub async fn trial(&self, package: PackageFile) -> TrialOutcome {
        let file = package.file.clone();
        let (reply, outcome) = flume::bounded(1);
        self.mailbox.send(Command::Trial { package, reply });
        let stopped = || Err(PackageError::of_node(&file, "the node is stopping"));
        outcome.recv_async().await.unwrap_or_else(|_gone| stopped())
    }

    /// Makes services callable on every worker, also on those that start later, for as long as the set is held.
    pub async fn bind(
        &self,
        packages: Vec<PackageFile>,
        services: Vec<ServiceBinding>,
    ) -> Result<ServiceSet, BindError> {
        let (reply, outcome) = flume::bounded(1);
        self.mailbox.send(Command::Bind {
            packages,
            services,
            reply,
        });
        let stopped = || {
            let error = PackageError::of_node("", "the node is stopping");
            Err(BindError {
                package: String::new(),
                error,
            })
        };
        let mut bound = outcome
            .recv_async()
            .await
            .unwrap_or_else(|_gone| stopped())?;
        if !bound.handles.is_empty() {
            let mailbox = self.mailbox.clone();
            bound.lease = Some(Arc::new(Lease {
                set: bound.set,
                mailbox,
            }));
        }
        Ok(bound)
    }

    pub fn status(&self) -> WorkerStatus {
        self.status.read()
    }

    /// For whoever starts cores again.
    pub fn renewal(&self) -> WorkerRenewal {
        WorkerRenewal::new(self.mailbox.clone())
    }

    /// Workers finish their calls and end; what is left after `grace` gets SIGTERM and then SIGKILL.
    pub async fn stop(&self, grace: Duration) {
        let (reply, stopped) = flume::bounded(1);
        self.mailbox.send(Command::Stop { grace, reply });
        // An error means that the thread is gone already, which is what was asked for.
        stopped.recv_async().await.ok();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.mailbox.send(Command::Release { set: self.set });
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.mailbox.send(Command::Abandon);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the supervisor thread panicked");
        }
    }
}
