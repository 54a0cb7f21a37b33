//! Who did what, when, with what before and after.
//!
//! Owns the event's fields. Invariant: an event is written in the transaction of its change, so
//! there is never one without the other.

use serde::Serialize;
use serde_json::Value;

use crate::{Generation, Timestamp};

/// Who asks for a change, when and how; the clock and the face of the caller fill it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub who: String,
    pub at: Timestamp,
    /// The reason that the caller gave, for the audit trail; may be empty.
    pub why: String,
    /// Do everything but the commit.
    pub is_dry_run: bool,
    pub key: Option<RequestKey>,
}

/// An `Idempotency-Key` and what was asked under it: the same key with the same request is done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// SHA-256 of the caller and the key, in hexadecimal digits.
    pub key: String,
    /// SHA-256 of method, path and body, in hexadecimal digits.
    pub fingerprint: String,
}

/// One entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEvent {
    pub id: u64,
    pub at: Timestamp,
    pub who: String,
    /// The reason that the caller gave; may be empty.
    pub why: String,
    /// For example `channel.create`.
    pub action: String,
    /// For example `channel crm`.
    pub object: String,
    /// `None` when the change did not touch what nodes run.
    pub generation: Option<Generation>,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

// === impl Origin ===

impl Origin {
    pub fn new(who: impl Into<String>, at: Timestamp) -> Self {
        Self {
            who: who.into(),
            at,
            why: String::new(),
            is_dry_run: false,
            key: None,
        }
    }
}
