//! Typed ids, names and resources of the control plane.
