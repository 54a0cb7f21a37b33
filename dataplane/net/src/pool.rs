//! Idle connections to one upstream endpoint, last in first out.
//!
//! LIFO keeps the working set small: the connection used last is warm, and the surplus ages out. Refuses
//! to hand out a connection without a look at it (a system call, some 0.4 µs): it may have ended, or hold an
//! answer that nobody asked for, which the next client would get. A connection that was idle for no more than
//! 1 ms was seen to hold one. Invariant: a connection in the pool has nothing outstanding; whoever put it there
//! has read its answer to the last byte.

use std::cell::RefCell;
use std::time::Duration;

use crate::stream::Stream;

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
    /// The connection that was used last and still lives.
    pub fn take(&self) -> Option<Stream> {
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { stream, .. }) = idle.pop() {
            if !stream.slot().is_cut() && stream.is_silent() {
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
