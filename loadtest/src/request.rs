//! Reads requests for the fixed backend: only their ends matter. Invariant: pipelined requests are
//! told apart exactly as the client framed them.

use crate::framing::{BodyLength, BodyReader, Fields, Gatherer, HEAD_BYTES_MAX, Malformed};

/// What the backend needs to know of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) is_head: bool,
    pub(crate) keep_alive: bool,
}

#[derive(Debug, Default)]
pub(crate) struct RequestReader {
    gatherer: Gatherer,
    open: Option<(Request, BodyReader)>,
}

// === impl RequestReader ===

impl RequestReader {
    /// Takes bytes from `input` until one request is whole or `input` is empty.
    pub(crate) fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Request>, Malformed> {
        if self.open.is_none() {
            if input.is_empty() {
                return Ok(None);
            }
            let Some(head) = self.gatherer.until(input, b"\r\n\r\n", HEAD_BYTES_MAX)? else {
                return Ok(None);
            };
            self.open = Some(parse(&head)?);
        }
        let Some((request, body)) = &mut self.open else {
            return Ok(None);
        };
        if !body.advance(&mut self.gatherer, input)? {
            return Ok(None);
        }
        let request = *request;
        self.open = None;
        Ok(Some(request))
    }
}

fn parse(head: &[u8]) -> Result<(Request, BodyReader), Malformed> {
    let block = head.get(..head.len() - 2).unwrap_or_default();
    let end = memchr::memchr(b'\r', block).ok_or(Malformed("request line without CRLF"))?;
    let (line, fields) = block.split_at(end);
    let fields = fields
        .strip_prefix(b"\r\n")
        .ok_or(Malformed("bare CR in the request line"))?;
    let fields = Fields::parse(fields)?;
    let is_old = line.ends_with(b" HTTP/1.0");
    if !is_old && !line.ends_with(b" HTTP/1.1") {
        return Err(Malformed("not an HTTP/1 request"));
    }
    let length = match (fields.chunked, fields.content_length) {
        (true, _) => BodyLength::Chunked,
        (false, Some(bytes)) => BodyLength::Sized(bytes),
        (false, None) => BodyLength::None,
    };
    let request = Request {
        is_head: line.starts_with(b"HEAD "),
        keep_alive: !fields.close && (!is_old || fields.keep_alive),
    };
    Ok((request, BodyReader::new(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelined_requests_are_told_apart_at_any_cut() {
        let bytes = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcHEAD /x HTTP/1.1\r\n\r\n\
            PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n\
            GET / HTTP/1.0\r\n\r\n";
        for cut in 0..bytes.len() {
            let mut reader = RequestReader::default();
            let mut seen = Vec::new();
            for mut part in [&bytes[..cut], &bytes[cut..]] {
                while let Some(request) = reader.advance(&mut part).unwrap() {
                    seen.push((request.is_head, request.keep_alive));
                }
            }
            assert_eq!(
                seen,
                [(false, true), (true, true), (false, true), (false, false)]
            );
        }
    }
}
