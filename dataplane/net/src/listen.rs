//! Bound sockets: one per core for the same address, and the accept loop's single step.
//!
//! Refuses to bind twice at run time: all sockets are bound at start, on the main thread, where an error
//! can be told plainly. Invariant: the set keeps its sockets open for the life of the process, so that a
//! core that died and was restarted finds the connections that waited for it.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use monoio::net::TcpListener;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::clock::Clock;
use crate::deadline::DeadlineWheel;
use crate::descriptors::is_exhaustion;
use crate::stream::Stream;

/// Connections that wait for a core. The kernel caps it at `net.core.somaxconn` (4,096 by default).
const BACKLOG: i32 = 4096;

/// Pause after running out of descriptors or memory: accepting at once again would only spin, and
/// connections close in the meantime.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Between two looks at a listen queue that is being emptied.
const DRAIN_STEP: Duration = Duration::from_millis(5);

/// Between two attempts to bind an address that is in use.
const BIND_STEP: Duration = Duration::from_millis(20);

/// Attempts, 2 s in all. The kernel tears the ring of a process that was killed down after the process is
/// gone, and the ring's pending accepts hold the listener until then: milliseconds as a rule, longer on a busy
/// machine. Who starts a node again at once must not be told that its address is taken.
const BIND_ATTEMPTS: u32 = 100;

/// An address could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address as it was asked for.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// The sockets of one address, one per core.
#[derive(Debug)]
pub struct ListenerSet {
    address: SocketAddr,
    sockets: Vec<StdListener>,
}

/// One core's end of a listener.
#[derive(Debug)]
pub struct Acceptor {
    listener: TcpListener,
    address: SocketAddr,
}

// === impl ListenerSet ===

impl ListenerSet {
    /// Binds `address` once for each core. With port 0 the first socket chooses the port for all. Blocks
    /// while the address is in use, for a while.
    pub fn bind(address: SocketAddr, cores: usize) -> Result<Self, BindError> {
        let failed = |source| BindError { address, source };
        // SO_REUSEPORT would let a second process of the same user take half of the connections
        // silently; the first socket therefore has to find the address free.
        bind_patiently(|| ensure_free(address)).map_err(failed)?;
        let mut actual = address;
        let mut sockets = Vec::with_capacity(cores.max(1));
        for _ in 0..cores.max(1) {
            let socket = bind_one(actual).map_err(failed)?;
            actual = socket.local_addr().map_err(failed)?;
            sockets.push(socket);
        }
        Ok(Self {
            address: actual,
            sockets,
        })
    }

    /// The address with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The socket of core `index`, shared with this set.
    pub fn of_core(&self, index: usize) -> io::Result<StdListener> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no listener for this core");
        self.sockets.get(index).ok_or_else(missing)?.try_clone()
    }
}

/// Binds, again and again for two seconds while the address is in use. Blocks; for the start of a process.
#[expect(clippy::disallowed_methods, reason = "no core runs yet")]
pub fn bind_patiently<T>(mut bind: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..BIND_ATTEMPTS {
        match bind() {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                std::thread::sleep(BIND_STEP);
            }
            bound => return bound,
        }
    }
    bind()
}

fn ensure_free(address: SocketAddr) -> io::Result<()> {
    if address.port() == 0 {
        return Ok(());
    }
    let probe = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    probe.set_reuse_address(true)?;
    probe.bind(&address.into())
}

fn bind_one(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    // Accepted sockets inherit it on Linux: one system call for all connections.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

// === impl Acceptor ===

impl Acceptor {
    /// Takes a bound socket into this core's runtime.
    pub fn new(socket: StdListener) -> io::Result<Self> {
        // The ring wants blocking sockets (a non-blocking one answers EAGAIN), epoll the other kind.
        socket.set_nonblocking(monoio::utils::is_legacy())?;
        let address = socket.local_addr()?;
        Ok(Self {
            listener: TcpListener::from_std(socket)?,
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection; `None` when the listener was closed. Failures that concern one connection
    /// only are told to `failed` and passed over; exhaustion pauses.
    pub async fn accept(
        &self,
        wheel: &Rc<DeadlineWheel>,
        mut failed: impl FnMut(&io::Error),
    ) -> Option<(Stream, SocketAddr)> {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return Some((Stream::new(stream, wheel), peer)),
                // EINVAL: the socket does not listen any more (`close_when_empty`).
                Err(error) if error.raw_os_error() == Some(22) => return None,
                Err(error) => {
                    failed(&error);
                    if is_exhaustion(&error) {
                        monoio::time::sleep(EXHAUSTED_PAUSE).await;
                    }
                }
            }
        }
    }

    /// Accepting goes on until nobody waits in the queue, then listening ends. Nobody who was let in
    /// by the kernel is sent away.
    pub async fn close_when_empty(&self, clock: &Clock, at_most: Duration) {
        let end = clock.precise() + at_most;
        loop {
            monoio::time::sleep(DRAIN_STEP).await;
            if !self.somebody_waits() || clock.precise() >= end {
                break;
            }
        }
        self.close();
    }

    /// Ends listening: the pending accept returns, the kernel refuses new connections.
    pub fn close(&self) {
        let fd = self.listener.as_raw_fd();
        with_fd(fd, |fd| {
            drop(SockRef::from(&fd).shutdown(std::net::Shutdown::Both));
        });
    }

    fn somebody_waits(&self) -> bool {
        with_fd(self.listener.as_raw_fd(), |fd| {
            let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
            let ready = poll(
                &mut fds,
                Some(&Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                }),
            );
            ready.is_ok_and(|ready| ready > 0)
        })
    }
}

#[expect(
    unsafe_code,
    reason = "monoio's listener gives its descriptor as a number only"
)]
fn with_fd<T>(fd: RawFd, act: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
    // SAFETY: callers pass the descriptor of a listener they hold by reference, and `act` ends before
    // this function does, so the descriptor is open for the whole borrow.
    act(unsafe { BorrowedFd::borrow_raw(fd) }.as_fd())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn loopback(port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, port).into()
    }

    #[test]
    fn all_cores_share_the_port_that_the_first_got() {
        let set = ListenerSet::bind(loopback(0), 3).unwrap();
        assert_ne!(set.address().port(), 0);
        for core in 0..3 {
            assert_eq!(
                set.of_core(core).unwrap().local_addr().unwrap(),
                set.address()
            );
        }
        assert!(set.of_core(3).is_err());
    }

    /// As after a kill: the ring of the process before lets go of its listener late.
    #[test]
    fn a_port_that_is_let_go_late_is_bound() {
        let before = StdListener::bind(loopback(0)).unwrap();
        let address = before.local_addr().unwrap();
        let mut before = Some(before);
        let mut attempts = 0;
        bind_patiently(|| {
            attempts += 1;
            if attempts == 3 {
                before = None;
            }
            ensure_free(address)
        })
        .unwrap();
        assert_eq!(attempts, 3);
        let late = StdListener::bind(loopback(0)).unwrap();
        let address = late.local_addr().unwrap();
        let letting_go = std::thread::spawn(move || {
            std::thread::park_timeout(5 * BIND_STEP);
            drop(late);
        });
        assert_eq!(ListenerSet::bind(address, 2).unwrap().address(), address);
        letting_go.join().unwrap();
    }

    #[test]
    fn a_taken_port_is_refused_with_its_address() {
        let set = ListenerSet::bind(loopback(0), 1).unwrap();
        let refused = ListenerSet::bind(set.address(), 1).unwrap_err();
        assert!(refused.to_string().contains(&set.address().to_string()));
        assert_eq!(refused.source.kind(), io::ErrorKind::AddrInUse);
    }
}
