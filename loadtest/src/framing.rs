//! HTTP/1.1 message framing for both ends of a load test: where a head ends, what its fields say
//! about the body, and where the body ends. Bodies are counted and dropped, never kept. It refuses
//! to guess: an ambiguous message is [`Malformed`]. Invariant: how the bytes are cut into reads
//! never changes the result.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use memchr::memmem;

/// A larger head is a fault of the peer, not something to measure.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// A chunk-size line or a trailer field; servers send a few bytes.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// More trailer lines than any server sends; bounds the loop.
const TRAILERS_MAX: u32 = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyLength {
    None,
    Sized(u64),
    Chunked,
    UntilClose,
}

/// What the header fields say about framing and about the connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) content_length: Option<u64>,
    pub(crate) chunked: bool,
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
}

/// Collects bytes up to a delimiter; copies only when the delimiter is not in the first read.
#[derive(Debug, Default)]
pub(crate) struct Gatherer {
    pending: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct BodyReader {
    state: BodyState,
    bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyState {
    Sized { left: u64 },
    UntilClose,
    ChunkSize,
    ChunkData { left: u64 },
    ChunkEnd,
    Trailers { lines: u32 },
    Done,
}

// === impl Fields ===

impl Fields {
    /// `block` holds the header lines, each with its CRLF, without the empty line.
    pub(crate) fn parse(block: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Self::default();
        let mut rest = block;
        while !rest.is_empty() {
            let end = memmem::find(rest, b"\r\n").ok_or(Malformed("header line without CRLF"))?;
            let (line, after) = rest.split_at(end);
            fields.add(line)?;
            rest = after.get(2..).unwrap_or_default();
        }
        if fields.chunked && fields.content_length.is_some() {
            return Err(Malformed("both Content-Length and Transfer-Encoding"));
        }
        Ok(fields)
    }

    fn add(&mut self, line: &[u8]) -> Result<(), Malformed> {
        let colon = memchr::memchr(b':', line).ok_or(Malformed("header line without a colon"))?;
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.is_empty() || !name.iter().copied().all(is_token) {
            return Err(Malformed("header name is not a token"));
        }
        if value.iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7f) {
            return Err(Malformed("control character in a header value"));
        }
        // The length first: it is the cheap way past most fields.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                if self.content_length.is_some() {
                    return Err(Malformed("more than one Content-Length"));
                }
                self.content_length = Some(decimal(value)?);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed("transfer coding other than chunked"));
                }
                self.chunked = true;
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for option in value.split(|&b| b == b',').map(<[u8]>::trim_ascii) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            _ => {}
        }
        Ok(())
    }
}

// === impl Gatherer ===

impl Gatherer {
    /// The bytes up to and with `delimiter`, taken from `input`; `None` when more must be read.
    pub(crate) fn until<'a>(
        &mut self,
        input: &mut &'a [u8],
        delimiter: &[u8],
        bytes_max: usize,
    ) -> Result<Option<Cow<'a, [u8]>>, Malformed> {
        if self.pending.is_empty()
            && let Some(at) = memmem::find(input, delimiter)
        {
            let (found, rest) = input.split_at(at + delimiter.len());
            if found.len() > bytes_max {
                return Err(Malformed("head or line is too long"));
            }
            *input = rest;
            return Ok(Some(Cow::Borrowed(found)));
        }
        let old = self.pending.len();
        let from = old.saturating_sub(delimiter.len() - 1);
        self.pending.extend_from_slice(input);
        let found = memmem::find(self.pending.get(from..).unwrap_or_default(), delimiter);
        let Some(at) = found else {
            *input = &[];
            if self.pending.len() > bytes_max {
                return Err(Malformed("head or line is too long"));
            }
            return Ok(None);
        };
        let end = from + at + delimiter.len();
        if end > bytes_max {
            return Err(Malformed("head or line is too long"));
        }
        *input = input.get(end - old..).unwrap_or_default();
        let mut whole = std::mem::take(&mut self.pending);
        whole.truncate(end);
        Ok(Some(Cow::Owned(whole)))
    }

    /// True between messages: nothing was half read.
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

// === impl BodyReader ===

impl BodyReader {
    pub(crate) fn new(length: BodyLength) -> Self {
        let state = match length {
            BodyLength::None | BodyLength::Sized(0) => BodyState::Done,
            BodyLength::Sized(left) => BodyState::Sized { left },
            BodyLength::Chunked => BodyState::ChunkSize,
            BodyLength::UntilClose => BodyState::UntilClose,
        };
        Self { state, bytes: 0 }
    }

    /// Content bytes seen so far, without the chunk framing.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn ends_at_close(&self) -> bool {
        self.state == BodyState::UntilClose
    }

    /// Takes the body's bytes from `input`; true when the body has ended.
    pub(crate) fn advance(
        &mut self,
        gatherer: &mut Gatherer,
        input: &mut &[u8],
    ) -> Result<bool, Malformed> {
        loop {
            match self.state {
                BodyState::Done => return Ok(true),
                BodyState::Sized { left } => {
                    let left = self.skip(input, left);
                    if left > 0 {
                        self.state = BodyState::Sized { left };
                        return Ok(false);
                    }
                    self.state = BodyState::Done;
                }
                BodyState::UntilClose => {
                    self.skip(input, u64::MAX);
                    return Ok(false);
                }
                BodyState::ChunkData { left } => {
                    let left = self.skip(input, left);
                    if left > 0 {
                        self.state = BodyState::ChunkData { left };
                        return Ok(false);
                    }
                    self.state = BodyState::ChunkEnd;
                }
                BodyState::ChunkSize | BodyState::ChunkEnd | BodyState::Trailers { .. } => {
                    let Some(line) = gatherer.until(input, b"\r\n", LINE_BYTES_MAX)? else {
                        return Ok(false);
                    };
                    self.state = self.after_line(line.get(..line.len() - 2).unwrap_or_default())?;
                }
            }
        }
    }

    fn after_line(&self, line: &[u8]) -> Result<BodyState, Malformed> {
        match self.state {
            BodyState::ChunkSize => Ok(match chunk_size(line)? {
                0 => BodyState::Trailers { lines: 0 },
                left => BodyState::ChunkData { left },
            }),
            BodyState::ChunkEnd if line.is_empty() => Ok(BodyState::ChunkSize),
            BodyState::ChunkEnd => Err(Malformed("chunk is longer than its size")),
            BodyState::Trailers { .. } if line.is_empty() => Ok(BodyState::Done),
            BodyState::Trailers { lines } if lines < TRAILERS_MAX => {
                Fields::default().add(line)?;
                Ok(BodyState::Trailers { lines: lines + 1 })
            }
            BodyState::Trailers { .. } => Err(Malformed("too many trailers")),
            other => Ok(other),
        }
    }

    /// Drops up to `left` bytes of `input`, counts them, and says how many are still to come.
    fn skip(&mut self, input: &mut &[u8], left: u64) -> u64 {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        *input = input.get(here..).unwrap_or_default();
        self.bytes += here as u64;
        left - here as u64
    }
}

pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn decimal(value: &[u8]) -> Result<u64, Malformed> {
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Malformed("Content-Length is not a number"));
    }
    Ok(value
        .iter()
        .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

fn chunk_size(line: &[u8]) -> Result<u64, Malformed> {
    let size = line.split(|&b| b == b';').next().unwrap_or_default();
    if size.is_empty() || size.len() > 15 {
        return Err(Malformed("chunk size is not a number"));
    }
    size.iter().try_fold(0_u64, |sum, &byte| {
        let digit = char::from(byte)
            .to_digit(16)
            .ok_or(Malformed("chunk size is not a number"))?;
        Ok(sum * 16 + u64::from(digit))
    })
}
