//! Why a snapshot is refused: which object, which field, and the reason a person can act on.
//!
//! Invariant: the list is bounded; a snapshot in which everything is wrong still fits one Nack.

use bascule_proto::config::v1 as proto;

/// How many reasons one refused snapshot carries at most.
pub const REFUSALS_MAX: usize = 50;
/// The wire's mark for "the node as a whole, not one core".
const NO_CORE: i32 = -1;

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{object}: {field}: {reason}")]
pub struct Refusal {
    /// For example `channel crm.customer`.
    pub object: String,
    /// For example `path`.
    pub field: &'static str,
    pub reason: String,
    /// The core that refused; `None` when the node as a whole did.
    pub core: Option<u32>,
}

/// All reasons, at most [`REFUSALS_MAX`]; never empty when used as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("refused: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
pub struct Refusals(pub Vec<Refusal>);

// === impl Refusal ===

impl Refusal {
    /// A reason of the node as a whole.
    pub fn new(object: impl Into<String>, field: &'static str, reason: impl Into<String>) -> Self {
        Self {
            object: object.into(),
            field,
            reason: reason.into(),
            core: None,
        }
    }
}

impl From<Refusal> for proto::Refusal {
    fn from(refusal: Refusal) -> Self {
        let core = refusal.core.and_then(|core| i32::try_from(core).ok());
        Self {
            object: refusal.object,
            field: refusal.field.to_owned(),
            reason: refusal.reason,
            core: core.unwrap_or(NO_CORE),
        }
    }
}

// === impl Refusals ===

impl Refusals {
    /// Adds one reason, as long as there is room.
    pub fn push(&mut self, refusal: Refusal) {
        if self.0.len() < REFUSALS_MAX {
            self.0.push(refusal);
        }
    }

    /// Keeps a good value, or the reasons why there is none.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Refusal>) -> Option<T> {
        result.map_err(|refusal| self.push(refusal)).ok()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Refusal> for Refusals {
    fn from(refusal: Refusal) -> Self {
        Self(vec![refusal])
    }
}
