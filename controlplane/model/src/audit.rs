//! Who did what, when, with what before and after.
//!
//! Owns the event's fields. Invariant: an event is written in the transaction of its change, so
//! there is never one without the other.

use serde::Serialize;
use serde_json::Value;

use crate::{Generation, Timestamp};

/// Who asks for a change and when; the clock and the face of the caller fill it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub who: String,
    pub at: Timestamp,
}

/// One entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEvent {
    pub id: u64,
    pub at: Timestamp,
    pub who: String,
    /// For example `channel.create`.
    pub action: String,
    /// For example `channel crm`.
    pub object: String,
    /// `None` when the change did not touch what nodes run.
    pub generation: Option<Generation>,
    pub before: Option<Value>,
    pub after: Option<Value>,
}
