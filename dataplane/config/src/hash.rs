//! The content hash that names a snapshot.
//!
//! Invariant: SHA-256 of the message encoded with `hash` empty, as the control plane makes it.

use bascule_proto::config::v1 as proto;

/// SHA-256 of a snapshot.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

/// The hash that `snapshot` should carry, whatever its own field says.
pub fn snapshot_hash(snapshot: &proto::Snapshot) -> Hash {
    Hash(bascule_proto::snapshot_hash(snapshot))
}

// === impl Hash ===

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
