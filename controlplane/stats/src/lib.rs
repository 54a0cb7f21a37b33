//! Statistics: ingest, in-process store, queries.
//!
//! Owns what happened in the last five minutes; refuses clocks (the second is an argument).
//! Invariant: quantiles come from merged histograms, never from averages of quantiles.

mod failure;
mod histogram;
mod series;
mod store;

pub use failure::FailureRecord;
pub use histogram::{BUCKETS, Buckets};
pub use series::{Point, SECONDS_KEPT};
pub use store::{INTERVAL_SECONDS, Stats, Summary};
