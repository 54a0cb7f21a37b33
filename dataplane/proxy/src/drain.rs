//! The goodbye of a core.
//!
//! From the first moment answers say `Connection: close` and `X-Bascule-State: draining`; new connections are
//! let in until nobody waits in the listen queue; exchanges in flight finish; idle connections get a moment
//! to send one more request. Commands are obeyed to the end: a core that kept silent would look like one that
//! refuses a generation. Invariant: the drain ends, at the latest when its time is up.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::select;

use crate::command::{CoreCommand, Drained};
use crate::core::{Core, Ending, handle};

/// Between two looks.
const STEP: Duration = Duration::from_millis(10);

pub(crate) async fn run(
    core: &Rc<Core>,
    timeout: Duration,
    commands: &flume::Receiver<CoreCommand>,
) -> Drained {
    select(pin!(goodbye(core, timeout)), pin!(obey(core, commands))).await;
    Drained {
        core: core.index,
        abandoned: core.in_flight.get(),
    }
}

async fn goodbye(core: &Rc<Core>, timeout: Duration) {
    let end = core.clock.precise() + timeout;
    core.is_draining.set(true);
    let acceptors = core.acceptors.borrow().clone();
    for acceptor in &acceptors {
        // What the one before has left: together they have the time of one.
        let left = end.saturating_sub(core.clock.precise());
        acceptor.close_when_empty(&core.clock, left).await;
    }
    core.wheel
        .hasten_idle(core.clock.precise() + core.timeouts.drain_idle);
    loop {
        let open = core.stats.node.connections.value() + core.stats.balancer.connections.value();
        if open == 0 || core.clock.precise() >= end {
            return;
        }
        dp_net::sleep(STEP).await;
    }
}

/// Ends when the core shall not wait any longer.
async fn obey(core: &Rc<Core>, commands: &flume::Receiver<CoreCommand>) {
    while let Ok(command) = commands.recv_async().await {
        match handle(core, command) {
            Some(Ending::Now) => return,
            // The first goodbye goes on.
            Some(Ending::Drain { .. }) | None => {}
        }
    }
    std::future::pending::<()>().await;
}
