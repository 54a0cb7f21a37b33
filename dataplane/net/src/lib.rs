//! The I/O crate of the cores: runtime, listeners, streams, pools, clock.
