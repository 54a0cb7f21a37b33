//! The control socket of one worker, without blocking.
//!
//! Owns what is half sent and half received. Refuses to know what messages mean. Invariant: after an error nothing
//! more is read from the socket; the worker is to be replaced.

use std::{
    io::{self, ErrorKind, Read, Write},
    os::unix::net::UnixStream,
};

use dp_codec::frame::{FrameKind, Split, encode_control, split};
use rustix::fd::{AsFd, BorrowedFd};
use serde::Serialize;

/// What a worker that does not read its control socket may leave unsent.
const UNSENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Declarations of services and tracebacks; never bodies.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Control {
    socket: UnixStream,
    unsent: Vec<u8>,
    received: Vec<u8>,
    ended: bool,
}

/// A message from a worker: its kind and its JSON.
pub(crate) type Message = (FrameKind, Vec<u8>);

// === impl Control ===

impl Control {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self {
            socket,
            unsent: Vec::new(),
            received: Vec::new(),
            ended: false,
        }
    }

    /// To be polled for reading, and for writing while `has_unsent`; none once the other end is closed.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        (!self.ended).then(|| self.socket.as_fd())
    }

    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    pub(crate) fn send(&mut self, kind: FrameKind, message: &impl Serialize) -> io::Result<()> {
        let json = serde_json::to_vec(message)?;
        encode_control(&mut self.unsent, kind, &json).map_err(io::Error::other)?;
        if self.unsent.len() > UNSENT_BYTES_MAX {
            return Err(io::Error::other("it does not read its control socket"));
        }
        self.flush()
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Every whole message that is there. The end of the socket is no error here: the process tells how it ended.
    pub(crate) fn receive(&mut self) -> io::Result<Vec<Message>> {
        let mut chunk = [0_u8; 16 * 1024];
        while !self.ended && self.received.len() <= MESSAGE_BYTES_MAX {
            match self.socket.read(&mut chunk) {
                Ok(0) => self.ended = true,
                Ok(count) => self
                    .received
                    .extend_from_slice(chunk.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.ended = true,
            }
        }
        self.messages()
    }

    /// The worker has closed its end.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    fn messages(&mut self) -> io::Result<Vec<Message>> {
        let mut messages = Vec::new();
        let mut start = 0;
        loop {
            match split(self.received.get(start..).unwrap_or_default()).map_err(io::Error::other)? {
                Split::Frame(frame) => {
                    messages.push((frame.kind, frame.payload.to_vec()));
                    start += frame.wire_len();
                }
                Split::NeedMore(length) if length > MESSAGE_BYTES_MAX => {
                    return Err(io::Error::other("a control message is too large"));
                }
                Split::NeedMore(_) => break,
            }
        }
        self.received.drain(..start);
        Ok(messages)
    }
}
