//! The reconciler: whenever it is woken it makes what nodes get equal to what the rows say.
//!
//! It takes no input but the rows, so waking it twice, late or for nothing is harmless. Invariant:
//! published generations only grow, and reading 10,000 rows keeps no session waiting: it happens beside the async threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bascule_proto::Encoded;
use cp_model::{ErrorChain, Generation};
use cp_odb::{Odb, OdbError, Rows};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::published::Published;
use crate::snapshot::snapshot_of;

/// Looks at the rows now and then even when nobody woke it: another process may have written.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(5);

/// Why there is no newer generation.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("cannot read the rows")]
    Odb(#[from] OdbError),
    #[error("the snapshot does not encode")]
    Encode(#[from] bascule_proto::WireError),
    #[error("reading the rows ended without a result")]
    Ended(#[from] tokio::task::JoinError),
}

/// Makes snapshots and hands the newest to whoever watches. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Publisher {
    odb: Odb,
    wake: Arc<Notify>,
    newest: watch::Sender<Arc<Published>>,
}

// === impl Publisher ===

impl Publisher {
    /// Reads the rows once, so that there is always a snapshot to send.
    pub async fn start(odb: Odb) -> Result<Self, PublishError> {
        let rows = odb.rows().await?;
        let published = Published::of(&rows, None)?;
        let (newest, _) = watch::channel(Arc::new(published));
        Ok(Self {
            odb,
            wake: Arc::new(Notify::new()),
            newest,
        })
    }

    /// Rows have changed.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    pub fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.newest.subscribe()
    }

    pub fn newest(&self) -> Arc<Published> {
        Arc::clone(&self.newest.borrow())
    }

    /// Waits until `generation` or a newer one is published; at most for one interval, since a
    /// failing ODB must not hold the caller for ever.
    pub(crate) async fn reached(&self, generation: Generation) {
        self.wake();
        let mut newest = self.subscribe();
        let reached = newest.wait_for(|published| published.generation >= generation);
        if tokio::time::timeout(RECONCILE_INTERVAL, reached)
            .await
            .is_err()
        {
            tracing::warn!(generation = generation.0, "not published in time");
        }
    }

    /// Runs for as long as the control plane does.
    pub async fn run(self) {
        loop {
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(RECONCILE_INTERVAL) => {}
            }
            if let Err(error) = self.reconcile().await {
                // The rows stay; the next wake-up or interval tries again.
                tracing::error!(error = %ErrorChain(&error), "nothing newer is published");
            }
        }
    }

    async fn reconcile(&self) -> Result<(), PublishError> {
        let before = self.newest();
        if self.odb.cluster().await?.generation <= before.generation {
            return Ok(());
        }
        let (odb, runtime) = (self.odb.clone(), Handle::current());
        // Parsing rows and encoding them takes milliseconds from some hundred channels on.
        let making = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let rows = runtime.block_on(odb.rows())?;
            let read_us = micros(begun.elapsed());
            let published = Published::of(&rows, Some(&before))?;
            let (generation, total_us) = (published.generation.0, micros(begun.elapsed()));
            tracing::info!(generation, read_us, total_us, "published");
            Ok::<_, PublishError>(published)
        });
        self.newest.send_replace(Arc::new(making.await??));
        Ok(())
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

// === impl Published ===

impl Published {
    fn of(rows: &Rows, before: Option<&Self>) -> Result<Self, PublishError> {
        let whole = Encoded::of(&snapshot_of(rows))?;
        Ok(Self::new(rows.cluster.id.to_string(), whole, before).prepared())
    }
}
