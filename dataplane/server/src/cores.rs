//! The threads of the cores: started, given commands, started again when they die.
//!
//! Invariant: a core that was started again serves the plan in force before it takes new commands.

mod thread;

use std::sync::Arc;
use std::time::Duration;

use dp_config::{Refusal, Snapshot};
use dp_exec::{WorkerEvent, WorkerRenewal};
use dp_net::{DriverChoice, ListenerSet};
use dp_proxy::{
    Committed, CoreCommand, CoreError, Invocation, Invoked, NodeShared, Plan, PrepareRefused,
    Prepared,
};
use tokio::sync::watch;
use tokio::time::timeout;

use self::thread::CoreThread;

/// Commands that wait for a core; it takes them between two turns of its loop.
const COMMANDS_MAX: usize = 1024;
/// A core that does not answer for this long stands still. Compiling 10,000 channels takes 50 ms.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts for a core that dies while it prepares.
const ATTEMPTS: usize = 3;

/// What all cores are started with.
#[derive(Debug)]
pub(crate) struct CoresConfig {
    pub(crate) shared: NodeShared,
    pub(crate) driver: DriverChoice,
    /// One CPU for each core; empty = not pinned.
    pub(crate) cpus: Vec<usize>,
    pub(crate) node: Option<ListenerSet>,
    pub(crate) balancer: Option<ListenerSet>,
    pub(crate) backends: Vec<std::net::SocketAddr>,
    /// `None` without workers.
    pub(crate) renewal: Option<WorkerRenewal>,
    /// Connections of clients, per core.
    pub(crate) connections_max: usize,
}

/// The cores of this node.
#[derive(Debug)]
pub(crate) struct Cores {
    commands: Vec<flume::Sender<CoreCommand>>,
    plan: watch::Sender<Option<Arc<Plan>>>,
    next: std::sync::atomic::AtomicUsize,
    /// [`ANSWER_TIMEOUT`], but for tests.
    patience: Duration,
}

/// A core answered no command.
#[derive(Debug, thiserror::Error)]
#[error("core {core} does not answer")]
pub(crate) struct Silent {
    core: usize,
}

// === impl Cores ===

impl Cores {
    /// Starts one thread for each of `workers` (the cores' ends of the supervisor). Errors that a
    /// restart cannot mend come out of `failed`, which is closed when all threads have ended.
    pub(crate) fn start(
        config: CoresConfig,
        workers: Vec<Option<flume::Receiver<WorkerEvent>>>,
        failed: flume::Sender<CoreError>,
    ) -> std::io::Result<Self> {
        let config = Arc::new(config);
        let plan = watch::Sender::new(None);
        let mut senders = Vec::new();
        for (core, workers) in workers.into_iter().enumerate() {
            let (sender, commands) = flume::bounded(COMMANDS_MAX);
            let thread = CoreThread {
                core,
                config: Arc::clone(&config),
                workers,
                commands,
                own_commands: sender.clone(),
                plan: plan.subscribe(),
                failed: failed.clone(),
            };
            let builder = std::thread::Builder::new().name(format!("core-{core}"));
            // Not joined: the end of a core is the end of its `failed`.
            drop(builder.spawn(move || thread.run())?);
            senders.push(sender);
        }
        drop(failed);
        Ok(Self {
            commands: senders,
            plan,
            next: 0.into(),
            patience: ANSWER_TIMEOUT,
        })
    }

    /// Waits until every core runs its loop.
    pub(crate) async fn wait_until_up(&self, initial: Arc<Snapshot>) -> Result<(), Silent> {
        let generation = initial.generation;
        let plan = Arc::new(Plan {
            snapshot: initial,
            services: dp_exec::ServiceSet::default(),
        });
        for core in 0..self.commands.len() {
            let prepared = self.prepare_on(core, &plan).await;
            prepared.map(drop).or_else(|answer| match answer {
                NotPrepared::Refused(_) => Ok(()),
                NotPrepared::Silent(silent) => Err(silent),
            })?;
        }
        self.abort(generation);
        Ok(())
    }

    /// All cores at once; the refusals of all that refuse.
    pub(crate) async fn prepare(&self, plan: &Arc<Plan>) -> Result<Vec<Prepared>, Vec<Refusal>> {
        let all = (0..self.commands.len()).map(|core| self.prepare_on(core, plan));
        let (mut prepared, mut refusals) = (Vec::new(), Vec::new());
        for answer in futures_util::future::join_all(all).await {
            match answer {
                Ok(core) => prepared.push(core),
                Err(NotPrepared::Refused(PrepareRefused {
                    core,
                    refusals: reasons,
                })) => refusals.extend(reasons.into_iter().map(|r| Refusal {
                    core: Some(core),
                    ..r
                })),
                Err(NotPrepared::Silent(silent)) => {
                    refusals.push(of_core(silent.core, silent.to_string()));
                }
            }
        }
        if refusals.is_empty() {
            Ok(prepared)
        } else {
            Err(refusals)
        }
    }

    /// The point of no return: from here on a core that dies comes back with this plan. The reasons of all
    /// that do not confirm; they take it over when they answer, and whoever commits it again hears that.
    pub(crate) async fn commit(&self, plan: &Arc<Plan>) -> Result<Vec<Committed>, Vec<Refusal>> {
        self.plan.send_replace(Some(Arc::clone(plan)));
        let all = (0..self.commands.len()).map(|core| self.commit_on(core, plan));
        let (mut committed, mut silent) = (Vec::new(), Vec::new());
        for answer in futures_util::future::join_all(all).await {
            match answer {
                Ok(core) => committed.push(core),
                Err(refusal) => silent.push(refusal),
            }
        }
        if silent.is_empty() {
            Ok(committed)
        } else {
            Err(silent)
        }
    }

    pub(crate) fn abort(&self, generation: u64) {
        for commands in &self.commands {
            // A queue that is full or closed belongs to a core that will be started again.
            drop(commands.try_send(CoreCommand::Abort { generation }));
        }
    }

    /// On the next core in turn; `None` when it does not answer in time.
    pub(crate) async fn invoke(&self, invocation: Invocation) -> Option<Invoked> {
        let at_most = invocation.timeout + self.patience;
        let turn = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let commands = self.commands.get(turn % self.commands.len().max(1))?;
        let (reply, answer) = flume::bounded(1);
        commands
            .try_send(CoreCommand::Invoke { invocation, reply })
            .ok()?;
        timeout(at_most, answer.recv_async()).await.ok()?.ok()
    }

    /// All cores finish what they have and end. The number of exchanges that were cut.
    pub(crate) async fn drain(&self, at_most: Duration) -> u64 {
        let drains = self.commands.iter().map(|commands| async move {
            let (reply, answer) = flume::bounded(1);
            let command = CoreCommand::Drain {
                timeout: at_most,
                reply,
            };
            commands.send_async(command).await.ok()?;
            answer.recv_async().await.ok()
        });
        let drained = timeout(
            at_most + Duration::from_secs(1),
            futures_util::future::join_all(drains),
        );
        let drained = drained.await.unwrap_or_default();
        drained
            .into_iter()
            .flatten()
            .map(|drained| drained.abandoned)
            .sum()
    }

    async fn prepare_on(&self, core: usize, plan: &Arc<Plan>) -> Result<Prepared, NotPrepared> {
        for _ in 0..ATTEMPTS {
            let (reply, answer) = flume::bounded(1);
            let command = CoreCommand::Prepare {
                plan: Arc::clone(plan),
                reply,
            };
            match self.ask(core, command, answer).await {
                Answer::Given(prepared) => return prepared.map_err(NotPrepared::Refused),
                Answer::Died => {}
                Answer::None => break,
            }
        }
        Err(NotPrepared::Silent(Silent { core }))
    }

    async fn commit_on(&self, core: usize, plan: &Arc<Plan>) -> Result<Committed, Refusal> {
        let generation = plan.snapshot.generation;
        for _ in 0..ATTEMPTS {
            let (reply, answer) = flume::bounded(1);
            match self
                .ask(core, CoreCommand::Commit { generation, reply }, answer)
                .await
            {
                Answer::Given(Some(committed)) => return Ok(committed),
                // It died in between and has the plan from its thread, or is about to: once more.
                Answer::Given(None) | Answer::Died => drop(self.prepare_on(core, plan).await),
                Answer::None => break,
            }
        }
        let reason = format!(
            "core {core} did not confirm generation {generation}; it may still serve the one before"
        );
        Err(of_core(core, reason))
    }

    async fn ask<T>(
        &self,
        core: usize,
        command: CoreCommand,
        answer: flume::Receiver<T>,
    ) -> Answer<T> {
        let Some(commands) = self.commands.get(core) else {
            return Answer::None;
        };
        let asked = async {
            commands.send_async(command).await.ok()?;
            Some(answer.recv_async().await)
        };
        match timeout(self.patience, asked).await {
            Ok(Some(Ok(answer))) => Answer::Given(answer),
            Ok(Some(Err(_dropped))) => Answer::Died,
            Ok(None) | Err(_) => Answer::None,
        }
    }
}

enum Answer<T> {
    Given(T),
    /// The core dropped the question: its thread starts it again.
    Died,
    None,
}

enum NotPrepared {
    Refused(PrepareRefused),
    Silent(Silent),
}

fn of_core(core: usize, reason: String) -> Refusal {
    Refusal {
        core: u32::try_from(core).ok(),
        ..Refusal::new("node", "core", reason)
    }
}

#[cfg(test)]
pub(crate) mod tests;
