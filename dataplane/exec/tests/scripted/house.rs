//! One supervisor, one core, some workers, and the sentences that the tests are made of.

use std::{
    future::Future,
    io::Write,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use dp_exec::{
    Call, CallError, PackageFile, Reply, ServiceBinding, ServiceSet, Supervisor, SupervisorConfig,
    WorkerPool,
};

/// Longer than any machine needs; reached only by a test that fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const SERVICES: [&str; 17] = [
    "stuck",
    "echo",
    "hold",
    "late",
    "release",
    "die",
    "spin",
    "raise",
    "garbage",
    "bad-lengths",
    "twice",
    "other-id",
    "close",
    "large",
    "environment",
    "grandchild",
    "log",
];

pub(crate) struct House {
    pub(crate) supervisor: Supervisor,
    pub(crate) pool: Rc<WorkerPool>,
    pub(crate) log: Log,
}

#[derive(Clone, Default)]
#[expect(
    clippy::disallowed_types,
    reason = "the log is written by the supervisor's thread"
)]
pub(crate) struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

pub(crate) fn config(workers: usize) -> SupervisorConfig {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut config = SupervisorConfig::new("dev-1", 1, root.join("unused"));
    config.python_path = Some(root.join("testdata/scripted"));
    config.workers = workers;
    config
}

/// Runs a test on a core's runtime.
pub(crate) fn on_a_core<F: Future>(test: F) -> F::Output {
    monoio::RuntimeBuilder::<monoio::FusionDriver>::new()
        .enable_timer()
        .build()
        .unwrap()
        .block_on(test)
}

/// The same on the driver for kernels without the ring.
pub(crate) fn on_a_core_with_epoll<F: Future>(test: F) -> F::Output {
    monoio::RuntimeBuilder::<monoio::LegacyDriver>::new()
        .enable_timer()
        .build()
        .unwrap()
        .block_on(test)
}

pub(crate) fn package(module: &str) -> PackageFile {
    PackageFile {
        id: format!("{module}-id"),
        file: format!("{module}.py"),
        module: module.to_owned(),
        path: Path::new("/nowhere").join(module),
    }
}

pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            monoio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(
        monoio::time::timeout(PATIENCE, wait).await.is_ok(),
        "never: {what}"
    );
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    // The state follows the name, which is in parentheses; a zombie is not alive.
    stat.is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

impl House {
    /// All workers ready, nothing bound.
    pub(crate) async fn with(config: SupervisorConfig) -> Self {
        let (mut config, log) = (config, Log::default());
        config.worker_log = Box::new(log.clone());
        let workers = config.workers;
        let (supervisor, mut cores) = Supervisor::start(config).unwrap();
        let pool = WorkerPool::new(cores.remove(0));
        until("all workers ready", || pool.ready() == workers).await;
        Self {
            supervisor,
            pool,
            log,
        }
    }

    /// All workers ready, every scripted service bound.
    pub(crate) async fn open(workers: usize) -> (Self, ServiceSet) {
        let house = Self::with(config(workers)).await;
        let set = house.bind("scripted").await;
        (house, set)
    }

    pub(crate) async fn bind(&self, module: &str) -> ServiceSet {
        let package = package(module);
        let binding = |name: &&str| ServiceBinding {
            name: (*name).to_owned(),
            package: package.id.clone(),
        };
        let services = SERVICES.iter().map(binding).collect();
        self.supervisor
            .bind(vec![package.clone()], services)
            .await
            .unwrap()
    }

    pub(crate) async fn call(
        &self,
        set: &ServiceSet,
        name: &str,
        body: &str,
    ) -> Result<Reply, CallError> {
        let call = Call {
            handle: set.handles[name],
            body: body.as_bytes(),
            ..Call::default()
        };
        let reply = self.pool.call(&call, None);
        monoio::time::timeout(PATIENCE, reply)
            .await
            .expect("a call hangs")
    }

    pub(crate) async fn echo(&self, set: &ServiceSet, body: &str) -> String {
        let reply = self.call(set, "echo", body).await.unwrap();
        String::from_utf8(reply.body.to_vec()).unwrap()
    }

    /// Replaced: `workers` are ready again, and `old` is gone.
    pub(crate) async fn replaced(&self, old: u32, workers: usize) {
        until("the worker is replaced", || {
            let status = self.supervisor.status();
            self.pool.ready() == workers
                && status.ready == workers
                && !status.pids.contains(&old)
                && !is_alive(old)
        })
        .await;
    }

    /// The pid of the spare worker, once it is warm.
    pub(crate) async fn spare(&self) -> u32 {
        until("a spare is warm", || {
            self.supervisor.status().spare.is_some()
        })
        .await;
        self.supervisor.status().spare.unwrap()
    }
}
