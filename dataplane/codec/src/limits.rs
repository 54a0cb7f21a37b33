//! Limits of heads. Owns the numbers and their reasons; where a limit is checked stands with the parser.

/// What a head may weigh before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The whole head, with the empty lines before it.
    pub head_bytes_max: usize,
    /// The request target alone (414).
    pub target_bytes_max: usize,
    /// One field line, without its line end.
    pub line_bytes_max: usize,
    /// The number of fields; at most [`HeadLimits::HEADERS_CEILING`].
    pub headers_max: usize,
}

impl HeadLimits {
    /// The parser's scratch space lives on the stack, so the number of fields has a fixed ceiling.
    pub const HEADERS_CEILING: usize = 128;
    /// As nginx and Envoy allow; large enough for tickets and cookies of single sign-on.
    pub const HEAD_BYTES_MAX: usize = 64 * 1024;
    /// What browsers, nginx and the caches in between agree on.
    pub const TARGET_BYTES_MAX: usize = 8 * 1024;
    /// One Kerberos ticket fits, a second buffer's worth does not.
    pub const LINE_BYTES_MAX: usize = 16 * 1024;
    /// The number of `HAProxy` and Envoy.
    pub const HEADERS_MAX: usize = 100;
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            head_bytes_max: Self::HEAD_BYTES_MAX,
            target_bytes_max: Self::TARGET_BYTES_MAX,
            line_bytes_max: Self::LINE_BYTES_MAX,
            headers_max: Self::HEADERS_MAX,
        }
    }
}
