//! Field lines of both kinds of head: what httparse found is held against the bytes. httparse is fast and takes bare
//! line feeds; this pass walks the lines one after the other and refuses every byte that it did not account for.

use memchr::memchr;

use crate::header::Headers;
use crate::{HeaderField, HeaderKind, RefusalKind, Span, Version};

/// Whether a head that was partial at `seen` bytes still is: no line has ended since, and it is not too large.
pub(crate) fn nothing_new(buf: &[u8], seen: usize, head_bytes_max: usize) -> bool {
    seen > 0
        && buf.len() < head_bytes_max
        && buf
            .get(seen..)
            .is_some_and(|new| memchr(b'\n', new).is_none())
}

/// The rule that httparse saw broken.
pub(crate) fn refusal_of(error: httparse::Error) -> RefusalKind {
    match error {
        httparse::Error::HeaderName => RefusalKind::BadHeaderName,
        httparse::Error::HeaderValue => RefusalKind::BadHeaderValue,
        httparse::Error::NewLine => RefusalKind::BadLineEnd,
        httparse::Error::TooManyHeaders => RefusalKind::TooManyHeaders,
        _ => RefusalKind::BadRequestLine,
    }
}

/// Walks the field lines.
pub(crate) struct Scan<'b> {
    window: &'b [u8],
    at: usize,
    line_bytes_max: usize,
}

impl<'b> Scan<'b> {
    pub(crate) fn new(window: &'b [u8], at: usize, line_bytes_max: usize) -> Self {
        Self {
            window,
            at,
            line_bytes_max,
        }
    }

    /// Classifies the fields into `out`; answers with the offset after the empty line that ends the head.
    pub(crate) fn fields(
        &mut self,
        fields: &[httparse::Header<'b>],
        out: &mut Headers,
    ) -> Result<usize, RefusalKind> {
        let base = self.window.as_ptr().addr();
        for field in fields {
            let line_start = self.at;
            let name_end = line_start + field.name.len();
            if field.name.as_ptr().addr().wrapping_sub(base) != line_start {
                return Err(RefusalKind::BadHeaderName);
            }
            let value_start = field.value.as_ptr().addr().wrapping_sub(base);
            let value_end = value_start.wrapping_add(field.value.len());
            if value_start <= name_end || value_end > self.window.len() {
                return Err(RefusalKind::BadHeaderValue);
            }
            self.at = value_end;
            self.line_end()?;
            if self.at - line_start > self.line_bytes_max + 2 {
                return Err(RefusalKind::LineTooLong);
            }
            out.push(HeaderField {
                name: Span::new(line_start, name_end),
                value: Span::new(value_start, value_end),
                kind: HeaderKind::of(field.name.as_bytes()),
            });
        }
        match self.window.get(self.at..self.at + 2) {
            Some(b"\r\n") => Ok(self.at + 2),
            _ => Err(RefusalKind::BadLineEnd),
        }
    }

    /// Steps over white space and the CR LF behind it.
    fn line_end(&mut self) -> Result<(), RefusalKind> {
        while let Some(b' ' | b'\t') = self.window.get(self.at) {
            self.at += 1;
        }
        match self.window.get(self.at..self.at + 2) {
            Some(b"\r\n") => {
                self.at += 2;
                Ok(())
            }
            _ => Err(RefusalKind::BadLineEnd),
        }
    }
}

/// Reads a Content-Length: 1 to 18 digits and nothing else, so that it fits every reader's integer.
pub(crate) fn content_length(value: &[u8]) -> Option<u64> {
    const DIGITS_MAX: usize = 18;
    if value.is_empty() || value.len() > DIGITS_MAX {
        return None;
    }
    value.iter().try_fold(0_u64, |sum, &byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + u64::from(byte - b'0'))
    })
}

/// What the Connection fields of a head say.
#[derive(Default)]
pub(crate) struct Connection {
    close: bool,
    keep_alive: bool,
    lists_fields: bool,
}

impl Connection {
    /// Reads one value.
    pub(crate) fn read(&mut self, value: &[u8]) {
        if value.eq_ignore_ascii_case(b"keep-alive") {
            self.keep_alive = true;
            return;
        }
        for option in options(value) {
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if !option.is_empty() {
                self.lists_fields = true;
            }
        }
    }

    /// Whether the connection is to live on; `close` wins over `keep-alive`.
    pub(crate) fn keeps_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }

    /// Turns the fields that are listed into hop-by-hop ones. Only those of no importance may be removed so:
    /// otherwise a client could strip its own identity or what a proxy said of it.
    pub(crate) fn mark(&self, headers: &mut Headers, window: &[u8]) {
        if !self.lists_fields {
            return;
        }
        for index in 0..headers.len() {
            let Some(&HeaderField {
                kind: HeaderKind::Connection,
                value,
                ..
            }) = headers.get(index)
            else {
                continue;
            };
            for option in options(value.of(window)).filter(|option| !option.is_empty()) {
                for field in headers.iter_mut() {
                    if field.kind == HeaderKind::Other
                        && field.name.of(window).eq_ignore_ascii_case(option)
                    {
                        field.kind = HeaderKind::HopByHop;
                    }
                }
            }
        }
    }
}

fn options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}
