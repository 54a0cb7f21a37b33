//! One published generation, as it is sent: the whole snapshot, and deltas to it from those before.
//!
//! Owns the ring of earlier snapshots and what is encoded of this one. Invariant: every message is encoded at most once,
//! however many nodes it goes to, and what is kept is bounded by count and by bytes.
//!
//! Of an earlier snapshot only its outline is kept, 8 bytes a record: at 10,000 channels 80 kB instead of 5 MB, so that a
//! node that was away for hundreds of changes still catches up by one delta.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bascule_proto::publishing::Payload;
use bascule_proto::{Encoded, Outline};
use cp_model::Generation;
use prost::Message as _;
use prost::bytes::Bytes;

/// A node that is further behind gets the whole snapshot: after so many changes the delta saves little.
const BASES_MAX: usize = 256;
/// Outlines of 10,000 channels take 20 MB when there are [`BASES_MAX`] of them; larger clusters keep fewer.
const BASES_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Encoded deltas to one generation. Nodes come from a handful of generations; should every one come from another with
/// large differences, the later ones get the whole snapshot, which is shared.
const DELTAS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A generation and its hash: what a node is known, or says, to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) generation: Generation,
    pub(crate) hash: Bytes,
}

/// The newest generation, shared by all sessions.
#[derive(Debug)]
pub struct Published {
    pub generation: Generation,
    pub cluster_id: String,
    whole: Encoded,
    /// Oldest first; this snapshot's own is the last.
    bases: Vec<Base>,
    deltas_bytes: AtomicUsize,
}

/// A snapshot that nodes may have, and the delta from it.
#[derive(Debug)]
struct Base {
    outline: Arc<Outline>,
    /// Encoded when the first node needs it; `None` when the whole snapshot is the better answer.
    delta: OnceLock<Option<Bytes>>,
}

// === impl Stamp ===

impl Stamp {
    /// A hash that came by the wire is a part of its message, which is not to be kept for it.
    pub(crate) fn of(generation: u64, hash: &[u8]) -> Self {
        Self {
            generation: Generation(generation),
            hash: Bytes::copy_from_slice(hash),
        }
    }
}

// === impl Published ===

impl Published {
    pub(crate) fn new(cluster_id: String, whole: Encoded, before: Option<&Self>) -> Self {
        let before = before.map(|before| before.bases.as_slice());
        let outlines = before.unwrap_or_default().iter().map(|b| &b.outline);
        let outlines = outlines.cloned().chain([Arc::new(Outline::of(&whole))]);
        Self {
            generation: Generation(whole.generation()),
            cluster_id,
            bases: newest_within(outlines.collect(), BASES_BYTES_MAX),
            whole,
            deltas_bytes: AtomicUsize::new(0),
        }
    }

    /// Encodes ahead what nearly all nodes need at once: the delta from the generation before.
    pub(crate) fn prepared(self) -> Self {
        if let Some(before) = self.bases.iter().rev().nth(1) {
            self.delta(before);
        }
        self
    }

    pub fn hash(&self) -> &Bytes {
        self.whole.hash()
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp {
            generation: self.generation,
            hash: self.hash().clone(),
        }
    }

    /// What brings a node to this generation that has `base`, or nothing that is known.
    pub(crate) fn message_from(&self, base: Option<&Stamp>) -> Payload {
        let base = base.and_then(|stamp| self.base(stamp));
        match base.and_then(|base| self.delta(base)) {
            Some(delta) => Payload::Delta(delta),
            None => Payload::Snapshot(self.whole.bytes().clone()),
        }
    }

    /// Whether a node can have got `stamp` from us. Of generations older than the ring nothing is known any more; a
    /// node that says that it runs one makes nothing look live that anybody waits for.
    pub(crate) fn may_be_run(&self, stamp: &Stamp) -> bool {
        let oldest = self.bases.first().map(|base| base.outline.generation());
        oldest.is_some_and(|oldest| stamp.generation.0 < oldest) || self.base(stamp).is_some()
    }

    fn base(&self, stamp: &Stamp) -> Option<&Base> {
        self.bases.iter().rev().find(|base| {
            base.outline.generation() == stamp.generation.0 && *base.outline.hash() == stamp.hash
        })
    }

    fn delta(&self, base: &Base) -> Option<Bytes> {
        let encode = || {
            let room = DELTAS_BYTES_MAX.checked_sub(self.deltas_bytes.load(Ordering::Relaxed))?;
            let delta = bascule_proto::between(&base.outline, &self.whole);
            let bytes = delta.encoded_len();
            if bytes > room || bytes >= self.whole.bytes().len() {
                return None;
            }
            self.deltas_bytes.fetch_add(bytes, Ordering::Relaxed);
            Some(delta.encode_to_vec().into())
        };
        base.delta.get_or_init(encode).clone()
    }
}

/// The newest outlines that may be kept. The last one always is: it is this generation's own.
fn newest_within(outlines: Vec<Arc<Outline>>, bytes_max: usize) -> Vec<Base> {
    let mut bytes = 0;
    let newest = outlines.into_iter().rev().enumerate();
    let kept = newest.take_while(|(age, outline)| {
        bytes += outline.size();
        *age == 0 || (*age < BASES_MAX && bytes <= bytes_max)
    });
    let mut kept: Vec<Base> = kept.map(|(_, outline)| Base::new(outline)).collect();
    kept.reverse();
    kept
}

// === impl Base ===

impl Base {
    fn new(outline: Arc<Outline>) -> Self {
        Self {
            outline,
            delta: OnceLock::new(),
        }
    }
}

#[cfg(test)]
mod tests;
