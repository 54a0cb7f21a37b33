//! The difference between two snapshots, made by the control plane and applied by nodes.
//!
//! Owns both directions, so that one property holds them together: applying the difference from a to b to a gives b, byte
//! for byte. Refuses to know what a record is, so a new kind of resource adds nothing here. Invariant: what `apply`
//! gives back carries the hash that the delta names, and it is the hash of its content.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::iter::Peekable;

use prost::bytes::Bytes;

use crate::config::v1 as proto;
use crate::{Encoded, WireError};

/// What has to be remembered of a snapshot to tell later what has changed since: 8 bytes a record instead of its content.
///
/// Two records with one digest (one pair of 10,000 × 10,000 in 10^11) would make a delta whose result has the wrong hash,
/// which costs its node one whole snapshot.
#[derive(Debug)]
pub struct Outline {
    generation: u64,
    hash: Bytes,
    digests: Box<[u64]>,
}

/// Why a delta does not fit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    #[error("it is for generation {wanted}, and {has} is here, or one of another hash")]
    Base { wanted: u64, has: u64 },
    #[error("its indexes fit no snapshot")]
    Indexes,
    #[error("what comes out is no snapshot")]
    Wire(#[from] WireError),
    #[error("what comes out has another hash or generation than it names")]
    Result,
}

/// What makes `new` of the snapshot that `base` was taken of.
pub fn between(base: &Outline, new: &Encoded) -> proto::Delta {
    let mut delta = proto::Delta {
        generation: new.generation(),
        base_generation: base.generation,
        base_hash: base.hash.clone(),
        hash: new.hash().clone(),
        ..proto::Delta::default()
    };
    let known: HashMap<u64, u32> = base.digests.iter().copied().zip(0..).collect();
    // Kept are the records that are in both in the same order: lists are sorted by name, so records that are equal never
    // pass each other, and taking the first that fits is taking the most.
    let mut unsettled = 0;
    for (index, record) in (0..).zip(new.records()) {
        match known.get(&digest(record)) {
            Some(&kept) if kept >= unsettled => {
                delta.removed.extend(unsettled..kept);
                unsettled = kept.saturating_add(1);
            }
            _ => {
                delta.put_at.push(index);
                delta.put.push(Bytes::copy_from_slice(record));
            }
        }
    }
    let count = u32::try_from(base.digests.len()).unwrap_or(u32::MAX);
    delta.removed.extend(unsettled..count);
    delta
}

/// The snapshot that `delta` makes of `base`.
pub fn apply(base: &Encoded, delta: &proto::Delta) -> Result<Encoded, DeltaError> {
    if base.generation() != delta.base_generation || *base.hash() != delta.base_hash {
        let (wanted, has) = (delta.base_generation, base.generation());
        return Err(DeltaError::Base { wanted, has });
    }
    if delta.put_at.len() != delta.put.len() {
        return Err(DeltaError::Indexes);
    }
    let put_bytes: usize = delta.put.iter().map(Bytes::len).sum();
    let mut bytes = Vec::with_capacity(base.bytes().len().saturating_add(put_bytes));
    let mut index = 0;
    let mut removed = delta.removed.iter().peekable();
    let mut put = delta.put_at.iter().zip(&delta.put).peekable();
    for (place, record) in (0..).zip(base.records()) {
        if removed.next_if(|removed| **removed == place).is_some() {
            continue;
        }
        put_here(&mut put, &mut index, &mut bytes);
        bytes.extend_from_slice(record);
        index += 1;
    }
    put_here(&mut put, &mut index, &mut bytes);
    // Indexes that do not ascend, or lie outside, are never met.
    if removed.next().is_some() || put.next().is_some() {
        return Err(DeltaError::Indexes);
    }
    let made = Encoded::parse(bytes.into())?;
    let is_named = *made.hash() == delta.hash && made.generation() == delta.generation;
    if is_named && made.is_sound() {
        Ok(made)
    } else {
        Err(DeltaError::Result)
    }
}

/// Adds the records whose place is next.
fn put_here<'a>(
    put: &mut Peekable<impl Iterator<Item = (&'a u32, &'a Bytes)>>,
    index: &mut u32,
    bytes: &mut Vec<u8>,
) {
    while let Some((_, record)) = put.next_if(|(at, _)| **at == *index) {
        bytes.extend_from_slice(record);
        *index += 1;
    }
}

fn digest(record: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(record);
    hasher.finish()
}

// === impl Outline ===

impl Outline {
    pub fn of(snapshot: &Encoded) -> Self {
        Self {
            generation: snapshot.generation(),
            hash: snapshot.hash().clone(),
            digests: snapshot.records().map(digest).collect(),
        }
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    pub fn hash(&self) -> &Bytes {
        &self.hash
    }

    /// Memory that it takes, in bytes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.digests)
    }
}

#[cfg(test)]
mod tests;
