//! Fingerprints: SHA-256 of something public, by which two places agree that they mean the same.
//!
//! Owns the text form, 64 lower-case hexadecimal digits. Unlike a `TokenDigest` it may be shown.

use std::fmt;

use cp_model::Invalid;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// For example of a CA's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

// === impl Fingerprint ===

impl Fingerprint {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses what `Display` gives.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes
            .map(Self)
            .ok_or_else(|| Invalid::new("fingerprint", "must be 64 lower-case hexadecimal digits"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_parsed_back() {
        let fingerprint = Fingerprint::of(b"abc");
        let text = fingerprint.to_string();
        assert!(text.starts_with("ba7816bf"), "{text}");
        assert_eq!(Fingerprint::parse(&text), Ok(fingerprint));
        for bad in ["", "ba7816bf", &text.to_uppercase()] {
            assert!(Fingerprint::parse(bad).is_err(), "{bad}");
        }
    }
}
