//! A TCP connection of a core: two halves that can be used at the same time, and its deadline.
//!
//! Buffers are lent to the kernel and come back with the result. Refuses to read into a buffer without
//! a limit: the caller says how much room a read gets. Invariant: the deadline's slot is dropped before
//! the descriptor is closed.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use monoio::buf::{IoBuf, IoBufMut};
use monoio::io::{AsyncReadRent, AsyncWriteRent, OwnedReadHalf, OwnedWriteHalf, Splitable};
use monoio::net::TcpStream;
use rustix::net::{RecvFlags, recv};

use crate::deadline::{DeadlineWheel, Slot};

/// A connection. Dropping it shuts it down in both directions (the halves see to it).
pub struct Stream {
    // First: see `cut_socket`.
    slot: Slot,
    /// Reads.
    pub reader: ReadHalf,
    /// Writes.
    pub writer: WriteHalf,
    fd: RawFd,
}

/// The reading half.
pub struct ReadHalf(OwnedReadHalf<TcpStream>);

/// The writing half. Shuts its direction down when dropped, so that the peer sees the end at once and
/// not when the queued close gets its turn.
pub struct WriteHalf(OwnedWriteHalf<TcpStream>);

// === impl Stream ===

impl Stream {
    pub(crate) fn new(stream: TcpStream, wheel: &Rc<DeadlineWheel>) -> Self {
        let fd = stream.as_raw_fd();
        let (reader, writer) = stream.into_split();
        Self {
            slot: wheel.slot(fd),
            reader: ReadHalf(reader),
            writer: WriteHalf(writer),
            fd,
        }
    }

    /// Connects within `timeout`.
    pub async fn connect(
        address: SocketAddr,
        timeout: Duration,
        wheel: &Rc<DeadlineWheel>,
    ) -> io::Result<Self> {
        let connecting = TcpStream::connect_addr(address);
        let stream = monoio::time::timeout(timeout, connecting)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        stream.set_nodelay(true)?;
        Ok(Self::new(stream, wheel))
    }

    /// Its deadline.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Deadline and halves at the same time.
    pub fn parts(&mut self) -> (&Slot, &mut ReadHalf, &mut WriteHalf) {
        (&self.slot, &mut self.reader, &mut self.writer)
    }

    /// Ends the connection in a way that nobody can take for a clean end (RST).
    #[expect(unsafe_code, reason = "monoio's halves do not lend their descriptor")]
    pub fn reset(&self) {
        // SAFETY: `self` holds both halves, and with them the descriptor, for the whole borrow.
        let fd = unsafe { BorrowedFd::borrow_raw(self.fd) };
        // Dissolving the association of a TCP socket sends RST; it fails only when there is none left.
        let _gone_already = rustix::net::connect_unspec(fd);
    }

    /// True when the peer is there and silent: nothing to read, no end of file, no error. What is readable
    /// before a request was sent is an end or a stray answer, and both mean that the connection is spent.
    #[expect(unsafe_code, reason = "monoio's halves do not lend their descriptor")]
    pub fn is_silent(&self) -> bool {
        // SAFETY: `self` holds both halves, and with them the descriptor, for the whole borrow.
        let fd = unsafe { BorrowedFd::borrow_raw(self.fd) };
        let peeked = recv(
            fd,
            &mut [0_u8; 1][..],
            RecvFlags::PEEK | RecvFlags::DONTWAIT,
        );
        matches!(peeked, Err(error) if error == rustix::io::Errno::AGAIN)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("fd", &self.fd)
            .finish_non_exhaustive()
    }
}

// === impl ReadHalf ===

impl ReadHalf {
    /// Appends what comes next to `buffer`, at most `room` bytes; 0 is the end. The buffer grows only
    /// when it has no room at all.
    pub async fn read_some(
        &mut self,
        mut buffer: Vec<u8>,
        room: usize,
    ) -> (io::Result<usize>, Vec<u8>) {
        let filled = buffer.len();
        if buffer.capacity() - filled < room {
            buffer.reserve(room);
        }
        let end = filled + room;
        let (result, slice) = self.0.read(buffer.slice_mut(filled..end)).await;
        (result, slice.into_inner())
    }
}

impl fmt::Debug for ReadHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadHalf")
    }
}

// === impl WriteHalf ===

impl WriteHalf {
    /// Ends this direction: the peer reads the end of the stream.
    pub async fn finish(&mut self) {
        // It fails only when the peer is gone, and then nothing is left to end.
        drop(self.0.shutdown().await);
    }

    /// Writes all of `buffer` and gives it back.
    pub async fn write_all<B: IoBuf>(&mut self, buffer: B) -> (io::Result<()>, B) {
        let length = buffer.bytes_init();
        self.write_range(buffer, 0, length).await
    }

    /// Writes the bytes `from..to` of `buffer` and gives it back.
    pub async fn write_range<B: IoBuf>(
        &mut self,
        buffer: B,
        from: usize,
        to: usize,
    ) -> (io::Result<()>, B) {
        let mut written = from;
        let mut slice = buffer.slice(written..to);
        loop {
            if written >= to {
                return (Ok(()), slice.into_inner());
            }
            let (result, back) = self.0.write(slice).await;
            match result {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), back.into_inner()),
                Ok(n) => written += n,
                Err(error) => return (Err(error), back.into_inner()),
            }
            slice = back.into_inner().slice(written.min(to)..to);
        }
    }
}

impl fmt::Debug for WriteHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WriteHalf")
    }
}
