//! The state folder: made, locked and tried before anything starts.
//!
//! Invariant: one process owns a folder at a time; two nodes that share one would overwrite each
//! other's snapshots.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail};

/// Enough that a full disk is noticed at start and not at the first snapshot.
const PROBE: [u8; 4096] = [0; 4096];

/// Keep the file: dropping it gives the folder free.
pub(crate) fn open(path: &Path) -> anyhow::Result<File> {
    let mut folder = DirBuilder::new();
    folder.recursive(true).mode(0o700);
    let cannot = || format!("the state folder {} cannot be written", path.display());
    folder.create(path).with_context(cannot)?;
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let lock = options.open(path.join("lock")).with_context(cannot)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            bail!(
                "the state folder {} is in use by another node",
                path.display()
            );
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
    }
    let probe = path.join("probe");
    dp_agent::write_atomically(&probe, &PROBE).with_context(cannot)?;
    std::fs::remove_file(&probe).with_context(cannot)?;
    Ok(lock)
}
