//! Deadlines without timers: a connection writes the time into its slot, and one ticker a core looks
//! at all slots and cuts the sockets that are late.
//!
//! Costs a request two stores. Refuses precision: a deadline is kept to within one tick. A cut socket
//! wakes whoever reads it with an end of file; `Slot::is_cut` tells that from the peer's own.
//! Invariant: a slot is gone before its descriptor is closed, so that no stranger's socket is cut.

use std::cell::RefCell;
use std::fmt;
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use rustix::net::{Shutdown, shutdown};
use slab::Slab;

const NEVER: u64 = u64::MAX;

/// What a deadline does to its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Ends reading; an answer (408) can still be written.
    Read,
    /// The same; the socket waits for its next exchange, so that it may be cut earlier (`hasten_idle`).
    Idle,
    /// Ends both directions.
    Both,
}

/// All deadlines of a core.
#[derive(Default)]
pub struct DeadlineWheel {
    entries: RefCell<Slab<Entry>>,
}

/// The deadline of one socket.
pub struct Slot {
    wheel: Rc<DeadlineWheel>,
    key: usize,
}

struct Entry {
    fd: RawFd,
    due_ms: u64,
    cut: Cut,
    is_cut: bool,
    /// Whom the socket waits for, 0 = nobody: all that wait for one peer can be given up at once.
    awaits: usize,
    is_given_up: bool,
}

// === impl DeadlineWheel ===

impl DeadlineWheel {
    /// A slot for `fd`, without a deadline yet. Only `Stream` makes slots: it keeps the order of drops.
    pub(crate) fn slot(self: &Rc<Self>, fd: RawFd) -> Slot {
        let entry = Entry {
            fd,
            due_ms: NEVER,
            cut: Cut::Read,
            is_cut: false,
            awaits: 0,
            is_given_up: false,
        };
        let key = self.entries.borrow_mut().insert(entry);
        Slot {
            wheel: Rc::clone(self),
            key,
        }
    }

    /// Cuts every socket that is late at `now`; returns how many.
    pub fn tick(&self, now: Duration) -> usize {
        let now_ms = millis(now);
        let mut cut = 0;
        for (_, entry) in &mut *self.entries.borrow_mut() {
            if entry.due_ms <= now_ms {
                entry.due_ms = NEVER;
                entry.is_cut = true;
                cut += 1;
                cut_socket(entry.fd, entry.cut);
            }
        }
        cut
    }

    /// Sockets that wait for their next exchange are cut at `due` at the latest.
    pub fn hasten_idle(&self, due: Duration) {
        let due_ms = millis(due);
        for (_, entry) in &mut *self.entries.borrow_mut() {
            if entry.cut == Cut::Idle && entry.due_ms != NEVER {
                entry.due_ms = entry.due_ms.min(due_ms);
            }
        }
    }

    /// Cuts every socket: the core ends.
    pub fn cut_all(&self) {
        for (_, entry) in &mut *self.entries.borrow_mut() {
            entry.is_cut = true;
            cut_socket(entry.fd, Cut::Both);
        }
    }

    /// Cuts every socket that waits for `peer` (`Slot::await_peer`): it is known to be down, and waiting for
    /// each one's own deadline would only make its requests late. Returns how many.
    pub fn give_up(&self, peer: usize) -> usize {
        let mut cut = 0;
        for (_, entry) in &mut *self.entries.borrow_mut() {
            if entry.awaits == peer && peer != 0 {
                entry.due_ms = NEVER;
                entry.is_cut = true;
                entry.is_given_up = true;
                cut += 1;
                cut_socket(entry.fd, Cut::Both);
            }
        }
        cut
    }

    /// Sockets with a slot.
    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// True when no socket is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for DeadlineWheel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadlineWheel")
            .field("slots", &self.len())
            .finish()
    }
}

// === impl Slot ===

impl Slot {
    /// Sets the deadline to the time `due` of the core's clock.
    pub fn arm(&self, due: Duration, cut: Cut) {
        self.update(|entry| {
            entry.due_ms = millis(due);
            entry.cut = cut;
        });
    }

    /// No deadline from now on.
    pub fn disarm(&self) {
        self.update(|entry| entry.due_ms = NEVER);
    }

    /// True when a deadline was missed and the socket was cut.
    pub fn is_cut(&self) -> bool {
        self.wheel
            .entries
            .borrow()
            .get(self.key)
            .is_some_and(|entry| entry.is_cut)
    }

    /// From now on the socket waits for `peer`, which may be given up; 0 = for nobody.
    pub fn await_peer(&self, peer: usize) {
        self.update(|entry| entry.awaits = peer);
    }

    /// True when the socket was cut because its peer was given up, not because it was late.
    pub fn is_given_up(&self) -> bool {
        self.wheel
            .entries
            .borrow()
            .get(self.key)
            .is_some_and(|entry| entry.is_given_up)
    }

    fn update(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.wheel.entries.borrow_mut().get_mut(self.key) {
            change(entry);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.wheel.entries.borrow_mut().try_remove(self.key);
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(NEVER)
}

#[expect(
    unsafe_code,
    reason = "the wheel knows sockets by number; their owners hold them"
)]
fn cut_socket(fd: RawFd, cut: Cut) {
    // SAFETY: the entry of `fd` is removed (`Slot::drop`) before the stream that owns the descriptor
    // closes it: `Stream` declares its slot before its halves, and fields drop in that order. So every
    // descriptor in the wheel is open for the duration of this borrow.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let how = match cut {
        Cut::Read | Cut::Idle => Shutdown::Read,
        Cut::Both => Shutdown::Both,
    };
    // The peer may be gone already; then there is nothing to cut.
    let _gone_already = shutdown(fd, how);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn a_late_socket_is_cut_for_reading_and_can_still_write() {
        let (mut client, mut server) = pair();
        let wheel = Rc::new(DeadlineWheel::default());
        let slot = wheel.slot(server.as_raw_fd());
        slot.arm(Duration::from_millis(500), Cut::Read);
        assert_eq!(wheel.tick(Duration::from_millis(499)), 0);
        assert_eq!(wheel.tick(Duration::from_millis(500)), 1);
        assert!(slot.is_cut());
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
        server.write_all(b"408").unwrap();
        let mut answer = [0; 3];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"408");
    }

    #[test]
    fn a_dropped_slot_leaves_its_descriptor_alone() {
        let (mut client, mut server) = pair();
        let wheel = Rc::new(DeadlineWheel::default());
        let slot = wheel.slot(server.as_raw_fd());
        slot.arm(Duration::ZERO, Cut::Both);
        drop(slot);
        assert_eq!(wheel.tick(Duration::from_secs(1)), 0);
        client.write_all(b"x").unwrap();
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 1);
        assert!(wheel.is_empty());
    }
}
