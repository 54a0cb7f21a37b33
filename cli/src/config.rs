//! The configuration as files: what they say, whether it can be meant, where each object stands, and how they are written.
//!
//! One file holds lists of objects by the plural of their kind; in a tree, `channels/NAME.yaml` holds one. It knows no
//! kind: their tables of fields come from the control plane, or from the copy that is built in. It asks nobody itself.
//! Invariant: what is written reads back as the same objects.

pub(crate) mod answer;
mod check;
pub(crate) mod document;
pub(crate) mod kinds;
pub(crate) mod source;
#[cfg(test)]
mod tests;
pub(crate) mod tree;
pub(crate) mod write;
