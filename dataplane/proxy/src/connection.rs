//! One client connection: heads are read, exchanges run one after the other, answers leave in order.
//!
//! Owns the input buffer, the answers that are not written yet, and the deadlines between exchanges. Refuses
//! to know what a request wants. Invariant: an answer that is ready is written before anything waits.

use std::net::SocketAddr;
use std::rc::Rc;

use dp_codec::{Progress, Refusal, RequestHead};
use dp_net::{Cut, ReadHalf, Stream};

use crate::answer::Answering;
use crate::buffers::READ_LARGE;
use crate::core::Core;
use crate::exchange;
use crate::rescue;
use crate::settings::ListenerKind;

/// Room of the first read of a head. Most heads and small bodies fit, and it is what an idle connection
/// holds; a larger head doubles it.
const HEAD_ROOM: usize = 2 * 1024;
/// A buffer that grew beyond this is not kept by an idle connection.
const IDLE_CAPACITY_MAX: usize = 4 * 1024;
/// What a refused client may still send before it is cut, so that it can read its answer.
const LINGER_BYTES_MAX: usize = 64 * 1024;

/// What happens to the connection after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    KeepAlive,
    /// Nothing more is expected from the client.
    Close,
    /// The client may still be sending: its bytes are read away for a moment.
    Linger,
    /// The answer is broken and must not look whole.
    Reset,
}

/// Bytes of the client that are not consumed.
#[derive(Debug, Default)]
pub(crate) struct Input {
    bytes: Vec<u8>,
    at: usize,
}

/// Who the client is, as text.
#[derive(Debug)]
pub(crate) struct Peer {
    address: SocketAddr,
    text: Box<str>,
    ip_length: usize,
}

pub(crate) struct Connection {
    pub(crate) core: Rc<Core>,
    pub(crate) kind: ListenerKind,
    pub(crate) peer: Peer,
    pub(crate) stream: Stream,
    pub(crate) input: Input,
    /// Answers, in order, not written yet.
    pub(crate) out: Vec<u8>,
    pub(crate) head: RequestHead,
    is_fresh: bool,
}

enum Next {
    Request,
    Closed,
    Late,
    Refused(Refusal),
}

// === impl Connection ===

impl Connection {
    pub(crate) fn new(
        core: Rc<Core>,
        kind: ListenerKind,
        stream: Stream,
        peer: SocketAddr,
    ) -> Self {
        Self {
            core,
            kind,
            peer: Peer::new(peer),
            stream,
            input: Input::default(),
            out: Vec::new(),
            head: RequestHead::default(),
            is_fresh: true,
        }
    }

    pub(crate) async fn serve(mut self) {
        loop {
            let after = match self.next_head().await {
                // Boxed: an idle connection does not carry the state of an exchange, several KiB.
                Next::Request => Box::pin(exchange::run(&mut self)).await,
                Next::Closed => After::Close,
                Next::Late => rescue::answer_late_head(&mut self),
                Next::Refused(refusal) => rescue::answer_bad_head(&mut self, refusal),
            };
            self.is_fresh = false;
            match after {
                After::KeepAlive if self.out.len() < READ_LARGE => {}
                After::KeepAlive => {
                    if !self.flush().await {
                        return;
                    }
                }
                After::Close => {
                    self.flush().await;
                    return;
                }
                After::Linger => {
                    if self.flush().await {
                        self.linger().await;
                    }
                    return;
                }
                After::Reset => {
                    self.stream.reset();
                    return;
                }
            }
        }
    }

    /// Reads until a head is whole. Answers that wait are written before it waits.
    async fn next_head(&mut self) -> Next {
        let mut head_due = None;
        loop {
            if !self.input.rest().is_empty() {
                match self
                    .head
                    .parse(self.input.rest(), self.core.limits_of(self.kind))
                {
                    Ok(Progress::Complete) => return Next::Request,
                    Ok(Progress::Partial) => {}
                    Err(refusal) => return Next::Refused(refusal),
                }
            }
            if !self.flush().await {
                return Next::Closed;
            }
            let has_begun = !self.input.rest().is_empty();
            let now = self.core.clock.now();
            let times = &self.core.timeouts;
            if has_begun || self.is_fresh {
                let due = *head_due.get_or_insert_with(|| self.core.clock.precise() + times.head);
                self.stream.slot().arm(due, Cut::Read);
            } else {
                self.out.shrink_to(IDLE_CAPACITY_MAX);
                self.input.shrink();
                let idle = if self.core.is_draining.get() {
                    times.drain_idle
                } else {
                    times.keep_alive
                };
                self.stream.slot().arm(now + idle, Cut::Idle);
            }
            let room = self.input.rest().len().max(HEAD_ROOM);
            match self.input.fill(&mut self.stream.reader, room).await {
                Ok(0) if self.stream.slot().is_cut() && !self.input.rest().is_empty() => {
                    return Next::Late;
                }
                Ok(0) | Err(_) => return Next::Closed,
                Ok(_) => {}
            }
        }
    }

    /// For the head of an answer.
    pub(crate) fn answering(&mut self) -> Answering<'_> {
        Answering {
            core: &self.core,
            head: &self.head,
            out: &mut self.out,
        }
    }

    /// Writes what is ready; false when the client is gone.
    pub(crate) async fn flush(&mut self) -> bool {
        if self.out.is_empty() {
            return true;
        }
        self.stream.slot().arm(
            self.core.clock.now() + self.core.timeouts.write_idle,
            Cut::Both,
        );
        let (result, mut out) = self
            .stream
            .writer
            .write_all(std::mem::take(&mut self.out))
            .await;
        out.clear();
        self.out = out;
        result.is_ok()
    }

    /// Ends writing, then reads away what the client still sends: closing at once would make the kernel
    /// answer those bytes with RST, and the client could lose the answer.
    async fn linger(&mut self) {
        self.stream.writer.finish().await;
        self.stream
            .slot()
            .arm(self.core.clock.now() + self.core.timeouts.linger, Cut::Both);
        let mut buffer = self.core.buffers.take();
        let mut drained = 0;
        while drained < LINGER_BYTES_MAX {
            buffer.clear();
            let (result, back) = self.stream.reader.read_some(buffer, READ_LARGE).await;
            buffer = back;
            match result {
                Ok(n) if n > 0 => drained += n,
                _ => break,
            }
        }
        self.core.buffers.give_back(buffer);
    }
}

// === impl Input ===

impl Input {
    /// What is not consumed. The head that was parsed last starts here until it is consumed.
    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.at = (self.at + count).min(self.bytes.len());
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
        }
    }

    /// Takes everything behind the first `kept` bytes away, into `target`.
    pub(crate) fn split_off(&mut self, kept: usize, target: &mut Vec<u8>) {
        let from = (self.at + kept).min(self.bytes.len());
        target.extend_from_slice(self.bytes.get(from..).unwrap_or_default());
        self.bytes.truncate(from);
    }

    /// Puts bytes behind what is there.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Reads at most `room` bytes more; 0 is the end.
    pub(crate) async fn fill(
        &mut self,
        reader: &mut ReadHalf,
        room: usize,
    ) -> std::io::Result<usize> {
        let mut bytes = std::mem::take(&mut self.bytes);
        if self.at > 0 {
            bytes.drain(..self.at);
            self.at = 0;
        }
        let (result, bytes) = reader.read_some(bytes, room).await;
        self.bytes = bytes;
        result
    }

    fn shrink(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > IDLE_CAPACITY_MAX {
            self.bytes = Vec::new();
        }
    }
}

// === impl Peer ===

impl Peer {
    fn new(address: SocketAddr) -> Self {
        let text = address.to_string().into_boxed_str();
        let ip_length = text.rfind(':').unwrap_or(text.len());
        Self {
            address,
            text,
            ip_length,
        }
    }

    /// `ip:port`.
    pub(crate) fn address(&self) -> &str {
        &self.text
    }

    pub(crate) fn socket(&self) -> SocketAddr {
        self.address
    }

    /// The address alone, without the brackets of IPv6.
    pub(crate) fn ip(&self) -> &[u8] {
        let ip = self
            .text
            .as_bytes()
            .get(..self.ip_length)
            .unwrap_or_default();
        ip.strip_prefix(b"[")
            .and_then(|ip| ip.strip_suffix(b"]"))
            .unwrap_or(ip)
    }
}
