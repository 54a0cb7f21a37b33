//! The compiled configuration of a node: one immutable [`Snapshot`], parsed whole or refused whole.
//!
//! Owns the rules that a snapshot must keep to be served; refuses to know how it arrived, where it
//! is stored and who serves it. Invariant: a `Snapshot` in hand is consistent (no name twice, no
//! pattern conflict, no reference into nothing), so nothing behind this border checks again.

#[cfg(test)]
mod border;
mod built_in;
mod channel;
mod hash;
mod member;
mod name;
mod package;
mod refusal;
mod service;
mod snapshot;

pub use self::built_in::{BuiltIn, PING_CHANNEL, PING_PATH};
pub use self::channel::{BODY_BYTES_MAX, Channel, DataFormat, Target};
pub use self::hash::{Hash, snapshot_hash};
pub use self::member::{Member, MemberState};
pub use self::package::{PACKAGE_BYTES_MAX, Package, PackageId};
pub use self::refusal::{REFUSALS_MAX, Refusal, Refusals};
pub use self::service::Service;
pub use self::snapshot::Snapshot;
