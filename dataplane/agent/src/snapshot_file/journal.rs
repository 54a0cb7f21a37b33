//! What has changed since a snapshot file was written: `snapshot.deltas`.
//!
//! Owns the format: entries one after the other, each a u32 LE length and a `bascule.config.v1.Delta`. The first is to the
//! snapshot of the file, each other one to the result of the one before. There is no checksum: each delta names the hash of
//! what comes out, so a damaged, cut or foreign journal ends where it stops fitting. Invariant: an entry is durable when
//! `append` returns, and an entry that is there in part is never read.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use bascule_proto::config::v1 as proto;
use bascule_proto::{Encoded, Outline, between};
use prost::Message as _;

use crate::disk::FILE_MODE;
use crate::snapshot_file::error_chain;

/// At a start each is applied and hashed, 1 to 4 ms at 10,000 channels; one change in so many writes the whole.
const ENTRIES_MAX: usize = 100;
/// A journal larger than its snapshot takes longer to read than the snapshot would; small clusters have room for
/// [`ENTRIES_MAX`] entries all the same.
const BYTES_MIN: usize = 64 * 1024;

/// The journal that this process writes.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    /// Of the snapshot that the next entry is to.
    tip: Outline,
    entries: usize,
    bytes: usize,
    bytes_max: usize,
}

// === impl Journal ===

impl Journal {
    /// An empty one to `snapshot`. Its name is durable when its folder is.
    pub(super) fn create(path: &Path, snapshot: &Encoded) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true);
        Ok(Self {
            file: options.mode(FILE_MODE).open(path)?,
            tip: Outline::of(snapshot),
            entries: 0,
            bytes: 0,
            bytes_max: snapshot.bytes().len().max(BYTES_MIN),
        })
    }

    /// False when there is no room: then a new snapshot file is due. After an error what is there is not known, and the
    /// journal must not be written again.
    pub(super) fn append(&mut self, snapshot: &Encoded) -> io::Result<bool> {
        let delta = between(&self.tip, snapshot);
        let length = delta.encoded_len();
        let entry_bytes = size_of::<u32>() + length;
        let has_room = self.entries < ENTRIES_MAX && self.bytes + entry_bytes <= self.bytes_max;
        let (true, Ok(head)) = (has_room, u32::try_from(length)) else {
            return Ok(false);
        };
        let mut entry = Vec::with_capacity(entry_bytes);
        entry.extend_from_slice(&head.to_le_bytes());
        entry.extend_from_slice(&delta.encode_to_vec());
        self.file.write_all(&entry)?;
        // The length is part of what this makes durable; times are not.
        self.file.sync_data()?;
        self.tip = Outline::of(snapshot);
        self.entries += 1;
        self.bytes += entry_bytes;
        Ok(true)
    }

    #[cfg(test)]
    pub(super) fn break_with(&mut self, file: File) {
        self.file = file;
    }
}

/// The entries of a journal, as far as they are whole.
pub(super) fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<proto::Delta>> {
    if std::fs::metadata(path)?.len() > bytes_max {
        return Err(io::Error::other("it is too large to be a journal"));
    }
    let file = std::fs::read(path)?;
    let mut entries = Vec::new();
    let mut rest = file.as_slice();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let Some((entry, after)) = after.split_at_checked(length) else {
            break;
        };
        match proto::Delta::decode(entry) {
            Ok(delta) => entries.push(delta),
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "a journal ends in a damaged entry");
                break;
            }
        }
        rest = after;
    }
    Ok(entries)
}

/// What `entries` make of `snapshot`, one after the other; nothing when they are another's.
pub(super) fn replay<'a>(
    snapshot: &'a Encoded,
    entries: &'a [proto::Delta],
) -> impl Iterator<Item = Encoded> + 'a {
    let is_its = |first: &proto::Delta| first.base_hash == *snapshot.hash();
    let entries = if entries.first().is_some_and(is_its) {
        entries
    } else {
        &[]
    };
    entries.iter().scan(snapshot.clone(), |tip, delta| {
        match bascule_proto::apply(tip, delta) {
            Ok(made) => {
                *tip = made.clone();
                Some(made)
            }
            Err(error) => {
                let (generation, error) = (delta.generation, error_chain(&error));
                tracing::error!(generation, error, "a journal's entry does not fit");
                None
            }
        }
    })
}
