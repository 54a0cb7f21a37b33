//! The last good snapshots on disk: `snapshot.bin` and the one before it.
//!
//! Owns the file format and its verification; refuses to know what a snapshot means. Invariant:
//! what `decode` gives back is byte for byte what `encode` was given; every damaged, cut, foreign
//! or future file is an error that names what is wrong with it.
//!
//! | offset | content |
//! |---|---|
//! | 0 | magic `BASCSNAP` |
//! | 8 | u32 LE format version, 1 |
//! | 12 | SHA-256 of the message |
//! | 44 | u64 LE length of the message |
//! | 52 | the message, `bascule.config.v1.Snapshot` |

use std::io;
use std::path::{Path, PathBuf};

use bascule_proto::{Encoded, WireError};
use prost::bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::{Wire, disk};

const MAGIC: &[u8; 8] = b"BASCSNAP";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 52;
/// 10,000 channels are about 2 MiB; more than this is no snapshot of ours.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The newest and the one before it.
pub(crate) const SNAPSHOTS_KEPT: usize = 2;

/// The two files of a state folder.
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    current: PathBuf,
    previous: PathBuf,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotFileError {
    #[error("cannot be read")]
    Read(#[source] io::Error),
    #[error("is no snapshot file")]
    Magic,
    #[error("has format version {0}, this binary reads {VERSION}")]
    Version(u32),
    #[error("is {found} bytes long instead of {expected}")]
    Length { expected: u64, found: u64 },
    #[error("is damaged: its checksum is wrong")]
    Checksum,
    #[error("holds no readable snapshot")]
    Message(#[source] prost::DecodeError),
    #[error("holds no snapshot")]
    Records(#[from] WireError),
    #[error("is of the cluster {found:?}, this node is of {expected:?}")]
    Cluster { expected: String, found: String },
}

/// The file format of `snapshot`.
pub fn encode(snapshot: &Encoded) -> Vec<u8> {
    let message = snapshot.bytes();
    let mut file = Vec::with_capacity(HEAD_BYTES + message.len());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&VERSION.to_le_bytes());
    file.extend_from_slice(&Sha256::digest(message));
    file.extend_from_slice(&(message.len() as u64).to_le_bytes());
    file.extend_from_slice(message);
    file
}

/// Reads the file format.
pub fn decode(file: &[u8]) -> Result<Wire, SnapshotFileError> {
    let found = file.len() as u64;
    let cut = SnapshotFileError::Length {
        expected: HEAD_BYTES as u64,
        found,
    };
    let Some((magic, rest)) = file.split_first_chunk::<8>() else {
        return Err(cut);
    };
    if magic != MAGIC {
        return Err(SnapshotFileError::Magic);
    }
    let Some((version, rest)) = rest.split_first_chunk::<4>() else {
        return Err(cut);
    };
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(SnapshotFileError::Version(version));
    }
    let Some((checksum, rest)) = rest.split_first_chunk::<32>() else {
        return Err(cut);
    };
    let Some((length, message)) = rest.split_first_chunk::<8>() else {
        return Err(cut);
    };
    let expected = u64::from_le_bytes(*length).saturating_add(HEAD_BYTES as u64);
    if found != expected {
        return Err(SnapshotFileError::Length { expected, found });
    }
    if Sha256::digest(message).as_slice() != checksum {
        return Err(SnapshotFileError::Checksum);
    }
    let encoded = Encoded::parse(Bytes::copy_from_slice(message))?;
    Wire::decode(encoded).map_err(SnapshotFileError::Message)
}

// === impl SnapshotFile ===

impl SnapshotFile {
    pub fn new(state_dir: &Path) -> Self {
        Self {
            current: state_dir.join("snapshot.bin"),
            previous: state_dir.join("snapshot.previous.bin"),
        }
    }

    /// All snapshots that can be used, newest first. What cannot is logged and passed over; a file
    /// that does not exist is nothing to log.
    pub fn load(&self, cluster_id: Option<&str>) -> Vec<Wire> {
        let mut usable = Vec::new();
        for path in [&self.current, &self.previous] {
            match read(path, cluster_id) {
                Ok(snapshot) => usable.push(snapshot),
                Err(SnapshotFileError::Read(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let chain = error_chain(&error);
                    tracing::error!(path = %path.display(), error = chain, "snapshot file not used");
                }
            }
        }
        usable
    }

    /// Keeps `snapshot` as the current one and the current one as the previous.
    pub fn save(&self, snapshot: &Encoded) -> io::Result<()> {
        let new = disk::write_beside(&self.current, &encode(snapshot))?;
        match std::fs::rename(&self.current, &self.previous) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _moved_or_first => {}
        }
        std::fs::rename(new, &self.current)?;
        disk::sync_folder_of(&self.current)
    }
}

fn read(path: &Path, cluster_id: Option<&str>) -> Result<Wire, SnapshotFileError> {
    let length = std::fs::metadata(path)
        .map_err(SnapshotFileError::Read)?
        .len();
    if length > FILE_BYTES_MAX {
        return Err(SnapshotFileError::Length {
            expected: FILE_BYTES_MAX,
            found: length,
        });
    }
    let wire = decode(&std::fs::read(path).map_err(SnapshotFileError::Read)?)?;
    let found = &wire.message().cluster_id;
    match cluster_id {
        Some(expected) if expected != found => Err(SnapshotFileError::Cluster {
            expected: expected.to_owned(),
            found: found.clone(),
        }),
        _known => Ok(wire),
    }
}

/// The error and its causes in one line.
pub(crate) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
