//! The compiled configuration of a node: one immutable Snapshot.
