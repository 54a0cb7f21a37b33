//! One line of the configuration's history.
//!
//! Owns nothing but its fields. Invariant: numbers have no holes and only grow.

use serde::Serialize;

use crate::{Generation, Timestamp};

/// Who made a generation, when, and what it changed in a few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GenerationRow {
    pub number: Generation,
    pub at: Timestamp,
    pub who: String,
    pub summary: String,
}
