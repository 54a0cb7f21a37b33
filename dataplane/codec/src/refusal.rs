//! Why bytes are refused. Owns the list of reasons, their status and their one-line text. Invariant: every refusal
//! means that the position in the stream is no longer trusted, so the connection is closed after the answer.

/// The bytes are refused; the connection answers `status()` with `Connection: close` and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .kind.reason())]
pub struct Refusal {
    /// Which rule was broken.
    pub kind: RefusalKind,
}

/// The rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// The request line is not `method SP target SP version CRLF`.
    BadRequestLine,
    /// More than two empty lines before the request line.
    TooManyEmptyLines,
    /// The method is longer than 32 bytes.
    MethodTooLong,
    /// CONNECT, which is never served.
    ConnectRefused,
    /// The preface of HTTP/2 on a port that speaks HTTP/1.
    Http2Preface,
    /// A version other than 1.0 and 1.1.
    UnsupportedVersion,
    /// The target has a byte that may not be there, or a form that fits no request.
    BadTarget,
    /// The target is too long.
    TargetTooLong,
    /// A field name is not a token, or there is a space before the colon.
    BadHeaderName,
    /// A field value has a control byte, or the line is folded.
    BadHeaderValue,
    /// A line does not end in CR LF.
    BadLineEnd,
    /// The head is too large.
    HeadTooLarge,
    /// One field line is too long.
    LineTooLong,
    /// There are too many fields.
    TooManyHeaders,
    /// A name that programs mapping `_` to `-` would take for a framing or identity field.
    AmbiguousHeaderName,
    /// HTTP/1.1 without Host.
    MissingHost,
    /// More than one Host.
    RepeatedHost,
    /// Host is not `host[:port]`.
    BadHost,
    /// The authority of an absolute target differs from Host.
    HostMismatch,
    /// Content-Length is not one plain number.
    BadContentLength,
    /// More than one Content-Length.
    RepeatedContentLength,
    /// More than one Transfer-Encoding.
    RepeatedTransferEncoding,
    /// Both Content-Length and Transfer-Encoding.
    ConflictingLength,
    /// A transfer coding other than chunked.
    UnsupportedTransferCoding,
    /// Transfer-Encoding in HTTP/1.0.
    TransferEncodingInHttp10,
    /// An expectation other than 100-continue.
    UnsupportedExpectation,
    /// A chunk size is not 1-16 hexadecimal digits and a strict extension.
    BadChunkSize,
    /// A chunk extension is malformed.
    BadChunkExtension,
    /// Chunk extensions are too long.
    ChunkExtensionTooLong,
    /// A chunk does not end where its size says.
    BadChunkEnd,
    /// A trailer line is malformed.
    BadTrailer,
    /// The trailers are too long.
    TrailersTooLarge,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// A response's status line is malformed.
    BadStatusLine,
}

impl RefusalKind {
    /// The status that a client is answered with. A proxy answers 502 for any refusal of an upstream's bytes.
    pub fn status(self) -> u16 {
        match self {
            Self::ConnectRefused => 405,
            Self::BodyTooLarge => 413,
            Self::TargetTooLong => 414,
            Self::UnsupportedExpectation => 417,
            Self::HeadTooLarge | Self::LineTooLong | Self::TooManyHeaders => 431,
            Self::UnsupportedTransferCoding => 501,
            Self::UnsupportedVersion => 505,
            _ => 400,
        }
    }

    /// One line for the log and for the client; says nothing of the input.
    pub fn reason(self) -> &'static str {
        match self {
            Self::BadRequestLine => "the request line is malformed",
            Self::TooManyEmptyLines => "too many empty lines before the request line",
            Self::MethodTooLong => "the method is too long",
            Self::ConnectRefused => "CONNECT is not served",
            Self::Http2Preface => "HTTP/2 without negotiation is not served on this port",
            Self::UnsupportedVersion => "the HTTP version is not supported",
            Self::BadTarget => "the request target is malformed",
            Self::TargetTooLong => "the request target is too long",
            Self::BadHeaderName => "a header name is malformed",
            Self::BadHeaderValue => "a header value is malformed",
            Self::BadLineEnd => "a line does not end in CR LF",
            Self::HeadTooLarge => "the head is too large",
            Self::LineTooLong => "a header line is too long",
            Self::TooManyHeaders => "there are too many headers",
            Self::AmbiguousHeaderName => "a header name with an underscore is ambiguous",
            Self::MissingHost => "the Host header is missing",
            Self::RepeatedHost => "there is more than one Host header",
            Self::BadHost => "the Host header is malformed",
            Self::HostMismatch => "the request target and the Host header differ",
            Self::BadContentLength => "Content-Length is malformed",
            Self::RepeatedContentLength => "there is more than one Content-Length",
            Self::RepeatedTransferEncoding => "there is more than one Transfer-Encoding",
            Self::ConflictingLength => "both Content-Length and Transfer-Encoding are given",
            Self::UnsupportedTransferCoding => "the transfer coding is not supported",
            Self::TransferEncodingInHttp10 => "Transfer-Encoding does not exist in HTTP/1.0",
            Self::UnsupportedExpectation => "the expectation is not supported",
            Self::BadChunkSize => "a chunk size is malformed",
            Self::BadChunkExtension => "a chunk extension is malformed",
            Self::ChunkExtensionTooLong => "chunk extensions are too long",
            Self::BadChunkEnd => "a chunk does not end where its size says",
            Self::BadTrailer => "a trailer is malformed",
            Self::TrailersTooLarge => "the trailers are too large",
            Self::BodyTooLarge => "the body is larger than allowed",
            Self::BadStatusLine => "the status line is malformed",
        }
    }
}

impl Refusal {
    /// The status that a client is answered with.
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// One line for the log and for the client.
    pub fn reason(&self) -> &'static str {
        self.kind.reason()
    }
}

impl From<RefusalKind> for Refusal {
    fn from(kind: RefusalKind) -> Self {
        Self { kind }
    }
}
