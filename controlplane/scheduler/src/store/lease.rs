//! The scheduler's lease in the ODB.
//!
//! There is no time in the row: a candidate watches the holder's beat by its own steady clock, and takes
//! the lease when the beat stood still for its length. So no clock of another machine matters, and a
//! clock that jumps does no harm. Invariant: the lease is taken only as it was last seen.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cp_odb::{LeaseRow, Odb, SCHEDULER};
use tokio::time::{Duration, Instant};

use super::{fault, origin};
use crate::port::{Fence, Lease, StoreError};

/// The lease, seen from one process.
#[derive(Debug)]
pub struct OdbLease {
    odb: Odb,
    /// Unique in the cluster and new at each start.
    holder: String,
    seen: Mutex<Option<Seen>>,
}

/// The row as it has been since.
#[derive(Debug, Clone)]
struct Seen {
    row: LeaseRow,
    since: Instant,
}

// === impl OdbLease ===

impl OdbLease {
    pub fn new(odb: Odb, holder: String) -> Self {
        Self {
            odb,
            holder,
            seen: Mutex::default(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the row may be taken now; remembers since when it stands still.
    fn is_free(&self, row: Option<&LeaseRow>, ttl: Duration) -> bool {
        let mut seen = self.seen();
        let Some(row) = row else {
            return true;
        };
        if row.holder.is_empty() {
            return true;
        }
        if let Some(seen) = seen.as_ref().filter(|seen| seen.row == *row) {
            return seen.since.elapsed() >= ttl;
        }
        *seen = Some(Seen {
            row: row.clone(),
            since: Instant::now(),
        });
        false
    }
}

impl Lease for OdbLease {
    async fn acquire(&self, ttl_ms: u64) -> Result<Option<Fence>, StoreError> {
        let row = self.odb.lease_find(SCHEDULER).await.map_err(fault)?;
        if !self.is_free(row.as_ref(), Duration::from_millis(ttl_ms)) {
            return Ok(None);
        }
        let by = origin();
        let name = (SCHEDULER, self.holder.as_str());
        let taken = self.odb.lease_take(&by, name, row.as_ref()).await;
        Ok(taken.map_err(fault)?.map(Fence))
    }

    async fn renew(&self, fence: Fence, _ttl_ms: u64) -> Result<bool, StoreError> {
        let renewed = self.odb.lease_renew(&origin(), SCHEDULER, fence.0).await;
        renewed.map_err(fault)
    }

    async fn release(&self, fence: Fence) -> Result<(), StoreError> {
        let released = self.odb.lease_release(&origin(), SCHEDULER, fence.0).await;
        released.map_err(fault)
    }
}
