//! The fixed backend: one thread, one answer, as little CPU as a socket allows, so that a proxy's
//! cost is not hidden behind it. It refuses malformed requests by closing. Invariant: answers leave
//! in the order of the requests, also when they are delayed.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use crate::engine::nanoseconds;
use crate::poller::{Poller, Ready};
use crate::request::{Request, RequestReader};

const LISTENER: u64 = u64::MAX;
const SCRATCH_BYTES: usize = 64 * 1024;

pub(crate) struct Backend {
    listener: TcpListener,
    poller: Poller,
    start: Instant,
    delay_ns: u64,
    answer: Answer,
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    /// Requests whose answer is due later, in the order of their moments.
    delayed: VecDeque<(u64, usize, u64)>,
    next_serial: u64,
    scratch: Vec<u8>,
}

/// The answer's bytes, made once.
struct Answer {
    keep_alive: Vec<u8>,
    close: Vec<u8>,
    body_bytes: usize,
}

struct Peer {
    stream: TcpStream,
    /// Tells this peer from an earlier one in the same place.
    serial: u64,
    reader: RequestReader,
    /// Read, and not answered yet because of the delay.
    held: VecDeque<Request>,
    out: Vec<u8>,
    out_at: usize,
    closing: bool,
}

// === impl Backend ===

impl Backend {
    pub(crate) fn new(
        listener: TcpListener,
        body_bytes: usize,
        delay_ns: u64,
    ) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let poller = Poller::new()?;
        poller.add(&listener, LISTENER)?;
        Ok(Self {
            listener,
            poller,
            start: Instant::now(),
            delay_ns,
            answer: Answer::new(body_bytes),
            peers: Vec::new(),
            free: Vec::new(),
            delayed: VecDeque::new(),
            next_serial: 0,
            scratch: vec![0; SCRATCH_BYTES],
        })
    }

    /// Serves until the process ends.
    pub(crate) fn serve(mut self) -> std::io::Result<()> {
        let mut events: Vec<Ready> = Vec::new();
        loop {
            self.answer_delayed();
            let wait = self
                .delayed
                .front()
                .map(|&(due, ..)| due.saturating_sub(self.now()));
            self.poller.wait(wait, &mut events)?;
            for event in &events {
                if event.token == LISTENER {
                    self.accept()?;
                } else {
                    self.ready(*event);
                }
            }
        }
    }

    fn now(&self) -> u64 {
        nanoseconds(self.start.elapsed())
    }

    fn accept(&mut self) -> std::io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The peer has gone already, or descriptors are short: go on with the others.
                Err(_) => continue,
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let index = self.free.pop().unwrap_or_else(|| {
                self.peers.push(None);
                self.peers.len() - 1
            });
            self.poller.add(&stream, index as u64)?;
            self.next_serial += 1;
            if let Some(place) = self.peers.get_mut(index) {
                *place = Some(Peer::new(stream, self.next_serial));
            }
        }
    }

    fn ready(&mut self, event: Ready) {
        let index = usize::try_from(event.token).unwrap_or(usize::MAX);
        let due = self.now().saturating_add(self.delay_ns);
        let Some(peer) = self.peers.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        let mut is_alive = true;
        if event.readable {
            let before = peer.held.len();
            is_alive = peer.read(&mut self.scratch, event.ended);
            for _ in before..peer.held.len() {
                if self.delay_ns > 0 {
                    self.delayed.push_back((due, index, peer.serial));
                } else {
                    peer.answer(&self.answer);
                }
            }
        }
        let is_alive = peer.flush() && is_alive;
        if !is_alive {
            self.end(index);
        }
    }

    fn answer_delayed(&mut self) {
        let now = self.now();
        while self.delayed.front().is_some_and(|&(due, ..)| due <= now) {
            let Some((_, index, serial)) = self.delayed.pop_front() else {
                return;
            };
            let Some(peer) = self.peers.get_mut(index).and_then(Option::as_mut) else {
                continue;
            };
            if peer.serial == serial {
                peer.answer(&self.answer);
                if !peer.flush() {
                    self.end(index);
                }
            }
        }
    }

    fn end(&mut self, index: usize) {
        if let Some(place) = self.peers.get_mut(index) {
            *place = None;
            self.free.push(index);
        }
    }
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backend")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

// === impl Answer ===

impl Answer {
    fn new(body_bytes: usize) -> Self {
        let make = |connection: &str| {
            let mut bytes = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\
                 Content-Length: {body_bytes}\r\n{connection}\r\n"
            )
            .into_bytes();
            bytes.resize(bytes.len() + body_bytes, b'x');
            bytes
        };
        Self {
            keep_alive: make(""),
            close: make("Connection: close\r\n"),
            body_bytes,
        }
    }
}

// === impl Peer ===

impl Peer {
    fn new(stream: TcpStream, serial: u64) -> Self {
        Self {
            stream,
            serial,
            reader: RequestReader::default(),
            held: VecDeque::new(),
            out: Vec::new(),
            out_at: 0,
            closing: false,
        }
    }

    /// Reads what is there; false when the peer has gone or talks nonsense.
    fn read(&mut self, scratch: &mut [u8], ended: bool) -> bool {
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return false,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return false,
            };
            let mut input = scratch.get(..count).unwrap_or_default();
            while !input.is_empty() {
                match self.reader.advance(&mut input) {
                    Ok(Some(request)) => self.held.push_back(request),
                    Ok(None) => {}
                    Err(_) => return false,
                }
            }
            if count < scratch.len() && !ended {
                return true;
            }
        }
    }

    fn answer(&mut self, answer: &Answer) {
        let Some(request) = self.held.pop_front() else {
            return;
        };
        let bytes = if request.keep_alive {
            &answer.keep_alive
        } else {
            &answer.close
        };
        let body = if request.is_head {
            answer.body_bytes
        } else {
            0
        };
        self.out
            .extend_from_slice(bytes.get(..bytes.len() - body).unwrap_or_default());
        self.closing |= !request.keep_alive;
    }

    /// Writes what is queued; false when the connection has ended.
    fn flush(&mut self) -> bool {
        while let Some(rest) = self.out.get(self.out_at..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(written) if written > 0 => self.out_at += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => return false,
            }
        }
        self.out.clear();
        self.out_at = 0;
        !self.closing
    }
}
