//! Idle connections to one upstream endpoint, last in first out.
//!
//! LIFO keeps the working set small: the connection used last is warm, and the surplus ages out. Refuses
//! to hand out a connection that idled without looking at it first. Invariant: a connection in the pool has
//! nothing outstanding; whoever put it there has read its answer to the last byte.

use std::cell::RefCell;
use std::time::Duration;

use crate::stream::Stream;

/// After this idle time a connection is looked at before it is used (a system call, some 0.5 µs): it may have
/// ended, or hold an answer that nobody asked for, which the next client would get. A stray answer that came 1 ms
/// after the proper one was seen to do that. Under load a connection is used again within microseconds: a look
/// would see nothing yet, and a stray answer that comes then meets the next request, looked at or not.
pub const TRUSTED_IDLE: Duration = Duration::from_micros(200);

/// Idle connections kept per endpoint and core; more than a core can use at once at full speed.
const IDLE_MAX: usize = 256;

/// The idle connections of one endpoint.
#[derive(Debug, Default)]
pub struct Pool {
    idle: RefCell<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    stream: Stream,
    since: Duration,
}

impl Pool {
    /// The connection that was used last and still lives. One that was idle for less than `trusted` is
    /// taken for alive without a look.
    pub fn take(&self, now: Duration, trusted: Duration) -> Option<Stream> {
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { stream, since }) = idle.pop() {
            if stream.slot().is_cut() {
                continue;
            }
            if now.saturating_sub(since) < trusted || stream.is_silent() {
                return Some(stream);
            }
        }
        None
    }

    /// Keeps `stream` for the next exchange.
    pub fn put(&self, stream: Stream, now: Duration) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < IDLE_MAX {
            stream.slot().disarm();
            idle.push(Idle { stream, since: now });
        }
    }

    /// Closes what idles longer than `keep`, and what its peer has closed.
    pub fn sweep(&self, now: Duration, keep: Duration) {
        self.idle
            .borrow_mut()
            .retain(|idle| now.saturating_sub(idle.since) < keep && idle.stream.is_silent());
    }

    /// Closes all: the endpoint is gone or its connections are suspect.
    pub fn clear(&self) {
        self.idle.borrow_mut().clear();
    }

    /// Idle connections now.
    pub fn len(&self) -> usize {
        self.idle.borrow().len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
