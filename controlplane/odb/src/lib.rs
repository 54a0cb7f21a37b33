//! The operational database: the only SQL.
//!
//! Owns rows, transactions and migrations; refuses to decide who may write (cp-auth) and to tell
//! nodes (cp-publish). Invariant: every change of what nodes run is one transaction that holds the
//! rows, the new generation and the audit event, or nothing.

mod audit;
mod cluster;
mod engine;
mod error;
mod generation;
mod history;
mod lease;
mod migration;
mod node;
mod object;
mod package;
mod row;
mod rows;
mod schedule;
mod service;
mod summary;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod write;

use cp_model::{ClusterName, Origin};

pub use audit::ChainedEvent;
pub use engine::OdbUrl;
pub use error::OdbError;
pub use history::{Difference, Kept};
pub use lease::LeaseRow;
pub use object::{Change, ChangedObject, Decided, ObjectFault, Use, Wanted, WholeChange};
pub use package::{LiveOutcome, Stored};
pub use rows::Rows;
pub use schedule::{JobBatch, JobChanges, JobCommand, JobRecord, SCHEDULER};

/// The database, open and migrated. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Odb {
    pools: engine::Pools,
}

/// A value that was written and the generation that the write made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written<T> {
    pub value: T,
    pub generation: cp_model::Generation,
}

/// What to open.
#[derive(Debug, Clone)]
pub struct OdbSettings {
    pub url: OdbUrl,
    /// Name that a new cluster gets; an existing one keeps its own.
    pub cluster: ClusterName,
}

// === impl Odb ===

impl Odb {
    /// Opens or creates the database, migrates it and makes sure that the cluster's row exists.
    pub async fn open(settings: &OdbSettings, origin: &Origin) -> Result<Self, OdbError> {
        let pools = engine::open(&settings.url, origin.at).await?;
        let odb = Self { pools };
        odb.cluster_ensure(&settings.cluster, origin).await?;
        Ok(odb)
    }

    /// Waits for what is being written and closes; the write-ahead log is folded in.
    pub async fn close(&self) {
        self.pools.read.close().await;
        self.pools.write.close().await;
    }
}

#[cfg(test)]
mod tests;
