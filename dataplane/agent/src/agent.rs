//! The agent as a whole: first the disk, then the control plane, a report each second.
//!
//! Owns the three loops (sessions, generations, reports) and nothing that they do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dp_stats::Registry;
use proto::node_message::Message;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use bascule_proto::config::v1 as proto;

use crate::backoff::Backoff;
use crate::generations::Generations;
use crate::node::Node;
use crate::packages::PackageStore;
use crate::report::Reporter;
use crate::session::{Sessions, message};
use crate::snapshot_file::error_chain;
use crate::status::{Loss, Status};
use crate::token::ClusterToken;

/// Who the node is and where its control plane is.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    pub node: String,
    /// New at each start of the process.
    pub boot_id: String,
    /// `http://host:port`.
    pub control_plane: String,
    pub token: ClusterToken,
    pub state_dir: PathBuf,
    /// Where the other nodes reach the `node` listener.
    pub address: SocketAddr,
    pub balancer_address: Option<SocketAddr>,
    pub admin_address: Option<SocketAddr>,
    pub version: String,
    pub cores: u32,
    pub timing: Timing,
}

/// Times that tests shorten.
#[derive(Clone, Debug)]
pub struct Timing {
    /// Ceiling of the first wait, and of all waits, before the next attempt.
    pub reconnect_first: Duration,
    pub reconnect_max: Duration,
    /// For the connection, and for the first answer on it.
    pub connect: Duration,
    /// Between pings, and until a ping without an answer ends the session.
    pub keep_alive: Duration,
    pub keep_alive_answer: Duration,
    pub report: Duration,
    /// Before a core that did not confirm a generation is asked again. It was waited for already.
    pub confirm: Duration,
}

/// The agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error("the state folder {path} cannot be written")]
    StateDir {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Ready to run.
pub struct Agent<N> {
    sessions: Sessions<N>,
    generations: Generations<N>,
    reporter: Reporter<N>,
}

// === impl Timing ===

impl Default for Timing {
    fn default() -> Self {
        Self {
            reconnect_first: Duration::from_millis(200),
            reconnect_max: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            keep_alive: Duration::from_secs(10),
            keep_alive_answer: Duration::from_secs(5),
            report: Duration::from_secs(1),
            confirm: Duration::from_secs(5),
        }
    }
}

// === impl Agent ===

impl<N> std::fmt::Debug for Agent<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent")
            .field("config", &self.sessions.config)
            .finish_non_exhaustive()
    }
}

impl<N: Node> Agent<N> {
    pub fn new(
        config: AgentConfig,
        node: Arc<N>,
        status: Status,
        registry: Arc<Registry>,
    ) -> Result<Self, AgentError> {
        let path = config.state_dir.clone();
        let packages =
            PackageStore::open(&path).map_err(|source| AgentError::StateDir { path, source })?;
        let generations = Generations::open(
            &config.state_dir,
            Arc::clone(&node),
            status.clone(),
            packages.clone(),
        );
        let reporter = Reporter::new(Arc::clone(&node), status.clone(), registry);
        let (newest, outbound) = (watch::Sender::new(None), watch::Sender::new(None));
        let sessions = Sessions {
            config,
            node,
            status,
            packages,
            newest,
            outbound,
        };
        Ok(Self {
            sessions,
            generations,
            reporter,
        })
    }

    /// Runs until it is dropped: the server ends it by dropping its runtime's task.
    pub async fn run(self) {
        let Self {
            sessions,
            mut generations,
            mut reporter,
        } = self;
        generations.start_from_disk().await;
        let apply = apply_newest(&mut generations, &sessions);
        let report = report_each(&mut reporter, &sessions);
        tokio::join!(keep_session(&sessions), apply, report);
    }
}

async fn keep_session<N: Node>(sessions: &Sessions<N>) {
    let timing = &sessions.config.timing;
    let mut backoff = Backoff::new(timing.reconnect_first, timing.reconnect_max);
    loop {
        let ended = sessions.run().await;
        let chain = error_chain(&ended);
        let loss = sessions.status.lost(chain.clone());
        if ended.is_for_another() {
            // The session was opened to be told this, so it is no sign that the next would last: with
            // short waits two processes of one name would take it from each other without end.
            tracing::warn!(
                node = sessions.config.node,
                error = chain,
                "another process has the name of this node; trying again"
            );
            sleep(backoff.next_wait(getrandom::u32().unwrap_or(u32::MAX))).await;
            continue;
        }
        if loss == Loss::WasConnected {
            backoff.reset();
        }
        // Once for each reason, not at every attempt.
        match loss {
            Loss::WasConnected | Loss::OtherReason => {
                tracing::warn!(error = chain, "control plane away");
            }
            Loss::Same => tracing::debug!(error = chain, "control plane still away"),
        }
        // Without randomness the full wait is still right.
        sleep(backoff.next_wait(getrandom::u32().unwrap_or(u32::MAX))).await;
    }
}

async fn apply_newest<N: Node>(generations: &mut Generations<N>, sessions: &Sessions<N>) {
    let mut newest = sessions.newest.subscribe();
    newest.mark_changed();
    loop {
        let is_again = tokio::select! {
            changed = newest.changed() => match changed {
                Ok(()) => false,
                // The sender is borrowed by this very function, so the loop ends with the agent alone.
                Err(_closed) => return,
            },
            () = sleep(sessions.config.timing.confirm), if generations.is_split() => true,
        };
        let received = newest.borrow_and_update().clone();
        let Some(mut received) = received else {
            if is_again {
                generations.start_from_disk().await;
            }
            continue;
        };
        let answer = generations
            .apply(&received.snapshot, &mut received.fetcher)
            .await;
        if is_again && matches!(answer, Message::Nack(_)) {
            // It was told when it was news.
            continue;
        }
        // A session that ended meanwhile hears it from the next Hello.
        drop(received.outbound.send(message(answer)).await);
    }
}

async fn report_each<N: Node>(reporter: &mut Reporter<N>, sessions: &Sessions<N>) {
    let mut ticks = interval(sessions.config.timing.report);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let report = reporter.report();
        let outbound = sessions.outbound.borrow().clone();
        if let Some(outbound) = outbound {
            // A full queue means that the network stands still; the next report says more.
            drop(outbound.try_send(message(Message::Report(report))));
        }
    }
}

#[cfg(test)]
mod tests;
