//! A snapshot as its bytes, cut into records, and the hash that names it.
//!
//! Owns the cutting and the hash; refuses to know what a record means (the messages do). Invariant: the records of an
//! [`Encoded`], one after the other, are its bytes; and one hash names one sequence of bytes, although it leaves out
//! itself: its record has one place and one form.
//!
//! The bytes are kept beside the decoded message because three parts need exactly them: the hash, the difference between
//! two snapshots, and the file on a node's disk. Encoding 10,000 channels again for each would cost more than all three.

use std::ops::Range;
use std::sync::Arc;

use prost::Message as _;
use prost::bytes::{Buf, Bytes};
use prost::encoding::decode_varint;
use sha2::{Digest as _, Sha256};

use crate::config::v1 as proto;

/// Fields of `Snapshot` that are read without decoding it.
const TAG_GENERATION: u64 = 1;
const TAG_HASH: u64 = 3;
/// Tag and length of a hash record, one byte each unless somebody wrote them longer than needed.
const HASH_HEAD_BYTES: usize = 2;
/// Wire types of Protocol Buffers; the others (groups) are in no message of ours.
const WIRE_VARINT: u64 = 0;
const WIRE_64_BIT: u64 = 1;
const WIRE_LENGTH: u64 = 2;
const WIRE_32_BIT: u64 = 5;

/// The bytes of one snapshot. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Encoded {
    bytes: Bytes,
    /// Where each record ends; the next begins there.
    ends: Arc<[usize]>,
    head: Head,
}

/// What is read without decoding the rest.
#[derive(Clone, Debug, Default)]
struct Head {
    generation: u64,
    /// A copy: a slice would keep all the bytes for as long as anybody remembers the hash.
    hash: Bytes,
    hash_record: Range<usize>,
}

/// Why bytes are not those of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("record {record} is malformed")]
    Record { record: usize },
    #[error("record {record} gives the hash a second time")]
    HashTwice { record: usize },
    #[error("record {record} does not stand in the order of the tags")]
    Order { record: usize },
}

/// The hash that `snapshot` should carry, whatever its own field says: SHA-256 of the message encoded with `hash` empty.
pub fn snapshot_hash(snapshot: &proto::Snapshot) -> [u8; 32] {
    // What was just encoded can be cut; if ever not, zeros are the hash of nothing.
    Encoded::of(snapshot).map_or([0; 32], |encoded| encoded.content_hash())
}

// === impl Encoded ===

impl Encoded {
    pub fn of(snapshot: &proto::Snapshot) -> Result<Self, WireError> {
        Self::parse(snapshot.encode_to_vec().into())
    }

    /// Says nothing yet about the hash: see [`is_sound`](Self::is_sound).
    pub fn parse(bytes: Bytes) -> Result<Self, WireError> {
        let (ends, head) = cut(&bytes)?;
        Ok(Self {
            bytes,
            ends: ends.into(),
            head,
        })
    }

    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn generation(&self) -> u64 {
        self.head.generation
    }

    /// The hash that it carries.
    pub fn hash(&self) -> &Bytes {
        &self.head.hash
    }

    /// Whether it carries the hash of its content.
    pub fn is_sound(&self) -> bool {
        self.head.hash.as_ref() == self.content_hash()
    }

    pub fn decode(&self) -> Result<proto::Snapshot, prost::DecodeError> {
        proto::Snapshot::decode(self.bytes.clone())
    }

    /// In the order of the bytes.
    pub(crate) fn records(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let record = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            record
        })
    }

    /// Fields are encoded in the order of their tags, so an empty `hash` is a record less and nothing else.
    fn content_hash(&self) -> [u8; 32] {
        let Range { start, end } = self.head.hash_record;
        let mut sha = Sha256::new();
        sha.update(self.bytes.get(..start).unwrap_or_default());
        sha.update(self.bytes.get(end..).unwrap_or_default());
        sha.finalize().into()
    }
}

impl PartialEq for Encoded {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Encoded {}

fn cut(bytes: &[u8]) -> Result<(Vec<usize>, Head), WireError> {
    let (mut ends, mut head) = (Vec::new(), Head::default());
    let mut rest = bytes;
    let mut tag_before = 0;
    while !rest.is_empty() {
        let record = ends.len();
        let start = bytes.len() - rest.len();
        let (tag, content) = take_record(&mut rest).ok_or(WireError::Record { record })?;
        let end = bytes.len() - rest.len();
        if tag < tag_before {
            return Err(WireError::Order { record });
        }
        tag_before = tag;
        match (tag, content) {
            (TAG_GENERATION, Content::Varint(generation)) => head.generation = generation,
            (TAG_HASH, Content::Bytes(hash)) => {
                if !head.hash_record.is_empty() {
                    return Err(WireError::HashTwice { record });
                }
                if end - start != hash.len() + HASH_HEAD_BYTES {
                    return Err(WireError::Record { record });
                }
                head.hash = Bytes::copy_from_slice(hash);
                head.hash_record = start..end;
            }
            _ => {}
        }
        ends.push(end);
    }
    Ok((ends, head))
}

enum Content<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

/// Takes one record from the front: its tag and its content.
fn take_record<'a>(rest: &mut &'a [u8]) -> Option<(u64, Content<'a>)> {
    let key = decode_varint(rest).ok()?;
    let length = match key & 7 {
        WIRE_VARINT => return Some((key >> 3, Content::Varint(decode_varint(rest).ok()?))),
        WIRE_64_BIT => 8,
        WIRE_32_BIT => 4,
        WIRE_LENGTH => usize::try_from(decode_varint(rest).ok()?).ok()?,
        _ => return None,
    };
    let content = rest.get(..length)?;
    rest.advance(length);
    Some((key >> 3, Content::Bytes(content)))
}

#[cfg(test)]
mod tests;
