//! What the fields of a request mean together: framing, Host, Connection, Expect. Owns the rules between fields; the
//! grammar of each line was checked before. Invariant: exactly one body length, and none that two readers differ on.

use crate::header::lookalike;
use crate::host::is_authority;
use crate::lines::{Connection, content_length};
use crate::request::{Hidden, RequestHead};
use crate::{BodyLength, HeaderField, HeaderKind, Method, RefusalKind, Span, Version};

/// The fields that were met on the way.
#[derive(Default)]
struct Seen {
    host: Option<Span>,
    content_length: Option<u64>,
    chunked: bool,
    expects: bool,
    connection: Connection,
}

impl Seen {
    fn meet(&mut self, field: HeaderField, window: &[u8]) -> Result<(), RefusalKind> {
        let value = field.value.of(window);
        let repeated = match field.kind {
            HeaderKind::Host => self
                .host
                .replace(field.value)
                .map(|_| RefusalKind::RepeatedHost),
            HeaderKind::ContentLength => {
                let length = content_length(value).ok_or(RefusalKind::BadContentLength)?;
                self.content_length
                    .replace(length)
                    .map(|_| RefusalKind::RepeatedContentLength)
            }
            HeaderKind::TransferEncoding => {
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(RefusalKind::UnsupportedTransferCoding);
                }
                std::mem::replace(&mut self.chunked, true)
                    .then_some(RefusalKind::RepeatedTransferEncoding)
            }
            HeaderKind::Expect => {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(RefusalKind::UnsupportedExpectation);
                }
                std::mem::replace(&mut self.expects, true)
                    .then_some(RefusalKind::UnsupportedExpectation)
            }
            HeaderKind::Connection => {
                self.connection.read(value);
                None
            }
            _ => None,
        };
        repeated.map_or(Ok(()), Err)
    }
}

/// The underscores of the field lines, met once from front to back: most heads have none in a name and a few in values.
struct Underscores<'b> {
    window: &'b [u8],
    next: usize,
    end: usize,
}

impl<'b> Underscores<'b> {
    fn new(block: Span, window: &'b [u8]) -> Self {
        let mut new = Self {
            window,
            next: 0,
            end: block.end(),
        };
        new.seek(block.start());
        new
    }

    /// Whether `name` has one. Names come in their order.
    fn reach(&mut self, name: Span) -> bool {
        if self.next < name.start() {
            self.seek(name.start());
        }
        self.next < name.end()
    }

    fn seek(&mut self, from: usize) {
        let rest = self.window.get(from..self.end).unwrap_or_default();
        self.next = memchr::memchr(b'_', rest).map_or(usize::MAX, |at| from + at);
    }
}

/// Fills in what follows from the fields.
pub(super) fn settle(head: &mut RequestHead, window: &[u8]) -> Result<(), RefusalKind> {
    let mut seen = Seen::default();
    head.hidden = Hidden::default();
    let mut underscores = Underscores::new(head.header_block, window);
    for field in &mut head.headers {
        if underscores.reach(field.name) {
            if lookalike(field.name.of(window)) {
                return Err(RefusalKind::AmbiguousHeaderName);
            }
            field.kind = HeaderKind::Underscore;
        }
        head.hidden.always |= matches!(field.kind, HeaderKind::Underscore | HeaderKind::Internal);
        head.hidden.untrusted |= field.kind == HeaderKind::Forwarded;
        seen.meet(*field, window)?;
    }
    seen.connection.mark(&mut head.headers, window);
    head.body = body(head.version, &seen)?;
    head.keep_alive = seen.connection.keeps_alive(head.version);
    head.expect_continue = seen.expects && head.version == Version::Http11 && !head.body.is_empty();
    host(head, window, seen.host)
}

fn body(version: Version, seen: &Seen) -> Result<BodyLength, RefusalKind> {
    match (seen.chunked, seen.content_length) {
        (true, Some(_)) => Err(RefusalKind::ConflictingLength),
        (true, None) if version == Version::Http10 => Err(RefusalKind::TransferEncodingInHttp10),
        (true, None) => Ok(BodyLength::Chunked),
        (false, Some(length)) => Ok(BodyLength::Sized(length)),
        (false, None) => Ok(BodyLength::None),
    }
}

/// Checks Host and splits the target, whose authority must be the same.
fn host(head: &mut RequestHead, window: &[u8], host: Option<Span>) -> Result<(), RefusalKind> {
    match host {
        Some(host) if is_authority(host.of(window)) => head.host = host,
        Some(_) => return Err(RefusalKind::BadHost),
        None if head.version == Version::Http11 => return Err(RefusalKind::MissingHost),
        None => head.host = Span::EMPTY,
    }
    let target = head.target.of(window);
    let start = head.target.start();
    if target.first() == Some(&b'/') {
        split(head, window, start);
        return Ok(());
    }
    if target == b"*" && head.method == Method::Options {
        head.path = head.target;
        head.query = Span::EMPTY;
        return Ok(());
    }
    let scheme = absolute_scheme(target).ok_or(RefusalKind::BadTarget)?;
    let rest = target.get(scheme..).unwrap_or_default();
    let length = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?'))
        .unwrap_or(rest.len());
    let authority = rest.get(..length).unwrap_or_default();
    if !is_authority(authority) {
        return Err(RefusalKind::BadTarget);
    }
    if head.host.is_empty() {
        head.host = Span::new(start + scheme, start + scheme + length);
    } else if !authority.eq_ignore_ascii_case(head.host.of(window)) {
        return Err(RefusalKind::HostMismatch);
    }
    let path_start = start + scheme + length;
    split(head, window, path_start);
    if head.path.is_empty() {
        // `http://a` and `http://a?q` ask for `/`; the slash before the authority is one.
        head.path = Span::new(start + scheme - 1, start + scheme);
    }
    Ok(())
}

/// The length of `http://` or `https://` at the start of the target.
fn absolute_scheme(target: &[u8]) -> Option<usize> {
    [&b"http://"[..], b"https://"]
        .into_iter()
        .map(<[u8]>::len)
        .find(|&length| {
            target.get(..length).is_some_and(|start| {
                start.eq_ignore_ascii_case(b"http://") || start.eq_ignore_ascii_case(b"https://")
            })
        })
}

/// Splits what is left of the target into path and query.
fn split(head: &mut RequestHead, window: &[u8], path_start: usize) {
    let end = head.target.end();
    let rest = window.get(path_start..end).unwrap_or_default();
    let length = memchr::memchr(b'?', rest).unwrap_or(rest.len());
    head.path = Span::new(path_start, path_start + length);
    head.query = Span::new((path_start + length + 1).min(end), end);
}
