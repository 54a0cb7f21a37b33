//! Steady traffic in the background of a story, with every outcome counted.
//!
//! Keep-alive connections that obey `Connection: close` and never retry: what fails here would have
//! failed for a user.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Result, bail};
use tokio::task::JoinHandle;

use crate::eventually;
use crate::http::{Answer, Connection};

/// More than any story sends; a story that forgets to stop its traffic still ends.
const REQUESTS_MAX: u64 = 200_000;

/// The request that is sent again and again.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: &'static str,
    pub target: String,
    pub body: Vec<u8>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    succeeded: AtomicU64,
    failed: AtomicU64,
    failures: Mutex<Vec<String>>,
}

/// Traffic that runs until [`Load::stop`].
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

// === impl Load ===

impl Load {
    /// `connections` clients in a loop; an answer other than 200 is a failure.
    pub fn start(address: &str, connections: usize, request: &Request) -> Self {
        let shared = Arc::new(Shared::default());
        let tasks = (0..connections)
            .map(|_| {
                let (address, request, shared) =
                    (address.to_owned(), request.clone(), Arc::clone(&shared));
                tokio::spawn(async move { client(&address, &request, &shared).await })
            })
            .collect();
        Self { shared, tasks }
    }

    pub fn succeeded(&self) -> u64 {
        self.shared.succeeded.load(Ordering::Relaxed)
    }

    /// Waits until `more` further requests have succeeded.
    pub async fn goes_on_for(&self, more: u64) -> Result<()> {
        let goal = self.succeeded() + more;
        eventually("the traffic has gone on", || async {
            if self.succeeded() < goal {
                bail!(
                    "{} of {goal} requests, failures: {:?}",
                    self.succeeded(),
                    self.failures()
                );
            }
            Ok(())
        })
        .await
    }

    pub fn failures(&self) -> Vec<String> {
        self.shared
            .failures
            .lock()
            .map(|failures| failures.clone())
            .unwrap_or_default()
    }

    /// Ends the traffic; answers how many requests succeeded and what failed.
    pub async fn stop(self) -> Result<(u64, Vec<String>)> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await?;
        }
        let failures = self
            .shared
            .failures
            .lock()
            .map(|failures| failures.clone())
            .unwrap_or_default();
        Ok((self.shared.succeeded.load(Ordering::Relaxed), failures))
    }
}

// === impl Shared ===

impl Shared {
    fn failed(&self, reason: String) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut failures) = self.failures.lock() {
            // A flood of the same failure says no more than twenty of them.
            if failures.len() < 20 {
                failures.push(reason);
            }
        }
    }

    fn goes_on(&self) -> bool {
        let sent = self.succeeded.load(Ordering::Relaxed) + self.failed.load(Ordering::Relaxed);
        !self.stop.load(Ordering::Relaxed) && sent < REQUESTS_MAX
    }
}

async fn client(address: &str, request: &Request, shared: &Shared) {
    let mut connection = None;
    while shared.goes_on() {
        match once(address, request, &mut connection).await {
            Ok(answer) if answer.status == 200 => {
                shared.succeeded.fetch_add(1, Ordering::Relaxed);
                if answer.closes() {
                    connection = None;
                }
            }
            Ok(answer) => {
                connection = None;
                shared.failed(format!("{}: {}", answer.status, answer.text()));
            }
            Err(error) => {
                connection = None;
                shared.failed(format!("{error:#}"));
                // A refused connection would otherwise spin on a core that the servers need.
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn once(address: &str, request: &Request, kept: &mut Option<Connection>) -> Result<Answer> {
    if kept.is_none() {
        *kept = Some(Connection::open(address).await?);
    }
    match kept {
        Some(connection) => {
            let headers = "Content-Type: application/json\r\n";
            connection
                .exchange(request.method, &request.target, headers, &request.body)
                .await
        }
        None => bail!("no connection"),
    }
}
