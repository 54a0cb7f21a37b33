//! Sans-I/O codec: HTTP/1 heads, bodies, limits, and worker frames.
//!
//! Owns what bytes mean: request and response heads, chunked bodies, the fields that are written back, and
//! the frames of `docs/worker-protocol.md`. Refuses to own sockets, clocks and policy: time, dates and limits are
//! arguments. The invariant: what a parser here accepts has exactly one reading, and the same bytes give
//! the same answer however they were cut on the way.

pub mod chunk;
pub mod field;
pub mod frame;
pub mod header;
mod host;
mod limits;
mod lines;
mod method;
mod refusal;
mod request;
mod response;
mod span;
#[cfg(test)]
mod table;

pub use chunk::{ChunkDecoder, ChunkLimits, ChunkStep};
pub use header::{HeaderField, HeaderKind, Headers};
pub use limits::HeadLimits;
pub use method::Method;
pub use refusal::{Refusal, RefusalKind};
pub use request::{Peer, RequestHead};
pub use response::ResponseHead;
pub use span::Span;

/// What a parser says about a buffer that it did not refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The head is whole; `head_len` tells where the body starts.
    Complete,
    /// More bytes are needed. Nothing but the parser's own bookkeeping has changed.
    Partial,
}

/// The two versions that are spoken. Anything else is refused with 505.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: no chunks, no interim responses, closes unless told otherwise.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyLength {
    /// No body follows the head.
    #[default]
    None,
    /// Exactly this many bytes follow; may be 0 when the head said so.
    Sized(u64),
    /// Chunks follow, see [`ChunkDecoder`].
    Chunked,
    /// Responses only: the body ends when the connection does.
    UntilClose,
}

impl BodyLength {
    /// Whether no byte of body will follow.
    pub fn is_empty(self) -> bool {
        matches!(self, Self::None | Self::Sized(0))
    }
}
