//! The life of one core's thread: run, and when it died, bring it back.
//!
//! Invariant: only an error at the very start, or a clean end, ends the thread.

use std::sync::Arc;
use std::time::Duration;

use dp_exec::WorkerEvent;
use dp_proxy::{CoreCommand, CoreError, CoreListener, CoreSettings, ListenerKind, Plan, Timeouts};
use tokio::sync::watch;

use super::CoresConfig;

/// Before the second restart and every later one: a core that dies at once must not spin.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// What the thread needs to run its core any number of times.
pub(super) struct CoreThread {
    pub(super) core: usize,
    pub(super) config: Arc<CoresConfig>,
    pub(super) workers: Option<flume::Receiver<WorkerEvent>>,
    pub(super) commands: flume::Receiver<CoreCommand>,
    /// The way into its own queue, for the plan after a restart.
    pub(super) own_commands: flume::Sender<CoreCommand>,
    /// The plan in force.
    pub(super) plan: watch::Receiver<Option<Arc<Plan>>>,
    pub(super) failed: flume::Sender<CoreError>,
}

// === impl CoreThread ===

impl CoreThread {
    pub(super) fn run(mut self) {
        let mut restarts = 0_u64;
        loop {
            let ended = self
                .settings()
                .and_then(|settings| dp_proxy::run_core(settings, self.commands.clone()));
            let error = match ended {
                Ok(()) => return,
                Err(error @ CoreError::Panicked { .. }) => error,
                // The kernel or the sockets: it would fail again.
                Err(error) => return drop(self.failed.try_send(error)),
            };
            restarts += 1;
            tracing::error!(core = self.core, restarts, %error, "a core died and is started again");
            if restarts > 1 {
                pause();
            }
            self.queue_plan();
            // The workers' sockets went with the core that died; those of others come with their Joined.
            if let Some(renewal) = &self.config.renewal {
                self.workers = Some(renewal.rejoin(self.core));
            }
        }
    }

    fn settings(&self) -> Result<CoreSettings, CoreError> {
        let core = u32::try_from(self.core).unwrap_or(u32::MAX);
        let mut listeners = Vec::new();
        let sets = [
            (ListenerKind::Node, &self.config.node),
            (ListenerKind::Balancer, &self.config.balancer),
        ];
        for (kind, set) in sets {
            if let Some(set) = set {
                let socket = set.of_core(self.core);
                let socket = socket.map_err(|source| CoreError::Listener { core, source })?;
                listeners.push(CoreListener { kind, socket });
            }
        }
        Ok(CoreSettings {
            core,
            pin: self.config.cpus.get(self.core).copied(),
            driver: self.config.driver,
            listeners,
            backends: self.config.backends.clone(),
            workers: self.workers.clone(),
            shared: self.config.shared.clone(),
            connections_max: self.config.connections_max,
            timeouts: Timeouts::default(),
        })
    }

    /// What was asked of the dead core is dropped, so that whoever waits asks again; the plan in
    /// force comes first. A goodbye stays.
    fn queue_plan(&self) {
        let waiting: Vec<CoreCommand> = self.commands.drain().collect();
        if let Some(plan) = self.plan.borrow().clone() {
            let generation = plan.snapshot.generation;
            // Nobody reads these answers: the senders' other ends are gone.
            let (reply, _) = flume::bounded(1);
            drop(
                self.own_commands
                    .try_send(CoreCommand::Prepare { plan, reply }),
            );
            let (reply, _) = flume::bounded(1);
            drop(
                self.own_commands
                    .try_send(CoreCommand::Commit { generation, reply }),
            );
        }
        for command in waiting {
            if matches!(command, CoreCommand::Drain { .. } | CoreCommand::Stop) {
                drop(self.own_commands.try_send(command));
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing runs on this thread now")]
fn pause() {
    std::thread::sleep(RESTART_PAUSE);
}
