//! The goodbye of a core.
//!
//! From the first moment answers say `Connection: close` and `X-Bascule-State: draining`; new connections are
//! let in until nobody waits in the listen queue; exchanges in flight finish; idle connections get a moment
//! to send one more request. Refuses new commands but `Stop`. Invariant: the drain ends, at the latest when its
//! time is up.

use std::rc::Rc;
use std::time::Duration;

use crate::command::{CoreCommand, Drained};
use crate::core::Core;

/// Between two looks.
const STEP: Duration = Duration::from_millis(10);

pub(crate) async fn run(
    core: &Rc<Core>,
    timeout: Duration,
    commands: &flume::Receiver<CoreCommand>,
) -> Drained {
    let started = core.clock.precise();
    let end = started + timeout;
    core.is_draining.set(true);
    let acceptors = core.acceptors.borrow().clone();
    for acceptor in &acceptors {
        acceptor.close_when_empty(&core.clock, timeout).await;
    }
    core.wheel
        .hasten_idle(core.clock.precise() + core.timeouts.drain_idle);
    loop {
        let open = core.stats.node.connections.value() + core.stats.balancer.connections.value();
        let is_stopped = matches!(commands.try_recv(), Ok(CoreCommand::Stop));
        if open == 0 || is_stopped || core.clock.precise() >= end {
            break;
        }
        dp_net::sleep(STEP).await;
    }
    Drained {
        core: core.index,
        abandoned: core.in_flight.get(),
    }
}
