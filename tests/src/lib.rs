//! What the stories stand on: real binaries on port 0, real HTTP, and waiting on conditions.
//!
//! Owns processes (ended by id when a story ends), temporary folders and small honest clients. It
//! refuses to hide failures: the load client never retries, and a process that ends by itself is
//! reported with the last lines of its log.

pub mod api;
pub mod cluster;
pub mod command;
pub mod dev;
pub mod eventually;
pub mod faulty;
pub mod http;
pub mod load;
pub mod means;
pub mod process;

pub use cluster::{Cluster, ClusterShape};
pub use eventually::eventually;
