//! The header block that a worker answered with. Owns its check: what a service returns must not be able to end a line, to
//! frame the message or to speak for the connection (injection is answered with 500 by the caller).

use crate::HeaderKind;
use crate::field::{is_field_value, is_token, write_field};

/// A block larger than this is refused; the client side of everybody's limits is 64 KiB.
const BLOCK_BYTES_MAX: usize = 64 * 1024;
/// As for requests.
const FIELDS_MAX: usize = 100;

/// Why a header block was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    #[error("a header name is not a token")]
    Name,
    #[error("a header value has a control byte")]
    Value,
    #[error("a header line has no colon or does not end in CR LF")]
    Line,
    #[error("the header block is too large")]
    TooLarge,
}

/// What was met in a block while it was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldBlock {
    /// The number of fields that were written.
    pub written: usize,
    /// The number of framing, connection and internal fields that were left out.
    pub dropped: usize,
    /// The service chose a content type itself.
    pub has_content_type: bool,
    /// The service wrote a Date itself.
    pub has_date: bool,
    /// The service named a server itself.
    pub has_server: bool,
}

/// Checks `block` (`name: value CRLF` lines, may be empty) and appends its fields to `out`. Framing, connection, `X-Request-ID` and internal fields
/// are ours and left out. On an error `out` is as it was.
pub fn copy_field_block(out: &mut Vec<u8>, block: &[u8]) -> Result<FieldBlock, FieldError> {
    let before = out.len();
    let result = copy_fields(out, block);
    if result.is_err() {
        out.truncate(before);
    }
    result
}

fn copy_fields(out: &mut Vec<u8>, block: &[u8]) -> Result<FieldBlock, FieldError> {
    if block.len() > BLOCK_BYTES_MAX {
        return Err(FieldError::TooLarge);
    }
    let mut met = FieldBlock::default();
    let mut rest = block;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).ok_or(FieldError::Line)?;
        let (line, after) = rest.split_at(end + 1);
        let line = line.strip_suffix(b"\r\n").ok_or(FieldError::Line)?;
        let colon = memchr::memchr(b':', line).ok_or(FieldError::Line)?;
        let (name, value) = line.split_at(colon);
        let value = trim(value.get(1..).unwrap_or_default());
        if !is_token(name) {
            return Err(FieldError::Name);
        }
        if !is_field_value(value) {
            return Err(FieldError::Value);
        }
        copy_field(out, name, value, &mut met);
        if met.written + met.dropped > FIELDS_MAX {
            return Err(FieldError::TooLarge);
        }
        rest = after;
    }
    Ok(met)
}

fn copy_field(out: &mut Vec<u8>, name: &[u8], value: &[u8], met: &mut FieldBlock) {
    let kind = HeaderKind::of(name);
    if kind.ends_here() || matches!(kind, HeaderKind::Internal | HeaderKind::RequestId) {
        met.dropped += 1;
        return;
    }
    met.has_content_type |= kind == HeaderKind::ContentType;
    met.has_date |= kind == HeaderKind::Date;
    met.has_server |= kind == HeaderKind::Server;
    met.written += 1;
    write_field(out, name, value);
}

/// Without the white space around it. Not `trim_ascii`, which would hide a CR.
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
