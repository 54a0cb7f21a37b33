//! One client connection: opens, writes requests, reads answers. It knows no model and no clock:
//! the engine decides what is sent when. Invariant: answers leave in the order of their requests,
//! and after an error the connection is closed and may be opened anew.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use socket2::{Domain, Protocol, Socket, Type};

use crate::poller::{Poller, Ready};
use crate::response::{Answer, ResponseReader};
use crate::tally::Failure;

/// A request on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// When it was meant to be sent.
    pub(crate) intended_ns: u64,
    pub(crate) sent_ns: u64,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) server: usize,
    stream: Option<TcpStream>,
    connected: bool,
    /// Counts sockets, so that an event of an earlier socket is not taken for this one's.
    epoch: u32,
    out: Vec<u8>,
    out_at: usize,
    pub(crate) waiting: VecDeque<Sent>,
    reader: ResponseReader,
}

/// How a connection stands after its bytes were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    Closed,
}

/// Why a connection failed; the detail names the fault of a bad response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) failure: Failure,
    pub(crate) detail: Option<&'static str>,
}

// === impl Connection ===

impl Connection {
    pub(crate) fn new(server: usize) -> Self {
        Self {
            server,
            stream: None,
            connected: false,
            epoch: 0,
            out: Vec::new(),
            out_at: 0,
            waiting: VecDeque::new(),
            reader: ResponseReader::default(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// Starts to connect; the poller says when it is done.
    pub(crate) fn open(
        &mut self,
        address: SocketAddr,
        poller: &Poller,
        index: u32,
    ) -> Result<(), Fault> {
        self.close();
        self.epoch = self.epoch.wrapping_add(1);
        let token = u64::from(self.epoch) << 32 | u64::from(index);
        let stream = connect(address, poller, token).map_err(|error| Fault::connect(&error))?;
        self.stream = Some(stream);
        Ok(())
    }

    /// The event's index and whether it belongs to the socket of now.
    pub(crate) fn index_of(token: u64) -> (usize, u32) {
        // Both halves fit by construction.
        let index = usize::try_from(token & 0xffff_ffff).unwrap_or(usize::MAX);
        (index, u32::try_from(token >> 32).unwrap_or(u32::MAX))
    }

    pub(crate) fn is_epoch(&self, epoch: u32) -> bool {
        self.epoch == epoch && self.stream.is_some()
    }

    pub(crate) fn queue(&mut self, request: &[u8], sent: Sent) {
        self.out.extend_from_slice(request);
        self.waiting.push_back(sent);
    }

    /// Writes what is queued, as far as the socket takes it.
    pub(crate) fn flush(&mut self) -> Result<(), Fault> {
        let Some(stream) = self.stream.as_mut().filter(|_| self.connected) else {
            return Ok(());
        };
        while let Some(rest) = self.out.get(self.out_at..).filter(|rest| !rest.is_empty()) {
            match stream.write(rest) {
                Ok(0) => return Err(Fault::new(Failure::Reset)),
                Ok(written) => self.out_at += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The peer may have answered and closed before it took all: the read will tell.
                Err(_) => break,
            }
        }
        self.out.clear();
        self.out_at = 0;
        Ok(())
    }

    /// Handles one event; finished requests go to `answers`.
    pub(crate) fn ready(
        &mut self,
        event: Ready,
        (scratch, head_method): (&mut [u8], bool),
        answers: &mut Vec<(Sent, Answer)>,
    ) -> Result<Standing, Fault> {
        if !self.connected {
            let Some(stream) = &self.stream else {
                return Ok(Standing::Closed);
            };
            if let Some(error) = stream.take_error().unwrap_or_else(Some) {
                return Err(Fault::connect(&error));
            }
            if !event.writable {
                return Ok(Standing::Open);
            }
            self.connected = true;
        }
        if event.writable {
            self.flush()?;
        }
        if event.readable {
            self.read(event.ended, scratch, head_method, answers)
        } else {
            Ok(Standing::Open)
        }
    }

    fn read(
        &mut self,
        ended: bool,
        scratch: &mut [u8],
        head_method: bool,
        answers: &mut Vec<(Sent, Answer)>,
    ) -> Result<Standing, Fault> {
        loop {
            let Some(stream) = &mut self.stream else {
                return Ok(Standing::Closed);
            };
            match stream.read(scratch) {
                Ok(0) => {
                    if let Some(answer) = self.reader.closed() {
                        answers.extend(self.waiting.pop_front().map(|sent| (sent, answer)));
                    }
                    return self.closed();
                }
                Ok(count) => {
                    let input = scratch.get(..count).unwrap_or_default();
                    if self.parse(input, head_method, answers)? == Standing::Closed {
                        return self.closed();
                    }
                    // A short read has emptied the socket: the next bytes make a new edge.
                    if count < scratch.len() && !ended {
                        return Ok(Standing::Open);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Standing::Open),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) if self.waiting.is_empty() => return Ok(Standing::Closed),
                Err(_) => return Err(Fault::new(Failure::Reset)),
            }
        }
    }

    fn parse(
        &mut self,
        mut input: &[u8],
        head_method: bool,
        answers: &mut Vec<(Sent, Answer)>,
    ) -> Result<Standing, Fault> {
        while !input.is_empty() {
            if self.waiting.is_empty() {
                return Err(Fault::bad_response("bytes that no request asked for"));
            }
            let answer = self.reader.advance(&mut input, head_method);
            let Some(answer) = answer.map_err(|error| Fault::bad_response(error.0))? else {
                return Ok(Standing::Open);
            };
            answers.extend(self.waiting.pop_front().map(|sent| (sent, answer)));
            if !answer.keep_alive {
                return Ok(Standing::Closed);
            }
        }
        Ok(Standing::Open)
    }

    /// The connection has ended: well between two requests, badly within one.
    fn closed(&self) -> Result<Standing, Fault> {
        if self.waiting.is_empty() && self.reader.is_between_responses() {
            Ok(Standing::Closed)
        } else {
            Err(Fault::new(Failure::ClosedEarly))
        }
    }

    /// Closes the socket; requests in `waiting` are the caller's to count.
    pub(crate) fn close(&mut self) {
        self.stream = None;
        self.connected = false;
        self.out_at = 0;
        self.out.clear();
        self.reader = ResponseReader::default();
    }
}

// === impl Fault ===

impl Fault {
    pub(crate) fn new(failure: Failure) -> Self {
        Self {
            failure,
            detail: None,
        }
    }

    fn bad_response(detail: &'static str) -> Self {
        Self {
            failure: Failure::BadResponse,
            detail: Some(detail),
        }
    }

    fn connect(error: &io::Error) -> Self {
        Self::new(match error.kind() {
            ErrorKind::ConnectionRefused => Failure::Refused,
            ErrorKind::ConnectionReset => Failure::Reset,
            _ => Failure::Connect,
        })
    }
}

fn connect(address: SocketAddr, poller: &Poller, token: u64) -> io::Result<TcpStream> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&address.into()) {
        Ok(()) => {}
        Err(error)
            if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(error) => return Err(error),
    }
    let stream = TcpStream::from(socket);
    // Registered after connect: an unconnected socket would report a hang-up at once.
    poller.add(&stream, token)?;
    Ok(stream)
}
