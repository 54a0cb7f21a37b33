//! The text form of a sealed value: `bsk1.KEYID.BASE64URL(nonce, ciphertext, tag)`.
//!
//! Owns the form. The key's id stands in front in clear, so that a query finds what is still sealed
//! with an old key. Invariant: what was parsed has room for a nonce and a tag.

use std::fmt;

use cp_model::Invalid;
use data_encoding::BASE64URL_NOPAD;

use super::{KeyId, NONCE_BYTES, SEALED_BYTES_MAX};

const VERSION: &str = "bsk1";
const TAG_BYTES: usize = 16;

/// A sealed value; may be stored, and shown to nobody all the same.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    key: KeyId,
    nonce: [u8; NONCE_BYTES],
    /// With the tag at the end.
    bytes: Vec<u8>,
}

// === impl Sealed ===

impl Sealed {
    pub(super) fn new(key: KeyId, nonce: [u8; NONCE_BYTES], bytes: Vec<u8>) -> Self {
        Self { key, nonce, bytes }
    }

    /// Parses what `Display` gives.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Self::parts(text).ok_or_else(|| {
            Invalid::new(
                "sealed",
                format!("must be {VERSION}.KEY.BYTES as it was stored"),
            )
        })
    }

    fn parts(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(VERSION)?.strip_prefix('.')?;
        let (key, bytes) = rest.split_once('.')?;
        let key = KeyId::parse(key).ok()?;
        if bytes.len() > BASE64URL_NOPAD.encode_len(NONCE_BYTES + SEALED_BYTES_MAX + TAG_BYTES) {
            return None;
        }
        let mut nonce = BASE64URL_NOPAD.decode(bytes.as_bytes()).ok()?;
        if nonce.len() < NONCE_BYTES + TAG_BYTES {
            return None;
        }
        let bytes = nonce.split_off(NONCE_BYTES);
        let nonce = nonce.try_into().ok()?;
        Some(Self { key, nonce, bytes })
    }

    /// What it was sealed with.
    pub fn key_id(&self) -> KeyId {
        self.key
    }

    pub(super) fn nonce(&self) -> &[u8; NONCE_BYTES] {
        &self.nonce
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The text to store.
impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.nonce.as_slice(), &self.bytes].concat();
        write!(
            f,
            "{VERSION}.{}.{}",
            self.key,
            BASE64URL_NOPAD.encode(&bytes)
        )
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
