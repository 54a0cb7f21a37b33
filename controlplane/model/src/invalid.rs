//! The one error of parsing: which field, and why.
//!
//! Owns no text for people beyond the reason. Invariant: `field` is the name that a client wrote,
//! so it can be turned into a JSON pointer as it is.

use std::borrow::Cow;

/// A value that a field must not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Invalid {
    /// Name of the field as clients write it; below it, as in a JSON pointer: `endpoints/0/address`.
    pub field: Cow<'static, str>,
    /// What is wrong with it, for people.
    pub reason: String,
}

// === impl Invalid ===

impl Invalid {
    /// Needed by every parser of this crate and by the faces that add their own fields.
    pub fn new(field: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }
}
