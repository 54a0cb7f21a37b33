//! One call of a service: what goes to a worker, what comes back, and how it can fail.
//!
//! Owns the answer's types; a [`Call`] and the bytes are `dp_codec::frame`'s. Invariant: everything borrowed in a [`Call`] is
//! copied into the frame before `WorkerPool::call` first suspends.

use bytes::Bytes;

/// `deadline_ms` is filled in by the pool.
pub use dp_codec::frame::{Call, DataFormat, Source};

/// What the service answered. Status and headers are as the worker wrote them: the caller checks them again.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub content_type: Bytes,
    /// `name: value CRLF` lines.
    pub headers: Bytes,
    pub body: Bytes,
    /// The service raised; `body` is still what the client gets.
    pub raised: Option<Raised>,
}

/// For the log and the control plane, never for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    pub kind: String,
    pub traceback: String,
}

/// Why a call has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No worker is ready; nothing was sent, a retry is safe.
    #[error("no worker is ready")]
    NoWorker,
    /// Every ready worker is at its limit; nothing was sent, a retry is safe.
    #[error("all workers are busy")]
    Busy,
    /// The worker ended or broke the protocol while it had the call.
    #[error("the worker ended during the call")]
    WorkerDied,
    /// The deadline passed; the worker was told to stop the call.
    #[error("the deadline of the call passed")]
    Deadline,
    /// A part is longer than a frame can carry; nothing was sent.
    #[error("the request does not fit into a frame")]
    TooLarge,
}
