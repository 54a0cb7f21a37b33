//! Whole cores on port 0, with plain clients and tiny upstreams.

mod balance;
mod bodies;
mod clients;
mod cores;
mod early;
mod generations;
mod heads;
mod lifecycle;
mod members;
mod serve;
mod upstreams;
mod workers;

use crate::connection::Connection;

/// The hook by which a test makes an exchange panic.
pub(crate) fn panic_when_asked(connection: &Connection) {
    let path = connection.head.path.of(connection.input.rest());
    assert!(path != b"/panic-in-a-test", "asked for by a test");
}
