//! Fields of a head. Owns their classification, done once per field while parsing, so that nobody compares names again.
//! Invariant: the kind depends on the name alone, except that a field which `Connection` lists becomes `HopByHop`.

use smallvec::SmallVec;

use crate::Span;

/// The fields of a head in their order. More than 32 spill to the heap once, and a reused head keeps that space.
pub type Headers = SmallVec<[HeaderField; 32]>;

/// One field: where its name and its value (without the white space around it) are, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderField {
    pub name: Span,
    pub value: Span,
    pub kind: HeaderKind,
}

/// What a field means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderKind {
    /// Nothing special: passed on as it is.
    Other,
    Host,
    /// Framing, rebuilt by us on every hop.
    ContentLength,
    /// Framing, rebuilt by us on every hop.
    TransferEncoding,
    Connection,
    Upgrade,
    /// `Keep-Alive`, `Proxy-*`, `TE`, `Trailer`, and whatever `Connection` lists: never passed on.
    HopByHop,
    Expect,
    /// `Forwarded`, `X-Forwarded-*`, `X-Real-IP` and client certificate fields: only believed from trusted peers.
    Forwarded,
    /// `X-Request-ID`.
    RequestId,
    ContentType,
    Authorization,
    Cookie,
    Date,
    Server,
    /// `X-Bascule-*`: between our own parts only.
    Internal,
    /// Another name with an underscore: not shown to executors, where `-` and `_` fall together.
    Underscore,
}

impl HeaderKind {
    /// Whether the field says how long the body is.
    pub fn is_framing(self) -> bool {
        matches!(self, Self::ContentLength | Self::TransferEncoding)
    }

    /// Whether the field ends at this hop: framing, connection management and expectations.
    pub fn ends_here(self) -> bool {
        matches!(
            self,
            Self::ContentLength
                | Self::TransferEncoding
                | Self::Connection
                | Self::Upgrade
                | Self::HopByHop
                | Self::Expect
        )
    }

    /// The kind of a name, in any case.
    pub fn of(name: &[u8]) -> Self {
        classify(name)
    }
}

/// Switches on the length first: most names have one or no candidate of their length, so most are settled without a
/// comparison.
fn classify(name: &[u8]) -> HeaderKind {
    let is = |candidate: &[u8]| name.eq_ignore_ascii_case(candidate);
    let first = name.first().map_or(0, |byte| byte | 0x20);
    match (name.len(), first) {
        (2, b't') if is(b"te") => HeaderKind::HopByHop,
        (4, b'h') if is(b"host") => HeaderKind::Host,
        (4, b'd') if is(b"date") => HeaderKind::Date,
        (6, b'e') if is(b"expect") => HeaderKind::Expect,
        (6, b'c') if is(b"cookie") => HeaderKind::Cookie,
        (6, b's') if is(b"server") => HeaderKind::Server,
        (7, b'u') if is(b"upgrade") => HeaderKind::Upgrade,
        (7, b't') if is(b"trailer") => HeaderKind::HopByHop,
        (9, b'f') if is(b"forwarded") => HeaderKind::Forwarded,
        (9, b'x') if is(b"x-real-ip") => HeaderKind::Forwarded,
        (10, b'c') if is(b"connection") => HeaderKind::Connection,
        (10, b'k') if is(b"keep-alive") => HeaderKind::HopByHop,
        (12, b'c') if is(b"content-type") => HeaderKind::ContentType,
        (12, b'x') if is(b"x-request-id") => HeaderKind::RequestId,
        (13, b'a') if is(b"authorization") => HeaderKind::Authorization,
        (14, b'c') if is(b"content-length") => HeaderKind::ContentLength,
        (17, b't') if is(b"transfer-encoding") => HeaderKind::TransferEncoding,
        (_, b'x') => classify_extension(name),
        (_, b'p') if has_prefix(name, b"proxy-") => HeaderKind::HopByHop,
        (11, b'c') if is(b"client-cert") => HeaderKind::Forwarded,
        (17, b'c') if is(b"client-cert-chain") => HeaderKind::Forwarded,
        (_, b's') if has_prefix(name, b"ssl-client-") => HeaderKind::Forwarded,
        _ => HeaderKind::Other,
    }
}

/// Names that start with `x`.
fn classify_extension(name: &[u8]) -> HeaderKind {
    if has_prefix(name, b"x-forwarded-")
        || has_prefix(name, b"x-client-cert")
        || has_prefix(name, b"x-ssl-client-")
        || name.eq_ignore_ascii_case(b"x-original-url")
        || name.eq_ignore_ascii_case(b"x-rewrite-url")
        || name.eq_ignore_ascii_case(b"x-cluster-client-ip")
    {
        HeaderKind::Forwarded
    } else if has_prefix(name, b"x-bascule-") {
        HeaderKind::Internal
    } else {
        HeaderKind::Other
    }
}

fn has_prefix(name: &[u8], prefix: &[u8]) -> bool {
    name.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether a name with underscores is one that matters to framing, identity or us once `_` is read as `-`.
pub(crate) fn lookalike(name: &[u8]) -> bool {
    const LONGEST: usize = 64;
    let mut mapped = [0_u8; LONGEST];
    let length = name.len().min(LONGEST);
    for (to, &from) in mapped.iter_mut().zip(name) {
        *to = if from == b'_' { b'-' } else { from };
    }
    // A longer name can only be told by its prefix, which is all that kinds of such names look at.
    let kind = HeaderKind::of(mapped.get(..length).unwrap_or_default());
    !matches!(
        kind,
        HeaderKind::Other | HeaderKind::Date | HeaderKind::Server
    )
}
