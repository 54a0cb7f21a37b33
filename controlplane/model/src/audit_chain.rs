//! The audit trail as a chain of hashes: what was changed, moved or cut out afterwards is found.
//!
//! Owns the canonical bytes of an event and the hash over them. Refuses rows: the caller appends, in
//! one transaction, the event and `ChainHash::link` of the newest hash. Invariant: two events with
//! the same bytes are the same event, so that no field can be changed without changing the hash.
//!
//! What it does not do: whoever may write all rows can compute the whole chain anew, and can cut off
//! its end. Against both, a head that was kept elsewhere helps (`Verified::head`; write it to the
//! log now and then, or to an export). Old events may be deleted when the hash of the last one that
//! went is kept as the anchor.
//!
//! # Canonical bytes, version 1
//!
//! `hash = SHA-256(previous hash, 32 bytes || bytes)`; the first event's previous hash is all zero.
//! `bytes` are, one after the other, integers big-endian:
//!
//! | part | bytes |
//! |------|-------|
//! | version | the 15 bytes `bascule audit 1` |
//! | `id` | u64 |
//! | `at` | i64, microseconds since 1970 |
//! | `who`, `why`, `action`, `object` | each a text: u64 length in bytes, UTF-8 |
//! | `generation` | `00`, or `01` and u64 |
//! | `before`, `after` | each `00`, or `01` and a value |
//!
//! A value is `00` null, `01` false, `02` true, `03` and a text for a number (as `serde_json` prints
//! it: shortest form that reads back the same), `04` and a text for a string, `05`, u64 count and the
//! values for an array, `06`, u64 count and each key (a text) with its value, sorted by the bytes of
//! the keys, for an object. Store `before` and `after` as text: an engine's own JSON type may write
//! numbers in another way.

#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::fmt;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{AuditEvent, Invalid};

const VERSION: &[u8] = b"bascule audit 1";

/// Of an event and of all that came before it; public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; 32]);

/// Checks events as they are read, page by page.
#[derive(Debug)]
pub struct ChainVerifier {
    head: ChainHash,
    events: u64,
}

/// A chain without a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Of the last event, or the anchor when there was none.
    pub head: ChainHash,
    pub events: u64,
}

/// The first event whose hash is not the one that it must have: it was changed, or what stood
/// before it was changed, moved or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit trail is broken at the event {id}, the number {position} of those checked")]
pub struct Broken {
    pub id: u64,
    /// From 0.
    pub position: u64,
}

/// Checks a whole chain: `events` in their order, each with its stored hash; `anchor` is the hash
/// before the first of them.
pub fn verify<E: Borrow<AuditEvent>>(
    anchor: ChainHash,
    events: impl IntoIterator<Item = (E, ChainHash)>,
) -> Result<Verified, Broken> {
    let mut verifier = ChainVerifier::from(anchor);
    for (event, hash) in events {
        verifier.check(event.borrow(), hash)?;
    }
    Ok(verifier.finish())
}

// === impl ChainHash ===

impl ChainHash {
    /// Before the first event.
    pub const START: Self = Self([0; 32]);

    /// The hash to store with `event`, which comes after the event of this hash.
    #[must_use]
    pub fn link(self, event: &AuditEvent) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(canonical(event));
        Self(hash.finalize().into())
    }

    /// Parses what `Display` gives: 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes
            .map(Self)
            .ok_or_else(|| Invalid::new("hash", "must be 64 lower-case hexadecimal digits"))
    }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

// === impl ChainVerifier ===

impl From<ChainHash> for ChainVerifier {
    fn from(anchor: ChainHash) -> Self {
        Self {
            head: anchor,
            events: 0,
        }
    }
}

impl ChainVerifier {
    /// The next event, with its stored hash.
    pub fn check(&mut self, event: &AuditEvent, stored: ChainHash) -> Result<(), Broken> {
        if self.head.link(event) != stored {
            return Err(self.broken_at(event.id));
        }
        self.head = stored;
        self.events += 1;
        Ok(())
    }

    /// The next event's row can no longer be read, or has no hash.
    pub fn broken_at(&self, id: u64) -> Broken {
        Broken {
            id,
            position: self.events,
        }
    }

    pub fn finish(self) -> Verified {
        Verified {
            head: self.head,
            events: self.events,
        }
    }
}

fn canonical(event: &AuditEvent) -> Vec<u8> {
    // Destructured, so that a new field does not compile until it has its place here (and the
    // version its next number).
    let AuditEvent {
        id,
        at,
        who,
        why,
        action,
        object,
        generation,
        before,
        after,
    } = event;
    let mut bytes = VERSION.to_vec();
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&at.unix_us().to_be_bytes());
    for text in [who, why, action, object] {
        put_text(&mut bytes, text);
    }
    match generation {
        None => bytes.push(0),
        Some(generation) => {
            bytes.push(1);
            bytes.extend_from_slice(&generation.0.to_be_bytes());
        }
    }
    for value in [before, after] {
        match value {
            None => bytes.push(0),
            Some(value) => {
                bytes.push(1);
                put_value(&mut bytes, value);
            }
        }
    }
    bytes
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend_from_slice(&(length as u64).to_be_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_length(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

fn put_value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(0),
        Value::Bool(false) => bytes.push(1),
        Value::Bool(true) => bytes.push(2),
        Value::Number(number) => {
            bytes.push(3);
            put_text(bytes, &number.to_string());
        }
        Value::String(text) => {
            bytes.push(4);
            put_text(bytes, text);
        }
        Value::Array(values) => {
            bytes.push(5);
            put_length(bytes, values.len());
            for value in values {
                put_value(bytes, value);
            }
        }
        Value::Object(fields) => {
            bytes.push(6);
            put_length(bytes, fields.len());
            // Whatever order the map keeps, which is a feature of another crate's build.
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| key.as_str());
            for (key, value) in fields {
                put_text(bytes, key);
                put_value(bytes, value);
            }
        }
    }
}
