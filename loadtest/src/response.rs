//! Reads the responses of one connection, one after the other. It owns no socket and no clock.
//! Invariant: an [`Answer`] comes exactly once per final response, and interim (1xx) ones are skipped.

#[cfg(test)]
mod tests;

use crate::framing::{BodyLength, BodyReader, Fields, Gatherer, HEAD_BYTES_MAX, Malformed};

/// One final response, read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
    pub(crate) keep_alive: bool,
}

#[derive(Debug, Default)]
pub(crate) struct ResponseReader {
    gatherer: Gatherer,
    open: Option<(Head, BodyReader)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    status: u16,
    length: BodyLength,
    keep_alive: bool,
}

// === impl ResponseReader ===

impl ResponseReader {
    /// Takes bytes from `input` until one response is whole or `input` is empty.
    pub(crate) fn advance(
        &mut self,
        input: &mut &[u8],
        request_was_head: bool,
    ) -> Result<Option<Answer>, Malformed> {
        loop {
            let Some((head, body)) = &mut self.open else {
                if input.is_empty() {
                    return Ok(None);
                }
                let Some(bytes) = self.gatherer.until(input, b"\r\n\r\n", HEAD_BYTES_MAX)? else {
                    return Ok(None);
                };
                let head = Head::parse(&bytes, request_was_head)?;
                if head.status >= 200 {
                    self.open = Some((head, BodyReader::new(head.length)));
                }
                continue;
            };
            if !body.advance(&mut self.gatherer, input)? {
                return Ok(None);
            }
            let answer = head.answered(body);
            self.open = None;
            return Ok(Some(answer));
        }
    }

    /// The peer has closed: a response that ends with the connection is whole now.
    pub(crate) fn closed(&mut self) -> Option<Answer> {
        let (head, body) = self.open.take_if(|(_, body)| body.ends_at_close())?;
        Some(head.answered(&body))
    }

    /// True when no byte of a response has been read since the last answer.
    pub(crate) fn is_between_responses(&self) -> bool {
        self.open.is_none() && self.gatherer.is_empty()
    }
}

// === impl Head ===

impl Head {
    fn parse(bytes: &[u8], request_was_head: bool) -> Result<Self, Malformed> {
        let block = bytes.get(..bytes.len() - 2).unwrap_or_default();
        let end = memchr::memchr(b'\r', block).ok_or(Malformed("status line without CRLF"))?;
        let (line, fields) = block.split_at(end);
        let fields = fields
            .strip_prefix(b"\r\n")
            .ok_or(Malformed("bare CR in the status line"))?;
        let (minor, status) = status_line(line)?;
        let fields = Fields::parse(fields)?;
        if status == 101 {
            return Err(Malformed("upgrade that was not asked for"));
        }
        if minor == 0 && fields.chunked {
            return Err(Malformed("chunked body in HTTP/1.0"));
        }
        let length = match (fields.chunked, fields.content_length) {
            _ if request_was_head || status < 200 || status == 204 || status == 304 => {
                BodyLength::None
            }
            (true, _) => BodyLength::Chunked,
            (false, Some(bytes)) => BodyLength::Sized(bytes),
            (false, None) => BodyLength::UntilClose,
        };
        let keep_alive =
            !fields.close && length != BodyLength::UntilClose && (minor == 1 || fields.keep_alive);
        Ok(Self {
            status,
            length,
            keep_alive,
        })
    }

    fn answered(self, body: &BodyReader) -> Answer {
        Answer {
            status: self.status,
            body_bytes: body.bytes(),
            keep_alive: self.keep_alive,
        }
    }
}

/// The minor version and the status code.
fn status_line(line: &[u8]) -> Result<(u8, u16), Malformed> {
    let rest = line
        .strip_prefix(b"HTTP/1.")
        .ok_or(Malformed("not an HTTP/1 response"))?;
    let [minor @ (b'0' | b'1'), b' ', a, b, c, reason @ ..] = rest else {
        return Err(Malformed("status line is not version, code, reason"));
    };
    if !matches!(reason, [] | [b' ', ..]) || reason.contains(&b'\n') || reason.contains(&0) {
        return Err(Malformed("reason phrase is malformed"));
    }
    if ![a, b, c].iter().all(|digit| digit.is_ascii_digit()) || !(b'1'..=b'5').contains(a) {
        return Err(Malformed("status code is not 100 to 599"));
    }
    let digit = |byte: &u8| u16::from(byte - b'0');
    Ok((minor - b'0', digit(a) * 100 + digit(b) * 10 + digit(c)))
}
