//! The contents of service packages on disk, named by their hash.
//!
//! Invariant: a path that this store gives out holds content whose hash was checked in this call;
//! a damaged file is fetched again, never run.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dp_config::{PACKAGE_BYTES_MAX, Package, PackageId};

use crate::{clock, disk};

/// Far longer than any trial.
const UNUSED_KEPT: Duration = Duration::from_hours(1);

/// The folder `packages/` of a node.
#[derive(Clone, Debug)]
pub struct PackageStore {
    folder: PathBuf,
}

/// Why content cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum PackageStoreError {
    #[error("the content is of another package: it hashes to {0}")]
    OtherContent(PackageId),
    #[error("{path} cannot be written")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

// === impl PackageStore ===

impl PackageStore {
    /// Makes the folder when it is not there.
    pub fn open(state_dir: &Path) -> io::Result<Self> {
        let folder = state_dir.join("packages");
        // The sources of the services are the node's user's alone.
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&folder)?;
        std::fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        Ok(Self { folder })
    }

    /// Removes contents that `is_needed` does not name. What was given out within the last hour stays:
    /// a trial may be importing it.
    pub fn sweep(&self, is_needed: impl Fn(&PackageId) -> bool) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".py"));
            let Some(id) = stem.and_then(PackageId::parse) else {
                continue;
            };
            let age = clock::now().duration_since(entry.metadata()?.modified()?);
            // A time in the future has no age: the clock was set back.
            if !is_needed(&id) && age.is_ok_and(|age| age > UNUSED_KEPT) {
                std::fs::remove_file(entry.path())?;
                tracing::info!(package = %id, "package removed from disk: no snapshot names it");
            }
        }
        Ok(())
    }

    /// Where the content of `package` is, when it is here and whole.
    pub fn find(&self, package: &Package) -> Option<PathBuf> {
        let path = self.path_of(&package.id);
        let length = std::fs::metadata(&path).ok()?.len();
        if length > PACKAGE_BYTES_MAX {
            return None;
        }
        let content = std::fs::read(&path).ok()?;
        if PackageId::of(&package.file, &content) == package.id {
            // For `sweep`; a file that keeps its old time is fetched again at worst.
            File::open(&path)
                .and_then(|file| file.set_modified(clock::now()))
                .ok();
            return Some(path);
        }
        tracing::error!(path = %path.display(), file = %package.file, "package file is damaged");
        None
    }

    /// Keeps content that was fetched, once its hash is right.
    pub fn keep(&self, package: &Package, content: &[u8]) -> Result<PathBuf, PackageStoreError> {
        let found = PackageId::of(&package.file, content);
        if found != package.id {
            return Err(PackageStoreError::OtherContent(found));
        }
        let path = self.path_of(&package.id);
        disk::write_atomically(&path, content).map_err(|source| PackageStoreError::Write {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    fn path_of(&self, id: &PackageId) -> PathBuf {
        self.folder.join(format!("{id}.py"))
    }
}

#[cfg(test)]
mod tests {
    use bascule_proto::config::v1 as proto;

    use super::*;

    fn package(file: &str) -> Package {
        let wire = proto::Package {
            id: PackageId::of(file, b"x").to_string(),
            file: file.to_owned(),
            module: "m".to_owned(),
            version: 1,
            bytes: 1,
        };
        Package::try_from(&wire).unwrap()
    }

    #[test]
    fn what_no_snapshot_names_is_removed_unless_a_trial_may_use_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = PackageStore::open(folder.path()).unwrap();
        let mode = std::fs::metadata(folder.path().join("packages")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o700);
        let long_ago = clock::now() - 2 * UNUSED_KEPT;
        let keep = |file: &str, is_old: bool| {
            let package = package(file);
            let path = store.keep(&package, b"x").unwrap();
            if is_old {
                let file = File::open(&path).unwrap();
                file.set_modified(long_ago).unwrap();
            }
            (package, path)
        };
        let (needed, needed_path) = keep("needed.py", true);
        let (_, unused_path) = keep("unused.py", true);
        let (_, new_path) = keep("new.py", false);
        let (tried, tried_path) = keep("tried.py", true);
        store.find(&tried).unwrap();
        store.sweep(|id| *id == needed.id).unwrap();
        let are_there = [&needed_path, &unused_path, &new_path, &tried_path].map(|p| p.exists());
        assert_eq!(are_there, [true, false, true, true]);
    }
}
