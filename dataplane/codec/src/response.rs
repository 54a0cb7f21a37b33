//! The response head of an upstream. Owns the strict reading of a status line and the framing rules of responses; every
//! refusal here is a 502 towards the client. Invariant: a body length that an upstream did not make plain is refused, and what is
//! left doubtful (`UntilClose`, Transfer-Encoding beside Content-Length) never keeps its connection alive.

use std::mem::MaybeUninit;

use crate::field::is_field_value;
use crate::header::Headers;
use crate::lines::{self, Connection, Scan, content_length};
use crate::{BodyLength, HeadLimits, HeaderField, HeaderKind, Progress, Refusal, RefusalKind};
use crate::{Span, Version};

/// A parsed response head: spans into the buffer that was parsed. Reused, as a request head is.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    /// 100-599.
    pub status: u16,
    pub version: Version,
    /// The reason phrase as it was sent; may be empty. Never forwarded: the writer has its own.
    pub reason: Span,
    /// The offset of the first byte after the head.
    pub head_len: usize,
    pub body: BodyLength,
    /// Whether the connection may be used again after the body.
    pub keep_alive: bool,
    pub headers: Headers,
    seen: usize,
}

impl ResponseHead {
    /// More interim responses than this before one final response are refused by the caller.
    pub const INTERIM_MAX: usize = 16;

    /// Parses the head at the start of `buf`; see [`crate::RequestHead::parse`] for how to go on after `Partial`.
    /// A response to HEAD has no body, whatever its fields say.
    pub fn parse(
        &mut self,
        buf: &[u8],
        limits: &HeadLimits,
        request_was_head: bool,
    ) -> Result<Progress, Refusal> {
        if lines::nothing_new(buf, self.seen, limits.head_bytes_max) {
            self.seen = buf.len();
            return Ok(Progress::Partial);
        }
        let outcome = self.parse_window(buf, limits, request_was_head);
        self.seen = if matches!(outcome, Ok(Progress::Partial)) {
            buf.len()
        } else {
            0
        };
        outcome.map_err(Refusal::from)
    }

    /// Forgets a head that was `Partial`. Needed before a head is used for another connection.
    pub fn reset(&mut self) {
        self.seen = 0;
        self.headers.clear();
        self.head_len = 0;
    }

    /// Whether this is a 1xx answer, after which another head follows on the same connection (101 excepted).
    pub fn is_interim(&self) -> bool {
        self.status < 200
    }

    /// The first field of a kind.
    pub fn find(&self, kind: HeaderKind) -> Option<&HeaderField> {
        self.headers.iter().find(|field| field.kind == kind)
    }

    /// The first value of a name, in any case; for names without a kind of their own.
    pub fn value<'b>(&self, buf: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
        self.headers
            .iter()
            .find(|field| field.name.of(buf).eq_ignore_ascii_case(name))
            .map(|field| field.value.of(buf))
    }

    fn parse_window(
        &mut self,
        buf: &[u8],
        limits: &HeadLimits,
        request_was_head: bool,
    ) -> Result<Progress, RefusalKind> {
        let window = buf.get(..limits.head_bytes_max).unwrap_or(buf);
        let more = if window.len() == limits.head_bytes_max {
            Err(RefusalKind::HeadTooLarge)
        } else {
            Ok(Progress::Partial)
        };
        let Some(line) = status_line(window, limits.line_bytes_max)? else {
            return more;
        };
        let mut storage = [const { MaybeUninit::uninit() }; HeadLimits::HEADERS_CEILING];
        let slots_max = limits.headers_max.min(storage.len());
        let slots = storage.get_mut(..slots_max).unwrap_or_default();
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        match config.parse_response_with_uninit_headers(&mut response, window, slots) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return more,
            Err(httparse::Error::Token | httparse::Error::Status) => {
                return Err(RefusalKind::BadStatusLine);
            }
            Err(error) => return Err(lines::refusal_of(error)),
        }
        self.headers.clear();
        let mut scan = Scan::new(window, line.fields_start, limits.line_bytes_max);
        self.head_len = scan.fields(response.headers, &mut self.headers)?;
        self.status = line.status;
        self.version = line.version;
        self.reason = line.reason;
        self.settle(window, request_was_head)?;
        Ok(Progress::Complete)
    }

    /// What the fields mean together.
    fn settle(&mut self, window: &[u8], request_was_head: bool) -> Result<(), RefusalKind> {
        let mut length = None;
        let mut chunked = false;
        let mut connection = Connection::default();
        for field in &self.headers {
            let value = field.value.of(window);
            match field.kind {
                HeaderKind::ContentLength => {
                    let new = content_length(value).ok_or(RefusalKind::BadContentLength)?;
                    if length.replace(new).is_some() {
                        return Err(RefusalKind::RepeatedContentLength);
                    }
                }
                HeaderKind::TransferEncoding if chunked => {
                    return Err(RefusalKind::RepeatedTransferEncoding);
                }
                HeaderKind::TransferEncoding => {
                    if !value.eq_ignore_ascii_case(b"chunked") {
                        return Err(RefusalKind::UnsupportedTransferCoding);
                    }
                    chunked = true;
                }
                HeaderKind::Connection => connection.read(value),
                _ => {}
            }
        }
        if chunked && self.version == Version::Http10 {
            return Err(RefusalKind::TransferEncodingInHttp10);
        }
        connection.mark(&mut self.headers, window);
        let bodiless = request_was_head || self.is_interim() || matches!(self.status, 204 | 304);
        self.body = match (chunked, length) {
            _ if bodiless => BodyLength::None,
            (true, _) => BodyLength::Chunked,
            (false, Some(length)) => BodyLength::Sized(length),
            (false, None) => BodyLength::UntilClose,
        };
        // Two lengths, one that only the end of the connection tells, or one for a body that may not be: what comes
        // next on the connection is not known for sure.
        let forbidden = self.status == 204 && (chunked || length.is_some_and(|length| length > 0));
        let doubtful =
            (chunked && length.is_some()) || self.body == BodyLength::UntilClose || forbidden;
        self.keep_alive = connection.keeps_alive(self.version) && !doubtful;
        Ok(())
    }
}

struct StatusLine {
    status: u16,
    version: Version,
    reason: Span,
    fields_start: usize,
}

/// Reads `HTTP/1.x SP DDD [SP reason] CR LF` from the left; `None` when it has not ended yet.
fn status_line(window: &[u8], line_bytes_max: usize) -> Result<Option<StatusLine>, RefusalKind> {
    const STATUS_START: usize = b"HTTP/1.1 ".len();
    const STATUS_END: usize = STATUS_START + 3;
    for (at, &byte) in window.iter().take(STATUS_END).enumerate() {
        let fits = match at {
            0..7 => b"HTTP/1.".get(at) == Some(&byte),
            7 => matches!(byte, b'0' | b'1'),
            8 => byte == b' ',
            9 => matches!(byte, b'1'..=b'5'),
            _ => byte.is_ascii_digit(),
        };
        if !fits {
            return Err(RefusalKind::BadStatusLine);
        }
    }
    let Some(rest) = window.get(STATUS_END..) else {
        return Ok(None);
    };
    let within = rest.get(..=line_bytes_max).unwrap_or(rest);
    let Some(length) = within.iter().position(|&byte| !is_field_value(&[byte])) else {
        let too_long = within.len() > line_bytes_max;
        return if too_long {
            Err(RefusalKind::LineTooLong)
        } else {
            Ok(None)
        };
    };
    if rest
        .first()
        .is_some_and(|&byte| byte != b' ' && byte != b'\r')
    {
        return Err(RefusalKind::BadStatusLine);
    }
    match (rest.get(length), rest.get(length + 1)) {
        (Some(b'\r'), None) => return Ok(None),
        (Some(b'\r'), Some(b'\n')) => {}
        (Some(b'\r' | b'\n'), _) => return Err(RefusalKind::BadLineEnd),
        _ => return Err(RefusalKind::BadStatusLine),
    }
    let digits = window.get(STATUS_START..STATUS_END).unwrap_or_default();
    Ok(Some(StatusLine {
        status: digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')),
        version: if window.get(7) == Some(&b'1') {
            Version::Http11
        } else {
            Version::Http10
        },
        reason: Span::new(STATUS_END + length.min(1), STATUS_END + length),
        fields_start: STATUS_END + length + 2,
    }))
}

#[cfg(test)]
mod tests;
