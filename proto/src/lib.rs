//! The wire between control plane and nodes: messages and services of `bascule.config.v1`.
//!
//! Owns nothing but generated code; both planes turn these shapes into their own types at their
//! border (`cp-publish` writes them, `dp-config` and `dp-agent` read them).

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
    }
}
