//! The reconciler: whenever it is woken it makes what nodes get equal to what the rows say.
//!
//! It takes no input but the rows, so waking it twice, late or for nothing is harmless. Invariant:
//! published generations only grow.

use std::sync::Arc;
use std::time::Duration;

use bascule_proto::config::v1 as proto;
use cp_model::{ErrorChain, Generation};
use cp_odb::{Odb, OdbError};
use tokio::sync::{Notify, watch};

use crate::snapshot::snapshot_of;

/// Looks at the rows now and then even when nobody woke it: another process may have written.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(5);

/// The newest snapshot, shared by all sessions.
#[derive(Debug)]
pub struct Published {
    pub generation: Generation,
    pub snapshot: proto::Snapshot,
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
    pub async fn start(odb: Odb) -> Result<Self, OdbError> {
        let published = Published::read(&odb).await?;
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
                tracing::error!(error = %ErrorChain(&error), "cannot read the rows to publish");
            }
        }
    }

    async fn reconcile(&self) -> Result<(), OdbError> {
        let known = self.newest.borrow().generation;
        if self.odb.cluster().await?.generation <= known {
            return Ok(());
        }
        let published = Published::read(&self.odb).await?;
        tracing::info!(generation = published.generation.0, "published");
        self.newest.send_replace(Arc::new(published));
        Ok(())
    }
}

// === impl Published ===

impl Published {
    async fn read(odb: &Odb) -> Result<Self, OdbError> {
        let rows = odb.rows().await?;
        Ok(Self {
            generation: rows.cluster.generation,
            snapshot: snapshot_of(&rows),
        })
    }
}
