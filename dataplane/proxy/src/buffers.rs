//! Byte buffers and answer heads that go around on one core: taken for an exchange, given back when it ends.
//!
//! An idle connection therefore holds none of them. Refuses to hoard: what has grown beyond the usual
//! size, and more than a core needs at once, is freed.

use std::cell::RefCell;

use dp_codec::ResponseHead;

/// One read of a response or of a large body. Large enough to amortise the trip through the kernel,
/// small enough to stay in the second-level cache.
pub(crate) const READ_LARGE: usize = 64 * 1024;
/// Pieces up to this size are copied behind what waits to be written: a copy costs less than a write of its own.
pub(crate) const READ_SMALL: usize = 16 * 1024;
/// Kept at most: 64 × 64 KiB = 4 MiB a core.
const KEPT_MAX: usize = 64;
const CAPACITY_MAX: usize = 2 * READ_LARGE;

#[derive(Debug, Default)]
pub(crate) struct Buffers(RefCell<Vec<Vec<u8>>>);

impl Buffers {
    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&self, mut buffer: Vec<u8>) {
        let mut kept = self.0.borrow_mut();
        let usable = (1..=CAPACITY_MAX).contains(&buffer.capacity());
        if usable && kept.len() < KEPT_MAX {
            buffer.clear();
            kept.push(buffer);
        }
    }
}

/// Heads of upstreams' answers, with the space that their fields needed.
#[derive(Debug, Default)]
#[expect(
    clippy::vec_box,
    reason = "heads are handed on as boxes: moving 800 bytes is what this saves"
)]
pub(crate) struct Heads(RefCell<Vec<Box<ResponseHead>>>);

impl Heads {
    pub(crate) fn take(&self) -> Box<ResponseHead> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&self, mut head: Box<ResponseHead>) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < KEPT_MAX {
            head.reset();
            kept.push(head);
        }
    }
}
