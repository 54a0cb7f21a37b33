//! The request head. Owns the strict reading of a request line and its fields; the profile is one list, and every rule of
//! it is a case in `testdata/heads/requests.txt`. Refuses to own limits of channels and routes (a head does not know
//! where it goes). Invariant: a head that was accepted has one reading for us and for everything behind us.

mod line;
mod meaning;

use std::mem::MaybeUninit;

use crate::header::Headers;
use crate::lines::{self, Scan};
use crate::{BodyLength, HeadLimits, HeaderField, HeaderKind, Method, Progress, Refusal};
use crate::{RefusalKind, Span, Version};

/// A parsed request head: spans into the buffer that was parsed. Reused from request to request, so that parsing allocates
/// nothing once the largest head has been seen.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    pub method: Method,
    /// The method's name as it was sent.
    pub method_span: Span,
    /// The target as it was sent.
    pub target: Span,
    /// The path of the target, undecoded; starts with `/`, or is `*` for `OPTIONS *`.
    pub path: Span,
    /// The query without its `?`; empty when there is none.
    pub query: Span,
    pub version: Version,
    /// The offset of the first byte after the head.
    pub head_len: usize,
    pub body: BodyLength,
    /// Whether the client wants the connection to live on.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue`, which it only does with a body and in HTTP/1.1.
    pub expect_continue: bool,
    /// The value of Host; empty only in HTTP/1.0.
    pub host: Span,
    pub headers: Headers,
    /// The field lines as they were sent, without the empty line at the end.
    pub header_block: Span,
    hidden: Hidden,
    seen: usize,
}

/// Which fields an executor is not shown.
#[derive(Clone, Copy, Debug, Default)]
struct Hidden {
    /// There is one that is never shown.
    always: bool,
    /// There is one that is shown only when a trusted peer sent it.
    untrusted: bool,
}

/// Whether a peer is believed what it says of others in `X-Forwarded-*` and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Trusted,
    Untrusted,
}

impl RequestHead {
    /// Parses the head at the start of `buf`. After `Partial`, call again with the same bytes and more behind them; after
    /// anything else, or after [`RequestHead::reset`], the buffer may be another one.
    ///
    /// A head that drips in is parsed again only when a line has ended since, so a slow client costs a number of
    /// parses that is bounded by the number of fields, not of bytes.
    pub fn parse(&mut self, buf: &[u8], limits: &HeadLimits) -> Result<Progress, Refusal> {
        if lines::nothing_new(buf, self.seen, limits.head_bytes_max) {
            self.seen = buf.len();
            return Ok(Progress::Partial);
        }
        let outcome = self.parse_window(buf, limits);
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

    /// The field lines for an executor: as they were sent, without the fields that would be mistaken for others after `-` became
    /// `_`, without our internal ones, and without what an untrusted peer says of somebody else. `scratch` is only written
    /// when something must be left out.
    pub fn executor_headers<'b>(
        &self,
        buf: &'b [u8],
        peer: Peer,
        scratch: &'b mut Vec<u8>,
    ) -> &'b [u8] {
        if !self.hidden.always && (peer == Peer::Trusted || !self.hidden.untrusted) {
            return self.header_block.of(buf);
        }
        scratch.clear();
        for field in &self.headers {
            let shown = match field.kind {
                HeaderKind::Underscore | HeaderKind::Internal => false,
                HeaderKind::Forwarded => peer == Peer::Trusted,
                _ => true,
            };
            if shown {
                crate::field::write_field(scratch, field.name.of(buf), field.value.of(buf));
            }
        }
        scratch
    }

    fn parse_window(&mut self, buf: &[u8], limits: &HeadLimits) -> Result<Progress, RefusalKind> {
        let window = buf.get(..limits.head_bytes_max).unwrap_or(buf);
        let more = if window.len() == limits.head_bytes_max {
            Err(RefusalKind::HeadTooLarge)
        } else {
            Ok(Progress::Partial)
        };
        let Some(line) = line::parse(window, limits)? else {
            return more;
        };
        let mut storage = [const { MaybeUninit::uninit() }; HeadLimits::HEADERS_CEILING];
        let slots_max = limits.headers_max.min(storage.len());
        let slots = storage.get_mut(..slots_max).unwrap_or_default();
        let mut request = httparse::Request::new(&mut []);
        let text = window.get(line.start..).unwrap_or_default();
        match request.parse_with_uninit_headers(text, slots) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return more,
            Err(error) => return Err(lines::refusal_of(error)),
        }
        let mut scan = Scan::new(window, line.fields_start, limits.line_bytes_max);
        self.headers.clear();
        self.head_len = scan.fields(request.headers, &mut self.headers)?;
        self.header_block = Span::new(line.fields_start, self.head_len.saturating_sub(2));
        self.method = line.method;
        self.method_span = line.method_span;
        self.target = line.target;
        self.version = line.version;
        meaning::settle(self, window)?;
        Ok(Progress::Complete)
    }
}

#[cfg(test)]
mod tests;
