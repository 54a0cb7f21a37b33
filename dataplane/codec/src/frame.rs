//! The frames of `docs/worker-protocol.md`. Owns their bytes and limits; refuses to own sockets, call ids and what the JSON
//! of control frames says. Invariant: the lengths inside a frame add up to its payload, or the frame is an error.

mod decode;
mod encode;

pub use decode::{Failed, Frame, Reply, Split, split};
pub use encode::{
    Call, encode_call, encode_cancel, encode_control, encode_failed, encode_reply, push_param,
};

/// The size of the head of a frame.
pub const FRAME_HEAD_BYTES: usize = 12;
/// The largest payload: a body of 64 MiB is what one call may carry in memory.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The kinds of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameKind {
    Call = 1,
    Reply = 2,
    Error = 3,
    Cancel = 4,
    Hello = 16,
    Trial = 17,
    Tried = 18,
    Bind = 19,
    Bound = 20,
    Release = 21,
    Ping = 22,
    Pong = 23,
    Stop = 24,
}

impl FrameKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Call,
        Self::Reply,
        Self::Error,
        Self::Cancel,
        Self::Hello,
        Self::Trial,
        Self::Tried,
        Self::Bind,
        Self::Bound,
        Self::Release,
        Self::Ping,
        Self::Pong,
        Self::Stop,
    ];

    /// The kind of a code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&kind| kind as u8 == code)
    }

    /// Whether the payload is JSON on the control socket.
    pub fn is_control(self) -> bool {
        self as u8 >= Self::Hello as u8
    }
}

/// Where a call came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Source {
    #[default]
    Channel = 0,
    Invoke = 1,
}

/// How a body is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum DataFormat {
    #[default]
    Raw = 0,
    Json = 1,
}

/// The bytes are no frame; the socket is closed and the worker replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame is larger than the limit")]
    TooLarge,
    #[error("a frame has an unknown kind")]
    UnknownKind,
    #[error("a frame has a reserved field that is not 0")]
    Reserved,
    #[error("the lengths inside a frame do not add up")]
    Lengths,
    #[error("a part of a frame is longer than its length field can say")]
    PartTooLong,
}

#[cfg(test)]
mod tests;
