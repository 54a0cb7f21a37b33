//! The accept loop of one listener: sockets become connection tasks behind a fence.
//!
//! Refuses to let one connection hurt another: a panic is caught, counted, and costs its own connection. Those beyond
//! `connections_max` wait in the kernel's queue, so that those who are served find descriptors for their upstreams.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use dp_net::{Acceptor, Stream};
use futures_util::FutureExt;

use crate::connection::Connection;
use crate::core::{Core, panic_message};
use crate::settings::ListenerKind;

/// Between two looks whether a connection was closed.
const FULL_PAUSE: Duration = Duration::from_millis(10);

pub(crate) async fn run(core: Rc<Core>, acceptor: Rc<Acceptor>, kind: ListenerKind) {
    let failed = |error: &std::io::Error| {
        let failures = &core.listener_stats(kind).accept_failures;
        failures.increment();
        // Out of descriptors repeats every 100 ms: told once in a hundred times.
        if failures.value() % 100 == 1 {
            tracing::warn!(core = core.index, %error, "a connection was not accepted");
        }
    };
    while let Some((stream, peer)) = next(&core, &acceptor, failed).await {
        core.listener_stats(kind).accepted.increment();
        // Counted here, not by the task: that begins later, and the next one may come before.
        let open = Open::new(Rc::clone(&core), kind);
        dp_net::spawn(fenced(open, stream, peer));
    }
}

async fn next(
    core: &Core,
    acceptor: &Acceptor,
    failed: impl FnMut(&std::io::Error),
) -> Option<(Stream, SocketAddr)> {
    if core.open.get() >= core.connections_max {
        let pauses = &core.stats.accept_pauses;
        pauses.increment();
        // At the limit every connection that closes makes room for one: told once in a hundred times.
        if pauses.value() % 100 == 1 {
            tracing::warn!(
                core = core.index,
                connections_max = core.connections_max,
                "accepting pauses: the core holds as many connections as its share of descriptors allows"
            );
        }
        while core.open.get() >= core.connections_max {
            dp_net::sleep(FULL_PAUSE).await;
        }
    }
    acceptor.accept(&core.wheel, failed).await
}

async fn fenced(open: Open, stream: Stream, peer: SocketAddr) {
    let core = Rc::clone(&open.core);
    let connection = Connection::new(Rc::clone(&core), open.kind, stream, peer);
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
        core.open.set(core.open.get() + 1);
        Self { core, kind }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.core.listener_stats(self.kind).connections.decrement();
        self.core.open.set(self.core.open.get().saturating_sub(1));
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

    fn size_of_task<F>(_: &impl Fn(Open, Stream, SocketAddr) -> F) -> usize {
        size_of::<F>()
    }
}
