//! Decoding of frames from a growing buffer. A frame borrows the buffer; nothing is copied.

use super::encode::Call;
use super::{DataFormat, FRAME_HEAD_BYTES, FrameError, FrameKind, PAYLOAD_BYTES_MAX, Source};
use crate::Method;

/// One whole frame at the start of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'b> {
    pub kind: FrameKind,
    pub call_id: u32,
    pub payload: &'b [u8],
}

impl Frame<'_> {
    /// The bytes that the frame takes in the buffer.
    pub fn wire_len(&self) -> usize {
        FRAME_HEAD_BYTES + self.payload.len()
    }
}

/// What stands at the start of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split<'b> {
    /// A whole frame; the next one starts [`Frame::wire_len`] bytes on.
    Frame(Frame<'b>),
    /// The buffer must hold this many bytes in all before a call can tell more.
    NeedMore(usize),
}

/// Looks for a frame at the start of `buf`.
pub fn split(buf: &[u8]) -> Result<Split<'_>, FrameError> {
    let Some((head, rest)) = buf.split_first_chunk::<FRAME_HEAD_BYTES>() else {
        return Ok(Split::NeedMore(FRAME_HEAD_BYTES));
    };
    let [l0, l1, l2, l3, kind, flags, r0, r1, c0, c1, c2, c3] = *head;
    let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
    if length > PAYLOAD_BYTES_MAX {
        return Err(FrameError::TooLarge);
    }
    let kind = FrameKind::from_code(kind).ok_or(FrameError::UnknownKind)?;
    if flags != 0 || r0 != 0 || r1 != 0 {
        return Err(FrameError::Reserved);
    }
    Ok(match rest.get(..length) {
        Some(payload) => {
            let call_id = u32::from_le_bytes([c0, c1, c2, c3]);
            Split::Frame(Frame {
                kind,
                call_id,
                payload,
            })
        }
        None => Split::NeedMore(FRAME_HEAD_BYTES + length),
    })
}

/// The payload of a REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reply<'b> {
    pub status: u16,
    pub content_type: &'b [u8],
    pub headers: &'b [u8],
    pub body: &'b [u8],
}

impl<'b> Reply<'b> {
    /// Reads the payload. The status and the headers are checked by the caller, who answers 500 when they are not valid.
    pub fn parse(payload: &'b [u8]) -> Result<Self, FrameError> {
        let mut parts = Parts(payload);
        let status = parts.u16()?;
        let content_type = usize::from(parts.u16()?);
        let headers = parts.u32()?;
        let body = parts.u32()?;
        let reply = Self {
            status,
            content_type: parts.bytes(content_type)?,
            headers: parts.bytes(headers)?,
            body: parts.bytes(body)?,
        };
        parts.end().map(|()| reply)
    }
}

/// The payload of an ERROR: the call raised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failed<'b> {
    pub status: u16,
    /// The exception's type.
    pub kind: &'b [u8],
    pub content_type: &'b [u8],
    /// For the log and the control plane only.
    pub traceback: &'b [u8],
    pub headers: &'b [u8],
    /// What the client gets.
    pub body: &'b [u8],
}

impl<'b> Failed<'b> {
    /// Reads the payload.
    pub fn parse(payload: &'b [u8]) -> Result<Self, FrameError> {
        let mut parts = Parts(payload);
        let status = parts.u16()?;
        let kind = usize::from(parts.u16()?);
        let content_type = usize::from(parts.u16()?);
        parts.reserved_u16()?;
        let traceback = parts.u32()?;
        let headers = parts.u32()?;
        let body = parts.u32()?;
        let failed = Self {
            status,
            kind: parts.bytes(kind)?,
            content_type: parts.bytes(content_type)?,
            traceback: parts.bytes(traceback)?,
            headers: parts.bytes(headers)?,
            body: parts.bytes(body)?,
        };
        parts.end().map(|()| failed)
    }
}

impl<'b> Call<'b> {
    /// Reads the payload of a CALL, as a worker does; for tests. The `:method:` line becomes `method_name`.
    pub fn parse(payload: &'b [u8]) -> Result<Self, FrameError> {
        let mut parts = Parts(payload);
        let handle = parts.u32_value()?;
        let deadline_ms = parts.u32_value()?;
        let [method, source, data_format, reserved] = parts.array::<4>()?;
        if reserved != 0 {
            return Err(FrameError::Reserved);
        }
        let mut short = [0_usize; 6];
        for length in &mut short {
            *length = usize::from(parts.u16()?);
        }
        let headers = parts.u32()?;
        let body = parts.u32()?;
        let [cid, channel, path, query, params, remote] = short;
        let mut call = Self {
            handle,
            deadline_ms,
            method: Method::from_wire_code(method).ok_or(FrameError::UnknownKind)?,
            method_name: b"",
            source: if source == 1 {
                Source::Invoke
            } else {
                Source::Channel
            },
            data_format: if data_format == 1 {
                DataFormat::Json
            } else {
                DataFormat::Raw
            },
            cid: parts.bytes(cid)?,
            channel: parts.bytes(channel)?,
            path: parts.bytes(path)?,
            query: parts.bytes(query)?,
            params: parts.bytes(params)?,
            remote: parts.bytes(remote)?,
            headers: parts.bytes(headers)?,
            body: parts.bytes(body)?,
        };
        if call.method == Method::Other
            && let Some(line) = call.headers.strip_prefix(b":method: ")
            && let Some(end) = memchr::memchr(b'\r', line)
        {
            call.method_name = line.get(..end).unwrap_or_default();
            call.headers = line.get(end + 2..).unwrap_or_default();
        }
        parts.end().map(|()| call)
    }
}

/// What is left of a payload.
struct Parts<'b>(&'b [u8]);

impl<'b> Parts<'b> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(FrameError::Lengths)?;
        self.0 = rest;
        Ok(*head)
    }

    fn u16(&mut self) -> Result<u16, FrameError> {
        self.array().map(u16::from_le_bytes)
    }

    fn reserved_u16(&mut self) -> Result<(), FrameError> {
        if self.u16()? == 0 {
            Ok(())
        } else {
            Err(FrameError::Reserved)
        }
    }

    fn u32_value(&mut self) -> Result<u32, FrameError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A length.
    fn u32(&mut self) -> Result<usize, FrameError> {
        usize::try_from(self.u32_value()?)
            .ok()
            .ok_or(FrameError::Lengths)
    }

    fn bytes(&mut self, length: usize) -> Result<&'b [u8], FrameError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(FrameError::Lengths)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn end(&self) -> Result<(), FrameError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(FrameError::Lengths)
        }
    }
}
