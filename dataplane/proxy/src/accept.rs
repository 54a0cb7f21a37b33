//! The accept loop of one listener: sockets become connection tasks behind a fence.
//!
//! Refuses to let one connection hurt another: a panic is caught, counted, and costs its own connection.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use dp_net::{Acceptor, Stream};
use futures_util::FutureExt;

use crate::connection::Connection;
use crate::core::{Core, panic_message};
use crate::settings::ListenerKind;

pub(crate) async fn run(core: Rc<Core>, acceptor: Rc<Acceptor>, kind: ListenerKind) {
    let failed = |error: &std::io::Error| {
        let failures = &core.listener_stats(kind).accept_failures;
        failures.increment();
        // Out of descriptors repeats every 100 ms: told once in a hundred times.
        if failures.value() % 100 == 1 {
            tracing::warn!(core = core.index, %error, "a connection was not accepted");
        }
    };
    while let Some((stream, peer)) = acceptor.accept(&core.wheel, failed).await {
        core.listener_stats(kind).accepted.increment();
        dp_net::spawn(fenced(Rc::clone(&core), kind, stream, peer));
    }
}

async fn fenced(core: Rc<Core>, kind: ListenerKind, stream: Stream, peer: SocketAddr) {
    let open = Open::new(Rc::clone(&core), kind);
    let connection = Connection::new(Rc::clone(&core), kind, stream, peer);
    if let Err(panic) = AssertUnwindSafe(connection.serve()).catch_unwind().await {
        core.stats.panics.increment();
        let message = panic_message(&*panic);
        tracing::error!(core = core.index, message, "a connection's task panicked");
    }
    drop(open);
}

/// Counts a connection as open for as long as it lives, whatever ends it.
struct Open {
    core: Rc<Core>,
    kind: ListenerKind,
}

impl Open {
    fn new(core: Rc<Core>, kind: ListenerKind) -> Self {
        core.listener_stats(kind).connections.increment();
        Self { core, kind }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.core.listener_stats(self.kind).connections.decrement();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The goal is 8 KiB for all of an idle connection; its read buffer takes 2 of them, the answer buffer and
    /// the descriptor's bookkeeping some hundred bytes.
    #[test]
    fn the_task_of_an_idle_connection_is_small() {
        assert!(
            size_of_task(&fenced) < 4 * 1024,
            "{}",
            size_of_task(&fenced)
        );
    }

    fn size_of_task<F>(_: &impl Fn(Rc<Core>, ListenerKind, Stream, SocketAddr) -> F) -> usize {
        size_of::<F>()
    }
}
