//! A snapshot as it came, by the network or from the disk: its bytes and the message that they are.
//!
//! Invariant: the message is what the bytes decode to.

use bascule_proto::Encoded;
use bascule_proto::config::v1 as proto;

/// Bytes for the disk and the next delta, message for parsing.
#[derive(Clone, Debug, PartialEq)]
pub struct Wire {
    encoded: Encoded,
    message: proto::Snapshot,
}

// === impl Wire ===

impl Wire {
    pub fn decode(encoded: Encoded) -> Result<Self, prost::DecodeError> {
        let message = encoded.decode()?;
        Ok(Self { encoded, message })
    }

    pub fn encoded(&self) -> &Encoded {
        &self.encoded
    }

    pub fn message(&self) -> &proto::Snapshot {
        &self.message
    }
}
