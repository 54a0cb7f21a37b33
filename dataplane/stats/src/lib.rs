//! What a node counts: counters, gauges and histograms with one writer each, and the registry by
//! which the agent reads them.
//!
//! Owns the numbers and their merging; refuses to know where they are sent or how they are named
//! outside. Invariant: recording is wait-free and takes no lock; every number has one writing
//! core, so a plain load and store of a relaxed atomic loses nothing.

mod channel;
mod core;
mod counter;
mod histogram;
mod registry;

pub use self::channel::{ChannelKey, ChannelStats, ChannelTotals};
pub use self::core::{CoreStats, ListenerStats, ListenerTotals};
pub use self::counter::{Counter, Gauge};
pub use self::histogram::{BUCKETS, Buckets, Histogram, bucket_bounds, bucket_index};
pub use self::registry::{NodeTotals, Registry};
