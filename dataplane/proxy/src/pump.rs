//! Bytes of a body from one socket to another, at the pace of the slower one.
//!
//! Used in both directions. Refuses to read ahead: a piece is written before the next is read, which is all
//! the back-pressure there is and all that is needed. Invariant: the end of the outgoing framing is written
//! only after the end of the incoming one was read.

use std::time::Duration;

use dp_codec::field::{CHUNK_END, write_chunk_head};
use dp_net::{Clock, Cut, ReadHalf, Slot, WriteHalf};

use crate::body::{Body, BodyFault};
use crate::buffers::{READ_LARGE, READ_SMALL};

/// The slowest body that is served; below it a client only holds a slot (Slowloris).
const RATE_MIN_BYTES_PER_S: u64 = 240;

/// How the body is framed on the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// As it is: its length was announced, or the end of the connection is its end.
    Plain,
    Chunked,
}

/// Where bytes come from.
pub(crate) struct Source<'a> {
    pub(crate) reader: &'a mut ReadHalf,
    pub(crate) slot: &'a Slot,
    pub(crate) pace: Pace,
}

/// Where bytes go.
pub(crate) struct Sink<'a> {
    pub(crate) writer: &'a mut WriteHalf,
    pub(crate) slot: &'a Slot,
    /// Written first, together with the body's beginning; afterwards what is not written yet.
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) framing: Outgoing,
    /// A write may take this long.
    pub(crate) idle: Duration,
    /// Bytes handed to the socket or left in `out`.
    pub(crate) bytes: u64,
}

/// How long a read may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) idle: Duration,
    /// From here a minimum rate holds, after `grace`.
    pub(crate) grace: Option<Duration>,
    pub(crate) started: Duration,
    /// Not later than this in any case.
    pub(crate) deadline: Option<Duration>,
}

/// Which side failed.
#[derive(Debug)]
pub(crate) enum PumpFault {
    Source(BodyFault),
    Sink,
}

/// Moves the whole body. Its last piece is left in `sink.out`, so that the caller can put more behind it.
pub(crate) async fn pump(
    body: &mut Body,
    source: Source<'_>,
    sink: &mut Sink<'_>,
    clock: &Clock,
) -> Result<(), PumpFault> {
    loop {
        let ready = body.take_ready().map_err(PumpFault::Source)?;
        let length = ready.range.len();
        if length > 0 && sink.framing == Outgoing::Chunked {
            write_chunk_head(sink.out, length);
        }
        if length <= READ_SMALL || (ready.is_last && sink.out.len() + length <= READ_LARGE) {
            sink.out.extend_from_slice(body.bytes(&ready.range));
        } else {
            // Too large to be worth a copy: what stands before it goes first, then the piece itself.
            sink.flush(clock).await?;
            let raw = body.lend();
            sink.slot.arm(clock.now() + sink.idle, Cut::Both);
            let (result, raw) = sink
                .writer
                .write_range(raw, ready.range.start, ready.range.end)
                .await;
            body.take_back(raw);
            result.map_err(|_gone| PumpFault::Sink)?;
        }
        sink.bytes += length as u64;
        if sink.framing == Outgoing::Chunked {
            if length > 0 {
                sink.out.extend_from_slice(b"\r\n");
            }
            if ready.is_last {
                sink.out.extend_from_slice(CHUNK_END);
            }
        }
        if ready.is_last {
            return Ok(());
        }
        sink.flush(clock).await?;
        source
            .slot
            .arm(source.pace.due(clock.now(), body.received()), Cut::Read);
        body.fill(source.reader, source.slot)
            .await
            .map_err(PumpFault::Source)?;
    }
}

// === impl Sink ===

impl Sink<'_> {
    pub(crate) async fn flush(&mut self, clock: &Clock) -> Result<(), PumpFault> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.slot.arm(clock.now() + self.idle, Cut::Both);
        let (result, mut out) = self.writer.write_all(std::mem::take(self.out)).await;
        out.clear();
        *self.out = out;
        result.map_err(|_gone| PumpFault::Sink)
    }
}

// === impl Pace ===

impl Pace {
    pub(crate) fn due(&self, now: Duration, received: u64) -> Duration {
        let mut due = now + self.idle;
        if let Some(grace) = self.grace {
            let earned = Duration::from_secs(received / RATE_MIN_BYTES_PER_S);
            due = due.min(self.started + grace + earned);
        }
        self.deadline.map_or(due, |deadline| due.min(deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dripping_body_runs_out_of_time_and_a_fast_one_does_not() {
        let seconds = Duration::from_secs;
        let pace = Pace {
            idle: seconds(30),
            grace: Some(seconds(5)),
            started: seconds(100),
            deadline: None,
        };
        assert_eq!(pace.due(seconds(100), 0), seconds(105));
        assert_eq!(pace.due(seconds(104), 240), seconds(106));
        assert_eq!(pace.due(seconds(104), 240 * 60), seconds(134));
    }
}
