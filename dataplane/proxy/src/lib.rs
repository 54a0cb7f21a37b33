//! One core's world: accept, connection, exchange, rescue, record, live, drain.
//!
//! Owns the life of a request on one pinned thread, from the accepted socket to the recorded answer.
//! Refuses to own bytes of protocols (`dp-codec`), decisions (`dp-policy`), system calls (`dp-net`) and
//! workers (`dp-exec`). Invariant: nothing on the request path takes a lock or crosses a thread.

mod accept;
mod access_log;
mod answer;
mod backend;
mod body;
mod buffers;
mod cid;
mod command;
mod connection;
mod core;
mod drain;
mod endpoint;
mod exchange;
mod forward;
mod health;
mod invoke;
mod live;
mod options;
mod pump;
mod record;
mod rescue;
mod service;
mod settings;

pub use self::core::{CoreError, run_core};
pub use access_log::{AccessLog, AccessLogTarget, AccessSink};
pub use command::{
    Committed, CoreCommand, Drained, Failure, Invocation, Invoked, Plan, PrepareRefused, Prepared,
};
pub use settings::{CoreListener, CoreSettings, ListenerKind, NodeShared, Timeouts};

#[cfg(test)]
mod tests;
