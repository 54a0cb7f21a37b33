//! The I/O crate of the cores: runtime, listeners, streams, deadlines, pools, clock.
//!
//! Owns every system call of the request path and all `unsafe` of the data plane. Refuses to know HTTP:
//! bytes go in and out, and who reads them decides what they mean. Invariant: one core owns everything
//! here; nothing is shared between threads but the bound sockets at start.

mod clock;
mod deadline;
mod descriptors;
mod listen;
mod pool;
mod runtime;
mod stream;

pub use clock::Clock;
pub use deadline::{Cut, DeadlineWheel, Slot};
pub use descriptors::{connections_max, is_exhaustion, raise_descriptor_limit};
pub use listen::{Acceptor, BindError, ListenerSet, bind_patiently};
pub use pool::{Pool, TRUSTED_IDLE};
pub use runtime::{Driver, DriverChoice, RuntimeError, block_on, pin_thread};
pub use stream::{ReadHalf, Stream, WriteHalf};

/// Runs a future on the core's own thread; the only way in which cores start tasks.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    drop(monoio::spawn(task));
}

/// Waits; with the runtime's timer, so not for the request path.
pub async fn sleep(duration: std::time::Duration) {
    monoio::time::sleep(duration).await;
}
