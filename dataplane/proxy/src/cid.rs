//! Correlation ids: taken from the client when they are harmless, else minted.
//!
//! Refuses ids that would break a log line or a header. Invariant: a minted id is 24 lower-case hexadecimal
//! digits and differs from every other one of this node: the seed tells cores and starts apart.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// Longest id that is taken from a client; UUIDs, ULIDs, trace ids and Zato's own cids are shorter.
const BYTES_MAX: usize = 64;
const MINTED_BYTES: usize = 24;

/// One correlation id, by value.
#[derive(Clone, Copy)]
pub(crate) struct Cid {
    bytes: [u8; BYTES_MAX],
    length: u8,
}

/// The source of a core's ids.
#[derive(Debug)]
pub(crate) struct Cids {
    seed: Cell<u64>,
    counter: Cell<u32>,
}

// === impl Cid ===

impl Cid {
    /// The id that the client sent, when it may be used as it is.
    pub(crate) fn accept(text: &[u8]) -> Option<Self> {
        let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=@".contains(byte);
        if text.is_empty() || text.len() > BYTES_MAX || !text.iter().all(harmless) {
            return None;
        }
        let mut bytes = [0; BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self {
            bytes,
            length: u8::try_from(text.len()).ok()?,
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.as_bytes()).into_owned()
    }
}

// === impl Cids ===

impl Cids {
    /// Seeded from the system's randomness (`RandomState`) and the core's number.
    pub(crate) fn new(core: u32) -> Self {
        let seed = RandomState::new().hash_one(core);
        Self {
            seed: Cell::new(seed),
            counter: Cell::new(0),
        }
    }

    pub(crate) fn mint(&self) -> Cid {
        let count = self.counter.get().wrapping_add(1);
        self.counter.set(count);
        if count == 0 {
            // 2^32 ids of one seed are spent; another node's seed is as far away as before.
            self.seed
                .set(self.seed.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        }
        let seed = self.seed.get();
        let mut bytes = [0; BYTES_MAX];
        for (place, byte) in bytes.iter_mut().take(MINTED_BYTES).enumerate() {
            let nibble = match place {
                0..16 => seed >> (60 - place * 4),
                _ => u64::from(count) >> (28 - (place - 16) * 4),
            };
            *byte = hex_digit(nibble);
        }
        Cid { bytes, length: 24 }
    }
}

fn hex_digit(nibble: u64) -> u8 {
    let nibble = u8::try_from(nibble & 0xf).unwrap_or(0);
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_ids_are_24_hex_digits_and_differ() {
        let cids = Cids::new(3);
        let (first, second) = (cids.mint(), cids.mint());
        assert_eq!(first.as_bytes().len(), 24);
        assert!(first.as_bytes().iter().all(u8::is_ascii_hexdigit));
        assert_ne!(first.as_bytes(), second.as_bytes());
        assert_ne!(
            Cids::new(3).mint().as_bytes(),
            Cids::new(4).mint().as_bytes()
        );
    }

    #[test]
    fn ids_that_would_break_a_log_are_not_accepted() {
        assert_eq!(Cid::accept(b"a1-B.2").unwrap().as_bytes(), b"a1-B.2");
        for bad in [&b""[..], b"a b", b"a\"b", b"a\r\nb", b"\xff", &[b'a'; 65]] {
            assert!(Cid::accept(bad).is_none());
        }
    }
}
