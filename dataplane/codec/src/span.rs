//! A place in the buffer that was parsed. Owns no bytes, so a head can be kept and reused without a lifetime.
//! Invariant: looking a span up is total; in a buffer that is too short it is empty, never a panic.

use std::ops::Range;

/// A half-open range of byte offsets, 8 bytes wide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// A span of nothing.
    pub const EMPTY: Self = Self { start: 0, end: 0 };

    /// A span from `start` to `end`. Heads are limited far below 4 GiB, so the cast never saturates there.
    pub fn new(start: usize, end: usize) -> Self {
        Self {
            start: u32::try_from(start).unwrap_or(u32::MAX),
            end: u32::try_from(end).unwrap_or(u32::MAX),
        }
    }

    /// The bytes of this span in `buf`, which must be the buffer that was parsed; empty when it is not.
    #[inline]
    pub fn of(self, buf: &[u8]) -> &[u8] {
        buf.get(self.range()).unwrap_or_default()
    }

    /// The span as a range.
    #[inline]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The first offset.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// The offset after the last byte.
    pub fn end(self) -> usize {
        self.end as usize
    }

    /// The number of bytes.
    pub fn len(self) -> usize {
        (self.end as usize).saturating_sub(self.start as usize)
    }

    /// Whether there is no byte in it.
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }
}
