//! The request line. Owns its grammar and limits, read byte by byte from the left so that the first fault decides, however
//! the bytes were cut. Invariant: `method SP target SP HTTP/1.x CR LF`, after at most two empty lines.

use crate::field::is_token_byte;
use crate::{HeadLimits, Method, RefusalKind, Span, Version};

/// Old clients send an empty line after a body; nobody sends more than two.
const EMPTY_LINES_MAX: usize = 2;

/// A whole request line.
pub(super) struct RequestLine {
    /// Where the method starts, after empty lines.
    pub(super) start: usize,
    pub(super) method: Method,
    pub(super) method_span: Span,
    pub(super) target: Span,
    pub(super) version: Version,
    /// The offset after the line's CR LF.
    pub(super) fields_start: usize,
}

/// `None` when the line has not ended yet.
pub(super) fn parse(
    window: &[u8],
    limits: &HeadLimits,
) -> Result<Option<RequestLine>, RefusalKind> {
    let Some(start) = skip_empty_lines(window)? else {
        return Ok(None);
    };
    let Some(method_end) = method_end(window, start)? else {
        return Ok(None);
    };
    let method_span = Span::new(start, method_end);
    let name = method_span.of(window);
    let method = Method::from_bytes(name);
    let target_start = method_end + 1;
    if method == Method::Other {
        if name == b"CONNECT" {
            return Err(RefusalKind::ConnectRefused);
        }
        if name == b"PRI"
            && window
                .get(target_start..)
                .is_some_and(|rest| rest.starts_with(b"* HTTP/2"))
        {
            return Err(RefusalKind::Http2Preface);
        }
    }
    let Some(target_end) = target_end(window, target_start, limits.target_bytes_max)? else {
        return Ok(None);
    };
    let Some(version) = version(window.get(target_end + 1..).unwrap_or_default())? else {
        return Ok(None);
    };
    Ok(Some(RequestLine {
        start,
        method,
        method_span,
        target: Span::new(target_start, target_end),
        version,
        fields_start: target_end + 1 + VERSION_LINE_BYTES,
    }))
}

fn skip_empty_lines(window: &[u8]) -> Result<Option<usize>, RefusalKind> {
    let mut at = 0;
    loop {
        match window.get(at) {
            None => return Ok(None),
            Some(b'\r') if at == EMPTY_LINES_MAX * 2 => return Err(RefusalKind::TooManyEmptyLines),
            Some(b'\r') => match window.get(at + 1) {
                None => return Ok(None),
                Some(b'\n') => at += 2,
                Some(_) => return Err(RefusalKind::BadLineEnd),
            },
            Some(b'\n') => return Err(RefusalKind::BadLineEnd),
            Some(_) => return Ok(Some(at)),
        }
    }
}

fn method_end(window: &[u8], start: usize) -> Result<Option<usize>, RefusalKind> {
    let rest = window.get(start..).unwrap_or_default();
    for (length, &byte) in rest.iter().enumerate() {
        if byte == b' ' && length > 0 {
            return Ok(Some(start + length));
        }
        if !is_token_byte(byte) {
            return Err(RefusalKind::BadRequestLine);
        }
        if length == Method::BYTES_MAX {
            return Err(RefusalKind::MethodTooLong);
        }
    }
    Ok(None)
}

fn target_end(window: &[u8], start: usize, bytes_max: usize) -> Result<Option<usize>, RefusalKind> {
    let rest = window.get(start..).unwrap_or_default();
    let within = rest.get(..=bytes_max).unwrap_or(rest);
    match within.iter().position(|&byte| !is_target_byte(byte)) {
        Some(0) => Err(RefusalKind::BadRequestLine),
        Some(length) => match within.get(length) {
            Some(b' ') => Ok(Some(start + length)),
            Some(b'\r' | b'\n') => Err(RefusalKind::BadRequestLine),
            _ => Err(RefusalKind::BadTarget),
        },
        None if within.len() > bytes_max => Err(RefusalKind::TargetTooLong),
        None => Ok(None),
    }
}

/// A fragment is never sent; other bytes must be visible ASCII.
fn is_target_byte(byte: u8) -> bool {
    byte.wrapping_sub(0x21) < 0x5e && byte != b'#'
}

const VERSION_LINE_BYTES: usize = b"HTTP/1.1\r\n".len();

/// Reads `HTTP/D.D CR LF` from the left.
fn version(rest: &[u8]) -> Result<Option<Version>, RefusalKind> {
    if rest.starts_with(b"HTTP/1.1\r\n") {
        return Ok(Some(Version::Http11));
    }
    if rest.starts_with(b"HTTP/1.0\r\n") {
        return Ok(Some(Version::Http10));
    }
    for (at, &byte) in rest.iter().take(VERSION_LINE_BYTES).enumerate() {
        let fits = match at {
            0..5 => b"HTTP/".get(at) == Some(&byte),
            5 | 7 => byte.is_ascii_digit(),
            6 => byte == b'.',
            8 => byte == b'\r',
            _ => byte == b'\n',
        };
        if !fits {
            return Err(if at < 8 {
                RefusalKind::BadRequestLine
            } else {
                RefusalKind::BadLineEnd
            });
        }
    }
    if rest.len() < VERSION_LINE_BYTES {
        Ok(None)
    } else {
        Err(RefusalKind::UnsupportedVersion)
    }
}
