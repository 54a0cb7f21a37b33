//! Encoding of frames at the end of a `Vec`, so that several are written with one system call. Every part is copied once, from
//! where it is to where it is sent from. On an error the `Vec` is as it was.

use super::{DataFormat, FRAME_HEAD_BYTES, FrameError, FrameKind, PAYLOAD_BYTES_MAX, Source};
use crate::Method;

/// A call as the core sends it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call<'a> {
    pub handle: u32,
    /// Milliseconds until the deadline, 0 = none.
    pub deadline_ms: u32,
    pub method: Method,
    /// The name of a method that is `Other`.
    pub method_name: &'a [u8],
    pub source: Source,
    pub data_format: DataFormat,
    pub cid: &'a [u8],
    pub channel: &'a [u8],
    pub path: &'a [u8],
    pub query: &'a [u8],
    /// `name NUL value NUL` pairs.
    pub params: &'a [u8],
    pub remote: &'a [u8],
    /// `name: value CRLF` lines.
    pub headers: &'a [u8],
    pub body: &'a [u8],
}

/// Appends a CALL.
pub fn encode_call(out: &mut Vec<u8>, call_id: u32, call: &Call<'_>) -> Result<(), FrameError> {
    const METHOD_LINE: [&[u8]; 2] = [b":method: ", b"\r\n"];
    let method_line = if call.method == Method::Other {
        METHOD_LINE.map(<[u8]>::len).iter().sum::<usize>() + call.method_name.len()
    } else {
        0
    };
    let short = [
        call.cid,
        call.channel,
        call.path,
        call.query,
        call.params,
        call.remote,
    ];
    let headers_len = method_line + call.headers.len();
    let payload =
        32 + short.iter().map(|part| part.len()).sum::<usize>() + headers_len + call.body.len();
    let mut lengths = [0_u16; 6];
    for (length, part) in lengths.iter_mut().zip(short) {
        *length = u16::try_from(part.len())
            .ok()
            .ok_or(FrameError::PartTooLong)?;
    }
    frame_head(out, FrameKind::Call, call_id, payload)?;
    out.extend_from_slice(&call.handle.to_le_bytes());
    out.extend_from_slice(&call.deadline_ms.to_le_bytes());
    let codes = [
        call.method.wire_code(),
        call.source as u8,
        call.data_format as u8,
        0,
    ];
    out.extend_from_slice(&codes);
    for length in lengths {
        out.extend_from_slice(&length.to_le_bytes());
    }
    out.extend_from_slice(&length_u32(headers_len)?.to_le_bytes());
    out.extend_from_slice(&length_u32(call.body.len())?.to_le_bytes());
    for part in short {
        out.extend_from_slice(part);
    }
    if method_line > 0 {
        let [before, after] = METHOD_LINE;
        out.extend_from_slice(before);
        out.extend_from_slice(call.method_name);
        out.extend_from_slice(after);
    }
    out.extend_from_slice(call.headers);
    out.extend_from_slice(call.body);
    Ok(())
}

/// Appends one path parameter as [`Call::params`] holds them. Neither part may hold a NUL, which routing sees to.
pub fn push_param(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    debug_assert!(!name.contains(&0) && !value.contains(&0));
    for part in [name, value] {
        out.extend_from_slice(part);
        out.push(0);
    }
}

/// Appends a CANCEL.
pub fn encode_cancel(out: &mut Vec<u8>, call_id: u32) {
    // A payload of nothing is never too large.
    let written = frame_head(out, FrameKind::Cancel, call_id, 0);
    debug_assert!(written.is_ok());
}

/// Appends a frame of the control socket.
pub fn encode_control(out: &mut Vec<u8>, kind: FrameKind, json: &[u8]) -> Result<(), FrameError> {
    debug_assert!(kind.is_control());
    frame_head(out, kind, 0, json.len())?;
    out.extend_from_slice(json);
    Ok(())
}

/// Appends a REPLY, as a worker does; for tests and golden frames.
pub fn encode_reply(
    out: &mut Vec<u8>,
    call_id: u32,
    reply: &super::Reply<'_>,
) -> Result<(), FrameError> {
    let content_type = length_u16(reply.content_type.len())?;
    let payload = 12 + reply.content_type.len() + reply.headers.len() + reply.body.len();
    frame_head(out, FrameKind::Reply, call_id, payload)?;
    out.extend_from_slice(&reply.status.to_le_bytes());
    out.extend_from_slice(&content_type.to_le_bytes());
    out.extend_from_slice(&length_u32(reply.headers.len())?.to_le_bytes());
    out.extend_from_slice(&length_u32(reply.body.len())?.to_le_bytes());
    for part in [reply.content_type, reply.headers, reply.body] {
        out.extend_from_slice(part);
    }
    Ok(())
}

/// Appends an ERROR, as a worker does; for tests and golden frames.
pub fn encode_failed(
    out: &mut Vec<u8>,
    call_id: u32,
    failed: &super::Failed<'_>,
) -> Result<(), FrameError> {
    let parts = [
        failed.kind,
        failed.content_type,
        failed.traceback,
        failed.headers,
        failed.body,
    ];
    let payload = 20 + parts.iter().map(|part| part.len()).sum::<usize>();
    let short = [
        length_u16(failed.kind.len())?,
        length_u16(failed.content_type.len())?,
    ];
    frame_head(out, FrameKind::Error, call_id, payload)?;
    for value in [failed.status, short[0], short[1], 0] {
        out.extend_from_slice(&value.to_le_bytes());
    }
    for part in [failed.traceback, failed.headers, failed.body] {
        out.extend_from_slice(&length_u32(part.len())?.to_le_bytes());
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(())
}

fn frame_head(
    out: &mut Vec<u8>,
    kind: FrameKind,
    call_id: u32,
    payload: usize,
) -> Result<(), FrameError> {
    if payload > PAYLOAD_BYTES_MAX {
        return Err(FrameError::TooLarge);
    }
    out.reserve(FRAME_HEAD_BYTES + payload);
    out.extend_from_slice(&length_u32(payload)?.to_le_bytes());
    out.extend_from_slice(&[kind as u8, 0, 0, 0]);
    out.extend_from_slice(&call_id.to_le_bytes());
    Ok(())
}

fn length_u16(length: usize) -> Result<u16, FrameError> {
    u16::try_from(length).ok().ok_or(FrameError::PartTooLong)
}

fn length_u32(length: usize) -> Result<u32, FrameError> {
    u32::try_from(length).ok().ok_or(FrameError::PartTooLong)
}
