//! What the node says to a core, and what the core answers. Messages only; no behaviour.
//!
//! Every command that has an answer carries a `flume` sender for it. A core that died drops its
//! senders, so whoever waits sees a closed channel and never hangs.

use std::sync::Arc;
use std::time::Duration;

use dp_config::{Refusal, Snapshot};
use dp_exec::ServiceSet;

/// One generation, ready to be served: what it says and the handles that workers know its services by.
#[derive(Debug)]
pub struct Plan {
    /// The validated configuration.
    pub snapshot: Arc<Snapshot>,
    /// What the workers know its services by. Held by every exchange that began on this plan.
    pub services: ServiceSet,
}

/// A command for one core.
#[derive(Debug)]
pub enum CoreCommand {
    /// Compile `plan` beside what serves. Nothing changes for requests.
    Prepare {
        /// The plan; the same `Arc` goes to every core.
        plan: Arc<Plan>,
        /// Takes the answer.
        reply: flume::Sender<Result<Prepared, PrepareRefused>>,
    },
    /// Serve the prepared plan from the next request on.
    Commit {
        /// Must be the generation that was prepared last.
        generation: u64,
        /// Takes the answer. `None` when that generation was not prepared here.
        reply: flume::Sender<Option<Committed>>,
    },
    /// Forget the prepared plan of this generation.
    Abort {
        /// The generation that is given up.
        generation: u64,
    },
    /// Run a service for the admin API.
    Invoke {
        /// What to run.
        invocation: Invocation,
        /// Takes the answer.
        reply: flume::Sender<Invoked>,
    },
    /// Say goodbye: `Connection: close` and `X-Bascule-State: draining` on answers, accept until the
    /// listen queue is empty, finish the exchanges in flight, answer, end `run_core`.
    Drain {
        /// How long exchanges in flight may take.
        timeout: Duration,
        /// Takes the answer when the core is empty or the time is up.
        reply: flume::Sender<Drained>,
    },
    /// End `run_core` now.
    Stop,
}

/// A core is ready to commit.
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    /// Which core.
    pub core: u32,
    /// From the command's arrival until ready, in microseconds.
    pub prepare_us: u64,
}

/// A core cannot serve this plan, and why.
#[derive(Clone, Debug)]
pub struct PrepareRefused {
    /// Which core.
    pub core: u32,
    /// Field of object and reason.
    pub refusals: Vec<Refusal>,
}

/// A core serves the generation.
#[derive(Clone, Copy, Debug)]
pub struct Committed {
    /// Which core.
    pub core: u32,
    /// Duration of the switch, in microseconds.
    pub commit_us: u64,
}

/// A core has finished its drain.
#[derive(Clone, Copy, Debug)]
pub struct Drained {
    /// Which core.
    pub core: u32,
    /// Exchanges that were still running when the time was up; 0 is a clean drain.
    pub abandoned: u64,
}

/// A service to run for the admin API.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Its name.
    pub service: String,
    /// Handed over as it is.
    pub body: Vec<u8>,
    /// Of the body; may be empty.
    pub content_type: String,
    /// Correlation id; empty = the core mints one.
    pub cid: String,
    /// Time for the whole call.
    pub timeout: Duration,
}

/// What the service answered.
#[derive(Clone, Debug)]
pub struct Invoked {
    /// HTTP status.
    pub status: u16,
    /// Of the body; may be empty.
    pub content_type: String,
    /// The answer.
    pub body: Vec<u8>,
    /// Time from the command's arrival to the answer, in microseconds.
    pub total_us: u64,
}

/// One exchange that failed in a service; goes to the control plane.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Correlation id.
    pub cid: String,
    /// Wall clock, microseconds since 1970.
    pub at_unix_us: u64,
    /// Name of the channel; empty for the admin API.
    pub channel: String,
    /// Name of the service.
    pub service: String,
    /// What the client got.
    pub status: u16,
    /// Exception type, or `no-worker`, `worker-died`, `deadline`, `invalid-reply`.
    pub kind: String,
    /// For programmers; never sent to a client.
    pub traceback: String,
}
