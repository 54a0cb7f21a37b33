//! Ids and numbers that must not be mixed up.
//!
//! Owns the newtypes; refuses to make new ids up (randomness is the caller's). Invariant: a
//! `PackageId` is always 64 lower-case hexadecimal digits.

use std::fmt::{self, Write as _};

use serde::Serialize;
use uuid::Uuid;

use crate::Invalid;

/// Number of the configuration as a whole; each change adds one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Default)]
pub struct Generation(pub u64);

/// Grows with each change of a row and is never used again; becomes its `ETag`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Version(pub u64);

/// Identity of a cluster; nodes refuse snapshots of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct ClusterId(pub Uuid);

/// SHA-256 of a service file's name and content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct PackageId(String);

// === impl Generation ===

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Version ===

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl ClusterId ===

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl PackageId ===

impl PackageId {
    /// The id of a digest.
    pub fn from_digest(digest: &[u8]) -> Self {
        let mut text = String::with_capacity(digest.len() * 2);
        for byte in digest {
            // Writing to a `String` cannot fail.
            write!(text, "{byte:02x}").ok();
        }
        Self(text)
    }

    /// Accepts 64 lower-case hexadecimal digits and nothing else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(is_hex) {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new(
            "id",
            "must be 64 lower-case hexadecimal digits",
        ))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
