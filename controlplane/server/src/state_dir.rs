//! The state folder: made, tried, and held by one process.
//!
//! Invariant: whoever gets a [`StateDir`] can write into the folder, and nobody else has one.

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail};

/// Written and removed at the start: a disk with less room than this would fail at the first change,
/// and the engine's own words for it ("disk I/O error") help nobody.
static PROBE: [u8; 1024 * 1024] = [0; 1024 * 1024];

/// The folder, held until this is dropped (or the process is gone).
#[derive(Debug)]
pub(crate) struct StateDir {
    _lock: File,
}

/// Makes `folder` (its owner's alone: it holds the tokens and everything that was ever deployed),
/// tries to write, and takes the lock.
pub(crate) fn open(folder: &Path) -> anyhow::Result<StateDir> {
    let cannot = || format!("cannot use the state folder {}", folder.display());
    make(folder).with_context(cannot)?;
    let lock = File::create(folder.join("lock")).with_context(cannot)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            bail!(
                "another control plane uses the state folder {}",
                folder.display()
            );
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
    }
    probe(&folder.join("probe")).with_context(cannot)?;
    Ok(StateDir { _lock: lock })
}

fn make(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))
}

fn probe(path: &Path) -> std::io::Result<()> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(&PROBE)?;
        file.sync_all()
    });
    let removed = std::fs::remove_file(path);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_user_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let first = open(&path).unwrap();
        let second = open(&path).unwrap_err();
        assert!(second.to_string().contains("another control plane"));
        drop(first);
        open(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
