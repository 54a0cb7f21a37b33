//! One attempt with one endpoint: a connection, the request's bytes, the head of the answer.
//!
//! Refuses to decide what a failure means for the exchange; it says only how far the attempt came.
//! Invariant: a `Broken` with `is_stale` means that not one byte of an answer was seen on a reused connection.

use std::io;
use std::time::Duration;

use dp_codec::{Progress, Refusal, ResponseHead};
use dp_net::{Cut, ReadHalf, Slot, Stream, TRUSTED_IDLE};
use dp_policy::retry::Failure;

use super::Journey;
use crate::buffers::READ_LARGE;
use crate::core::Core;
use crate::endpoint::Endpoint;
use crate::rescue::Fault;

/// A connection for one attempt.
pub(super) struct Connected {
    pub(super) stream: Stream,
    pub(super) is_reused: bool,
    pub(super) asked: Duration,
}

/// An answer whose head was read.
pub(super) struct Answer {
    pub(super) stream: Stream,
    pub(super) read: Read,
    /// From asking to the head.
    pub(super) took: Duration,
}

/// A head and the bytes it was read from.
pub(super) struct Read {
    pub(super) head: Box<ResponseHead>,
    /// The head, and what came behind it.
    pub(super) raw: Vec<u8>,
}

/// How an attempt ended without an answer.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) failure: Failure,
    pub(super) is_stale: bool,
    cause: Cause,
}

#[derive(Clone, Copy, Debug)]
enum Cause {
    Unreachable,
    /// No descriptor, no memory or no port was left here.
    Exhausted,
    Gone,
    Late,
    Invalid(&'static str),
}

/// Takes a pooled connection or makes one.
pub(super) async fn connect(
    core: &Core,
    endpoint: &Endpoint,
    is_idempotent: bool,
    must_connect: bool,
) -> Result<Connected, Broken> {
    let asked = core.clock.precise();
    if !must_connect {
        // What cannot be sent again is not entrusted to a connection that was not looked at.
        let trusted = if is_idempotent {
            TRUSTED_IDLE
        } else {
            Duration::ZERO
        };
        if let Some(stream) = endpoint.pool.take(asked, trusted) {
            return Ok(Connected {
                stream,
                is_reused: true,
                asked,
            });
        }
    }
    core.stats.upstream_connects.increment();
    match Stream::connect(endpoint.address, core.timeouts.connect, &core.wheel).await {
        Ok(stream) => Ok(Connected {
            stream,
            is_reused: false,
            asked,
        }),
        Err(error) => {
            core.stats.upstream_connect_failures.increment();
            if dp_net::is_exhaustion(&error) {
                return Err(Broken::exhausted());
            }
            tracing::debug!(core = core.index, endpoint = &*endpoint.name, %error, "connect failed");
            Err(Broken {
                failure: Failure::Connect,
                is_stale: false,
                cause: Cause::Unreachable,
            })
        }
    }
}

/// Reads the head of the answer to what was sent.
pub(super) async fn read_answer(
    core: &Core,
    mut connected: Connected,
    is_head: bool,
) -> Result<Answer, Broken> {
    let is_reused = connected.is_reused;
    let (slot, reader, _) = connected.stream.parts();
    match read_head(core, reader, slot, is_head).await {
        Ok(read) => Ok(Answer::new(connected, read, core)),
        Err(mut broken) => {
            broken.is_stale &= is_reused;
            Err(broken)
        }
    }
}

/// Reads heads until one is final. `is_stale` says here that nothing at all came.
pub(super) async fn read_head(
    core: &Core,
    reader: &mut ReadHalf,
    slot: &Slot,
    is_head: bool,
) -> Result<Read, Broken> {
    let mut head = core.heads.take();
    let mut raw = core.buffers.take();
    let mut interim = 0;
    loop {
        let (result, back) = reader.read_some(raw, READ_LARGE).await;
        raw = back;
        match result {
            Ok(0) | Err(_) if slot.is_given_up() => return Err(Broken::given_up()),
            Ok(0) | Err(_) if slot.is_cut() => return Err(Broken::late()),
            Ok(0) => {
                return Err(Broken {
                    is_stale: raw.is_empty() && interim == 0,
                    ..Broken::gone()
                });
            }
            Err(error) => return Err(Broken::failed(&error, raw.is_empty() && interim == 0)),
            Ok(_) => {}
        }
        loop {
            match head.parse(&raw, &core.limits, is_head) {
                Ok(Progress::Partial) => break,
                Err(refusal) => return Err(Broken::invalid(refusal)),
                Ok(Progress::Complete) if !head.is_interim() => {
                    slot.await_peer(0);
                    return Ok(Read { head, raw });
                }
                Ok(Progress::Complete) => {
                    interim += 1;
                    if head.status == 101 || interim > ResponseHead::INTERIM_MAX {
                        return Err(Broken::bad("an interim answer that nobody asked for"));
                    }
                    raw.drain(..head.head_len);
                    head.reset();
                    if raw.is_empty() {
                        break;
                    }
                }
            }
        }
    }
}

// === impl Connected ===

impl Connected {
    /// Writes the whole request and starts the wait for the answer.
    pub(super) async fn send(
        &mut self,
        message: Vec<u8>,
        journey: &Journey,
    ) -> (Result<(), Broken>, Vec<u8>) {
        self.expect_answer(journey);
        let (written, message) = self.stream.writer.write_all(message).await;
        let result = written.map_err(|error| Broken::failed(&error, self.is_reused));
        (result, message)
    }

    /// The answer is due within the patience of the exchange.
    pub(super) fn expect_answer(&self, journey: &Journey) {
        let slot = self.stream.slot();
        slot.arm(self.asked + journey.patience, Cut::Both);
        // Only what can be sent again: the rest may still be answered by an endpoint that is merely slow.
        if journey.idempotent {
            slot.await_peer(journey.endpoint.peer());
        }
    }
}

// === impl Answer ===

impl Answer {
    pub(super) fn new(connected: Connected, read: Read, core: &Core) -> Self {
        let took = core.clock.precise().saturating_sub(connected.asked);
        Self {
            stream: connected.stream,
            read,
            took,
        }
    }
}

// === impl Broken ===

impl Broken {
    fn exhausted() -> Self {
        Self {
            failure: Failure::Connect,
            is_stale: false,
            cause: Cause::Exhausted,
        }
    }

    /// The endpoint has no part in it, and another one would fare the same.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self.cause, Cause::Exhausted)
    }

    pub(super) fn gone() -> Self {
        Self {
            failure: Failure::Reset,
            is_stale: false,
            cause: Cause::Gone,
        }
    }

    /// The endpoint went down meanwhile.
    fn given_up() -> Self {
        Self {
            failure: Failure::GivenUp,
            ..Self::gone()
        }
    }

    fn failed(_error: &io::Error, is_stale: bool) -> Self {
        Self {
            failure: Failure::Reset,
            is_stale,
            cause: Cause::Gone,
        }
    }

    fn late() -> Self {
        Self {
            failure: Failure::Timeout,
            is_stale: false,
            cause: Cause::Late,
        }
    }

    fn invalid(refusal: Refusal) -> Self {
        Self::bad(refusal.reason())
    }

    fn bad(reason: &'static str) -> Self {
        Self {
            failure: Failure::Response,
            is_stale: false,
            cause: Cause::Invalid(reason),
        }
    }

    pub(super) fn to_fault(&self) -> Fault {
        match self.cause {
            Cause::Unreachable => Fault::Unreachable,
            Cause::Exhausted => Fault::Exhausted,
            Cause::Gone => Fault::UpstreamGone,
            Cause::Late => Fault::UpstreamLate,
            Cause::Invalid(reason) => Fault::UpstreamInvalid(reason),
        }
    }
}
