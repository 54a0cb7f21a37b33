//! What a node keeps on disk of its generations: snapshots, and the packages that they name.
//!
//! Invariant: a package is removed only when no snapshot that can still be loaded names it.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use bascule_proto::Encoded;

use crate::packages::PackageStore;
use crate::snapshot_file::{Saved, SnapshotFile};
use crate::wire::Wire;

/// Blocks; whoever is asynchronous lends it to a thread that may.
#[derive(Debug)]
pub(crate) struct Keeper {
    state_dir: PathBuf,
    file: SnapshotFile,
    packages: PackageStore,
    /// Packages that the newest files name, and those of before; ids.
    newest: HashSet<String>,
    previous: HashSet<String>,
}

// === impl Keeper ===

impl Keeper {
    pub(crate) fn open(state_dir: &Path, packages: PackageStore) -> Self {
        Self {
            state_dir: state_dir.to_owned(),
            file: SnapshotFile::new(state_dir),
            packages,
            newest: HashSet::new(),
            previous: HashSet::new(),
        }
    }

    /// One for the same folder that has kept nothing yet.
    pub(crate) fn anew(&self) -> Self {
        Self::open(&self.state_dir, self.packages.clone())
    }

    /// The snapshots that can be served, newest first.
    pub(crate) fn load(&mut self, cluster_id: Option<&str>) -> Vec<Wire> {
        let stored = self.file.load(cluster_id);
        self.newest = stored.iter().flat_map(package_ids).collect();
        stored
    }

    /// Keeps `snapshot`, which names the packages `ids`, and lets go of what nothing names any more.
    pub(crate) fn keep(&mut self, snapshot: &Encoded, ids: Vec<String>) -> io::Result<()> {
        if self.file.save(snapshot)? == Saved::Whole {
            self.previous = std::mem::take(&mut self.newest);
        }
        self.newest.extend(ids);
        let is_named = |id: &str| self.newest.contains(id) || self.previous.contains(id);
        // Room is all that a failure costs.
        if let Err(error) = self.packages.sweep(|id| is_named(id.as_str())) {
            tracing::warn!(%error, "unused packages not removed from disk");
        }
        Ok(())
    }
}

pub(crate) fn package_ids(wire: &Wire) -> impl Iterator<Item = String> {
    let packages = wire.message().packages.iter();
    packages.map(|package| package.id.clone())
}
