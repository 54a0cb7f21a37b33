//! Rows to snapshot to nodes, and the fleet's acknowledgements.
