//! The wire between control plane and nodes (`bascule.config.v1`) and that of the admin API (`bascule.admin.v1`), and what
//! both planes must do alike to snapshots.
//!
//! Owns generated code, the bytes of a snapshot with the hash that names them, and the difference between two; refuses to
//! know what any of it means. Both planes turn these shapes into their own types at their border (`cp-publish` writes
//! them, `dp-config` and `dp-agent` read them).

mod delta;
mod encoded;
pub mod publishing;

pub use delta::{DeltaError, Outline, apply, between};
pub use encoded::{Encoded, WireError, snapshot_hash};

/// Messages, client and server of `bascule.config.v1`.
pub mod config {
    /// Version 1: fields are only ever added.
    #[expect(
        clippy::all,
        clippy::pedantic,
        clippy::clone_on_ref_ptr,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated code"
    )]
    pub mod v1 {
        tonic::include_proto!("bascule.config.v1");

        /// The encoded `FileDescriptorSet`; the test of `kept.txt` needs it.
        pub const FILE_DESCRIPTOR_SET: &[u8] =
            include_bytes!(concat!(env!("OUT_DIR"), "/config.bin"));
    }
}

/// Messages, clients and servers of `bascule.admin.v1`.
pub mod admin {
    /// Version 1: fields are only ever added.
    #[expect(
        clippy::all,
        clippy::pedantic,
        clippy::clone_on_ref_ptr,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated code"
    )]
    pub mod v1 {
        tonic::include_proto!("bascule.admin.v1");

        /// The encoded `FileDescriptorSet`, with the files that it imports; reflection serves it.
        pub const FILE_DESCRIPTOR_SET: &[u8] =
            include_bytes!(concat!(env!("OUT_DIR"), "/admin.bin"));
    }
}
