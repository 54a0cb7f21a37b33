//! The contents of service packages on disk, named by their hash.
//!
//! Invariant: a path that this store gives out holds content whose hash was checked in this call;
//! a damaged file is fetched again, never run.

use std::io;
use std::path::{Path, PathBuf};

use dp_config::{PACKAGE_BYTES_MAX, Package, PackageId};

use crate::disk;

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
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
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
